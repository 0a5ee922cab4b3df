"""A vendor on a loopback port: an honest server that answers as scripted and remembers every byte it was sent."""

import asyncio
import datetime as dt
import ipaddress
import socket
import ssl
import struct
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from gateway.outbound.guard import Addresses, Lookup
from gateway.outbound.http1 import Http1
from gateway.outbound.send import Host

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
"""What the vendor does once a whole request is there."""


async def at_loopback(hostname: str, port: int) -> Sequence[str]:
    """A resolver for which every name is this machine."""
    return ["127.0.0.1"]


HASTY = 1.0
"""Seconds for a whole attempt, where what is tested is that they end."""


@asynccontextmanager
async def carrying(
    lookup: Lookup = at_loopback,
    *,
    ca: bytes | None = None,
    kept: int = 64,
    idle: float = 20.0,
    silence: float = 20.0,
    total: float = 30.0,
) -> AsyncIterator[Http1]:
    """The real way out; every name leads where `lookup` says. Times are seconds."""
    addresses = Addresses(lookup, clock=time.monotonic)
    carrier = Http1(addresses, total=total, connect=total / 2, ca=ca, kept=kept, idle=idle, silence=silence)
    try:
        yield carrier
    finally:
        await carrier.close()


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it came in."""

    line: str
    headers: tuple[tuple[str, str], ...]
    payload: bytes


@dataclass
class Vendor:
    """Serves `script` for each request between `async with` and its end; `eager` does not wait for a request."""

    script: Script
    eager: bool = False
    tls: ssl.SSLContext | None = None
    host: str = "127.0.0.1"
    received: list[Received] = field(default_factory=list)
    connections: list[bytearray] = field(default_factory=list)
    port: int = 0
    ended: int = 0

    async def __aenter__(self) -> Self:
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: list[asyncio.StreamWriter] = []
        self._server = await asyncio.start_server(self._serve, self.host, self.port, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in self._writers:
            writer.transport.abort()
        # A transport is only closed when the loop has come round.
        await asyncio.sleep(0.01)

    def at(self, *, scheme: str = "http", hostname: str = "api.parcels.test") -> Host:
        """Where a gateway finds it, under a name that leads to loopback and may."""
        return Host("api", scheme, hostname, self.port, LOOPBACK)

    @property
    def raw(self) -> bytes:
        """Everything that came in, over all connections."""
        return b"".join(self.connections)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.append(writer)
        self.connections.append(bytearray())
        # What comes after an answer that did not wait for its request is no request either, whatever is told meanwhile.
        is_eager = self.eager
        try:
            if is_eager:
                await self.script(reader, writer)
            while not is_eager and not self.eager:
                await self._receive(reader, self.connections[-1])
                await self.script(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            self.ended += 1
            writer.close()

    async def _receive(self, reader: asyncio.StreamReader, raw: bytearray) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        raw += head
        line, *fields = head[:-4].decode("latin-1").split("\r\n")
        headers = tuple((name, value) for name, _, value in (text.partition(": ") for text in fields))
        length = next((value for name, value in headers if name.lower() == "content-length"), "0")
        payload = await reader.readexactly(int(length))
        raw += payload
        self.received.append(Received(line, headers, payload))


def says(raw: bytes, *, then: Script | None = None) -> Script:
    """Answers with these bytes, and goes on as `then` says, or waits for the next request."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        await writer.drain()
        if then is not None:
            await then(reader, writer)

    return script


def answers(status: int = 200, payload: bytes = b"ok", *fields: str) -> Script:
    """A whole answer with these header lines."""
    head = "".join(f"{line}\r\n" for line in (f"HTTP/1.1 {status} As Told", f"content-length: {len(payload)}", *fields))
    return says(head.encode() + b"\r\n" + payload)


async def hangs_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Ends the connection properly."""
    writer.close()
    await writer.wait_closed()


async def resets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Ends the connection with a reset."""
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
    await asyncio.sleep(0)


async def stays_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Keeps the connection and says nothing more."""
    await asyncio.Event().wait()


async def never_ends(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Goes on for ever with parts of a chunked body, until the other side leaves."""
    while True:
        writer.write(b"10000\r\n" + b"a" * 0x10000 + b"\r\n")
        await writer.drain()


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority made for a test: its PEM, and a server side with a certificate that it signed.

    `certificate` and `key` are that one, as PEM.
    """

    pem: bytes
    server: ssl.SSLContext
    certificate: str
    key: str


def authority(*names: str, days: int = 1) -> Authority:
    """For hosts of these names or addresses; a negative number of days has run out."""
    now = dt.datetime.now(dt.UTC)
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Authority of a test")])
    draft = x509.CertificateBuilder().issuer_name(ca_name).not_valid_before(now - dt.timedelta(days=30))
    ca = (
        draft.subject_name(ca_name)
        .public_key(ca_key.public_key())
        .serial_number(1)
        .not_valid_after(now + dt.timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(ca_key, hashes.SHA256())
    )
    leaf = (
        draft.subject_name(x509.Name([]))
        .public_key(key.public_key())
        .serial_number(2)
        .not_valid_after(now + dt.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=True)
        .sign(ca_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    signed = leaf.public_bytes(pem)
    return Authority(ca.public_bytes(pem), _server_side(private + signed), signed.decode(), private.decode())


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _server_side(pem: bytes) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "server.pem")
        path.write_bytes(pem)
        context.load_cert_chain(path)
    return context
