"""Vendors that break off, lie, stall and repeat themselves: what the caller is told and what is recorded, exactly."""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from running import CREATED, running
from vendors import Script, answers, hangs_up, never_ends, resets, says, stays_silent

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
    with running(tmp_path, vendor_total=1.0, vendor_silence=0.6) as gateway:
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
