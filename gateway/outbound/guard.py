"""Which addresses the name of a vendor may lead to."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from gateway.errors import refuse

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Lookup = Callable[[str, int], Awaitable[Sequence[str]]]
"""Every address of a host name at a port, as text. Raises OSError where there is none."""

# The IANA special-purpose registries, written out: what the standard library calls global differs between its versions.
_SPECIAL_4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",
            "240.0.0.0/4",
        ),
    )
)
_GLOBAL_6 = IPv6Network("2000::/3")
_SPECIAL_6 = tuple(map(IPv6Network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")))
_NAT64 = IPv6Network("64:ff9b::/96")
_BROADCAST = IPv4Address("255.255.255.255")


def allowed(address: Address, networks: Sequence[Network]) -> bool:
    """Whether a request may go to this address: globally routed unicast, or inside a network that the vendor declares.

    An IPv6 address that carries an IPv4 one (mapped, 6to4, NAT64) is judged by the one it carries.
    """
    if address.is_multicast or address.is_unspecified or address == _BROADCAST:
        return False
    if any(address in network for network in networks):
        return True
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _SPECIAL_4)
    if address.scope_id is not None:
        return False
    if (carried := _carried(address)) is not None:
        return allowed(carried, networks)
    return address in _GLOBAL_6 and not any(address in network for network in _SPECIAL_6)


def _carried(address: IPv6Address) -> IPv4Address | None:
    if address in _NAT64:
        return IPv4Address(address.packed[-4:])
    return address.ipv4_mapped or address.sixtofour


async def resolve(hostname: str, port: int, networks: Sequence[Network], lookup: Lookup) -> tuple[Address, ...]:
    """The addresses of a host, each once and in the order of the lookup, all of them allowed.

    Raises Refusal: `vendor.unreachable` where there is none, `vendor.address` where one among them is not allowed:
    whoever can put one address into an answer can put it first the next time.
    """
    addresses = tuple(dict.fromkeys([ip_address(text) for text in await _texts(hostname, port, lookup)]))
    if not addresses:
        raise refuse("vendor.unreachable", f"{hostname} has no address")
    if not all(allowed(address, networks) for address in addresses):
        raise refuse("vendor.address", f"{hostname} leads to an address outside the networks declared for it")
    return addresses


async def _texts(hostname: str, port: int, lookup: Lookup) -> Sequence[str]:
    if _is_literal(hostname):
        return [hostname]
    try:
        return await lookup(hostname, port)
    except (OSError, UnicodeError):
        raise refuse("vendor.unreachable", f"{hostname} cannot be resolved") from None


def _is_literal(hostname: str) -> bool:
    try:
        ip_address(hostname)
    except ValueError:
        return False
    return True


async def system_lookup(hostname: str, port: int) -> Sequence[str]:
    """What the system's resolver says."""
    found = await asyncio.get_running_loop().getaddrinfo(hostname, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


@dataclass(frozen=True, slots=True)
class _Checked:
    networks: tuple[Network, ...]
    addresses: tuple[Address, ...]
    until: float


class Addresses:
    """The checked addresses of hosts, each kept for `ttl` seconds by the given clock; refusals are not kept."""

    def __init__(self, lookup: Lookup, *, clock: Callable[[], float], ttl: float = 30.0, patience: float = 5.0) -> None:
        self._lookup = lookup
        self._clock = clock
        self._ttl = ttl
        self._patience = patience
        self._checked: dict[tuple[str, int], _Checked] = {}

    async def of(self, hostname: str, port: int, networks: tuple[Network, ...] = ()) -> tuple[Address, ...]:
        """As `resolve`; a lookup that takes longer than `patience` seconds is `vendor.unreachable` too."""
        # Networks are compared and not part of the key: their hashes are worked out anew each time.
        kept = self._checked.get((hostname, port))
        if kept is not None and self._clock() < kept.until and kept.networks == networks:
            return kept.addresses
        addresses = await resolve(hostname, port, networks, self._patiently)
        self._forget_old()
        self._checked[hostname, port] = _Checked(networks, addresses, self._clock() + self._ttl)
        return addresses

    async def _patiently(self, hostname: str, port: int) -> Sequence[str]:
        async with asyncio.timeout(self._patience):
            return await self._lookup(hostname, port)

    def _forget_old(self) -> None:
        now = self._clock()
        self._checked = {key: kept for key, kept in self._checked.items() if now < kept.until}
