"""The strict edge before ASGI: whatever is not one plain HTTP/1.1 request within bounds is refused unread."""

import asyncio
import json
import logging
import re
import traceback
from collections.abc import MutableMapping, Sequence
from math import inf
from typing import Any, ClassVar, Final, cast

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from gateway.errors import Refusal, refuse
from gateway.problem import MEDIA_TYPE, problem

# Origin form (RFC 9112 section 3.2.1) in visible ASCII, without `"` and `#`.
_TARGET = re.compile(rb"/[!$-~]*\Z")
_HOST = re.compile(rb"(?:[A-Za-z0-9.\-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?\Z")
# The header lines that are judged here, each at most once, and the code that a wrong one is refused with.
_JUDGED = {
    b"host": "http.host",
    b"transfer-encoding": "http.framing",
    b"content-length": "http.framing",
    b"trailer": "http.trailer",
    b"upgrade": "http.upgrade",
    **dict.fromkeys((b"content-type", b"authorization", b"expect"), "http.header"),
    **dict.fromkeys((b"gateway-token", b"gateway-subject"), "http.header"),
}
# Options of Connection that name no header which anybody but us could read.
_SAID_TO_US = frozenset((b"close", b"keep-alive", b"te", b"upgrade"))
WHOLE: Final = "gateway.whole"
"""The extension in the scope of a request whose body has come to its end: to read it is not to wait."""
_IS_WHOLE: Final[dict[str, dict[object, object]]] = {WHOLE: {}}
_METHODS = frozenset((b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE"))

# The parser's own reasons are constant texts; the first word found in one, in lower case, names the code.
_PARSER_REASONS = (
    ("http version", "http.version"),
    ("pri/upgrade", "http.version"),
    ("expected http/", "http.target"),
    ("content-length", "http.framing"),
    ("transfer-encoding", "http.framing"),
    ("chunk", "http.framing"),
)


class StrictProtocol(HttpToolsProtocol):
    """uvicorn's protocol with the bounds it has no settings for, and a problem document for everything outside them.

    Sizes are bytes, times seconds; a subclass sets others. One request is bounded at a time: what stands unread of a
    refused one is discarded, up to `MAX_DISCARD` and `LINGER`, so that its sender can read the answer (RFC 9112, 9.6).
    """

    MAX_HEAD: ClassVar[int] = 32 * 1024
    MAX_FIELDS: ClassVar[int] = 64
    MAX_TARGET: ClassVar[int] = 4096
    MAX_FRAMING: ClassVar[int] = 64 * 1024
    MAX_DISCARD: ClassVar[int] = 256 * 1024
    MAX_CONNECTIONS: ClassVar[int] = 512
    """Above it somebody idle is let go for whoever comes; where nobody is idle, who comes is refused."""
    HEAD_TIMEOUT: ClassVar[float] = 10.0
    LINGER: ClassVar[float] = 2.0
    WRITE_TIMEOUT: ClassVar[float] = 10.0

    _in_head = True
    _head_begun = False
    _closing = False
    _head_fed = 0
    _fed = 0
    _framing = 0
    _discarded = 0
    _timer: asyncio.TimerHandle | None = None
    _reader: asyncio.TimerHandle | None = None

    unended: ClassVar[set[asyncio.Task[None]] | None] = None
    """Where tasks are kept that uvicorn must not cancel when it stops: who serves so waits for them."""

    @staticmethod
    def on_refused(code: str) -> None:
        """Is told the code of every refusal; they are counted, since nobody is known who could be recorded."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if self.unended is not None:
            self.tasks = self.unended
        # A line of an access log has the query in it, and uvicorn writes one wherever somebody listens.
        self.access_log = False
        if len(self.connections) > self.MAX_CONNECTIONS and not self._made_room():
            # Refused connections must not linger, or those who try again would keep everybody out.
            self.on_refused("gateway.overloaded")
            self._write(refuse("gateway.overloaded", "too many connections"))
            transport.close()
        else:
            self._await_head()

    def _made_room(self) -> bool:
        """Whether an idle connection was ended instead, which its owner has to expect at any time (RFC 9112, 9.5)."""
        ends = [
            (end, id(each), each)
            for each in self.connections
            if isinstance(each, StrictProtocol) and (end := each.idle_until)
        ]
        if not ends:
            return False
        # The one that would have ended next anyway.
        min(ends)[-1].transport.close()
        return True

    @property
    def idle_until(self) -> float | None:
        """When a connection on which nothing is under way would be ended; None of any other."""
        timer = self.timeout_keep_alive_task or self._timer
        if timer is None or not self._in_head or self._head_begun or self._answer_pending() or self._closing:
            return None
        return None if self.transport.is_closing() else timer.when()

    def pause_writing(self) -> None:
        super().pause_writing()
        # Only a caller that is slow to read its answer costs a timer.
        self._watch_reader()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._reader is not None:
            self._reader.cancel()

    def _watch_reader(self, before: float = inf) -> None:
        if (left := self.transport.get_write_buffer_size()) < before:
            self._reader = self.loop.call_later(self.WRITE_TIMEOUT, self._watch_reader, left)
        else:
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        self.resume_writing()
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def eof_received(self) -> bool:  # type: ignore[override]
        """Whether the connection stays: who has said a whole request and says no more still has its call made."""
        if not self._in_head or not self._answer_pending():
            return False
        # The last of them: it was the last to be read.
        self.cycle.keep_alive = False
        return True

    def data_received(self, data: bytes) -> None:
        if self._closing:
            self._discard(len(data))
            return
        if self.transport.is_closing():
            return
        before, self._fed = self.cycle, len(data)
        if self._in_head:
            # While a body is discarded the timer goes on, or one byte at a time would hold the connection.
            self._unset_keepalive_if_required()
            self._head_fed += self._fed
        else:
            self._framing += self._fed
        self._feed(data)
        # A head that came whole, as nearly all do, never costs a timer.
        if self._in_head and not self._closing and (self._head_begun or self.cycle is before):
            self._await_head()

    def _feed(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._refuse(_refusal(error))
        else:
            self._check_bounds()

    def _check_bounds(self) -> None:
        if self._in_head and self._head_fed > self.MAX_HEAD:
            self._refuse(refuse("http.head"))
        elif self._framing > self.MAX_FRAMING:
            self._refuse(refuse("http.framing", "more chunk framing than content"))

    def on_message_begin(self) -> None:
        self._head_begun = True
        self._head_fed = max(self._head_fed, self._fed)
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > self.MAX_TARGET:
            raise refuse("http.target", f"longer than {self.MAX_TARGET} bytes")

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._in_head:
            # uvicorn would show it to the application as a header of the request.
            raise refuse("http.trailer")
        # White space around a value is none of it (RFC 9110, section 5.5); the parser leaves what stands behind it.
        self.headers.append((name.lower(), value.strip(b" \t")))

    def on_headers_complete(self) -> None:
        self._check_head()
        self.expect_100_continue = _check_fields(self.headers)
        if options := _options(self.headers):
            # They go no further than here (RFC 9110 section 7.6.1). The application has the same list.
            self.headers[:] = [field for field in self.headers if field[0] not in options]
        super().on_headers_complete()
        self._in_head = self._head_begun = False
        self._head_fed = self._framing = self._discarded = 0
        self._stop_timer()
        raw_path, _, query = self.url.partition(b"?")
        self.scope["raw_path"], self.scope["query_string"] = raw_path, query
        self.cycle.logger = cast("logging.Logger", _FAILURES)
        # An early answer that closes would reset the connection under a caller who is still sending.
        lingering = _Lingering(self, self.cycle)
        self.cycle.transport = cast("asyncio.Transport", lingering)
        self.cycle.on_response = lingering.complete

    def on_body(self, body: bytes) -> None:
        # Chunks of one byte carry five bytes of framing; whoever needs more is not sending content.
        self._framing = max(0, self._framing - 8 * len(body))
        if self.cycle.response_complete:
            self._discard(len(body))
            return
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._in_head = True
        self._framing = 0
        self.scope["extensions"] = _IS_WHOLE
        super().on_message_complete()

    def _check_head(self) -> None:
        if self.parser.get_http_version() != "1.1":
            raise refuse("http.version")
        if self.parser.get_method() not in _METHODS:
            raise refuse("http.method")
        if not _TARGET.match(self.url):
            raise refuse("http.target")
        if self.parser.should_upgrade():
            raise refuse("http.upgrade")
        # The bytes received are more than the head, seldom by much; only then is it worth measuring.
        if len(self.headers) > self.MAX_FIELDS or (self._head_fed > self.MAX_HEAD and self._size() > self.MAX_HEAD):
            raise refuse("http.head")

    def _size(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _await_head(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(self.HEAD_TIMEOUT, self._head_is_late)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _head_is_late(self) -> None:
        self._timer = None
        if self._answer_pending():
            self._await_head()
        elif self._head_begun:
            self._refuse(refuse("http.timeout", f"no complete head within {self.HEAD_TIMEOUT:g} s"))
        else:
            self.transport.close()

    def _answer_pending(self) -> bool:
        # The cycle is None until the first head is complete, whatever its annotation says.
        cycle = cast("RequestResponseCycle | None", self.cycle)
        return cycle is not None and not cycle.response_complete

    def _refuse(self, refusal: Refusal) -> None:
        """Ends the connection, with a problem document where nobody could take it for the answer to another request."""
        self.on_refused(refusal.code)
        if self._in_head:
            self._refuse_head(refusal)
        elif self.pipeline or self.cycle.response_started:
            self.transport.abort()
        else:
            self.cycle.waiting_for_100_continue = False
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            self._answer(refusal)

    def _refuse_head(self, refusal: Refusal) -> None:
        if self._answer_pending():
            # The call before this one is under way: its answer goes out, and the connection ends after it.
            self._closing = True
            self.cycle.keep_alive = False
        else:
            self._answer(refusal)

    def _answer(self, refusal: Refusal) -> None:
        self._write(refusal)
        self.linger()

    def _write(self, refusal: Refusal) -> None:
        status, document = problem(refusal)
        self.transport.write(_reply(status, json.dumps(document).encode()))

    def linger(self) -> None:
        """Ends our side of the connection and discards, within bounds, what the other side still sends."""
        self._closing = True
        self._stop_timer()
        self._unset_keepalive_if_required()
        if not self.transport.can_write_eof():
            self.transport.close()
            return
        self.transport.write_eof()
        self._timer = self.loop.call_later(self.LINGER, self.transport.abort)

    def _discard(self, size: int) -> None:
        self._discarded += size
        if self._discarded > self.MAX_DISCARD:
            self.transport.abort()


class _Sparse(logging.LoggerAdapter[logging.Logger]):
    """Says what kind of error ended a call and where; the error's text may hold what the call carried."""

    def process(self, msg: object, kwargs: MutableMapping[str, Any]) -> tuple[object, MutableMapping[str, Any]]:
        error = kwargs.pop("exc_info", None)
        if not isinstance(error, BaseException):
            return msg, kwargs
        *_, last = traceback.extract_tb(error.__traceback__)
        return f"a call ended in {type(error).__name__} at {last.filename}:{last.lineno}", kwargs


_FAILURES = _Sparse(logging.getLogger(__name__))


class _Lingering:
    """The transport as one request and its answer see it: closed amid the body, it lets the caller finish.

    The head of an answer leaves with the first part of its body: alone it costs a system call, and wakes the caller for
    nothing.
    """

    __slots__ = ("_cycle", "_head", "_protocol")

    def __init__(self, protocol: StrictProtocol, cycle: RequestResponseCycle) -> None:
        self._protocol = protocol
        self._cycle = cycle
        self._head: bytes | None = None

    def write(self, data: bytes) -> None:
        if self.is_closing():
            # Nobody is there any more for whom it was, and the loop would raise.
            return
        if self._head is None and self._cycle.response_started:
            self._head = data
        elif self._head:
            self._protocol.transport.write(self._head + data)
            self._head = b""
        else:
            self._protocol.transport.write(data)

    def flush(self) -> None:
        """Sends a head that no body follows."""
        if self._head:
            self.write(b"")

    def is_closing(self) -> bool:
        return self._protocol.transport.is_closing()

    def complete(self) -> None:
        """Is called once the answer is whole."""
        self.flush()
        # Whoever the answer was for lets go of this, so that no circle is left to be collected.
        self._cycle.transport = self._protocol.transport
        self._protocol.on_response_complete()

    def close(self) -> None:
        self.flush()
        if self._cycle.response_complete and self._cycle.more_body and not self._protocol.transport.is_closing():
            self._protocol.linger()
        else:
            self._protocol.transport.close()


def _check_fields(fields: Sequence[tuple[bytes, bytes]]) -> bool:
    """Refuses header lines that contradict each other or this edge; whether one expects 100-continue."""
    seen: dict[bytes, bytes] = {}
    for name, value in fields:
        if name not in _JUDGED:
            continue
        if name in seen:
            raise refuse(_JUDGED[name], f"{name.decode()} is given twice")
        seen[name] = value
    if not _HOST.match(seen.get(b"host", b"")):
        raise refuse("http.host")
    if seen.get(b"transfer-encoding", b"chunked") != b"chunked":
        raise refuse("http.framing", "transfer-encoding is not exactly chunked")
    for name in (b"trailer", b"upgrade"):
        if name in seen:
            raise refuse(_JUDGED[name])
    if seen.get(b"expect", b"100-continue").lower() != b"100-continue":
        raise refuse("http.header", "expect is not 100-continue")
    return b"expect" in seen


def _options(fields: Sequence[tuple[bytes, bytes]]) -> set[bytes]:
    """The headers that Connection keeps here. Raises Refusal where it names one that every hop has to read."""
    values = [value for name, value in fields if name == b"connection"]
    options = {option.strip() for value in values for option in value.lower().split(b",")} - _SAID_TO_US
    if named := options & _JUDGED.keys():
        raise refuse("http.header", f"connection names {min(named).decode()}")
    return options


def _refusal(error: Exception) -> Refusal:
    """What to refuse for an error of the parser, which carries along what our own callbacks raised."""
    if isinstance(error.__context__, Refusal):
        return error.__context__
    if isinstance(error, httptools.HttpParserInvalidMethodError):
        return refuse("http.method")
    if isinstance(error, httptools.HttpParserInvalidURLError):
        return refuse("http.target")
    return refuse(next((code for word, code in _PARSER_REASONS if word in str(error).lower()), "http.malformed"))


def _reply(status: int, payload: bytes) -> bytes:
    fields = (
        f"content-type: {MEDIA_TYPE}\r\ncontent-length: {len(payload)}\r\ngateway-sent: no\r\nconnection: close\r\n\r\n"
    )
    return STATUS_LINE[status] + fields.encode() + payload
