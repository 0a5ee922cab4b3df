"""Attempts at a vendor over real sockets: what arrives, what comes back, and which address is used."""

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence

import httpx2
import pytest
from vendors import HASTY, LOOPBACK, Script, Vendor, answers, authority, carrying, hangs_up, says, stays_silent
from waiting import until

from gateway.outbound.guard import Lookup, system_lookup
from gateway.outbound.http1 import Http1
from gateway.outbound.send import STALE, Answer, Host, Outcome, Sending

SENDING = Sending("POST", "/v1/pickups?a=b", (("content-type", "application/json"),), b'{"name":"Ann"}')
LIMIT = 1_000_000
UNREACHABLE = Outcome("not_sent", "vendor.unreachable")
BROKEN = Outcome("possibly", "vendor.broken")
REQUEST_HEAD = (
    "POST /v1/pickups?a=b HTTP/1.1\r\nhost: api.parcels.test:{port}\r\n"
    "content-type: application/json\r\naccept-encoding: identity\r\ncontent-length: 14\r\n\r\n"
)


def at(*addresses: str) -> Lookup:
    """A resolver for which every name has these addresses."""

    async def lookup(hostname: str, port: int) -> Sequence[str]:
        return addresses

    return lookup


def speaks_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


@pytest.fixture
async def vendors() -> AsyncIterator[Http1]:
    async with carrying() as carrier:
        yield carrier


async def test_what_was_decided_arrives_byte_for_byte(vendors: Http1) -> None:
    async with Vendor(answers(201, b"made", "x-tracking: 7")) as vendor:
        outcome = await vendors.send(vendor.at(), SENDING, limit=LIMIT)

    assert vendor.raw == REQUEST_HEAD.format(port=vendor.port).encode() + SENDING.payload
    assert outcome == Outcome("sent", answer=Answer(201, (("content-length", "4"), ("x-tracking", "7")), b"made"))


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
async def test_an_empty_body_says_that_it_is_empty(vendors: Http1, method: str) -> None:
    async with Vendor(answers()) as vendor:
        await vendors.send(vendor.at(), Sending(method, "/v1/a", (), b""), limit=LIMIT)

    assert ("content-length", "0") in vendor.received[0].headers


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
async def test_a_call_without_a_body_says_nothing_of_one(vendors: Http1, method: str) -> None:
    async with Vendor(says(b"HTTP/1.1 204 No Content\r\n\r\n")) as vendor:
        outcome = await vendors.send(vendor.at(), Sending(method, "/v1/a", (), b""), limit=LIMIT)

    assert outcome.result == "sent"
    assert [name for name, _ in vendor.received[0].headers] == ["host", "accept-encoding"]


@pytest.mark.parametrize(
    "name",
    [
        *("Connection", "Keep-Alive", "TE", "Upgrade", "Expect", "Proxy-Authorization"),
        *("Host", "Content-Length", "Transfer-Encoding", "Accept-Encoding", "Gateway-Token", "gateway-subject"),
    ],
)
async def test_headers_of_the_way_and_our_own_stay_here(vendors: Http1, name: str) -> None:
    sending = Sending("POST", "/v1/a", ((name, "3"), ("x-kept", "yes")), b"hello")

    async with Vendor(answers()) as vendor:
        outcome = await vendors.send(vendor.at(), sending, limit=LIMIT)

    assert outcome.result == "sent"
    assert vendor.received[0].payload == b"hello"
    assert [name for name, _ in vendor.received[0].headers] == [
        "host",
        "x-kept",
        "accept-encoding",
        "content-length",
    ]


@pytest.mark.parametrize("status", [200, 204, 301, 302, 307, 308, 400, 402, 404, 409, 429, 500, 503, 599])
async def test_a_vendors_status_passes(vendors: Http1, status: int) -> None:
    async with Vendor(answers(status, b"")) as vendor:
        outcome = await vendors.send(vendor.at(), SENDING, limit=LIMIT)

    assert outcome.result == "sent"
    assert outcome.answer is not None
    assert outcome.answer.status == status


