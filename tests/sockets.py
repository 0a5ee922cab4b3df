"""A real listener behind the strict edge, and a client that says exactly the bytes it is told."""

import asyncio
import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn

from gateway.edge import serve_config
from gateway.wire import StrictProtocol

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Call:
    """A request as the application saw it, to the last byte of its body."""

    method: str
    path: bytes
    query: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    payload: bytes


@dataclass
class Listening:
    """An application that answers 200 to each whole request and remembers it; half a request it never answers."""

    calls: list[Call] = field(default_factory=list)
    broken_off: int = 0

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await live(receive, send)
            return
        payload = await whole_body(receive)
        if payload is None:
            self.broken_off += 1
            return
        headers = tuple((bytes(name), bytes(value)) for name, value in scope["headers"])
        self.calls.append(Call(scope["method"], scope["raw_path"], scope["query_string"], headers, payload))
        await answer(send, 200, b"ok")


@dataclass
class Slow:
    """An application that answers after a while, in seconds."""

    delay: float = 0.2

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await live(receive, send)
            return
        await asyncio.sleep(self.delay)
        await answer(send, 200, b"slow")


@dataclass
class Held:
    """An application that answers once a test in another thread lets it go."""

    begun: int = 0
    going: threading.Event = field(default_factory=threading.Event)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await live(receive, send)
            return
        self.begun += 1
        await asyncio.to_thread(self.going.wait, PATIENCE)
        await answer(send, 200, b"held")


class Patient:
    """An application that answers when it is told to; whether it came that far stands in `ended`."""

    def __init__(self) -> None:
        self.begun, self.go_on = asyncio.Event(), asyncio.Event()
        self.ended = False

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await live(receive, send)
            return
        self.begun.set()
        await self.go_on.wait()
        self.ended = True
        await answer(send, 200, b"patient")


@dataclass(frozen=True, slots=True)
class Early:
    """An application that answers before it has read the body."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...] = ()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await live(receive, send)
            return
        await answer(send, self.status, b"", *self.headers)


@dataclass(frozen=True, slots=True)
class Failing:
    """An application with a fault whose message holds what it was called with."""

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await live(receive, send)
            return
        raise ValueError(scope["raw_path"])


async def live(receive: Receive, send: Send) -> None:
    """Takes part in the lifespan of an ASGI server, and does nothing in it."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def whole_body(receive: Receive) -> bytes | None:
    """The body to its end, or None if it broke off."""
    payload = bytearray()
    while (message := await receive())["type"] == "http.request":
        payload += message["body"]
        if not message["more_body"]:
            return bytes(payload)
    return None


async def answer(send: Send, status: int, payload: bytes, *headers: tuple[bytes, bytes]) -> None:
    length = (b"content-length", str(len(payload)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [length, *headers]})
    await send({"type": "http.response.body", "body": payload, "more_body": False})


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: one answer, its headers with lower-case names."""

    status: int
    headers: Mapping[str, str]
    payload: bytes

    @property
    def code(self) -> str:
        return str(json.loads(self.payload)["code"])


class Client:
    """One connection that says raw bytes."""

    def __init__(self, address: tuple[str, int], *, patience: float = PATIENCE) -> None:
        self._socket = socket.create_connection(address, timeout=patience)
        self._unread = b""

    def say(self, raw: bytes) -> None:
        self._socket.sendall(raw)

    def hang_up(self) -> None:
        self._socket.shutdown(socket.SHUT_WR)

    def reply(self) -> Reply:
        """The next answer, interim ones included. Raises EOFError if the connection ends before it does."""
        while b"\r\n\r\n" not in self._unread:
            self._more()
        head, _, self._unread = self._unread.partition(b"\r\n\r\n")
        line, *fields = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (text.partition(": ") for text in fields)}
        if headers.get("transfer-encoding") == "chunked":
            return Reply(int(line.split(" ")[1]), headers, b"".join(self._chunks()))
        length = int(headers.get("content-length", "0"))
        while len(self._unread) < length:
            self._more()
        payload, self._unread = self._unread[:length], self._unread[length:]
        return Reply(int(line.split(" ")[1]), headers, payload)

    def _chunks(self) -> Iterator[bytes]:
        """RFC 9112 section 7.1, without extensions or trailers."""
        while True:
            while b"\r\n" not in self._unread:
                self._more()
            size, _, self._unread = self._unread.partition(b"\r\n")
            length = int(size, 16)
            while len(self._unread) < length + 2:
                self._more()
            chunk, self._unread = self._unread[:length], self._unread[length + 2 :]
            if not length:
                return
            yield chunk

    def rest(self) -> bytes:
        """Everything up to the end of the connection; a reset is an end too."""
        try:
            while True:
                self._more()
        except (EOFError, ConnectionResetError):
            unread, self._unread = self._unread, b""
            return unread

    def part(self, pause: float) -> bytes:
        """What there is after a pause, or nothing at the end of the connection."""
        time.sleep(pause)
        return self._socket.recv(65536)

    def close(self) -> None:
        self._socket.close()

    def _more(self) -> None:
        if not (data := self._socket.recv(65536)):
            raise EOFError
        self._unread += data


@dataclass
class Edge:
    """A running listener: where it is, and which refusals it counted."""

    address: tuple[str, int]
    refused: Counter[str]

    @contextmanager
    def client(self) -> Iterator[Client]:
        client = Client(self.address)
        try:
            yield client
        finally:
            client.close()

    def exchange(self, raw: bytes) -> Reply:
        """The first answer to these bytes, over a connection of its own."""
        with self.client() as client:
            client.say(raw)
            return client.reply()


@contextmanager
def listening(app: App, protocol: type[StrictProtocol] = StrictProtocol, *, keep_alive: int = 15) -> Iterator[Edge]:
    """The application behind the strict edge on a loopback port, in a thread of its own until the block ends."""
    refused: Counter[str] = Counter()

    def count(code: str) -> None:
        refused[code] += 1

    config = serve_config(app, on_refused=count, protocol=protocol, keep_alive=keep_alive, graceful=1)
    with running(config) as address:
        yield Edge(address, refused)


@contextmanager
def running(config: uvicorn.Config) -> Iterator[tuple[str, int]]:
    """A server in a thread of its own until the block ends; gives its address."""
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield _address(server, thread)
    finally:
        server.should_exit = True
        thread.join(PATIENCE)


def _address(server: uvicorn.Server, thread: threading.Thread) -> tuple[str, int]:
    until = time.monotonic() + PATIENCE
    while not server.started:
        if not thread.is_alive() or time.monotonic() > until:
            raise RuntimeError("the listener did not start")
        time.sleep(0.005)
    host, port = server.servers[0].sockets[0].getsockname()[:2]
    return host, port
