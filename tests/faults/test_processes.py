"""Two processes on one folder, clocks that jump, processes that are stopped, callers that leave, too many at once."""

import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bench.minimal import TARGET
from bench.order import order
from faults.tracing import demand_strace, traced
from faults.world import World, frozen

Worlds = Callable[..., World]
Told = Callable[[str, int, str, str], None]
Extent = Callable[[int, int], int]

CREATED, FORBIDDEN, OVERLOADED = 201, 403, 503
YEAR = 365 * 24 * 3600
MIB = 1 << 20


def test_a_second_process_on_one_folder_does_not_start(worlds: Worlds, told: Told) -> None:
    world = worlds()
    first = world.serving()
    world.call(first)

    second = world.launched()
    status = second.ended()
    after = world.call(first)
    first.stop()
    found = world.breaches()

    assert status not in (0, None)
    assert "another process" in second.said
    assert after is not None
    assert (after.status, found) == (CREATED, [])
    told("two processes on one folder", 1, "the second does not start", both_start(worlds(built="unlocked")))


def both_start(world: World) -> str:
    first = world.serving()
    world.call(first)
    second = world.serving()
    assert (first.exit_status, second.exit_status) == (None, None)
    return f"{world.built}: two writers"


@pytest.mark.parametrize("jump", [YEAR, -YEAR, 3600, -3600], ids=["a year on", "a year back", "an hour on", "back"])
def test_a_clock_that_jumps_changes_no_deadline_and_breaks_no_log(worlds: Worlds, told: Told, jump: int) -> None:
    world = worlds()
    gateway = world.serving()
    world.call(gateway)

    set_back = jumping(world, jump)
    replies = world.calls(gateway, 12, at_once=4)
    set_back()
    last = world.call(gateway)
    gateway.kill()
    found = world.breaches()

    # A year ago no policy had been published, and so nothing may leave.
    expected = FORBIDDEN if jump == -YEAR else CREATED
    assert [reply.status for reply in replies if reply] == [expected] * 12
    assert last is not None
    assert last.status == CREATED
    # The auditor's file says where time went back, and nothing else is wrong.
    assert [each for each in found if not each.startswith("V13")] == []
    wrong = refuses(worlds(built="timed")) if jump == YEAR else "timed: 503"
    told(f"the clock is set by {jump // 3600:,} hours in flight", 12, "I1-I5, no deadline moved", wrong)


def jumping(world: World, seconds: int) -> Callable[[], None]:
    """Sets the gateway's clock, and gives what sets it back."""
    clock = world.folder / "clock"
    clock.write_text(str(seconds))
    return clock.unlink


def refuses(world: World) -> str:
    """A deadline on the clock on the wall is over as soon as that is set."""
    demand_strace()
    gateway = world.serving()
    world.call(gateway)
    with traced(gateway.writer, ("fdatasync",), "delay_exit=700000"), ThreadPoolExecutor(1) as pool:
        asked = pool.submit(world.call, gateway)
        time.sleep(0.3)
        jumping(world, YEAR)
        reply = asked.result()
    assert reply is not None
    assert reply.status != CREATED
    return f"{world.built}: {reply.status}"


@pytest.mark.parametrize("step", ["before-commit:intent", "after-ack:intent", "after-first-byte", "after-response"])
def test_a_process_that_was_stopped_goes_on_without_a_breach(worlds: Worlds, told: Told, step: str) -> None:
    world = worlds(settings={"INTENT_DEADLINE": "1"})
    gateway = world.serving(GATEWAY_FAILPOINTS=f"{step}=stop@2")
    world.call(gateway)
    world.await_settled()

    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(world.call, gateway)
        stopped(gateway.pid)
        time.sleep(1.5)
        with frozen(gateway.pid):
            pass
        asked.result()
    after = world.call(gateway)
    gateway.stop()
    found = world.breaches()

    assert after is not None
    assert found == []
    assert set(world.results()) <= {"sent", "possibly", "not_sent"}
    told(f"SIGSTOP {step}, 1.5 s, SIGCONT", 1, "I1-I5", "hasty: I1 (kills)")


def stopped(pid: int) -> None:
    """Returns once a process has stopped itself."""
    until = time.monotonic() + 20
    while Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "T":
        assert time.monotonic() < until
        time.sleep(0.01)


STEPS = (
    "before-enqueue:intent",
    "after-begin:intent",
    "before-commit:intent",
    "after-commit:intent",
    "after-ack:intent",
    "after-first-byte",
    "mid-body",
    "after-last-byte",
    "after-response",
)


def test_a_caller_that_leaves_in_any_phase_tears_nothing(worlds: Worlds, told: Told) -> None:
    world = worlds()
    for step in STEPS:
        gateway = world.serving(GATEWAY_FAILPOINTS=f"{step}=sleep:0.3@2")
        world.call(gateway)
        left(world, gateway.port, gateway.token, 0.15)
        time.sleep(0.5)
        world.call(gateway)
        gateway.stop()

    found = world.breaches()
    hasty = worlds(built="hasty")
    gateway = hasty.serving()
    left(hasty, gateway.port, gateway.token, 0.05)
    time.sleep(0.3)
    gateway.kill()
    wrong = hasty.breaches(reopen=False)

    assert found == []
    assert all(world.results())
    assert any(each.startswith("I1") for each in wrong)
    told("the caller leaves in every phase", len(STEPS), "I1-I5", "hasty: I1")


def left(world: World, port: int, token: str, after: float) -> None:
    """Asks, and is gone with a reset before the answer."""
    body = order(900_000).encode()
    head = f"POST {TARGET} HTTP/1.1\r\nHost: gateway.test\r\nAuthorization: Bearer {token}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(head.encode() + body)
        time.sleep(after)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")


def test_ten_times_too_many_callers_are_refused_and_memory_stays(worlds: Worlds, told: Told, extent: Extent) -> None:
    demand_strace()
    world = worlds(settings={"IN_FLIGHT": "16", "INTENT_DEADLINE": "1"})
    gateway = world.serving()
    world.calls(gateway, 50, at_once=8)
    before = resident(gateway.pid)

    with traced(gateway.writer, ("fdatasync",), "delay_exit=20000"):
        replies = world.calls(gateway, extent(800, 20_000), at_once=160)
    grown = resident(gateway.pid) - before
    gateway.stop()
    found = world.breaches()

    statuses = [reply.status for reply in replies if reply]
    assert set(statuses) <= {CREATED, OVERLOADED}
    assert statuses.count(OVERLOADED) > 0
    assert statuses.count(CREATED) > 0
    assert grown < 64 * MIB
    assert found == []
    told("160 callers where 16 may", len(replies), "I1-I5, 503, memory stays", "hasty: I1 (above)")


def resident(pid: int) -> int:
    """Bytes of memory."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096
