"""What is claimed to have left when an attempt at a vendor breaks off."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator

import pytest
from vendors import LOOPBACK, Script, Vendor, answers, carrying, hangs_up, never_ends, resets, says, stays_silent

from gateway.outbound.http1 import Http1
from gateway.outbound.send import Host, Outcome, Sending

SENDING = Sending("POST", "/v1/pickups", (("content-type", "application/json"),), b'{"name":"Ann"}')
LIMIT = 1_000_000
UNREACHABLE = Outcome("not_sent", "vendor.unreachable")
TIMED_OUT = Outcome("possibly", "vendor.timeout")
BROKEN = Outcome("possibly", "vendor.broken")
HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n"
FAULTS: dict[str, tuple[Script, Outcome]] = {
    "silence": (stays_silent, TIMED_OUT),
    "half a status line, then silence": (says(b"HTTP/1.1 2", then=stays_silent), TIMED_OUT),
    "half a head, then silence": (says(HEAD + b"content-length", then=stays_silent), TIMED_OUT),
    "half a body, then silence": (says(HEAD + b"content-length: 5\r\n\r\nhe", then=stays_silent), TIMED_OUT),
    "a proper end": (hangs_up, BROKEN),
    "a reset": (resets, BROKEN),
    "half a head, then the end": (says(HEAD, then=hangs_up), BROKEN),
    "half a head, then a reset": (says(HEAD, then=resets), BROKEN),
    "half a body, then the end": (says(HEAD + b"content-length: 5\r\n\r\nhe", then=hangs_up), BROKEN),
    "half a chunk, then the end": (says(CHUNKED + b"5\r\nhe", then=hangs_up), BROKEN),
    "a body over the limit": (answers(200, b"a" * (LIMIT + 1)), BROKEN),
    "a body without end": (says(CHUNKED, then=never_ends), BROKEN),
    "no HTTP": (says(b"220 mail.test ESMTP\r\n"), BROKEN),
    "HTTP/2.0": (says(b"HTTP/2.0 200 OK\r\ncontent-length: 0\r\n\r\n"), BROKEN),
    "another length twice": (says(HEAD + b"content-length: 2\r\ncontent-length: 3\r\n\r\nok"), BROKEN),
    "NUL in a header": (says(HEAD + b"x-a: \0\r\ncontent-length: 2\r\n\r\nok"), BROKEN),
    "protocols switched unasked": (
        says(b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"),
        BROKEN,
    ),
    "a status that nobody knows": (says(b"HTTP/1.1 999 No\r\ncontent-length: 0\r\n\r\n"), BROKEN),
    "another transfer coding": (
        says(HEAD + b"transfer-encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
        BROKEN,
    ),
    "trailers without end": (says(CHUNKED + b"0\r\n" + b"x-a: b\r\n" * 100_000), BROKEN),
    "more framing than body": (says(CHUNKED + b"1;a=" + b"a" * 20 + b"\r\na\r\n" * 100_000), BROKEN),
    "interim answers without end": (says(b"HTTP/1.1 102 Wait\r\n\r\n" * 10_000), BROKEN),
    "interim answers, then silence": (says(b"HTTP/1.1 102 Wait\r\n\r\n", then=stays_silent), TIMED_OUT),
    "a length with a transfer coding": (
        says(CHUNKED[:-2] + b"content-length: 2\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
        BROKEN,
    ),
    "the same length twice": (says(HEAD + b"content-length: 2\r\ncontent-length: 2\r\n\r\nok"), BROKEN),
    "a length that is no number": (says(HEAD + b"content-length: -2\r\n\r\nok"), BROKEN),
    "a header line that goes on": (says(HEAD + b"x-a: b\r\n c\r\ncontent-length: 2\r\n\r\nok"), BROKEN),
    "a blank before the colon": (says(HEAD + b"x-a : b\r\ncontent-length: 2\r\n\r\nok"), BROKEN),
    "a body to the end, cut by a reset": (says(HEAD + b"\r\nhe", then=resets), BROKEN),
    "a body to the end over the limit": (says(HEAD + b"\r\n" + b"a" * (LIMIT + 1), then=hangs_up), BROKEN),
    "a head without end": (says(HEAD + b"x-a: " + b"a" * 1_000_000 + b"\r\n\r\n"), BROKEN),
}


@pytest.fixture
async def vendors() -> AsyncIterator[Http1]:
    async with carrying() as carrier:
        yield carrier


@pytest.mark.parametrize(("script", "expected"), FAULTS.values(), ids=FAULTS.keys())
async def test_whatever_breaks_after_the_request_left_counts_as_possibly_sent(
    vendors: Http1, script: Script, expected: Outcome
) -> None:
    async with Vendor(script) as vendor:
        outcome = await vendors.send(vendor.at(), SENDING, limit=LIMIT)

    assert outcome == expected
    assert len(vendor.received) == 1


async def test_a_vendor_that_goes_silent_is_not_waited_for_to_the_end() -> None:
    begun = time.monotonic()
    async with carrying(silence=0.1) as vendors, Vendor(says(HEAD, then=stays_silent)) as vendor:
        outcome = await vendors.send(vendor.at(), SENDING, limit=LIMIT)

    assert outcome == TIMED_OUT
    assert time.monotonic() - begun < 0.9  # the whole attempt would have had a second


async def test_a_vendor_that_goes_on_speaking_is_listened_to() -> None:
    async def slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for part in (HEAD, b"content-length: 3\r\n", b"\r\n", b"a", b"b", b"c"):
            writer.write(part)
            await asyncio.sleep(0.06)

    async with carrying(silence=0.15) as vendors, Vendor(slowly) as vendor:
        outcome = await vendors.send(vendor.at(), SENDING, limit=LIMIT)

    assert outcome.result == "sent"


@pytest.mark.parametrize("script", [hangs_up, resets], ids=["a proper end", "a reset"])
async def test_a_connection_that_ends_at_once_is_no_success(vendors: Http1, script: Script) -> None:
    async with Vendor(script, eager=True) as vendor:
        outcome = await vendors.send(vendor.at(), SENDING, limit=LIMIT)

    # Where the end overtakes the transport, nothing was written yet, and it knows that.
    assert outcome in (BROKEN, UNREACHABLE)


async def test_a_refused_connection_is_proven_not_sent(vendors: Http1) -> None:
    async with Vendor(answers()) as vendor:
        pass

    assert await vendors.send(vendor.at(), SENDING, limit=LIMIT) == UNREACHABLE


async def test_a_connection_that_is_never_accepted_is_proven_not_sent(vendors: Http1) -> None:
    full = socket.create_server(("127.0.0.1", 0), backlog=0)
    fillers = [_begin(full.getsockname()) for _ in range(4)]

    outcome = await vendors.send(Host("api", "http", "a.test", full.getsockname()[1], LOOPBACK), SENDING, limit=LIMIT)

    for connection in (*fillers, full):
        connection.close()
    assert outcome == UNREACHABLE


def _begin(address: tuple[str, int]) -> socket.socket:
    connection = socket.socket()
    connection.setblocking(False)
    connection.connect_ex(address)
    return connection
