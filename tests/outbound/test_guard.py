"""Which addresses a vendor's name may lead to."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Refusal
from gateway.outbound.guard import Addresses, allowed, resolve, system_lookup

LOOPBACK = (ip_network("127.0.0.0/8"),)


@dataclass
class Names:
    """A resolver that says what it is told, a different answer each time until the last."""

    answers: list[Sequence[str]]
    asked: list[tuple[str, int]] = field(default_factory=list)

    async def __call__(self, hostname: str, port: int) -> Sequence[str]:
        self.asked.append((hostname, port))
        return self.answers[min(len(self.asked), len(self.answers)) - 1]


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


REFUSED = {
    "loopback": "127.0.0.1",
    "the rest of loopback": "127.8.9.10",
    "unspecified": "0.0.0.0",
    "this network": "0.1.2.3",
    "private 10": "10.0.0.1",
    "private 172": "172.31.255.255",
    "private 192": "192.168.1.1",
    "carrier-grade NAT": "100.64.0.1",
    "link-local, where clouds keep credentials": "169.254.169.254",
    "multicast": "224.0.0.1",
    "reserved": "240.0.0.1",
    "broadcast": "255.255.255.255",
    "documentation": "203.0.113.7",
    "benchmarks": "198.18.0.1",
    "protocol assignments": "192.0.0.9",
    "relay anycast": "192.88.99.1",
    "IPv6 loopback": "::1",
    "IPv6 unspecified": "::",
    "IPv6 link-local": "fe80::1",
    "IPv6 link-local with a zone": "fe80::1%eth0",
    "IPv6 site-local": "fec0::1",
    "IPv6 unique local": "fd00::1",
    "clouds' metadata on IPv6": "fd00:ec2::254",
    "IPv6 multicast": "ff0e::1",
    "IPv6 documentation": "2001:db8::1",
    "newer IPv6 documentation": "3fff::1",
    "Teredo": "2001:0:7f00:1::",
    "mapped loopback": "::ffff:127.0.0.1",
    "mapped link-local": "::ffff:169.254.169.254",
    "6to4 of a private address": "2002:a00:1::",
    "NAT64 of loopback": "64:ff9b::7f00:1",
    "local NAT64": "64:ff9b:1::1",
    "compatible loopback": "::127.0.0.1",
    "segment routing": "5f00::1",
    "a global address with a zone": "2606:4700::1%eth0",
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED.keys())
def test_only_globally_routed_unicast_is_allowed(text: str) -> None:
    assert not allowed(ip_address(text), ())


@pytest.mark.parametrize(
    "text",
    ["93.184.215.14", "1.1.1.1", "2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101", "2002:101:101::"],
)
def test_the_public_internet_is_allowed(text: str) -> None:
    assert allowed(ip_address(text), ())


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("127.0.0.1", "127.0.0.0/8"),
        ("10.1.2.3", "10.1.0.0/16"),
        ("fd00::1", "fd00::/8"),
        ("::ffff:127.0.0.1", "127.0.0.0/8"),
    ],
)
def test_a_declared_network_is_allowed_and_its_neighbours_are_not(text: str, network: str) -> None:
    declared = (ip_network(network),)

    assert allowed(ip_address(text), declared)
    assert not allowed(ip_address("192.168.7.7"), declared)


@pytest.mark.parametrize("text", ["0.0.0.0", "224.0.0.1", "255.255.255.255", "::", "ff02::1"])
def test_what_is_nobodys_address_is_not_allowed_even_if_declared(text: str) -> None:
    assert not allowed(ip_address(text), (IPv4Network("0.0.0.0/0"), IPv6Network("::/0")))


@given(address=st.ip_addresses(v=4))
def test_every_allowed_ipv4_address_is_global_by_the_standard_library_too(address: IPv4Address) -> None:
    assert address.is_global or not allowed(address, ())


@given(address=st.ip_addresses(v=6))
def test_every_allowed_ipv6_address_is_global_or_carries_one_that_is(address: IPv6Address) -> None:
    carried = address.ipv4_mapped or address.sixtofour or IPv4Address(address.packed[-4:])

    assert not allowed(address, ()) or address.is_global or allowed(carried, ())


@given(address=st.ip_addresses(v=4))
def test_an_address_that_is_carried_is_judged_like_itself(address: IPv4Address) -> None:
    mapped = IPv6Address(b"\0" * 10 + b"\xff\xff" + address.packed)

    assert allowed(mapped, ()) == allowed(address, ())


async def test_one_address_that_is_not_allowed_spoils_all() -> None:
    names = Names([["1.1.1.1", "169.254.169.254"]])

    with pytest.raises(Refusal) as refused:
        await resolve("api.parcels.test", 443, (), names)

    assert refused.value.code == "vendor.address"


async def test_addresses_come_once_and_in_order() -> None:
    names = Names([["1.1.1.1", "1.0.0.1", "1.1.1.1"]])

    assert await resolve("api.parcels.test", 443, (), names) == (ip_address("1.1.1.1"), ip_address("1.0.0.1"))


async def test_no_address_is_unreachable() -> None:
    with pytest.raises(Refusal) as refused:
        await resolve("api.parcels.test", 443, (), Names([[]]))

    assert refused.value.code == "vendor.unreachable"


async def test_a_name_that_does_not_exist_is_unreachable() -> None:
    async def unknown(hostname: str, port: int) -> Sequence[str]:
        raise OSError("no such host")

    with pytest.raises(Refusal) as refused:
        await resolve("api.parcels.test", 443, (), unknown)

    assert refused.value.code == "vendor.unreachable"


async def test_a_name_that_can_be_no_name_is_unreachable() -> None:
    with pytest.raises(Refusal) as refused:
        await resolve(f"{'a' * 64}.parcels.test", 443, (), system_lookup)

    assert refused.value.code == "vendor.unreachable"


async def test_an_address_is_checked_without_asking_anybody() -> None:
    names = Names([["1.1.1.1"]])

    with pytest.raises(Refusal) as refused:
        await resolve("169.254.169.254", 80, (), names)

    assert (refused.value.code, names.asked) == ("vendor.address", [])


@pytest.mark.parametrize("hostname", ["127.1", "0x7f.1", "2130706433"])
async def test_other_spellings_of_loopback_are_seen_through(hostname: str) -> None:
    with pytest.raises(Refusal) as refused:
        await resolve(hostname, 80, (), system_lookup)

    assert refused.value.code == "vendor.address"


async def test_the_system_knows_localhost() -> None:
    assert "127.0.0.1" in await system_lookup("localhost", 80)


async def test_checked_addresses_are_kept_for_a_while_and_not_longer() -> None:
    names, clock = Names([["1.1.1.1"], ["1.0.0.1"]]), Clock()
    addresses = Addresses(names, clock=clock, ttl=30)

    first = await addresses.of("api.parcels.test", 443)
    clock.now = 29.9
    second = await addresses.of("api.parcels.test", 443)
    clock.now = 30.0
    third = await addresses.of("api.parcels.test", 443)

    assert (first, second, third) == ((ip_address("1.1.1.1"),), (ip_address("1.1.1.1"),), (ip_address("1.0.0.1"),))


async def test_of_names_that_are_not_asked_for_any_more_none_stays_in_memory() -> None:
    clock = Clock()
    addresses = Addresses(Names([["1.1.1.1"]]), clock=clock, ttl=30)

    for name in ("one.parcels.test", "two.parcels.test", "three.parcels.test"):
        await addresses.of(name, 443)
        clock.now += 31

    assert [hostname for hostname, _ in addresses._checked] == ["three.parcels.test"]


async def test_a_name_that_later_leads_inside_is_refused_then() -> None:
    names, clock = Names([["1.1.1.1"], ["127.0.0.1"]]), Clock()
    addresses = Addresses(names, clock=clock, ttl=30)
    await addresses.of("api.parcels.test", 443)
    clock.now = 31

    with pytest.raises(Refusal) as refused:
        await addresses.of("api.parcels.test", 443)

    assert refused.value.code == "vendor.address"


async def test_what_one_vendor_declares_is_not_kept_for_another() -> None:
    addresses = Addresses(Names([["127.0.0.1"]]), clock=Clock())
    await addresses.of("api.parcels.test", 443, LOOPBACK)

    with pytest.raises(Refusal):
        await addresses.of("api.parcels.test", 443)


async def test_a_resolver_that_does_not_answer_is_unreachable() -> None:
    async def stalled(hostname: str, port: int) -> Sequence[str]:
        await asyncio.Event().wait()
        return []

    addresses = Addresses(stalled, clock=Clock(), patience=0.05)

    with pytest.raises(Refusal) as refused:
        await addresses.of("api.parcels.test", 443)

    assert refused.value.code == "vendor.unreachable"
