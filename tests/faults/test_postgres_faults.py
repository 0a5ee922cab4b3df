"""A PostgreSQL that crashes, freezes, is cut off or changed under a gateway at work; and nodes that stop."""

import os
import random
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from clusters import Cluster

from faults.nodes import CREATED, UNAVAILABLE, Cable, Shared, found_hasty, one_more, same_secrets, under_load
from faults.test_kills import NONE, STEPS
from faults.test_processes import stopped
from faults.tracing import demand_strace, traced
from faults.world import Victim, World

Told = Callable[[str, int, str, str], None]
Extent = Callable[[int, int], int]

NIGHTLY = pytest.mark.nightly
KILLED = -9
RESUMED = 6.0  # seconds


SOON = ("before-commit:intent", "after-commit:intent", "mid-body", "before-commit:outcome")


@pytest.mark.parametrize("step", [step if step in SOON else pytest.param(step, marks=NIGHTLY) for step in STEPS])
def test_a_kill_at_any_step_leaves_what_the_table_says(shared: Shared, told: Told, step: str) -> None:
    world = shared()
    gateway = world.serving(GATEWAY_FAILPOINTS=f"{step}=kill@2")
    world.call(gateway)
    world.await_settled()

    world.call(gateway)
    status = gateway.ended()
    found = world.breaches()

    result, arrived = STEPS[step]
    assert (status, found) == (KILLED, [])
    # An intent stays open until the last moment at which its node could have sent it is long over.
    assert len(world.results()) == (2 if result == NONE else 3)
    assert world.arrived() == 2 + arrived
    told(f"PostgreSQL: SIGKILL {step}", 1, "I1, I2, I4, I5", "hasty: I1")


def test_crashes_of_the_server_under_load_lose_nothing(
    shared: Shared, server: Cluster, told: Told, extent: Extent
) -> None:
    world = shared()
    gateway = world.serving()
    world.call(gateway)
    rounds, dice = extent(4, 100), random.Random(4)

    with under_load(world, gateway):
        for _ in range(rounds):
            time.sleep(0.3 + dice.random() / 2)
            server.stop("immediate")
            server.start()
            one_more(world, gateway)
    gateway.stop()
    found = world.breaches()

    assert found == []
    assert len(world.acknowledged) > rounds
    told(
        "PostgreSQL: stop -m immediate under load",
        rounds,
        f"I1-I5, {len(world.acknowledged):,} kept",
        found_hasty(shared),
    )


def test_sessions_that_are_ended_in_their_commit_lose_nothing(
    shared: Shared, server: Cluster, told: Told, extent: Extent
) -> None:
    world = shared()
    gateway = world.serving()
    world.call(gateway)
    rounds, dice, ended = extent(20, 300), random.Random(5), 0

    with under_load(world, gateway), server.session() as session:
        for _ in range(rounds):
            time.sleep(dice.random() / 5)
            [(some,)] = session.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE usename = 'writer' AND state <> 'idle'"
            ).fetchall()
            ended += some
        one_more(world, gateway)
    gateway.stop()
    found = world.breaches()

    assert found == []
    assert ended > 0
    told("PostgreSQL: pg_terminate_backend under load", ended, "I1-I5", found_hasty(shared))


def test_a_failed_sync_in_the_server_is_not_taken_for_a_commit(shared: Shared, server: Cluster, told: Told) -> None:
    demand_strace()
    world = shared()
    gateway = world.serving()
    world.call(gateway)
    world.await_settled()
    arrived = world.arrived()

    with ExitStack() as tracing:
        for pid in sessions(server):
            tracing.enter_context(traced(pid, ("fdatasync",), "error=EIO:when=1"))
        reply = world.call(gateway)
    sent = world.arrived() - arrived
    one_more(world, gateway)
    gateway.stop()
    found = world.breaches()

    assert reply is None or reply.status == UNAVAILABLE
    assert "PANIC" in server.log
    assert (sent, found) == (0, [])
    assert world.results()[1] in ("sent", "not_sent")
    told("PostgreSQL: EIO in the server's fdatasync", 1, "I1-I5, PANIC, not sent", found_hasty(shared))


