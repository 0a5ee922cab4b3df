"""One HTTP/1.1 connection to a vendor (RFC 9112): a request goes, its answer comes, and nothing else is listened to."""

import asyncio
from collections.abc import Iterator
from itertools import islice
from typing import cast

import httptools

from gateway.deadlines import Deadlines
from gateway.errors import Refusal
from gateway.failpoints import flushed, in_pieces, is_armed
from gateway.outbound.send import Answer, Outcome
from gateway.pieces import Payload, Pieces

MAX_HEAD = 64 * 1024
"""Bytes of heads, interim ones and chunk framing included, that an answer may have on top of eight times its body."""

BROKEN = Outcome("possibly", "vendor.broken")
TIMED_OUT = Outcome("possibly", "vendor.timeout")
LOST = Outcome("possibly", "gateway.fault")
"""Of what was to leave, not all can be had any more."""

_INTERIM = frozenset(range(100, 200)) - {101}
_FINAL = range(200, 600)
_VERSIONS = ("1.1", "1.0")
_UNDECIDED = -1
_TOGETHER = 4
"""Steps of a request that is not in memory which are fetched at once."""


class _UnfitError(Exception):
    """The answer is not one that is read on; there is no more to say about it."""


class Connection(asyncio.Protocol):
    """Carries one request at a time. Whatever arrives while none is under way ends it: it was not asked for.

    It may carry another request while `is_open`; `idle_since` is then the time of the loop at which it became free.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, deadlines: "Deadlines[Connection]") -> None:
        self.idle_since = loop.time()
        self._loop = loop
        self._deadlines = deadlines
        self._parser = httptools.HttpResponseParser(self)
        self._waiter: asyncio.Future[Outcome] | None = None
        self._full: asyncio.Future[None] | None = None
        self._begin("", 0)

    @property
    def is_open(self) -> bool:
        return not self._transport.is_closing()

    def close(self) -> None:
        """Ends it at once; what was not sent yet is dropped."""
        self._transport.abort()

    async def carry(self, method: str, request: Payload, *, limit: int, silence: float, until: float) -> Outcome:
        """Sends a whole request and waits for its answer, up to a time of the loop. Never `not_sent`.

        Once all of it is sent, no more than `silence` seconds may pass between two parts of the answer. One longer than
        `limit` bytes is not read. A cancelled call ends the connection.
        """
        self._begin(method, limit)
        waiter: asyncio.Future[Outcome] = self._loop.create_future()
        self._waiter = waiter
        self._silence, self._until, self._heard = silence, until, self._loop.time()
        self._deadlines.set(self, min(self._heard + silence, until))
        try:
            if isinstance(request, Pieces):
                await self._say(request, waiter)
            elif is_armed():
                await in_pieces(self._transport, request)
            else:
                self._transport.write(request)
            return await waiter
        except Refusal:
            return LOST
        finally:
            self._deadlines.clear(self)
            self._waiter = None
            if not self._is_whole:
                self.close()

    async def _say(self, request: Pieces, waiter: asyncio.Future[Outcome]) -> None:
        """Sends what is not in memory, no faster than the other side takes it, until it is whole or answered."""
        steps, left = request.steps(), len(request)
        # What comes first is in memory: it leaves at once, as everything does that is decided.
        step = next(steps)
        while not waiter.done():
            left -= len(step)
            self._is_saying = left > 0
            self._transport.write(step)
            if is_armed():
                await flushed("mid-body")
            if self._full is not None:
                await self._full
            if not left:
                return
            step = await asyncio.to_thread(_several, steps)

    def _begin(self, method: str, limit: int) -> None:
        self._has_body = method != "HEAD"
        self._limit = limit
        self._status = 0
        self._fields: list[tuple[str, str]] = []
        self._parts: list[bytes] = []
        self._length = 0
        self._framing = 0
        self._in_head = True
        self._ends_with_connection = False
        self._stays = False
        self._is_whole = False
        self._is_saying = False

    def late(self) -> None:
        """A deadline is over; it is set anew where something was heard in the meantime."""
        now = self._loop.time()
        if self._is_saying or self._transport.get_write_buffer_size():
            self._heard = now
        until = min(self._heard + self._silence, self._until)
        if now >= until:
            self._end(TIMED_OUT)
        else:
            self._deadlines.set(self, until)

    def _end(self, outcome: Outcome) -> None:
        self.resume_writing()
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(outcome)

    def _complete(self) -> None:
        """The answer is whole; the connection goes on only where both sides have said all that they had to."""
        self._is_whole = True
        self.idle_since = self._loop.time()
        answer = Answer(self._status, tuple(self._fields), b"".join(self._parts))
        if not self._stays or self._is_saying or self._transport.get_write_buffer_size():
            self.close()
        self._end(_outcome(answer))

    # What the loop says.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses of asyncio's.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self._waiter is None or self._waiter.done():
            self.close()
            return
        self._heard = self._loop.time()
        self._framing += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._break()
        else:
            if self._framing > MAX_HEAD + 8 * self._length:
                self._break()

    def _break(self) -> None:
        """What is behind a whole answer, or is none, is read no further."""
        self.close()
        self._end(BROKEN)

    def pause_writing(self) -> None:
        self._full = self._loop.create_future()

    def resume_writing(self) -> None:
        if self._full is not None and not self._full.done():
            self._full.set_result(None)
        self._full = None

    def eof_received(self) -> None:
        # uvloop says this of TLS only where the other side did (RFC 8446 section 6.1): a cut line cuts no answer.
        if self._ends_with_connection and not self._is_whole:
            self._complete()
        elif self._is_saying:
            # Whoever hears nothing more reads nothing more, and what waits to be sent would wait for that.
            self._break()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's interface
        self._end(BROKEN)

    # What the parser says.

    def on_message_begin(self) -> None:
        if self._is_whole:
            # A second answer to one request: it must not become that of the next.
            self.close()

    def on_header(self, name: bytes, value: bytes) -> None:
        # What comes after the body are trailers, and nobody asked for them.
        if self._in_head and not self._is_whole:
            self._fields.append((name.decode("ascii").lower(), value.decode("ascii") if value.isascii() else ""))

    def on_headers_complete(self) -> None:
        if self._is_whole:
            return
        self._status = status = self._parser.get_status_code()
        if status in _INTERIM:
            self._fields = []
            return
        if status not in _FINAL or self._parser.get_http_version() not in _VERSIONS:
            raise _UnfitError
        length = self._announced()
        if length > self._limit:
            raise _UnfitError
        self._in_head = False
        self._stays = self._has_body and self._parser.should_keep_alive()
        if not self._has_body:
            self._complete()

    def _announced(self) -> int:
        """The length that the head gives, or that it is chunked, or ends with the connection."""
        codings = [value.lower() for name, value in self._fields if name == "transfer-encoding"]
        if codings not in ([], ["chunked"]):
            raise _UnfitError
        lengths = [value for name, value in self._fields if name == "content-length"]
        self._ends_with_connection = not codings and not lengths
        return int(lengths[0]) if lengths else _UNDECIDED

    def on_body(self, body: bytes) -> None:
        if self._is_whole:
            return
        self._length += len(body)
        if self._length > self._limit:
            raise _UnfitError
        self._framing -= len(body)
        self._parts.append(body)

    def on_message_complete(self) -> None:
        # Interim answers end too.
        if not self._in_head and not self._is_whole:
            self._complete()


def _several(steps: Iterator[bytes]) -> bytes:
    return b"".join(islice(steps, _TOGETHER))


def _outcome(answer: Answer) -> Outcome:
    return Outcome("sent", "vendor.redirect" if answer.is_redirect else "", answer)
