"""The edge to our own services: an HTTP request becomes a call, a reply becomes an HTTP response."""

import asyncio
import logging
import traceback
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from functools import cached_property
from http import HTTPStatus
from typing import Any, cast

from gateway.assemble import Call
from gateway.deadlines import Deadlines
from gateway.errors import refuse
from gateway.exchange import Exchange
from gateway.pieces import Payload
from gateway.reply import Reply, refused
from gateway.spool import IN_MEMORY, Spool, Spools
from gateway.wire import WHOLE

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_WITHOUT_BODY = frozenset((HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED))

log = logging.getLogger(__name__)


class Proxy:
    """An ASGI application. A call goes on to its end whatever becomes of its caller, in the task of its server.

    That server must not cancel the task (`serve_config` with `ends_calls=False`): a task of our own costs every call
    three turns of the loop. `body_deadline` is in seconds; above `in_flight` calls at once, more are refused.
    """

    def __init__(self, exchange: Exchange, *, spools: Spools, body_deadline: float, in_flight: int) -> None:
        self._exchange = exchange
        self._spools = spools
        self._body_deadline = body_deadline
        self._in_flight = in_flight
        self._calls: set[asyncio.Task[Any]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
            return
        body = _Body(scope, receive, self._deadlines, self._loop.time() + self._body_deadline, self._spools)
        if len(self._calls) >= self._in_flight:
            reply = refused(refuse("gateway.overloaded"))
        else:
            reply = await self._reply(_call(scope, body), body)
        await _answer(reply, send, head=scope["method"] == "HEAD", close=body.is_unread)

    @cached_property
    def _loop(self) -> asyncio.AbstractEventLoop:
        # Asked once: asking costs a system call.
        return asyncio.get_running_loop()

    @cached_property
    def _deadlines(self) -> Deadlines[asyncio.Timeout]:
        return Deadlines(self._loop, _expire)

    @property
    def busy(self) -> int:
        """How many calls are on their way."""
        return len(self._calls)

    async def drained(self) -> None:
        """Waits until every call that has begun has ended and is settled."""
        while self._calls:
            await asyncio.wait(self._calls)

    async def _reply(self, call: Call, body: "_Body") -> Reply:
        """The reply of a call; of one that failed in a way that nobody foresaw, that it may have been sent."""
        # Never None in a coroutine that the loop runs.
        task = cast("asyncio.Task[Any]", asyncio.current_task())
        self._calls.add(task)
        try:
            return await self._exchange.reply(call)
        except Exception as fault:  # noqa: BLE001 - whatever it is, the caller must not take it for "not sent"
            # Only what and where: the text of an error may hold values.
            log.error("a call failed: %s at %s", type(fault).__name__, _line(fault))  # noqa: TRY400
            return refused(refuse("gateway.fault"), sent="possibly")
        finally:
            self._calls.discard(task)
            body.close()


def _expire(waiting: asyncio.Timeout) -> None:
    waiting.reschedule(0)


def _line(fault: BaseException) -> str:
    frames = traceback.extract_tb(fault.__traceback__)
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "an unknown place"


class _Body:
    """The body of a request, read at most once and never beyond a limit."""

    __slots__ = ("_begun", "_deadlines", "_receive", "_scope", "_spools", "_until", "is_unread", "length")

    def __init__(
        self, scope: Scope, receive: Receive, deadlines: Deadlines[asyncio.Timeout], until: float, spools: Spools
    ) -> None:
        headers = dict(scope["headers"])
        length = headers.get(b"content-length")
        self.length = int(length) if length is not None else None
        self.is_unread = bool(self.length) or b"transfer-encoding" in headers
        self._scope = scope
        self._receive = receive
        self._deadlines = deadlines
        self._until = until
        self._spools = spools
        self._begun: list[Spool] = []

    async def read(self, limit: int) -> bytes:
        """All of it. Raises Refusal `body.too_large`, `http.timeout` or `http.malformed`."""
        parts: list[bytes] = []
        await self._received(limit, parts)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def take(self, limit: int) -> Payload:
        """All of it, of which what is too long for memory stands elsewhere until the call is over.

        Raises Refusal `gateway.overloaded` too.
        """
        spool, parts = self._spool(), list[bytes]()
        await self._received(limit, parts, spool)
        last = b"".join(parts)
        return await asyncio.to_thread(spool.done, last) if spool.is_away else spool.done(last)

    def keep(self, steps: Iterable[bytes]) -> Payload:
        """The same of what comes in steps, which may be from another thread."""
        spool = self._spool()
        for step in steps:
            spool.write(step)
        return spool.done()

    @property
    def is_away(self) -> bool:
        """Whether something stands elsewhere."""
        return any(spool.is_away for spool in self._begun)

    def close(self) -> None:
        """Lets go of what stands elsewhere."""
        for spool in self._begun:
            spool.close()

    def _spool(self) -> Spool:
        self._begun.append(spool := self._spools.begin())
        return spool

    async def _received(self, limit: int, parts: list[bytes], spool: Spool | None = None) -> None:
        if self.length is not None and self.length > limit:
            raise refuse("body.too_large", f"more than {limit} bytes")
        if not self.is_unread:
            return
        if WHOLE in self._scope.get("extensions", ()):
            # Nothing is waited for, and a deadline costs more than the reading.
            await self._whole(limit, parts, spool)
            return
        try:
            async with asyncio.timeout(None) as waiting:
                self._deadlines.set(waiting, self._until)
                try:
                    await self._whole(limit, parts, spool)
                finally:
                    self._deadlines.clear(waiting)
        except TimeoutError:
            raise refuse("http.timeout", "the body did not arrive in time") from None

    async def _whole(self, limit: int, parts: list[bytes], spool: Spool | None) -> None:
        size = waiting = 0
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise refuse("http.malformed", "the caller went away before the body was whole")
            part = message.get("body", b"")
            size += len(part)
            if size > limit:
                raise refuse("body.too_large", f"more than {limit} bytes")
            parts.append(part)
            if not message.get("more_body", False):
                self.is_unread = False
                return
            if spool is not None and (waiting := waiting + len(part)) > IN_MEMORY:
                # The disk may be slow, and others must not wait for it.
                await asyncio.to_thread(spool.write, b"".join(parts))
                parts.clear()
                waiting = 0


def _call(scope: Scope, body: _Body) -> Call:
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
    path = scope["raw_path"].decode("latin-1").partition("?")[0]
    return Call(scope["method"], path, scope["query_string"], tuple(headers), body.read, scope["scheme"], body)


async def _answer(reply: Reply, send: Send, *, head: bool, close: bool) -> None:
    headers = [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in reply.headers]
    if not head and reply.status not in _WITHOUT_BODY:
        # Of what is not there nobody knows the length that it would have (RFC 9110 section 8.6).
        headers.append((b"content-length", str(len(reply.payload)).encode()))
    if close:
        # What is still on its way must not be taken for the next request.
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.payload})


async def _live(receive: Receive, send: Send) -> None:
    """Start and end belong to whoever built this application; uvicorn is told so."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