def sessions(server: Cluster) -> list[int]:
    """The processes in which the gateway's sessions are served."""
    with server.session() as session:
        return [pid for (pid,) in session.execute("SELECT pid FROM pg_stat_activity WHERE usename = 'writer'")]


def test_a_node_that_stops_while_it_holds_the_head_does_not_stop_the_others(shared: Shared, told: Told) -> None:
    first, second = shared(), shared()
    holding = first.serving(GATEWAY_FAILPOINTS="before-commit:intent=stop@2")
    same_secrets(first, second)
    other = second.serving()
    first.call(holding)
    second.call(other)

    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(first.call, holding)
        stopped(holding.pid)
        began = time.monotonic()
        reply = second.call(other)
        waited = time.monotonic() - began
        arrived = first.arrived()
        os.kill(holding.pid, signal.SIGCONT)
        answer = asked.result()
    one_more(first, holding)
    holding.stop()
    other.stop()
    found = [*first.breaches(), *second.breaches()]

    assert reply is not None
    assert reply.status == CREATED
    assert waited <= RESUMED
    assert answer is None or answer.status == UNAVAILABLE
    assert arrived == 1
    assert found == []
    told("PostgreSQL: a node stopped while it holds the head", 1, f"others after {waited:.1f} s", waits(shared))


def waits(shared: Shared) -> str:
    """Without the time-out of sessions the others wait for as long as the node sleeps."""
    first = shared(built="patient")
    holding = first.serving(GATEWAY_FAILPOINTS="before-commit:intent=stop@1")
    second = shared()
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(first.call, holding)
        stopped(holding.pid)
        began = time.monotonic()
        other = second.launched()
        time.sleep(RESUMED + 1.0)
        waited = not (other.log.exists() and other.is_ready)
        os.kill(holding.pid, signal.SIGCONT)
        asked.result()
    assert waited or time.monotonic() - began < RESUMED
    assert waited
    return "patient: others wait"


def test_a_line_that_is_cut_in_a_commit_sends_nothing(
    shared: Shared, server: Cluster, cable: Cable, told: Told
) -> None:
    world = shared(through=lambda url: url.replace(str(server.folder), str(cable.folder)))
    gateway = world.serving(GATEWAY_FAILPOINTS="before-commit:intent=sleep:0.5@2")
    world.call(gateway)
    world.await_settled()

    began = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(world.call, gateway)
        time.sleep(0.3)
        cable.cut()
        reply = asked.result()
    took = time.monotonic() - began
    arrived = world.arrived()
    cable.mend()
    one_more(world, gateway)
    gateway.stop()
    found = world.breaches()

    assert reply is None or reply.status == UNAVAILABLE
    assert took < 15
    assert (arrived, found) == (1, [])
    assert world.results()[1] in ("sent", "not_sent")
    told("PostgreSQL: the line is cut in COMMIT", 1, f"503 after {took:.1f} s, not sent", found_hasty(shared))


def members(server: Cluster) -> list[int]:
    """Every process of a server; each is in a session of its own."""
    assert server.process is not None
    parent = f"PPid:\t{server.process.pid}\n"
    found = [server.process.pid]
    for status in Path("/proc").glob("[0-9]*/status"):
        with suppress(OSError):
            if parent in status.read_text():
                found.append(int(status.parent.name))
    return found


