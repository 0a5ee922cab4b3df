"""Bad input through real sockets: what is refused, with which code, and that nothing left."""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packers import brotli, zstd
from running import Running, running, shipment

SHIP = "/parcels/shipments"
MIB = 1024 * 1024
DEEP = b'{"reference":"A-10045","weight":1,"note":' + b"[" * 63 + b"]" * 63 + b"}"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("limits")) as gateway:
        yield gateway


@pytest.fixture
def gateway(shared: Running) -> Running:
    shared.reset()
    return shared


def chunked(*parts: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


UNKNOWN = {
    "unknown vendor": ("POST", "/nobody/shipments", "vendor.unknown"),
    "no vendor": ("POST", "/", "vendor.unknown"),
    "unknown path": ("POST", "/parcels/nothing", "operation.unknown"),
    "path below a known one": ("POST", "/parcels/shipments/T-1/more", "operation.unknown"),
    "slash at the end": ("POST", "/parcels/shipments/", "operation.unknown"),
    "unknown method": ("PUT", SHIP, "operation.unknown"),
    "method of another operation": ("DELETE", "/parcels/shipments/T-1", "operation.unknown"),
    "dots": ("POST", "/faults/../parcels/shipments", "operation.unknown"),
    "one dot": ("POST", "/parcels/./shipments", "operation.unknown"),
    "escaped dots": ("POST", "/faults/%2e%2e/parcels/shipments", "operation.unknown"),
    "escaped slash": ("POST", "/parcels%2Fshipments", "operation.unknown"),
    "escaped letter": ("POST", "/parcels/shipment%73", "operation.unknown"),
    "two slashes first": ("POST", "//parcels/shipments", "operation.unknown"),
    "two slashes": ("POST", "/parcels//shipments", "operation.unknown"),
    "semicolon": ("POST", "/parcels/shipments;v=1", "operation.unknown"),
    "backslash": ("POST", "/parcels\\shipments", "operation.unknown"),
    "letters where digits are asked": ("GET", "/parcels/depots/x7?view=full", "operation.unknown"),
    "a pin that is missing": ("GET", "/parcels/depots/7", "operation.unknown"),
    "a pin with another text": ("GET", "/parcels/depots/7?view=secret", "operation.unknown"),
    "a pin twice": ("GET", "/parcels/depots/7?view=full&view=full", "field.repeated"),
}


@pytest.mark.parametrize(("method", "target", "code"), UNKNOWN.values(), ids=UNKNOWN.keys())
def test_what_no_contract_names_is_refused_and_reaches_nobody(
    gateway: Running, method: str, target: str, code: str
) -> None:
    reply = gateway.call(method, target, body=shipment() if method != "GET" else b"")

    assert (reply.status, reply.code) == (422 if code == "field.repeated" else 403, code)
    assert reply.headers["gateway-sent"] == "no"
    assert gateway.received == []


ON_THE_WIRE = {
    "absolute-form target": (b"POST http://a/parcels/shipments HTTP/1.1\r\nHost: a\r\n", b"", "http.target"),
    "NUL in the target": (b"POST /parcels/ship\0ments HTTP/1.1\r\nHost: gateway.test\r\n", b"", "http.target"),
    "two Hosts": (b"POST /parcels/shipments HTTP/1.1\r\nHost: a\r\nHost: b\r\n", b"", "http.host"),
    "no Host": (b"POST /parcels/shipments HTTP/1.1\r\n", b"", "http.host"),
    "two Content-Lengths": (None, b"Content-Length: 10\r\nContent-Length: 12\r\n", "http.framing"),
    "Content-Length and chunked": (None, b"Content-Length: 10\r\nTransfer-Encoding: chunked\r\n", "http.framing"),
    "a bare line feed in a header": (None, b"X-A: b\nX-Injected: c\r\n", "http.malformed"),
    "a carriage return in a header": (None, b"X-A: b\rX-Injected: c\r\n", "http.malformed"),
    "NUL in a header": (None, b"X-A: b\0c\r\n", "http.malformed"),
    "a folded header": (None, b"X-A: b\r\n X-Injected: c\r\n", "http.malformed"),
    "two Content-Types": (None, b"Content-Type: application/json\r\nContent-Type: text/plain\r\n", "http.header"),
    "two Authorizations": (None, b"Authorization: Bearer other\r\n", "http.header"),
    "a header block that never ends": (None, b"X-A: b\r\n" * 10_000, "http.head"),
    "a trailer announced": (None, b"Trailer: X-A\r\n", "http.trailer"),
    "an upgrade": (None, b"Connection: upgrade\r\nUpgrade: h2c\r\n", "http.upgrade"),
}  # fmt: skip


@pytest.mark.parametrize(("first", "fields", "code"), ON_THE_WIRE.values(), ids=ON_THE_WIRE.keys())
def test_what_is_not_one_plain_request_never_becomes_a_call(
    gateway: Running, first: bytes | None, fields: bytes, code: str
) -> None:
    first = first or b"POST /parcels/shipments HTTP/1.1\r\nHost: gateway.test\r\n"
    head = first + f"Authorization: Bearer {gateway.token()}\r\n".encode() + fields

    reply = gateway.said(head + b"\r\n" + shipment())

    assert (reply.status, reply.code) == (400, code)
    assert gateway.received == []


def test_a_trailer_is_no_header_and_its_call_goes_nowhere(gateway: Running) -> None:
    body = chunked(shipment()).removesuffix(b"\r\n") + b"Parcels-Version: 9\r\n\r\n"

    reply = gateway.said(framed(gateway, "Transfer-Encoding: chunked", "Content-Type: application/json") + body)

    assert (reply.status, reply.code) == (400, "http.trailer")
    assert gateway.received == []


def framed(gateway: Running, *fields: str) -> bytes:
    return gateway.raw("POST", SHIP, *fields)


BODIES = {
    "not JSON": (b"{", "body.unreadable", 422),
    "JSON and more": (b'{"weight":1}{}', "body.unreadable", 422),
    "single quotes": (b"{'weight': 1}", "body.unreadable", 422),
    "a byte order mark": (b"\xef\xbb\xbf{}", "body.unreadable", 422),
    "not UTF-8": (b'{"note":"\xff"}', "body.unreadable", 422),
    "half a surrogate": (b'{"note":"\\ud800"}', "body.unreadable", 422),
    "a key twice": (b'{"reference":"A-10045","weight":1,"weight":2}', "body.unreadable", 422),
    "a key twice that no contract names": (b'{"reference":"A-10045","weight":1,"x":1,"x":2}', "body.unreadable", 422),
    "a key twice deep below": (b'{"reference":"A-10045","weight":1,"x":[{"y":{"z":1,"z":1}}]}', "body.unreadable", 422),
    "NaN": (b'{"reference":"A-10045","weight":NaN}', "body.unreadable", 422),
    "Infinity": (b'{"reference":"A-10045","weight":Infinity}', "body.unreadable", 422),
    "minus Infinity": (b'{"reference":"A-10045","weight":1,"x":-Infinity}', "body.unreadable", 422),
    "65 deep": (DEEP.replace(b"[" * 63, b"[" * 64).replace(b"]" * 63, b"]" * 64), "body.unreadable", 422),
    "100,000 deep": (b'{"note":' * 1_000, "body.unreadable", 422),
    "a list where an object is expected": (b"[1]", "subject.unresolved", 403),
    "nothing at all": (b"", "body.unreadable", 422),
    "null": (b"null", "subject.unresolved", 403),
    "required and missing": (b'{"reference":"A-10045"}', "field.required", 422),
    "required and null": (b'{"reference":"A-10045","weight":null}', "field.required", 422),
    "required and an object": (b'{"reference":"A-10045","weight":{"kg":1}}', "field.type", 422),
    "required and a list": (b'{"reference":"A-10045","weight":[1]}', "field.type", 422),
    "a field that refuses the call": (shipment(payment={"number": "4111111111111111"}), "field.refused", 422),
    "a person in the name of a service": (shipment(service="zoe@example.com"), "field.personal", 422),
    "larger than the contract allows": (shipment(note="x" * 8 * 1024), "body.too_large", 413),
}


@pytest.mark.parametrize(("body", "code", "status"), BODIES.values(), ids=BODIES.keys())
def test_a_body_that_is_not_what_the_contract_says_goes_nowhere(
    gateway: Running, body: bytes, code: str, status: int
) -> None:
    reply = gateway.call("POST", SHIP, body=body)

    assert (reply.status, reply.code) == (status, code)
    assert reply.headers["gateway-sent"] == "no"
    assert gateway.received == []


def test_a_body_at_every_limit_goes(gateway: Running) -> None:
    longest = shipment(note="x" * (8 * 1024 - len(shipment(note=""))))

    replies = [gateway.call("POST", SHIP, body=body) for body in (DEEP, longest)]

    assert len(longest) == 8 * 1024
    assert [reply.status for reply in replies] == [200, 200]
    assert len(gateway.parcels.received) == 2


MEDIA = {
    "none": ("X-A: b", "body.media"),
    "another": ("Content-Type: text/plain", "body.media"),
    "a form": ("Content-Type: application/x-www-form-urlencoded", "body.media"),
    "several parts": ("Content-Type: multipart/form-data; boundary=x", "body.media"),
    "no media type": ("Content-Type: json", "body.media"),
    "two in one line": ("Content-Type: application/json, text/plain", "body.media"),
    "another charset": ("Content-Type: application/json; charset=utf-16", "body.media"),
}


@pytest.mark.parametrize(("line", "code"), MEDIA.values(), ids=MEDIA.keys())
def test_a_body_of_unknown_or_missing_type_goes_nowhere(gateway: Running, line: str, code: str) -> None:
    body = shipment()

    reply = gateway.said(framed(gateway, line, f"Content-Length: {len(body)}") + body)

    assert (reply.status, reply.code) == (415, code)
    assert gateway.received == []


def test_a_type_with_its_charset_goes(gateway: Running) -> None:
    reply = gateway.call("POST", SHIP, 'Content-Type: application/json; charset="UTF-8"; x=y', body=shipment())

    assert reply.status == 200
    [sent] = gateway.parcels.received
    assert dict(sent.headers)["content-type"] == "application/json; charset=utf-8"


PACKED = gzip.compress(shipment())
COMPRESSED = {
    "as brotli": ("br", PACKED, "body.unreadable", 422),
    "as zstandard": ("zstd", PACKED, "body.unreadable", 422),
    "nobody's": ("x-unknown", PACKED, "body.encoding", 415),
    "twice": ("gzip, gzip", gzip.compress(PACKED), "body.encoding", 415),
    "twice, in two lines": ("gzip\r\nContent-Encoding: gzip", gzip.compress(PACKED), "body.encoding", 415),
    "twice, said once": ("gzip", gzip.compress(PACKED), "body.unreadable", 422),
    "not at all": ("gzip", shipment(), "body.unreadable", 422),
    "with another": ("deflate", PACKED, "body.unreadable", 422),
    "cut off": ("gzip", PACKED[:-1], "body.unreadable", 422),
    "with a second member": ("gzip", PACKED + gzip.compress(b" "), "body.unreadable", 422),
    "with something behind": ("gzip", PACKED + b"\0", "body.unreadable", 422),
    "brotli with something behind": ("br", brotli.compress(shipment()) + b"\0", "body.unreadable", 422),
    "zstandard cut off": ("zstd", zstd.compress(shipment())[:-1], "body.unreadable", 422),
    "two frames of zstandard": ("zstd", zstd.compress(shipment()) * 2, "body.unreadable", 422),
    "a bomb": ("gzip", gzip.compress(shipment(note="x" * MIB)), "body.too_large", 413),
    "a bomb of brotli": ("br", brotli.compress(shipment(note="x" * MIB)), "body.too_large", 413),
    "a bomb of zstandard": ("zstd", zstd.compress(shipment(note="x" * MIB)), "body.too_large", 413),
    "over the limit by a byte": ("gzip", gzip.compress(shipment().ljust(8 * 1024 + 1)), "body.too_large", 413),
}


@pytest.mark.parametrize(("coding", "body", "code", "status"), COMPRESSED.values(), ids=COMPRESSED.keys())
def test_a_compressed_body_that_cannot_be_unpacked_in_one_way_goes_nowhere(
    gateway: Running, coding: str, body: bytes, code: str, status: int
) -> None:
    reply = gateway.call("POST", SHIP, f"Content-Encoding: {coding}", body=body)

    assert (reply.status, reply.code) == (status, code)
    assert gateway.received == []


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", PACKED),
        ("deflate", zlib.compress(shipment())),
        ("deflate", zlib.compress(shipment(), wbits=-15)),
        ("br", brotli.compress(shipment())),
        ("zstd", zstd.compress(shipment())),
        ("gzip", gzip.compress(shipment().ljust(8 * 1024))),
    ],
    ids=["gzip", "deflate", "raw deflate", "brotli", "zstandard", "as long as the contract allows"],
)
def test_a_compressed_body_arrives_unpacked_and_minimised(gateway: Running, coding: str, body: bytes) -> None:
    plain = gateway.call("POST", SHIP, body=shipment())
    packed = gateway.call("POST", SHIP, f"Content-Encoding: {coding}", body=body)

    assert (plain.status, packed.status) == (200, 200)
    expected, sent = gateway.parcels.received
    assert sent.payload == expected.payload
    assert "content-encoding" not in dict(sent.headers)