def redirects(status: int, other: Vendor) -> Script:
    return answers(status, b"", f"location: http://127.0.0.1:{other.port}/elsewhere")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_comes_back_as_it_is_and_nobody_else_gets_anything(vendors: Http1, status: int) -> None:
    async with Vendor(answers()) as other, Vendor(redirects(status, other)) as vendor:
        outcome = await vendors.send(vendor.at(), SENDING, limit=LIMIT)

    assert (outcome.result, outcome.code) == ("sent", "vendor.redirect")
    assert outcome.answer is not None
    assert outcome.answer.status == status
    assert (len(vendor.received), other.connections) == (1, [])


async def test_cookies_are_not_kept(vendors: Http1) -> None:
    async with Vendor(answers(200, b"", "set-cookie: a=b")) as vendor:
        await vendors.send(vendor.at(), SENDING, limit=LIMIT)
        await vendors.send(vendor.at(), SENDING, limit=LIMIT)

    assert b"cookie" not in vendor.raw


async def test_an_answer_that_is_coded_comes_back_as_it_came(vendors: Http1) -> None:
    async with Vendor(answers(402, b"\x1f\x8b", "content-encoding: gzip")) as vendor:
        outcome = await vendors.send(vendor.at(), SENDING, limit=LIMIT)

    assert (outcome.result, outcome.code) == ("sent", "")
    assert outcome.answer is not None
    assert (outcome.answer.status, outcome.answer.payload) == (402, b"\x1f\x8b")
    assert ("content-encoding", "gzip") in outcome.answer.headers


async def test_a_chunked_answer_is_put_together(vendors: Http1) -> None:
    raw = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"

    async with Vendor(says(raw)) as vendor:
        outcome = await vendors.send(vendor.at(), SENDING, limit=LIMIT)

    assert outcome.answer is not None
    assert outcome.answer.payload == b"hello"


async def test_an_interim_answer_is_passed_over(vendors: Http1) -> None:
    raw = b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"

    async with Vendor(says(raw)) as vendor:
        outcome = await vendors.send(vendor.at(), SENDING, limit=LIMIT)

    assert outcome == Outcome("sent", answer=Answer(200, (("content-length", "2"),), b"ok"))


async def test_an_answer_of_exactly_the_limit_is_read(vendors: Http1) -> None:
    async with Vendor(answers(200, b"a" * 1000)) as vendor:
        outcome = await vendors.send(vendor.at(), SENDING, limit=1000)

    assert outcome.result == "sent"


