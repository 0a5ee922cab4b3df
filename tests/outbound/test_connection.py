"""What is claimed to have left when an attempt at a vendor breaks off."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
from vendors import HASTY, LOOPBACK, Script, Vendor, answers, carrying, hangs_up, never_ends, resets, says, stays_silent

from gateway.errors import refuse
from gateway.outbound.http1 import Http1
from gateway.outbound.send import Host, Outcome, Sending
from gateway.pieces import STEP, Extent, Pieces

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
    "a status that is none": (says(b"HTTP/1.1 099 Wait\r\ncontent-length: 2\r\n\r\nok", then=stays_silent), BROKEN),
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
    script: Script, expected: Outcome
) -> None:
    total = HASTY if expected == TIMED_OUT else 30.0
    async with carrying(total=total) as vendors, Vendor(script) as vendor:
        outcome = await vendors.send(vendor.at(), SENDING, limit=LIMIT)

    assert outcome == expected
    assert len(vendor.received) == 1


async def test_a_vendor_that_goes_silent_is_not_waited_for_to_the_end() -> None:
    async with carrying(silence=0.1, total=600.0) as vendors, Vendor(says(HEAD, then=stays_silent)) as vendor:
        outcome = await vendors.send(vendor.at(), SENDING, limit=LIMIT)

    assert outcome == TIMED_OUT


async def test_a_vendor_that_goes_on_speaking_is_listened_to() -> None:
    async def slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for part in (HEAD, b"content-length: 3\r\n", b"\r\n", b"a", b"b", b"c"):
            writer.write(part)
            await asyncio.sleep(0.25)

    async with carrying(silence=1.2) as vendors, Vendor(slowly) as vendor:
        outcome = await vendors.send(vendor.at(), SENDING, limit=LIMIT)

    assert outcome.result == "sent"


@pytest.mark.parametrize("script", [hangs_up, resets], ids=["a proper end", "a reset"])
async def test_a_connection_that_ends_at_once_is_no_success(vendors: Http1, script: Script) -> None:
    async with Vendor(script, eager=True) as vendor:
        outcome = await vendors.send(vendor.at(), SENDING, limit=LIMIT)

    # Where the end overtakes the transport, nothing was written yet, and it knows that.
    assert outcome in (BROKEN, UNREACHABLE)


async def test_a_refused_connection_is_proven_not_sent(vendors: Http1) -> None:
    with socket.socket() as nobody:
        # Bound and not listening, so that nobody else comes to listen there meanwhile.
        nobody.bind(("127.0.0.1", 0))
        at = Host("api", "http", "a.test", nobody.getsockname()[1], LOOPBACK)

        assert await vendors.send(at, SENDING, limit=LIMIT) == UNREACHABLE


async def test_a_connection_that_is_never_accepted_is_proven_not_sent() -> None:
    full = socket.create_server(("127.0.0.1", 0), backlog=0)
    fillers = [_begin(full.getsockname()) for _ in range(4)]

    async with carrying(total=HASTY) as vendors:
        at = Host("api", "http", "a.test", full.getsockname()[1], LOOPBACK)
        outcome = await vendors.send(at, SENDING, limit=LIMIT)

    for connection in (*fillers, full):
        connection.close()
    assert outcome == UNREACHABLE


def _begin(address: tuple[str, int]) -> socket.socket:
    connection = socket.socket()
    connection.setblocking(False)
    connection.connect_ex(address)
    return connection


class Failing:
    """A store that has what it should have up to some place, and knows how far it was read."""

    def __init__(self, ends: int) -> None:
        self.ends, self.far = ends, 0

    def read(self, start: int, size: int) -> bytes:
        self.far = max(self.far, start + size)
        if start + size > self.ends:
            raise refuse("gateway.failed")
        return bytes(size)


def long(length: int, store: Failing | None = None) -> Sending:
    """A request whose body is not in memory."""
    body = Pieces((b"begins", Extent(store or Failing(length), 0, length)))
    return Sending("POST", "/v1/pickups", (("content-type", "application/pdf"),), body)


@pytest.mark.parametrize("length", [0, 1, STEP, 4 * STEP, 60 * STEP + 1])
async def test_what_is_not_in_memory_arrives_whole(vendors: Http1, length: int) -> None:
    async with Vendor(answers()) as vendor:
        outcome = await vendors.send(vendor.at(), long(length), limit=LIMIT)
        again = await vendors.send(vendor.at(), SENDING, limit=LIMIT)

    assert (outcome.result, again.result) == ("sent", "sent")
    assert [each.payload for each in vendor.received] == [b"begins" + bytes(length), SENDING.payload]
    assert len(vendor.connections) == 1


async def test_it_goes_no_faster_than_the_vendor_reads() -> None:
    store = Failing(400 * STEP)
    sending, far = long(400 * STEP, store), 0

    async def slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal far
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(1.3)
        far = store.far
        await reader.readexactly(len(sending.body))
        await answers()(reader, writer)
        await stays_silent(reader, writer)

    async with carrying(silence=1.0) as vendors, Vendor(slowly, eager=True) as vendor:
        outcome = await vendors.send(vendor.at(), sending, limit=LIMIT)

    assert outcome.result == "sent"
    assert 0 < far < len(sending.body) / 2


async def test_an_answer_that_comes_first_ends_the_request_and_its_connection(vendors: Http1) -> None:
    async def early(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await answers(413, b"no")(reader, writer)
        await stays_silent(reader, writer)

    async with Vendor(early, eager=True) as vendor:
        outcome = await vendors.send(vendor.at(), long(400 * STEP), limit=LIMIT)
        vendor.eager, vendor.script = False, answers()
        again = await vendors.send(vendor.at(), SENDING, limit=LIMIT)

    assert outcome.answer is not None
    assert (outcome.result, outcome.answer.status, again.result) == ("sent", 413, "sent")
    assert len(vendor.connections) == 2


@pytest.mark.parametrize("script", [hangs_up, resets], ids=["a proper end", "a reset"])
async def test_a_vendor_that_goes_away_amid_a_body_may_have_got_it(vendors: Http1, script: Script) -> None:
    async def midway(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(STEP)
        await script(reader, writer)

    async with Vendor(midway, eager=True) as vendor:
        outcome = await vendors.send(vendor.at(), long(400 * STEP), limit=LIMIT)

    assert outcome == BROKEN


async def test_a_vendor_that_does_not_read_has_no_more_than_the_time_of_the_attempt() -> None:
    async with carrying(total=HASTY) as vendors, Vendor(stays_silent, eager=True) as vendor:
        outcome = await vendors.send(vendor.at(), long(400 * STEP), limit=LIMIT)

    assert outcome == TIMED_OUT


async def test_a_body_that_is_lost_on_the_way_breaks_off_and_may_have_arrived(vendors: Http1) -> None:
    async with Vendor(answers()) as vendor:
        outcome = await vendors.send(vendor.at(), long(40 * STEP, Failing(20 * STEP)), limit=LIMIT)
        await asyncio.sleep(0.05)

    assert outcome == Outcome("possibly", "gateway.fault")
    assert vendor.received == []
    assert len(vendor.raw) < 40 * STEP
