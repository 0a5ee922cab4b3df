"""A process is killed at every system call of one disclosure, and every one that reaches the disk is made to fail."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from faults.tracing import DISK, WIRE, demand_strace, listed, traced
from faults.world import World

Worlds = Callable[..., World]
Told = Callable[[str, int, str, str], None]
Extent = Callable[[int, int], int]

KILLED = -9
CREATED = 201
REFUSED = 503


def calls_of(world: World, names: tuple[str, ...], *, writer: bool, folder: Path) -> int:
    """How many of these calls a thread makes for one disclosure, with those just after it."""
    gateway = world.serving()
    world.call(gateway)
    log = folder / "strace.log"
    with traced(gateway.writer if writer else gateway.pid, names, log=log):
        world.call(gateway)
        time.sleep(0.2)
    gateway.kill()
    return len(listed(log))


def hurt(world: World, names: tuple[str, ...], *inject: str, writer: bool) -> tuple[int | None, int | None]:
    """What one order was answered, and how the gateway ended, if it did, while its calls were tampered with."""
    gateway = world.serving()
    world.call(gateway)
    with traced(gateway.writer if writer else gateway.pid, names, *inject):
        reply = world.call(gateway)
        gateway.process.join(1.5 if inject[0].startswith("signal") else 0.5)
    status = gateway.exit_status
    if status is None:
        gateway.kill()
    return (reply.status if reply else None), status


@pytest.mark.parametrize("writer", [True, False], ids=["the writer", "the loop"])
def test_a_kill_at_any_call_of_a_disclosure_breaks_nothing(
    worlds: Worlds, told: Told, extent: Extent, tmp_path: Path, writer: bool
) -> None:
    demand_strace()
    names = DISK if writer else WIRE
    world = worlds(checkpoints=True)
    count = calls_of(world, names, writer=writer, folder=tmp_path)
    assert count > 4

    places = range(1, count + 1, extent(max(1, count // 12), 1))
    ends = [hurt(world, names, f"signal=KILL:when={at}", writer=writer) for at in places]
    found = world.breaches()
    wrong = found_out(worlds(built="hasty" if writer else "lying"), "I1")

    assert found == []
    # How many calls there are differs a little from run to run; where it was not killed all went well.
    assert ends.count((CREATED, None)) <= len(ends) / 2
    assert {status for _, status in ends} <= {KILLED, None}
    told(f"SIGKILL at each call of {'the writer' if writer else 'the loop'}", len(ends), "I1-I5, reopened", wrong)


@pytest.mark.parametrize("error", ["EIO", "ENOSPC"])
def test_a_disk_that_fails_at_any_call_lets_nothing_out_that_is_not_durable(
    worlds: Worlds, told: Told, extent: Extent, tmp_path: Path, error: str
) -> None:
    demand_strace()
    names = ("pwrite64", "fdatasync", "fsync", "ftruncate")
    world = worlds(checkpoints=True)
    count = calls_of(world, names, writer=True, folder=tmp_path)
    assert count > 2

    places = range(1, count + 1, extent(max(1, count // 8), 1))
    for at in places:
        arrived, answered = world.arrived(), len(world.acknowledged)
        status, _ = hurt(world, names, f"error={error}:when={at}", writer=True)
        # One order went before it. Whoever was told no was told the truth, and so was whoever was told yes.
        sent = 1 if status == REFUSED else 2
        assert (world.arrived() - arrived, len(world.acknowledged) - answered) == (sent, sent), (at, status)
    found = world.breaches()
    wrong = stubborn_found_out(worlds(built="stubborn"))

    assert found == []
    told(f"{error} at each write and fsync of a disclosure", len(places), "I1-I5, refused and not sent", wrong)


def found_out(world: World, invariant: str) -> str:
    """How a gateway that does not wait for the disk shows when it is killed."""
    hurt(world, DISK, "signal=KILL:when=1", writer=True)
    found = world.breaches(reopen=False)
    assert any(each.startswith(invariant) for each in found), found
    return f"{world.built}: {found[0].partition(' ')[0]}"


def stubborn_found_out(world: World) -> str:
    """How a gateway that goes on with what it had in memory shows after a failed commit."""
    gateway = world.serving()
    world.call(gateway)
    with traced(gateway.writer, ("pwrite64",), "error=ENOSPC:when=1"):
        world.call(gateway)
        time.sleep(0.5)
    world.call(gateway)
    gateway.kill()
    found = world.breaches(reopen=False)
    assert any(each.startswith("I4") for each in found), found
    return f"{world.built}: {found[0].partition(' ')[0]}"
