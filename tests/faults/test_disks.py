"""Disks that fail once, for ever, slowly, or for want of room; and a process that runs out of files."""

import resource
import time
from collections.abc import Callable

import pytest

from faults.nodes import one_more
from faults.small_disks import filled, small_disk
from faults.tracing import demand_strace, traced
from faults.world import World

Worlds = Callable[..., World]
Told = Callable[[str, int, str, str], None]

CREATED, UNAVAILABLE = 201, 503
FAILED = 74
FEW = 3  # file descriptors: all that are open stay, and none is added
SYNC = ("fdatasync", "fsync")


@pytest.mark.parametrize("when", ["1", "1+"], ids=["once", "for ever"])
def test_after_a_failed_sync_nothing_is_sent_and_the_process_ends(worlds: Worlds, told: Told, when: str) -> None:
    demand_strace()
    world, wrong = worlds(), worlds(built="forgiving")
    gateway = world.serving()
    world.call(gateway)

    with traced(gateway.writer, SYNC, f"error=EIO:when={when}"):
        reply = world.call(gateway)
        status = gateway.ended()
    arrived = world.arrived()
    found = world.breaches()

    assert reply is not None
    assert (reply.status, status, arrived) == (UNAVAILABLE, FAILED, 1)
    assert found == []
    # What the failed sync left behind may be there, and then it was not sent.
    assert world.results()[1] in ("not_sent", "in_doubt", "sent")
    assert world.arrived() == world.results().count("sent")
    told(f"fsync fails {'once' if when == '1' else 'for ever'}", 1, "I1-I5, not sent, exit 74", goes_on(wrong))


def goes_on(world: World) -> str:
    """A gateway that takes a failed sync for a passing fault goes on as if nothing had happened."""
    gateway = world.serving()
    world.call(gateway)
    with traced(gateway.writer, SYNC, "error=EIO:when=1"):
        world.call(gateway)
        time.sleep(2.0)
    assert gateway.exit_status is None
    return f"{world.built}: goes on"


def test_while_every_sync_is_slow_calls_are_refused_in_time_and_nothing_leaves_late(worlds: Worlds, told: Told) -> None:
    demand_strace()
    world = worlds(settings={"INTENT_DEADLINE": "0.3"})
    gateway = world.serving()
    # The disk of whoever tests this may be slow by itself.
    one_more(world, gateway)

    with traced(gateway.writer, SYNC, "delay_exit=900000"):
        replies = world.calls(gateway, 6)
        arrived = world.arrived()
        time.sleep(2.0)
        late = world.arrived() - arrived
    gateway.stop()
    found = world.breaches()

    assert [reply.status for reply in replies if reply] == [UNAVAILABLE] * 6
    assert (arrived, late, found) == (1, 0, [])
    hurried = worlds(built="hasty", settings={"INTENT_DEADLINE": "0.3"})
    told("each fsync takes 900 ms", 6, "I1-I5, 503 at the deadline", early(hurried))


def early(world: World) -> str:
    """A gateway that does not wait sends what a slow disk has not kept."""
    gateway = world.serving()
    with traced(gateway.writer, SYNC, "delay_exit=900000"):
        world.call(gateway)
        found = world.breaches(reopen=False)
    assert any(each.startswith("I1") for each in found)
    return f"{world.built}: I1"


@pytest.mark.parametrize("error", ["ENOSPC", "EDQUOT", "EROFS"])
def test_a_disk_that_takes_nothing_more_refuses_calls_and_comes_back(worlds: Worlds, told: Told, error: str) -> None:
    demand_strace()
    world = worlds()
    gateway = world.serving()
    world.call(gateway)
    world.await_settled()

    with traced(gateway.writer, ("pwrite64", "fallocate", "ftruncate"), f"error={error}:when=1+"):
        refused = [world.call(gateway), world.call(gateway)]
        arrived = world.arrived()
    time.sleep(0.5)
    gateway.process.join(3.0 if error != "ENOSPC" else 0.0)
    after = world.call(gateway) if gateway.exit_status is None else None
    if gateway.exit_status is None:
        gateway.kill()
    found = world.breaches()

    assert refused[0] is not None
    assert all(reply is None or reply.status == UNAVAILABLE for reply in refused)
    # A full disk passes, and so the process goes on; any other error is one of the disk.
    assert (after is not None and after.status == CREATED) or gateway.exit_status == FAILED
    assert (arrived, found) == (1, [])
    told(f"{error} for every write", 2, "I1-I5, 503, comes back or exit 74", swallowed(worlds(built="lying")))


def swallowed(world: World) -> str:
    gateway = world.serving()
    world.call(gateway)
    gateway.kill()
    found = world.breaches(reopen=False)
    assert any(each.startswith("I1") for each in found)
    return f"{world.built}: I1"


def test_a_full_file_system_refuses_calls_and_loses_nothing(worlds: Worlds, told: Told) -> None:
    with small_disk(24) as disk:
        world = worlds(folder=disk / "world")
        gateway = world.serving()
        world.call(gateway)
        world.await_settled()
        filler = disk / "filler"

        filled(filler)
        replies = [world.call(gateway) for _ in range(40)]
        arrived, acknowledged = world.arrived(), len(world.acknowledged)
        filler.unlink()
        time.sleep(1.5)
        if gateway.exit_status is None:
            gateway.kill()
        found = world.breaches()

    # The room that the log has already is used up first.
    assert any(reply is not None and reply.status == UNAVAILABLE for reply in replies)
    assert arrived == acknowledged
    assert found == []
    told("a full file system", 40, "I1-I5, 503, started again", "lying: I1 (above)")


def test_a_process_without_free_files_sends_nothing_and_comes_back(worlds: Worlds, told: Told) -> None:
    world = worlds()
    gateway = world.serving()
    world.call(gateway)
    world.await_settled()
    limits = resource.prlimit(gateway.pid, resource.RLIMIT_NOFILE)

    resource.prlimit(gateway.pid, resource.RLIMIT_NOFILE, (FEW, limits[1]))
    starved = [world.call(gateway, patience=2.0) for _ in range(2)]
    resource.prlimit(gateway.pid, resource.RLIMIT_NOFILE, limits)
    after = world.call(gateway)
    gateway.stop()
    found = world.breaches()

    assert all(reply is None or reply.status >= 500 for reply in starved)
    assert after is not None
    assert after.status == CREATED
    assert found == []
    told("no free file descriptors", 2, "I1-I5, comes back", "hasty: I1 (above)")