def test_a_body_where_none_is_expected_goes_nowhere(gateway: Running) -> None:
    reply = gateway.call("GET", "/parcels/depots/7?view=full", body=b"{}")

    assert (reply.status, reply.code) == (422, "body.unreadable")
    assert gateway.received == []


def test_a_chunked_body_counts_as_it_comes(gateway: Running) -> None:
    head = framed(gateway, "Transfer-Encoding: chunked", "Content-Type: application/json")
    fits, too_much = shipment(note="x" * 7_000), shipment(note="x" * 9_000)

    went = gateway.said(head + chunked(fits[:3_000], fits[3_000:]))
    refused = gateway.said(head + chunked(too_much[:5_000], too_much[5_000:]))

    assert went.status == 200
    assert (refused.status, refused.code) == (413, "body.too_large")
    assert len(gateway.parcels.received) == 1


def test_a_body_that_is_too_long_by_its_own_word_is_refused_unread(gateway: Running) -> None:
    head = framed(gateway, f"Content-Length: {9 * 1024}", "Content-Type: application/json")

    reply = gateway.said(head)

    assert (reply.status, reply.code) == (413, "body.too_large")
    assert reply.headers["connection"] == "close"
    assert gateway.received == []


def test_a_body_shorter_than_its_own_word_goes_nowhere(tmp_path: Path) -> None:
    with running(tmp_path, body_deadline=0.5) as gateway:
        head = framed(gateway, f"Content-Length: {len(shipment()) + 5}", "Content-Type: application/json")

        reply = gateway.said(head + shipment())

        assert (reply.status, reply.code) == (400, "http.timeout")
        assert gateway.received == []