def signalled(server: Cluster, number: int) -> None:
    for pid in members(server):
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def test_a_server_that_is_frozen_is_answered_for_in_time(shared: Shared, server: Cluster, told: Told) -> None:
    world = shared(settings={"INTENT_DEADLINE": "1"})
    gateway = world.serving()
    world.call(gateway)
    world.await_settled()

    signalled(server, signal.SIGSTOP)
    began = time.monotonic()
    reply = world.call(gateway)
    took = time.monotonic() - began
    unready = _await_unready(gateway)
    arrived = len(world.file.read_text().splitlines())
    signalled(server, signal.SIGCONT)
    one_more(world, gateway)
    gateway.stop()
    found = world.breaches()

    assert reply is not None
    assert (reply.status, arrived, found) == (UNAVAILABLE, 1, [])
    # The facts are read first, and there an answer is waited for longer than an intent is.
    assert took < 25
    told("PostgreSQL: frozen", 1, f"503 after {took:.1f} s, not ready after {unready:.0f} s", found_hasty(shared))


def _await_unready(gateway: Victim) -> float:
    began = time.monotonic()
    while gateway.health() != UNAVAILABLE:
        assert time.monotonic() - began < 60, gateway.said
        time.sleep(0.2)
    return time.monotonic() - began


@pytest.mark.parametrize("setting", ["synchronous_commit", "fsync", "full_page_writes"])
def test_a_setting_that_is_changed_while_it_runs_ends_intents(
    shared: Shared, server: Cluster, told: Told, setting: str
) -> None:
    world = shared()
    gateway = world.serving()
    world.call(gateway)
    world.await_settled()

    _set(server, setting, "off")
    reply = world.call(gateway)
    arrived = world.arrived()
    _set(server, setting, "on")
    one_more(world, gateway)
    gateway.stop()
    found = world.breaches()

    assert reply is not None
    assert (reply.status, arrived, found) == (UNAVAILABLE, 1, [])
    told(f"PostgreSQL: {setting} = off while it runs", 1, "503, not sent", found_hasty(shared))


def _set(server: Cluster, setting: str, value: str) -> None:
    server.alter(f"ALTER SYSTEM SET {setting} = {value}")


def test_a_node_that_wakes_after_its_intent_was_settled_sends_nothing(shared: Shared, told: Told) -> None:
    given = {"INTENT_DEADLINE": "2", "VENDOR_TOTAL": "2"}
    first, second = shared(settings=given), shared(settings=given)
    asleep = first.serving(GATEWAY_FAILPOINTS="after-ack:intent=stop@2")
    same_secrets(first, second)
    other = second.serving()
    first.call(asleep)
    first.await_settled()

    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(first.call, asleep)
        stopped(asleep.pid)
        settled = _await_settled_elsewhere(first)
        os.kill(asleep.pid, signal.SIGCONT)
        answer = asked.result()
    arrived = first.arrived()
    asleep.kill()
    other.stop()
    found = [*first.breaches(), *second.breaches()]

    assert settled in ("in_doubt", "not_sent")
    assert answer is None or answer.status >= 500
    assert (arrived, found) == (1, [])
    told("PostgreSQL: a node wakes after another settled for it", 1, f"{settled}, not sent", "hasty: I1 (above)")


def _await_settled_elsewhere(world: World) -> str:
    until = time.monotonic() + 90
    while not (result := world.results()[-1]):
        assert time.monotonic() < until
        time.sleep(0.2)
    return result


def test_two_nodes_of_one_name_do_not_both_write(shared: Shared, told: Told) -> None:
    first = shared(node="same")
    running = first.serving()
    first.call(running)
    second = shared(node="same")

    late = second.launched()
    status = late.ended()
    after = first.call(running)
    running.stop()
    other = shared(node="another")
    beside = other.serving()
    beside.stop()

    assert status not in (0, None)
    assert "another gateway writes as node" in late.said
    assert after is not None
    assert after.status == CREATED
    told("PostgreSQL: one node id twice", 1, "the second does not start", "another id: starts")


def test_nobody_asks_the_server_what_became_of_a_transaction() -> None:
    sources = [path.read_text() for path in (Path(__file__).parents[2] / "gateway").rglob("*.py")]

    # Its answer is wrong after a crash: the number of a transaction that was lost is given out again.
    assert sources
    assert not any("pg_xact_status" in source for source in sources)
