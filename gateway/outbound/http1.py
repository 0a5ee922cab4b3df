"""The way out: a pool of connections, each to an address that was checked."""

import asyncio
import logging
import os
import ssl
from collections.abc import Callable, Sequence
from functools import cached_property

from gateway.deadlines import Deadlines
from gateway.errors import Refusal, StartError
from gateway.outbound.certified import Certified, present
from gateway.outbound.connection import Connection
from gateway.outbound.guard import Address, Addresses
from gateway.outbound.send import STALE, Holds, Host, Outcome, Sending, request

UNREACHABLE = Outcome("not_sent", "vendor.unreachable")
_ADDRESSES = 2
_QUIET = 60.0  # seconds in which the same reason is not told of the same host again

log = logging.getLogger(__name__)

_Key = tuple[str, bytes, bytes]
"""The origin of a host, one of its addresses, packed, and what proves us there: as objects their hashes are worked out
anew each time.
"""


class Http1:
    """Carries requests over HTTP/1.1: every attempt on one connection, written once, repeated by nobody.

    `total`, `connect` and `silence` are seconds: for the whole attempt, for TCP with TLS, and between two parts of an
    answer; `ca` is a PEM bundle that stands in
    for the system's. `kept` free connections to each address wait `idle` seconds at most for the next request.
    Raises StartError where the bundle cannot be read.
    """

    def __init__(
        self,
        addresses: Addresses,
        *,
        total: float = 30.0,
        connect: float = 5.0,
        silence: float = 20.0,
        ca: bytes | None = None,
        kept: int = 64,
        idle: float = 20.0,
    ) -> None:
        self._addresses = addresses
        self._total = total
        self._connect = connect
        self._silence = silence
        self._ca = ca
        self._tls = _client_side(ca)
        self._proving: dict[bytes, ssl.SSLContext] = {}
        self._kept = kept
        self._idle = idle
        self._free: dict[_Key, list[Connection]] = {}
        self._sweep: asyncio.TimerHandle | None = None
        self._closed = False
        self._told: dict[tuple[str, str], float] = {}

    async def send(self, host: Host, sending: Sending, *, limit: int, holds: Holds = lambda: True) -> Outcome:
        until = self._loop.time() + self._total
        try:
            written = request(host, sending)
            addresses = await self._addresses.of(host.hostname, host.port, host.networks)
        except Refusal as refusal:
            self._tell(host, refusal.failures[0].detail)
            return Outcome("not_sent", refusal.code)
        if host.scheme == "http" and not all(address.is_loopback for address in addresses):
            return Outcome("not_sent", "vendor.address")
        for address in self._warm_first(host, addresses)[:_ADDRESSES]:
            key = host.origin, address.packed, host.mark
            connection = self._taken(key) or await self._connected(host, address, until)
            if connection is None:
                # It is proven that nothing left, so the next address may be tried.
                continue
            try:
                if not holds():
                    return STALE
                if connection.is_open:
                    return await connection.carry(
                        sending.method, written, limit=limit, silence=self._silence, until=until
                    )
            finally:
                self._keep(key, connection)
        return UNREACHABLE

    async def close(self) -> None:
        """Ends every free connection; those under way end with their attempts."""
        self._closed = True
        self._drop(lambda _: True)

    @cached_property
    def _loop(self) -> asyncio.AbstractEventLoop:
        # Asked once: asking costs a system call.
        return asyncio.get_running_loop()

    def _warm_first(self, host: Host, addresses: Sequence[Address]) -> Sequence[Address]:
        if len(addresses) == 1:
            return addresses
        return sorted(addresses, key=lambda address: (host.origin, address.packed, host.mark) not in self._free)

    def _taken(self, key: _Key) -> Connection | None:
        """A free connection, the one used last first: the others may run out."""
        while free := self._free.get(key):
            connection = free.pop()
            if not free:
                del self._free[key]
            if connection.is_open and not self._is_old(connection):
                return connection
            connection.close()
        return None

    async def _connected(self, host: Host, address: Address, until: float) -> Connection | None:
        loop = self._loop
        connection = Connection(loop, self._deadlines)
        tls, name = (self._context(host.own), host.hostname) if host.scheme == "https" else (None, None)
        try:
            async with asyncio.timeout_at(min(until, loop.time() + self._connect)):
                await loop.create_connection(lambda: connection, str(address), host.port, ssl=tls, server_hostname=name)
        except OSError as error:
            # That of TLS is one too, and so is the one that says that time has run out.
            self._tell(host, _why(error))
            return None
        return connection

    def _context(self, own: Certified | None) -> ssl.SSLContext:
        if own is None:
            return self._tls
        if (context := self._proving.get(own.mark)) is None:
            context = self._proving[own.mark] = _client_side(self._ca)
            present(context, own)
        return context

    def _tell(self, host: Host, why: str) -> None:
        """Tells operators why a vendor gets nothing; callers are told that it could not be reached."""
        now = self._loop.time()
        if now >= self._told.get((host.origin, why), now):
            self._told[host.origin, why] = now + _QUIET
            log.warning("%s: nothing was sent: %s", host.name, why)

    @cached_property
    def _deadlines(self) -> Deadlines[Connection]:
        return Deadlines(self._loop, Connection.late)

    def _keep(self, key: _Key, connection: Connection) -> None:
        free = self._free.setdefault(key, [])
        if self._closed or not connection.is_open or len(free) >= self._kept:
            connection.close()
            return
        free.append(connection)
        if self._sweep is None:
            self._sweep = self._loop.call_later(self._idle, self._sweep_old)

    def _is_old(self, connection: Connection) -> bool:
        return self._loop.time() - connection.idle_since > self._idle

    def _sweep_old(self) -> None:
        self._sweep = None
        self._drop(self._is_old)
        if self._free:
            self._sweep = self._loop.call_later(self._idle, self._sweep_old)

    def _drop(self, is_dropped: Callable[[Connection], bool]) -> None:
        """Ends free connections, and forgets those that have ended by themselves."""
        for key, free in list(self._free.items()):
            for connection in [one for one in free if is_dropped(one) or not one.is_open]:
                free.remove(connection)
                connection.close()
            if not free:
                del self._free[key]


def _why(error: OSError) -> str:
    """Why there is no connection. Nothing of a request stands in what is said before there is one."""
    match error:
        case ssl.SSLCertVerificationError():
            return f"the certificate is not accepted: {error.verify_message}"
        case ssl.SSLError():
            return f"TLS failed: {error.reason}"
        case TimeoutError():
            return "no connection in time"
    return f"no connection: {os.strerror(error.errno)}" if error.errno else "no connection"


def _client_side(ca: bytes | None) -> ssl.SSLContext:
    """Certificates and names are verified; nothing of the environment is looked at but where the authorities stand."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if ca is None:
        context.load_default_certs()
        return context
    try:
        context.load_verify_locations(cadata=ca.decode("ascii"))
    except (ssl.SSLError, ValueError):
        raise StartError("the bundle of certificate authorities towards vendors is not PEM") from None
    return context
