"""Vendors that break off, lie, stall and repeat themselves: what the caller is told and what is recorded, exactly."""

import asyncio
import json
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path

import pytest
from running import CREATED, Running, running
from vendors import Script, answers, hangs_up, never_ends, resets, says, stays_silent

from gateway.outbound import http1
from gateway.outbound.connection import Connection
from gateway.outbound.send import Outcome as Carried
from gateway.pieces import Payload

Told = Callable[[str, int, str, str], None]
Outcome = tuple[int, str, str, str]  # status and code for the caller, result and code in the record

FINE = answers(200, CREATED, "content-type: application/json")
WHOLE = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(CREATED), CREATED)
HALF = b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"tracking":'
BROKEN: Outcome = (504, "vendor.broken", "possibly", "vendor.broken")
SLOW: Outcome = (504, "vendor.timeout", "possibly", "vendor.timeout")


async def drips(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A byte of the head at a time, for longer than anybody waits."""
    for byte in HALF[:60]:
        writer.write(bytes([byte]))
        await asyncio.sleep(0.1)


VENDORS: Mapping[str, tuple[Script, Outcome]] = {
    "answers": (FINE, (200, "", "sent", "")),
    "resets": (resets, BROKEN),
    "hangs up": (hangs_up, BROKEN),
    "resets after half an answer": (says(HALF, then=resets), BROKEN),
    "hangs up after half an answer": (says(HALF, then=hangs_up), BROKEN),
    "never answers": (stays_silent, SLOW),
    "stops in the middle": (says(HALF, then=stays_silent), SLOW),
    "drips": (drips, SLOW),
    "never ends": (says(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", then=never_ends), BROKEN),
    "says no HTTP": (says(b"\x16\x03\x01 nothing\r\n\r\n"), BROKEN),
    "switches protocols": (says(b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"), BROKEN),
    "says wait first": (says(b"HTTP/1.1 100 Continue\r\n\r\n", then=FINE), (200, "", "sent", "")),
    "answers twice": (says(WHOLE * 2), (200, "", "sent", "")),
    "leads elsewhere": (answers(302, b"", "location: http://127.0.0.1:9/"), (302, "", "sent", "vendor.redirect")),
    "is busy": (answers(503, b"", "retry-after: 7"), (503, "", "sent", "")),
}


@pytest.mark.parametrize("name", VENDORS)
def test_what_a_vendor_does_is_told_and_recorded_exactly(tmp_path: Path, told: Told, name: str) -> None:
    script, expected = VENDORS[name]
    with running(tmp_path, vendor_total=3.0, vendor_silence=1.5) as gateway:
        gateway.parcels.script = script
        reply = gateway.ship()
        [entry] = gateway.entries(kind="outcome")
        intents = gateway.entries(kind="intent")
        gateway.parcels.script = FINE
        again = gateway.ship()
        connections = [raw for raw in gateway.received if raw]

    code = reply.code if reply.status >= 400 and reply.headers.get("gateway-sent") != "yes" else ""
    recorded = (str(entry.body["result"]), str(entry.body.get("code", "")))
    assert (reply.status, code, *recorded) == expected
    assert len(intents) == 1
    # Nothing is sent twice by the gateway itself, and the next call is not mixed up with this one.
    assert sum(raw.count(b"POST ") for raw in connections) == 2
    assert again.status == 200
    told(f"a vendor that {name}", 1, f"{expected[2]} {expected[3]}".strip(), "each other line")


def twice(pause: float, *, upto: int = -1) -> Script:
    """Answers each request with a number of its own and, after a pause in seconds, with one that nobody asked for.

    Of the second answer so many bytes come, or all.
    """
    numbers = count(1)

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = next(numbers)
        await tells(200, number)(reader, writer)
        await asyncio.sleep(pause)
        writer.write(written(202, -number)[: upto if upto > 0 else None])

    return script


def tells(status: int, number: int) -> Script:
    return says(written(status, number))


def written(status: int, number: int) -> bytes:
    payload = json.dumps({"tracking": f"T{number}", "status": "accepted"}).encode()
    head = f"HTTP/1.1 {status} As Told\r\ncontent-type: application/json\r\ncontent-length: {len(payload)}\r\n\r\n"
    return head.encode() + payload


class Careless(Connection):
    """Keeps what came although nobody asked, and takes it for the answer to the next request."""

    kept = b""

    def data_received(self, data: bytes) -> None:
        if self._waiter is None:
            self.kept += data
        else:
            super().data_received(data)

    async def carry(self, method: str, request: Payload, *, limit: int, silence: float, until: float) -> Carried:
        asyncio.get_running_loop().call_soon(self._take)
        return await super().carry(method, request, limit=limit, silence=silence, until=until)

    def _take(self) -> None:
        kept, self.kept = self.kept, b""
        if kept:
            self.data_received(kept)


def answered(gateway: Running, script: Script) -> tuple[list[object], list[object]]:
    """What four calls were answered with, and the statuses under which their intents are recorded."""
    gateway.parcels.script = script
    numbers: list[object] = []
    for _ in range(4):
        reply = gateway.ship()
        numbers.append(json.loads(reply.payload).get("tracking"))
        gateway.do(lambda: asyncio.sleep(0.15))
    return numbers, [each["outcome"].get("http_status") for each in reversed(gateway.record(kind="intent"))]


@pytest.mark.parametrize("pause", [0.0, 0.05], ids=["at once", "on a free connection"])
@pytest.mark.parametrize("upto", [-1, 20], ids=["whole", "begun"])
def test_a_second_answer_is_that_of_no_other_call(
    tmp_path: Path, told: Told, monkeypatch: pytest.MonkeyPatch, pause: float, upto: int
) -> None:
    with running(tmp_path) as gateway:
        numbers, statuses = answered(gateway, twice(pause, upto=upto))

    assert (numbers, statuses) == (["T1", "T2", "T3", "T4"], [200] * 4)
    with monkeypatch.context() as built, running(tmp_path / "careless") as gateway:
        built.setattr(http1, "Connection", Careless)
        wrong, _ = answered(gateway, twice(0.05))
    assert "T-1" in wrong
    told(f"a second answer, {'whole' if upto < 0 else 'begun'}, after {pause} s", 4, "each call its own", "careless")
