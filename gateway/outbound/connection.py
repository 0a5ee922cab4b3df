"""One HTTP/1.1 connection to a vendor (RFC 9112): a request goes, its answer comes, and nothing else is listened to."""

import asyncio
from typing import cast

import httptools

from gateway.deadlines import Deadlines
from gateway.failpoints import in_pieces, is_armed
from gateway.outbound.send import Answer, Outcome

MAX_HEAD = 64 * 1024
"""Bytes of heads, interim ones and chunk framing included, that an answer may have on top of eight times its body."""

BROKEN = Outcome("possibly", "vendor.broken")
TIMED_OUT = Outcome("possibly", "vendor.timeout")

_FINAL = range(200, 600)
_VERSIONS = ("1.1", "1.0")
_UNDECIDED = -1


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
        self._is_busy = False
        self._begin("", 0)

    @property
    def is_open(self) -> bool:
        return not self._transport.is_closing()

    def close(self) -> None:
        """Ends it at once; what was not sent yet is dropped."""
        self._transport.abort()

    async def carry(self, method: str, request: bytes, *, limit: int, silence: float, until: float) -> Outcome:
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
            if is_armed():
                await in_pieces(self._transport, request)
            else:
                self._transport.write(request)
            return await waiter
        finally:
            self._deadlines.clear(self)
            self._waiter = None
            if not self._is_whole:
                self.close()

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

    def late(self) -> None:
        """A deadline is over; it is set anew where something was heard in the meantime."""
        now = self._loop.time()
        if self._transport.get_write_buffer_size():
            self._heard = now
        until = min(self._heard + self._silence, self._until)
        if now >= until:
            self._end(TIMED_OUT)
        else:
            self._deadlines.set(self, until)

    def _end(self, outcome: Outcome) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(outcome)

    def _complete(self) -> None:
        """The answer is whole; the connection goes on only where both sides have said all that they had to."""
        self._is_whole = True
        self.idle_since = self._loop.time()
        answer = Answer(self._status, tuple(self._fields), b"".join(self._parts))
        if not self._stays or self._transport.get_write_buffer_size():
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

    def eof_received(self) -> None:
        # uvloop says this of TLS only where the other side did (RFC 8446 section 6.1): a cut line cuts no answer.
        if self._ends_with_connection and not self._is_whole:
            self._complete()

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
        if status != 101 and status < _FINAL.start:  # noqa: PLR2004
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


def _outcome(answer: Answer) -> Outcome:
    return Outcome("sent", "vendor.redirect" if answer.is_redirect else "", answer)