async def test_two_answers_to_one_request_are_not_the_answer_to_the_next(vendors: Http1) -> None:
    first, second = (b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n" + digit for digit in (b"1", b"2"))

    async with Vendor(says(first + second)) as vendor:
        outcomes = [await vendors.send(vendor.at(), SENDING, limit=LIMIT) for _ in range(5)]

    assert {outcome.answer.payload for outcome in outcomes if outcome.answer is not None} == {b"1"}
    assert len(vendor.received) == 5


async def test_the_beginning_of_a_second_answer_is_not_that_of_the_next(vendors: Http1) -> None:
    first, second = b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n1", b"HTTP/1.1 200 OK\r\nx-a"

    async with Vendor(says(first + second)) as vendor:
        outcomes = [await vendors.send(vendor.at(), SENDING, limit=LIMIT) for _ in range(3)]

    assert [outcome.answer.payload for outcome in outcomes if outcome.answer] == [b"1"] * 3
    assert len(vendor.connections) == 3


async def test_an_answer_that_came_too_late_is_not_that_of_the_next() -> None:
    count = iter(b"12")

    async def late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        payload = bytes([next(count)])
        await asyncio.sleep(HASTY + 0.2 if payload == b"1" else 0.3)
        await answers(200, payload)(reader, writer)

    async with carrying(total=HASTY) as vendors, Vendor(late) as vendor:
        outcomes = [await vendors.send(vendor.at(), SENDING, limit=LIMIT) for _ in range(2)]

    assert [outcome.code for outcome in outcomes] == ["vendor.timeout", ""]
    assert outcomes[1].answer is not None
    assert outcomes[1].answer.payload == b"2"


async def test_a_connection_is_used_again(vendors: Http1) -> None:
    async with Vendor(answers()) as vendor:
        for _ in range(3):
            await vendors.send(vendor.at(), SENDING, limit=LIMIT)

    assert (len(vendor.connections), len(vendor.received)) == (1, 3)


async def test_one_attempt_is_one_delivery_whatever_the_vendor_does_to_its_connections(vendors: Http1) -> None:
    async with Vendor(says(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", then=hangs_up)) as vendor:
        outcomes = [await vendors.send(vendor.at(), SENDING, limit=LIMIT) for _ in range(50)]

    left = [outcome for outcome in outcomes if outcome.result != "not_sent"]
    assert len(vendor.received) <= len(left)


@pytest.mark.parametrize(
    "variable", ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"]
)
async def test_a_proxy_of_the_environment_gets_nothing(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    paper = authority("api.parcels.test")

    async with Vendor(answers()) as proxy, Vendor(answers()) as plain, Vendor(answers(), tls=paper.server) as secure:
        monkeypatch.setenv(variable, f"http://127.0.0.1:{proxy.port}")
        async with carrying(ca=paper.pem) as vendors:
            hosts = [plain.at(), plain.at(hostname="127.0.0.1"), secure.at(scheme="https")]
            outcomes = [await vendors.send(host, SENDING, limit=LIMIT) for host in hosts]

    assert [outcome.result for outcome in outcomes] == ["sent", "sent", "sent"]
    assert proxy.connections == []


async def test_a_client_that_heeds_the_environment_would_tell_that_proxy_everything(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with Vendor(answers()) as proxy, Vendor(answers()) as vendor:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        async with httpx2.AsyncClient() as client:
            await client.post(f"http://api.parcels.test:{vendor.port}/v1/pickups", content=SENDING.payload)

    assert (len(proxy.received), vendor.connections) == (1, [])


async def test_an_address_that_is_not_allowed_is_not_even_connected_to(vendors: Http1) -> None:
    async with Vendor(answers()) as vendor:
        outcome = await vendors.send(Host("api", "https", "a.test", vendor.port), SENDING, limit=LIMIT)

    assert outcome == Outcome("not_sent", "vendor.address")
    assert vendor.connections == []


async def test_the_address_that_was_checked_is_the_one_that_is_used() -> None:
    async with carrying(at("127.0.0.2")) as vendors, Vendor(answers(), host="127.0.0.1") as wrong:
        # Every other resolver would lead this name to the first address.
        outcome = await vendors.send(wrong.at(hostname="localhost"), SENDING, limit=LIMIT)

    assert (outcome, wrong.connections) == (UNREACHABLE, [])


async def test_where_nothing_left_for_the_first_address_the_second_is_tried() -> None:
    async with carrying(at("127.0.0.2", "127.0.0.1")) as vendors, Vendor(answers()) as vendor:
        outcomes = [await vendors.send(vendor.at(), SENDING, limit=LIMIT) for _ in range(2)]

    assert [outcome.result for outcome in outcomes] == ["sent", "sent"]
    assert len(vendor.connections) == 1


async def test_where_something_may_have_left_no_other_address_is_tried() -> None:
    async with (
        carrying(at("127.0.0.1", "127.0.0.2")) as vendors,
        Vendor(hangs_up) as first,
        Vendor(answers(), host="127.0.0.2", port=first.port) as second,
    ):
        outcome = await vendors.send(first.at(), SENDING, limit=LIMIT)

    assert (outcome, len(first.received), second.connections) == (BROKEN, 1, [])


@pytest.mark.skipif(not speaks_ipv6(), reason="this machine has no IPv6 loopback")
@pytest.mark.parametrize("hostname", ["api.parcels.test", "::1"])
async def test_an_ipv6_address_is_reached(hostname: str) -> None:
    async with carrying(at("::1")) as vendors, Vendor(answers(), host="::1") as vendor:
        outcome = await vendors.send(vendor.at(hostname=hostname), SENDING, limit=LIMIT)

    assert outcome.result == "sent"


def slowly(script: Script, seconds: float = 0.1) -> Script:
    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(seconds)
        await script(reader, writer)

    return slow


async def test_a_bounded_number_of_free_connections_is_kept() -> None:
    async def together(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Answered when all four are there.
        burst = (len(vendor.received) - 1) // 4
        await until(lambda: len(vendor.received) == 4 * (burst + 1))
        await answers()(reader, writer)

    async with carrying(kept=2) as vendors, Vendor(together) as vendor:
        bursts = [
            await asyncio.gather(*(vendors.send(vendor.at(), SENDING, limit=LIMIT) for _ in range(4))) for _ in "ab"
        ]

    assert [outcome.result for burst in bursts for outcome in burst] == ["sent"] * 8
    assert len(vendor.connections) == 4 + 2


async def test_a_free_connection_is_ended_after_a_while() -> None:
    async with carrying(idle=0.3) as vendors, Vendor(answers()) as vendor:
        await vendors.send(vendor.at(), SENDING, limit=LIMIT)
        await until(lambda: vendor.ended == 1)


async def test_a_connection_that_is_old_is_not_used_again() -> None:
    async with carrying(idle=20.0) as vendors, Vendor(answers()) as vendor:
        for seconds in (0.0, 15.0, 15.0, 25.0):
            # As if so many had passed since the last answer.
            for [connection] in vendors._free.values():
                connection.idle_since -= seconds
            await vendors.send(vendor.at(), SENDING, limit=LIMIT)

    assert (len(vendor.connections), len(vendor.received)) == (2, 4)


async def test_what_comes_unasked_on_a_free_connection_is_nobodys_answer(vendors: Http1) -> None:
    stale, asked = (b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n" + digit for digit in (b"1", b"2"))

    async with Vendor(says(asked, then=slowly(says(stale), 0.05))) as vendor:
        outcomes = []
        for _ in range(3):
            outcomes.append(await vendors.send(vendor.at(), SENDING, limit=LIMIT))
            await until(lambda: vendor.ended == len(outcomes))

    assert [outcome.answer.payload for outcome in outcomes if outcome.answer] == [b"2"] * 3
    assert len(vendor.connections) == 3


@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_an_answer_that_ends_with_its_connection_is_read_to_the_end(vendors: Http1, version: str) -> None:
    async with Vendor(says(f"HTTP/{version} 200 OK\r\n\r\nhello".encode(), then=hangs_up)) as vendor:
        outcome = await vendors.send(vendor.at(), SENDING, limit=LIMIT)

    assert outcome == Outcome("sent", answer=Answer(200, (), b"hello"))


async def test_an_answer_to_head_has_the_length_of_what_it_leaves_out(vendors: Http1) -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n"

    async with Vendor(says(head)) as vendor:
        outcomes = [await vendors.send(vendor.at(), Sending("HEAD", "/a", (), b""), limit=LIMIT) for _ in range(2)]

    assert outcomes == [Outcome("sent", answer=Answer(200, (("content-length", "5"),), b""))] * 2


async def test_trailers_of_an_answer_are_no_headers(vendors: Http1) -> None:
    raw = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nx-late: 1\r\n\r\n"

    async with Vendor(says(raw)) as vendor:
        outcome = await vendors.send(vendor.at(), SENDING, limit=LIMIT)

    assert outcome == Outcome("sent", answer=Answer(200, (("transfer-encoding", "chunked"),), b"ok"))


async def test_an_answer_that_comes_byte_by_byte_is_the_same(vendors: Http1) -> None:
    raw = b"HTTP/1.1 200 OK\r\nx-a: b\r\ncontent-length: 5\r\n\r\nhello"

    async def drips(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for octet in raw:
            writer.write(bytes([octet]))
            await asyncio.sleep(0.001)

    async with Vendor(drips) as vendor:
        outcome = await vendors.send(vendor.at(), SENDING, limit=LIMIT)

    assert outcome == Outcome("sent", answer=Answer(200, (("x-a", "b"), ("content-length", "5")), b"hello"))


async def test_an_answer_before_the_request_is_read_comes_back(vendors: Http1) -> None:
    long = Sending("POST", "/v1/a", (), b"a" * 8_000_000)
    head = b"HTTP/1.1 413 Too Much\r\ncontent-length: 2\r\n\r\nno"

    async with Vendor(says(head, then=stays_silent), eager=True) as vendor:
        outcome = await vendors.send(vendor.at(), long, limit=LIMIT)
        again = await vendors.send(vendor.at(), long, limit=LIMIT)

    assert outcome.answer is not None
    assert (outcome.answer.status, again.result, len(vendor.connections)) == (413, "sent", 2)


async def test_a_cancelled_caller_is_told_so(vendors: Http1) -> None:
    async with Vendor(stays_silent) as vendor:
        attempt = asyncio.ensure_future(vendors.send(vendor.at(), SENDING, limit=LIMIT))
        await until(lambda: len(vendor.received) == 1)
        attempt.cancel()
        with pytest.raises(asyncio.CancelledError):
            await attempt

    assert len(vendor.received) == 1


async def test_plain_text_goes_to_loopback_only() -> None:
    async with carrying(at("1.1.1.1")) as vendors:
        outcome = await vendors.send(Host("api", "http", "api.parcels.test", 80, LOOPBACK), SENDING, limit=LIMIT)

    assert outcome == Outcome("not_sent", "vendor.address")


async def test_the_systems_resolver_leads_to_a_vendor_on_this_machine() -> None:
    async with carrying(system_lookup) as vendors, Vendor(answers()) as vendor:
        outcome = await vendors.send(vendor.at(hostname="localhost"), SENDING, limit=LIMIT)

    assert outcome.result == "sent"


@pytest.mark.parametrize("holds", [True, False], ids=["it still holds", "it was withdrawn"])
async def test_a_decision_is_looked_at_once_more_when_the_connection_stands(holds: bool) -> None:
    paper = authority("api.parcels.test")
    decision = [True]

    def withdraw(*_: object) -> None:
        decision[0] = holds

    # The vendor's side is amid the handshake when it hears the name that is asked for.
    paper.server.sni_callback = withdraw
    async with carrying(ca=paper.pem) as vendors, Vendor(answers(), tls=paper.server) as vendor:
        outcome = await vendors.send(vendor.at(scheme="https"), SENDING, limit=LIMIT, holds=lambda: decision[0])

    assert (outcome is STALE) is not holds
    assert len(vendor.received) == holds


@pytest.mark.parametrize("holds", [True, False], ids=["it still holds", "it was withdrawn"])
async def test_a_decision_is_looked_at_once_more_when_the_address_is_known(holds: bool) -> None:
    decision = [True]

    async def slowly(hostname: str, port: int) -> Sequence[str]:
        decision[0] = holds
        return ["127.0.0.1"]

    async with carrying(slowly) as vendors, Vendor(answers()) as vendor:
        outcome = await vendors.send(vendor.at(), SENDING, limit=LIMIT, holds=lambda: decision[0])

        assert (outcome is STALE) is not holds
        assert len(vendor.received) == holds


async def nowhere(hostname: str, _: int) -> list[str]:
    raise OSError(hostname)


UNTOLD: dict[str, tuple[Lookup, str]] = {
    "nobody listens": (at("127.0.0.1"), "no connection: Connection refused"),
    "a name without an address": (nowhere, "a.test cannot be resolved"),
    "a name without any": (at(), "a.test has no address"),
}


@pytest.mark.parametrize(("lookup", "why"), UNTOLD.values(), ids=UNTOLD)
async def test_why_a_vendor_cannot_be_reached_operators_hear_once_a_minute(
    lookup: Lookup, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with Vendor(answers()) as closed:
        host = closed.at(hostname="a.test")

    async with carrying(lookup) as vendors:
        outcomes = [await vendors.send(host, SENDING, limit=LIMIT) for _ in range(3)]

    assert outcomes == [UNREACHABLE] * 3
    assert caplog.messages == [f"{host.name}: nothing was sent: {why}"]