def test_a_body_longer_than_its_own_word_is_cut_and_the_rest_is_no_call(gateway: Running) -> None:
    body = shipment()
    head = framed(gateway, f"Content-Length: {len(body) - 1}", "Content-Type: application/json")

    reply = gateway.said(head + body)

    assert (reply.status, reply.code) == (422, "body.unreadable")
    assert gateway.received == []


def test_no_contract_takes_more_than_8_mib(gateway: Running) -> None:
    begin, end = b'{"release":"shop@1","extra":"', b'"}'
    longest = begin + b"x" * (8 * MIB - len(begin) - len(end)) + end
    auth = f"X-Faults-Auth: Faults key={gateway.token('checkout')}"
    call = ("POST", "/faults/api/events", auth, "Content-Type: application/json")

    went = gateway.call(*call, body=longest, token="")
    refused = gateway.call(*call, f"Content-Length: {len(longest) + 1}", token="")

    assert went.status == 200
    assert (refused.status, refused.code) == (413, "body.too_large")
    [sent] = gateway.vendors["faults"].received
    assert sent.payload == b'{"release":"shop@1"}'


@pytest.mark.parametrize("value", ["a\r\nx-evil: 1", "a\nx-evil: 1", "a\x00b", "straße", "a\u2028b"])
def test_a_value_cannot_become_a_header_of_its_own(gateway: Running, value: str) -> None:
    head, _, tail = framed(gateway, "Parcels-Version: @", f"Content-Length: {len(shipment())}").partition(b"@")

    reply = gateway.said(head + value.encode() + tail + shipment())

    assert 400 <= reply.status < 600
    assert all(b"x-evil" not in raw.lower() for raw in gateway.received)


@pytest.mark.parametrize(
    "value",
    ["zoe@example.com", "4111 1111 1111 1111", "SDK/1 (zoe@example.com)", "1" * 257],
    ids=lambda value: value[:24],
)
def test_a_technical_header_with_something_personal_in_it_goes_nowhere(gateway: Running, value: str) -> None:
    plain = gateway.ship("Parcels-Version: 2026-05")
    reply = gateway.ship(f"Parcels-Version: {value}")

    assert plain.status == 200
    assert (reply.status, reply.code) == (422, "field.personal")
    assert len(gateway.received) == 1


def test_an_escape_in_a_query_stays_an_escape(gateway: Running) -> None:
    reply = gateway.call("POST", f"{SHIP}?label=a4%0d%0ax-evil:%201", body=shipment())

    assert reply.status == 200
    [sent] = gateway.parcels.received
    assert sent.line == "POST /api/shipments?label=a4%0d%0ax-evil:%201 HTTP/1.1"
