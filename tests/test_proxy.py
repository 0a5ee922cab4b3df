"""A call goes on to its end whatever becomes of its caller, and a fault of ours says nothing of what was in it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path as Folder
from typing import Any, cast

import pytest

from gateway.assemble import Call
from gateway.errors import Refusal
from gateway.exchange import Exchange
from gateway.proxy import Proxy
from gateway.reply import Reply, refused
from gateway.spool import Spools
from gateway.wire import WHOLE

CANARY = "Qz7canary"
NO_ROOM = Spools(Folder("/nonexistent"), most=0)


@dataclass
class Path:
    """The path of a call as far as the proxy sees it: does what it is told with each call."""

    deed: Callable[[Call], Awaitable[Reply]]
    calls: list[Call] = field(default_factory=list)

    async def reply(self, call: Call) -> Reply:
        self.calls.append(call)
        return await self.deed(call)


@dataclass
class Caller:
    """One side of an ASGI connection: says these messages, and remembers what it was told."""

    says: list[dict[str, Any]]
    told: list[dict[str, Any]] = field(default_factory=list)

    async def receive(self) -> dict[str, Any]:
        if not self.says:
            await asyncio.Event().wait()
        return self.says.pop(0)

    async def send(self, message: Any) -> None:
        self.told.append(message)

    @property
    def status(self) -> int:
        return int(self.told[0]["status"])

    @property
    def headers(self) -> dict[bytes, bytes]:
        return dict(self.told[0]["headers"])


def proxy(deed: Callable[[Call], Awaitable[Reply]], *, in_flight: int = 4, body_deadline: float = 0.2) -> Proxy:
    exchange = cast("Exchange", Path(deed))
    return Proxy(exchange, spools=NO_ROOM, body_deadline=body_deadline, in_flight=in_flight)


def part(body: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


async def called(
    app: Proxy,
    caller: Caller,
    *headers: tuple[bytes, bytes],
    path: bytes = b"/a",
    extensions: dict[str, Any] | None = None,
) -> Caller:
    scope = {
        "type": "http",
        "scheme": "http",
        "method": "POST",
        "raw_path": path,
        "query_string": b"q=1",
        "headers": list(headers),
        "extensions": extensions or {},
    }
    await app(scope, caller.receive, caller.send)
    return caller


async def echo(call: Call) -> Reply:
    try:
        return Reply(200, (("x-path", call.path),), await call.read(10))
    except Refusal as refusal:
        return refused(refusal)


CHUNKED = (b"transfer-encoding", b"chunked")


async def test_a_call_is_handed_on_and_its_reply_comes_back() -> None:
    caller = await called(proxy(echo), Caller([part(b"hel", more=True), part(b"lo")]), CHUNKED)

    assert caller.told[1]["body"] == b"hello"
    assert caller.headers == {b"x-path": b"/a", b"content-length": b"5"}


async def test_without_a_body_nothing_is_waited_for() -> None:
    caller = await called(proxy(echo), Caller([]))

    assert caller.told[1]["body"] == b""


async def test_a_body_that_has_come_whole_is_read_and_bounded_like_any_other() -> None:
    short, long = [
        await called(proxy(echo), Caller([part(body)]), CHUNKED, extensions={WHOLE: {}})
        for body in (b"hello", b"hello world")
    ]

    assert short.told[1]["body"] == b"hello"
    assert b'"code":"body.too_large"' in long.told[1]["body"]


@pytest.mark.parametrize(
    ("says", "header", "code"),
    [
        ([part(b"hello"), part(b"more")], (b"content-length", b"11"), b"body.too_large"),
        ([part(b"hello ", more=True), part(b"world")], CHUNKED, b"body.too_large"),
        ([part(b"hello", more=True)], CHUNKED, b"http.timeout"),
        ([part(b"hello", more=True), {"type": "http.disconnect"}], CHUNKED, b"http.malformed"),
    ],
    ids=["too long by its own word", "too long as it comes", "never whole", "broken off"],
)
async def test_a_body_that_does_not_come_within_bounds_is_refused(
    says: list[dict[str, Any]], header: tuple[bytes, bytes], code: bytes
) -> None:
    caller = await called(proxy(echo), Caller(says), header)

    assert b'"code":"' + code + b'"' in caller.told[1]["body"]
    assert caller.headers[b"connection"] == b"close", "what is still on its way is no next request"


async def test_a_fault_that_nobody_foresaw_says_where_it_is_and_not_what_was_in_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fails(call: Call) -> Reply:
        raise ValueError(CANARY, call.path)

    caplog.set_level(logging.DEBUG)
    caller = await called(proxy(fails), Caller([]), path=CANARY.encode())

    assert caller.status == 504
    assert caller.headers[b"gateway-sent"] == b"possibly"
    [record] = [each for each in caplog.records if each.name == "gateway.proxy"]
    assert record.getMessage().startswith("a call failed: ValueError at ")
    assert "test_proxy.py" in record.getMessage()
    assert CANARY not in caplog.text
    assert all(CANARY.encode() not in repr(message).encode() for message in caller.told)


async def test_above_the_bound_calls_are_refused_and_the_others_go_on() -> None:
    go_on = asyncio.Event()

    async def waits(_: Call) -> Reply:
        await go_on.wait()
        return Reply(200, (), b"")

    app = proxy(waits, in_flight=2)
    first = [asyncio.ensure_future(called(app, Caller([]))) for _ in range(2)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    third = await called(app, Caller([]))

    busy = app.busy
    go_on.set()

    assert busy == 2
    assert third.status == 503
    assert [caller.status for caller in await asyncio.gather(*first)] == [200, 200]
    assert app.busy == 0


async def test_a_call_goes_on_when_its_caller_does_not_and_the_end_waits_for_it() -> None:
    go_on, ended = asyncio.Event(), asyncio.Event()

    async def waits(_: Call) -> Reply:
        await go_on.wait()
        ended.set()
        return Reply(200, (), b"")

    app = proxy(waits)
    caller = asyncio.ensure_future(called(app, Caller([{"type": "http.disconnect"}])))
    await asyncio.sleep(0.01)
    draining = asyncio.ensure_future(app.drained())
    await asyncio.sleep(0.01)

    waited = not draining.done()
    go_on.set()
    await draining

    assert waited
    assert ended.is_set()
    await caller


async def test_a_header_that_no_caller_could_read_is_written_all_the_same() -> None:
    async def odd(_: Call) -> Reply:
        return Reply(200, (("gateway-hint", "a\u2028b"),), b"")

    assert (await called(proxy(odd), Caller([]))).headers[b"gateway-hint"] == b"a?b"


async def test_the_proxy_takes_part_in_the_life_of_its_server() -> None:
    caller = Caller([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])

    await proxy(echo)({"type": "lifespan"}, caller.receive, caller.send)

    assert [message["type"] for message in caller.told] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
