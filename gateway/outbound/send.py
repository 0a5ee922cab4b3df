"""One attempt at a vendor: exactly these bytes, to an address that was checked, at most once."""

import asyncio
import logging
import re
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, ip_address
from typing import Literal, Protocol

import pyqwest

from gateway.errors import Refusal, StartError, refuse
from gateway.outbound.guard import Address, Addresses, Network

_DEFAULT_PORTS = {"http": 80, "https": 443}
_HOSTNAME = re.compile(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*")
_TARGET = re.compile(r"""/[!"$-~]*""")
_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"))
_WITH_BODY = frozenset(("POST", "PUT", "PATCH"))
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t -~]*")

# Hop by hop (RFC 9110 section 7.6.1), or said by us and by nobody else.
_NEVER_FORWARDED = frozenset(
    (
        "accept-encoding",
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    )
)

# A proxy that is given switches those of the environment off, and this one is excepted for every host.
_NO_PROXY = pyqwest.Proxy("http://127.0.0.1:9", no_proxy="*,0.0.0.0/0,::/0")

_FINAL = range(200, 600)
_TRIES = 2


@dataclass(frozen=True, slots=True)
class Host:
    """A host of a vendor, from its file: the key it has there, and where requests go.

    `hostname` is a name in lower case or an address without brackets; `networks` are those outside the public internet
    that it may stand in. Plain `http` is for hosts whose networks are all loopback.
    """

    name: str
    scheme: str
    hostname: str
    port: int
    networks: tuple[Network, ...] = ()
    origin: str = field(init=False)
    """Scheme, host and, where it is not the default, port (RFC 6454 section 6.2)."""
    is_plain: bool = field(init=False)
    """Whether the name reads in one way only, and plain `http` stays on this machine."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "origin", _origin(self))
        object.__setattr__(self, "is_plain", _is_plain(self))


def _origin(host: Host) -> str:
    name = f"[{host.hostname}]" if ":" in host.hostname else host.hostname
    port = "" if host.port == _DEFAULT_PORTS.get(host.scheme) else f":{host.port}"
    return f"{host.scheme}://{name}{port}"


@dataclass(frozen=True, slots=True)
class Sending:
    """A request to a vendor. `target` is path and query as they go on the wire; the payload is whole."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    payload: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What a vendor said. Names of headers are in lower case; a value outside ASCII is empty."""

    status: int
    headers: tuple[tuple[str, str], ...]
    payload: bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an attempt. `not_sent` is proven: no byte of the request left. All doubt is `possibly`.

    `code` says why there is no answer, or why the answer that there is has lost its payload.
    """

    result: Literal["sent", "not_sent", "possibly"]
    code: str = ""
    answer: Answer | None = None


Holds = Callable[[], bool]
"""Whether the decision to send still holds."""

STALE = Outcome("not_sent")
"""Nothing left, because the decision to send it did not hold any more."""


class Vendors(Protocol):
    """Whoever carries a request to a vendor."""

    async def send(self, host: Host, sending: Sending, *, limit: int, holds: Holds) -> Outcome:
        """One attempt; an answer longer than `limit` bytes is not read. Never raises for what the network does.

        Called only after the intent is durable. `holds` is asked once more when the address is known, right before the
        transport gets the request: where it says no, nothing leaves and the outcome is STALE. A cancelled call may have
        been sent.
        """

    async def close(self) -> None:
        """Lets go of every connection. Attempts under way go on."""


def request(host: Host, sending: Sending) -> pyqwest.Request:
    """The request as it goes on the wire: nothing added but Host, Accept, Accept-Encoding and Content-Length.

    Raises Refusal for whatever would arrive differently from how it was decided: `http.method`, `http.target`,
    `http.header`, and `vendor.address` for a host that is written ambiguously.
    """
    if sending.method not in _METHODS:
        raise refuse("http.method", f"towards {host.name}")
    if not host.is_plain:
        raise refuse("vendor.address", f"host {host.name} is not written plainly")
    url = host.origin + sending.target
    try:
        built = pyqwest.Request(sending.method, url, pyqwest.Headers(_headers(sending)), sending.payload or None)
    except ValueError:
        # The transport's own error carries the whole URL.
        raise refuse("http.target", f"towards {host.name}") from None
    if not _TARGET.fullmatch(sending.target) or built.url != url:
        raise refuse("http.target", f"towards {host.name}: it would be rewritten on the way")
    return built


def _is_plain(host: Host) -> bool:
    if host.scheme == "http":
        return bool(host.networks) and all(network.is_loopback for network in host.networks) and _is_name(host.hostname)
    return host.scheme == "https" and _is_name(host.hostname)


def _is_name(hostname: str) -> bool:
    try:
        return str(ip_address(hostname)) == hostname
    except ValueError:
        return _HOSTNAME.fullmatch(hostname) is not None


def _headers(sending: Sending) -> list[tuple[str, str]]:
    for name, value in sending.headers:
        if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
            raise refuse("http.header", "a header is not plain ASCII")
    forwarded = [(name, value) for name, value in sending.headers if _is_forwarded(name.lower())]
    forwarded.append(("accept-encoding", "identity"))
    if not sending.payload and sending.method in _WITH_BODY:
        forwarded.append(("content-length", "0"))
    return forwarded


def _is_forwarded(name: str) -> bool:
    return name not in _NEVER_FORWARDED and not name.startswith("gateway-")


class Pyqwest:
    """Carries requests with pyqwest, over HTTP/1.1 only: over HTTP/2 it would silently send some of them again.

    `total` and `connect` are seconds, for the whole attempt and for TCP with TLS; `ca` is a PEM bundle that stands in
    for the system's. There is one transport for each address, and `transports` of them at most; closing waits `pause`
    seconds for their threads. Raises StartError where the bundle cannot be read.
    """

    def __init__(
        self,
        addresses: Addresses,
        *,
        total: float = 30.0,
        connect: float = 5.0,
        ca: bytes | None = None,
        connections: int = 512,
        transports: int = 256,
        pause: float = 0.3,
    ) -> None:
        self._addresses = addresses
        self._total = total
        self._connect = connect
        self._ca = ca
        self._connections = connections
        self._bound = transports
        self._pause = pause
        self._transports: OrderedDict[tuple[str, Address], pyqwest.HTTPTransport] = OrderedDict()
        # The transport logs whole URLs, and what stands in a path or query may be personal.
        logging.getLogger("pyqwest").setLevel(logging.CRITICAL)
        self._check_authorities()

    def _check_authorities(self) -> None:
        try:
            self._made("localhost", IPv4Address("127.0.0.1"))
        except ValueError:
            raise StartError("the bundle of certificate authorities towards vendors is not PEM") from None

    async def send(self, host: Host, sending: Sending, *, limit: int, holds: Holds = lambda: True) -> Outcome:
        try:
            built = request(host, sending)
            addresses = await self._addresses.of(host.hostname, host.port, host.networks)
        except Refusal as refusal:
            return Outcome("not_sent", refusal.code)
        if host.scheme == "http" and not all(address.is_loopback for address in addresses):
            return Outcome("not_sent", "vendor.address")
        if not holds():
            return STALE
        return await self._send_to_one(host, self._warm_first(host, addresses), built, limit)

    async def close(self) -> None:
        transports = list(self._transports.values())
        self._transports.clear()
        for transport in transports:
            await transport.aclose()
        if transports:
            # An interpreter that ends while the threads of a transport do is aborted.
            await asyncio.sleep(self._pause)

    def _warm_first(self, host: Host, addresses: Sequence[Address]) -> list[Address]:
        return sorted(addresses, key=lambda address: (host.origin, address) not in self._transports)

    async def _send_to_one(
        self, host: Host, addresses: Sequence[Address], built: pyqwest.Request, limit: int
    ) -> Outcome:
        """Goes on to the next address only where it is proven that nothing left for the one before."""
        outcome = Outcome("not_sent", "vendor.unreachable")
        for address in addresses[:_TRIES]:
            outcome = await _attempt(self._transport(host, address), built, limit)
            if outcome.result != "not_sent":
                break
            self._let_go(host.origin, address)
        return outcome

    def _transport(self, host: Host, address: Address) -> pyqwest.HTTPTransport:
        key = (host.origin, address)
        if (transport := self._transports.get(key)) is None:
            transport = self._transports[key] = self._made(host.hostname, address)
        self._transports.move_to_end(key)
        if len(self._transports) > self._bound:
            self._let_go(*next(iter(self._transports)))
        return transport

    def _let_go(self, origin: str, address: Address) -> None:
        # Dropped rather than closed: an attempt that is about to begin on it must not fail for that.
        self._transports.pop((origin, address), None)

    def _made(self, hostname: str, address: Address) -> pyqwest.HTTPTransport:
        return pyqwest.HTTPTransport(
            tls_ca_cert=self._ca,
            tls_include_system_certs=self._ca is None,
            http_version=pyqwest.HTTPVersion.HTTP1,
            proxy=_NO_PROXY,
            timeout=self._total,
            connect_timeout=self._connect,
            # It would run while we connect and upload.
            read_timeout=None,
            pool_idle_timeout=20.0,
            pool_max_idle_per_host=32,
            max_connections_per_address=self._connections,
            tcp_keepalive_interval=15.0,
            enable_gzip=False,
            enable_brotli=False,
            enable_zstd=False,
            use_system_dns=False,
            dns_overrides={hostname: [str(address)]},
            enable_cookie_store=False,
            enable_dns_load_balancing=False,
            follow_redirects=False,
            max_redirects=0,
            enable_otel=False,
        )


async def _attempt(transport: pyqwest.HTTPTransport, built: pyqwest.Request, limit: int) -> Outcome:
    response: pyqwest.Response | None = None
    try:
        response = await transport.execute(built)
        return await _outcome(response, limit)
    except ConnectionError:
        # The only error that proves that nothing left, and only before an answer.
        if response is None:
            return Outcome("not_sent", "vendor.unreachable")
        return Outcome("possibly", "vendor.broken")
    except TimeoutError:
        return Outcome("possibly", "vendor.timeout")
    except (pyqwest.WriteError, pyqwest.ReadError, pyqwest.RemoteProtocolError, RuntimeError):
        return Outcome("possibly", "vendor.broken")
    finally:
        if response is not None:
            await response.aclose()


async def _outcome(response: pyqwest.Response, limit: int) -> Outcome:
    coded = [value for value in response.headers.getall("transfer-encoding") if value != "chunked"]
    if response.status not in _FINAL or coded:
        return Outcome("possibly", "vendor.broken")
    payload = await _read(response, limit)
    if payload is None:
        return Outcome("possibly", "vendor.broken")
    headers = tuple(response.headers.items())
    if any(value != "identity" for value in response.headers.getall("content-encoding")):
        # It was asked for as it is. Who compresses all the same has answered, but in what nobody here can judge.
        return Outcome("sent", "vendor.broken", Answer(response.status, headers, b""))
    return Outcome("sent", answer=Answer(response.status, headers, payload))


async def _read(response: pyqwest.Response, limit: int) -> bytes | None:
    """The whole body, or None where it is longer than it may be."""
    announced = response.headers.get("content-length") or ""
    length = int(announced) if announced.isascii() and announced.isdigit() else None
    if length == 0:
        return b""
    if length is not None and length > limit:
        return None
    payload = bytearray()
    async for part in response.content:
        if len(payload) + len(part) > limit:
            return None
        payload += part
        if len(payload) == length:
            # Waiting for the end as well would cost another trip to the transport's threads.
            break
    return bytes(payload)
