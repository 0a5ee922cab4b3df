"""The edge through real sockets: what is refused, with which code, and that nothing behind it saw a request."""

import logging
import time
from collections import Counter
from collections.abc import Iterator

import pytest
import uvicorn
from hypothesis import given
from hypothesis import strategies as st
from sockets import Edge, Failing, Listening, Message, Receive, Send, Slow, answer, listening, live, running, whole_body
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gateway.wire import WHOLE

GET = b"GET /parcels/v1/pickups?a=b HTTP/1.1\r\nHost: gateway.test\r\n\r\n"
POST = b"POST /parcels/v1/pickups HTTP/1.1\r\nHost: gateway.test\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"


def get(target: bytes = b"/a", *fields: bytes, host: bytes = b"Host: gateway.test\r\n") -> bytes:
    return b"GET " + target + b" HTTP/1.1\r\n" + host + b"".join(field + b"\r\n" for field in fields) + b"\r\n"


def post(*fields: bytes, body: bytes = b"hello") -> bytes:
    return POST + b"".join(field + b"\r\n" for field in fields) + b"\r\n" + body


@pytest.fixture(scope="module")
def app() -> Listening:
    return Listening()


@pytest.fixture(scope="module")
def shared_edge(app: Listening) -> Iterator[Edge]:
    with listening(app) as edge:
        yield edge


@pytest.fixture
def edge(shared_edge: Edge, app: Listening) -> Edge:
    app.calls.clear()
    shared_edge.refused.clear()
    return shared_edge


REFUSED = {
    "absolute-form target": (get(b"http://evil.test/a"), "http.target"),
    "absolute-form target of another scheme": (get(b"ftp://evil.test/a"), "http.target"),
    "absolute-form target with credentials": (get(b"http://u:p@evil.test/a"), "http.target"),
    "authority-form target": (b"CONNECT evil.test:443 HTTP/1.1\r\nHost: evil.test:443\r\n\r\n", "http.method"),
    "asterisk-form target": (b"OPTIONS * HTTP/1.1\r\nHost: gateway.test\r\n\r\n", "http.method"),
    "asterisk with a method we speak": (get(b"*"), "http.target"),
    "target without a slash": (get(b"a"), "http.target"),
    "target that is a query": (get(b"?a=b"), "http.target"),
    "fragment in the target": (get(b"/a#b"), "http.target"),
    "quotation mark in the target": (get(b'/a"b'), "http.target"),
    "NUL in the target": (get(b"/a\0b"), "http.target"),
    "control character in the target": (get(b"/a\x1fb"), "http.target"),
    "DEL in the target": (get(b"/a\x7fb"), "http.target"),
    "raw UTF-8 in the target": (get("/straße".encode()), "http.target"),
    "space in the target": (get(b"/a b"), "http.target"),
    "target longer than the bound": (get(b"/" + b"a" * 4096), "http.target"),
    "no Host": (get(host=b""), "http.host"),
    "two Hosts": (get(b"/a", b"Host: evil.test"), "http.host"),
    "the same Host twice": (get(b"/a", b"Host: gateway.test"), "http.host"),
    "empty Host": (get(host=b"Host: \r\n"), "http.host"),
    "Host with credentials": (get(host=b"Host: u@gateway.test\r\n"), "http.host"),
    "Host with a path": (get(host=b"Host: gateway.test/a\r\n"), "http.host"),
    "Host with a comma": (get(host=b"Host: gateway.test,evil.test\r\n"), "http.host"),
    "two equal Content-Lengths": (post(b"Content-Length: 5", b"Content-Length: 5"), "http.framing"),
    "two different Content-Lengths": (post(b"Content-Length: 5", b"Content-Length: 6"), "http.framing"),
    "a list of Content-Lengths": (post(b"Content-Length: 5, 5"), "http.framing"),
    "Content-Length with a plus": (post(b"Content-Length: +5"), "http.framing"),
    "negative Content-Length": (post(b"Content-Length: -5"), "http.framing"),
    "hexadecimal Content-Length": (post(b"Content-Length: 0x5"), "http.framing"),
    "empty Content-Length": (post(b"Content-Length: "), "http.framing"),
    "Content-Length beyond 64 bits": (post(b"Content-Length: 18446744073709551621"), "http.framing"),
    "Content-Length, then chunked": (post(b"Content-Length: 5", b"Transfer-Encoding: chunked"), "http.framing"),
    "chunked, then Content-Length": (post(b"Transfer-Encoding: chunked", b"Content-Length: 5"), "http.framing"),
    "another transfer coding": (post(b"Transfer-Encoding: gzip"), "http.framing"),
    "compressed and chunked": (post(b"Transfer-Encoding: gzip, chunked"), "http.framing"),
    "chunked and compressed": (post(b"Transfer-Encoding: chunked, gzip"), "http.framing"),
    "identity and chunked": (post(b"Transfer-Encoding: identity", b"Transfer-Encoding: chunked"), "http.framing"),
    "chunked twice": (post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"), "http.framing"),
    "chunked with a vertical tab": (post(b"Transfer-Encoding: \x0bchunked"), "http.malformed"),
    "chunked in capitals": (post(b"Transfer-Encoding: CHUNKED", body=b"0\r\n\r\n"), "http.framing"),
    "a trailer": (CHUNKED + b"5\r\nhello\r\n0\r\nAuthorization: x\r\n\r\n", "http.trailer"),
    "a trailer announced": (post(b"Trailer: x", b"Content-Length: 5"), "http.trailer"),
    "chunk size with 0x": (CHUNKED + b"0x5\r\nhello\r\n0\r\n\r\n", "http.framing"),
    "chunk size with a sign": (CHUNKED + b"+5\r\nhello\r\n0\r\n\r\n", "http.framing"),
    "chunk size beyond 64 bits": (CHUNKED + b"F" * 17 + b"\r\nhello\r\n0\r\n\r\n", "http.framing"),
    "chunk line ended by a bare LF": (CHUNKED + b"5\nhello\r\n0\r\n\r\n", "http.framing"),
    "chunk longer than declared": (CHUNKED + b"5\r\nhello!\r\n0\r\n\r\n", "http.framing"),
    "chunk extensions without end": (CHUNKED + b"5;a=" + b"b" * 400_000, "http.framing"),
    "folded header": (get(b"/a", b"X-A: b\r\n c"), "http.malformed"),
    "folded Transfer-Encoding": (post(b"Transfer-Encoding:\r\n chunked"), "http.malformed"),
    "first header led by a space": (get(host=b" Host: gateway.test\r\n"), "http.malformed"),
    "bare LF in the request line": (b"GET /a HTTP/1.1\nHost: gateway.test\r\n\r\n", "http.malformed"),
    "bare LF after a header": (b"GET /a HTTP/1.1\r\nHost: gateway.test\n\r\n", "http.malformed"),
    "bare CR in a header": (get(b"/a", b"X-A: b\rX-C: d"), "http.malformed"),
    "NUL in a header": (get(b"/a", b"X-A: b\0c"), "http.malformed"),
    "space before the colon": (get(b"/a", b"X-A : b"), "http.malformed"),
    "header without a colon": (get(b"/a", b"X-A"), "http.malformed"),
    "header without a name": (get(b"/a", b": b"), "http.malformed"),
    "header name outside ASCII": (get(b"/a", b"X-\xc3\xa4: b"), "http.malformed"),
    "two Content-Types": (post(b"Content-Length: 5", b"Content-Type: a/b", b"Content-Type: c/d"), "http.header"),
    "two Authorizations": (get(b"/a", b"Authorization: a", b"authorization: b"), "http.header"),
    "two Gateway-Tokens": (get(b"/a", b"Gateway-Token: a", b"Gateway-Token: b"), "http.header"),
    "two Gateway-Subjects": (get(b"/a", b"Gateway-Subject: c-1", b"Gateway-Subject: c-2"), "http.header"),
    "two Expects": (post(b"Content-Length: 5", b"Expect: 100-continue", b"Expect: 100-continue"), "http.header"),
    "an expectation that nobody knows": (post(b"Content-Length: 5", b"Expect: more"), "http.header"),
    "a length that Connection keeps here": (post(b"Content-Length: 5", b"Connection: content-length"), "http.header"),
    "HTTP/1.0": (b"GET /a HTTP/1.0\r\nHost: gateway.test\r\n\r\n", "http.version"),
    "HTTP/1.2": (b"GET /a HTTP/1.2\r\nHost: gateway.test\r\n\r\n", "http.version"),
    "HTTP/2.0": (b"GET /a HTTP/2.0\r\nHost: gateway.test\r\n\r\n", "http.version"),
    "the preface of HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "http.version"),
    "another protocol": (b"GET /a RTSP/1.0\r\nHost: gateway.test\r\n\r\n", "http.version"),
    "TLS where plain text is spoken": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "http.method"),
    "unknown method": (b"FOO /a HTTP/1.1\r\nHost: gateway.test\r\n\r\n", "http.method"),
    "method in small letters": (b"get /a HTTP/1.1\r\nHost: gateway.test\r\n\r\n", "http.method"),
    "TRACE": (b"TRACE /a HTTP/1.1\r\nHost: gateway.test\r\n\r\n", "http.method"),
    "upgrade with a body": (post(b"Connection: upgrade", b"Upgrade: foo", b"Content-Length: 5"), "http.upgrade"),
    "upgrade to a web socket": (get(b"/a", b"Connection: Upgrade", b"Upgrade: websocket"), "http.upgrade"),
    "upgrade without a Connection": (get(b"/a", b"Upgrade: h2c"), "http.upgrade"),
    "header value of 64 KiB": (get(b"/a", b"X-A: " + b"b" * 65536), "http.head"),
    "headers of 40 KiB in all": (get(b"/a", *(b"X-%d: " % n + b"b" * 1024 for n in range(40))), "http.head"),
    "65 header lines": (get(b"/a", *(b"X-%d: b" % n for n in range(64))), "http.head"),
    "a header block without end": (b"GET /a HTTP/1.1\r\nHost: gateway.test\r\nX-A: " + b"b" * 300_000, "http.head"),
}
SHORT = {name: case for name, case in REFUSED.items() if len(case[0]) < 1024}


@pytest.mark.parametrize(("raw", "code"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_not_one_plain_request_is_refused_and_reaches_nobody(
    edge: Edge, app: Listening, raw: bytes, code: str
) -> None:
    reply = edge.exchange(raw)

    assert (reply.status, reply.code) == (400, code)
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.headers["gateway-sent"] == "no"
    assert reply.headers["connection"] == "close"
    assert app.calls == []
    assert edge.refused == {code: 1}


@pytest.mark.parametrize(("raw", "code"), SHORT.values(), ids=SHORT.keys())
def test_one_byte_at_a_time_makes_no_difference(edge: Edge, app: Listening, raw: bytes, code: str) -> None:
    with edge.client() as client:
        for position in range(len(raw)):
            try:
                client.say(raw[position : position + 1])
            except OSError:
                break
        reply = client.reply()

    assert reply.code == code
    assert app.calls == []


TAKEN = {
    "a GET": (GET, b"/parcels/v1/pickups", b""),
    "a query of odd characters": (get(b"/a?b=c'd|e[]"), b"/a", b""),
    "two slashes at the start": (get(b"//evil.test/a"), b"//evil.test/a", b""),
    "escaped dots, which the router judges": (get(b"/a/%2e%2e/b"), b"/a/%2e%2e/b", b""),
    "a target of exactly the bound": (get(b"/" + b"a" * 4095), b"/" + b"a" * 4095, b""),
    "a Host with a port": (get(host=b"Host: gateway.test:8080\r\n"), b"/a", b""),
    "an IPv6 Host": (get(host=b"Host: [::1]:8080\r\n"), b"/a", b""),
    "one Content-Length": (post(b"Content-Length: 5"), b"/parcels/v1/pickups", b"hello"),
    "no body on a POST": (post(b"Content-Length: 0", body=b""), b"/parcels/v1/pickups", b""),
    "chunks": (CHUNKED + b"5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n", b"/parcels/v1/pickups", b"hello!"),
    "a short chunk extension": (CHUNKED + b"5;a=b\r\nhello\r\n0\r\n\r\n", b"/parcels/v1/pickups", b"hello"),
    "chunks of one byte": (CHUNKED + b"1\r\na\r\n" * 90_000 + b"0\r\n\r\n", b"/parcels/v1/pickups", b"a" * 90_000),
    "a large body": (post(b"Content-Length: 900000", body=b"a" * 900_000), b"/parcels/v1/pickups", b"a" * 900_000),
    "a header outside ASCII": (get(b"/a", b"X-A: \xe4"), b"/a", b""),
    "63 other header lines": (get(b"/a", *(b"X-%d: b" % n for n in range(63))), b"/a", b""),
    "headers of 30 KiB in all": (get(b"/a", *(b"X-%d: " % n + b"b" * 1000 for n in range(30))), b"/a", b""),
    "options that name no header": (get(b"/a", b"Connection: Keep-Alive, te, x-b", b"TE: trailers"), b"/a", b""),
    "an upgrade to nothing": (get(b"/a", b"Connection: upgrade"), b"/a", b""),
    "an empty line before the request": (b"\r\n" + GET, b"/parcels/v1/pickups", b""),
}


@pytest.mark.parametrize(("raw", "path", "payload"), TAKEN.values(), ids=TAKEN.keys())
def test_a_plain_request_arrives_as_it_was_sent(
    edge: Edge, app: Listening, raw: bytes, path: bytes, payload: bytes
) -> None:
    reply = edge.exchange(raw)

    assert reply.status == 200
    assert [(call.path, call.payload) for call in app.calls] == [(path, payload)]
    assert not edge.refused


@pytest.mark.parametrize("options", [(b"Connection: Keep-Alive, X-a",), (b"Connection: te", b"connection: x-b , x-A")])
def test_a_header_that_connection_names_goes_no_further(edge: Edge, app: Listening, options: tuple[bytes, ...]) -> None:
    reply = edge.exchange(get(b"/a", b"X-A: b", *options, b"x-a: c", b"X-Ab: d"))

    assert reply.status == 200
    [call] = app.calls
    assert [value for name, value in call.headers if name == b"x-ab"] == [b"d"]
    assert b"x-a" not in dict(call.headers)


def test_the_space_around_a_value_is_no_part_of_it(edge: Edge, app: Listening) -> None:
    edge.exchange(get(b"/a", b"Shop-Order: \t A-1 0 \t ", b"Empty:  "))

    [call] = app.calls
    assert dict(call.headers).items() >= {b"shop-order": b"A-1 0", b"empty": b""}.items()


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
def test_every_method_that_vendors_use_is_spoken(edge: Edge, app: Listening, method: str) -> None:
    with edge.client() as client:
        client.say(f"{method} /a HTTP/1.1\r\nHost: gateway.test\r\nConnection: close\r\n\r\n".encode())
        answered = client.rest()

    assert answered.startswith(b"HTTP/1.1 200 ")
    assert [call.method for call in app.calls] == [method]


def test_a_head_that_no_body_follows_leaves_at_once(edge: Edge) -> None:
    with edge.client() as client:
        client.say(b"HEAD /a HTTP/1.1\r\nHost: gateway.test\r\n\r\n")
        answered = client.part(0.2)

    assert answered.startswith(b"HTTP/1.1 200 ")
    assert answered.endswith(b"\r\n\r\n")


def test_without_the_strict_edge_the_same_bytes_would_have_arrived() -> None:
    app = Listening()

    with running(uvicorn.Config(app, port=0, http=HttpToolsProtocol, log_config=None)) as address:
        Edge(address, Counter()).exchange(REFUSED["a trailer"][0])

    [call] = app.calls
    assert (b"authorization", b"x") in call.headers


def test_query_and_path_are_the_bytes_that_were_sent(edge: Edge, app: Listening) -> None:
    edge.exchange(get(b"//a;b/%2F?c=%zz?d&e"))

    [call] = app.calls
    assert (call.path, call.query) == (b"//a;b/%2F", b"c=%zz?d&e")


def test_expect_100_continue_is_answered_when_the_body_is_wanted(edge: Edge, app: Listening) -> None:
    with edge.client() as client:
        client.say(post(b"Expect: 100-continue", b"Content-Length: 5", body=b""))
        interim = client.reply()
        client.say(b"hello")
        final = client.reply()

    assert (interim.status, final.status) == (100, 200)
    assert app.calls[0].payload == b"hello"


def test_the_application_is_told_when_all_of_a_body_has_come() -> None:
    told: list[tuple[bool, bool]] = []

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await live(receive, send)
            return
        at_first = WHOLE in scope.get("extensions", ())
        await whole_body(receive)
        told.append((at_first, WHOLE in scope["extensions"]))
        await answer(send, 200, b"ok")

    with listening(app) as edge, edge.client() as client:
        client.say(post(b"Content-Length: 5"))
        client.reply()
        client.say(post(b"Content-Length: 5", b"Expect: 100-continue", body=b""))
        client.reply()
        client.say(b"hello")
        client.reply()

    assert told == [(True, True), (False, True)]


def test_a_connection_is_used_again(edge: Edge, app: Listening) -> None:
    with edge.client() as client:
        for _ in range(3):
            client.say(post(b"Content-Length: 5"))
            assert client.reply().status == 200

    assert len(app.calls) == 3


def test_requests_sent_ahead_are_answered_in_order(edge: Edge, app: Listening) -> None:
    with edge.client() as client:
        client.say(get(b"/1") + get(b"/2") + post(b"Content-Length: 5"))
        replies = [client.reply() for _ in range(3)]

    assert [reply.status for reply in replies] == [200, 200, 200]
    assert [call.path for call in app.calls] == [b"/1", b"/2", b"/parcels/v1/pickups"]


def test_bytes_beyond_the_declared_body_are_no_second_request_and_end_the_connection(
    edge: Edge, app: Listening
) -> None:
    with edge.client() as client:
        client.say(post(b"Content-Length: 5", body=b"hello, world"))
        first = client.reply()
        rest = client.rest()

    assert (first.status, rest) == (200, b"")
    assert [call.payload for call in app.calls] == [b"hello"]
    assert edge.refused.total() == 1


def test_a_body_that_breaks_off_reaches_nobody(edge: Edge, app: Listening) -> None:
    with edge.client() as client:
        client.say(post(b"Content-Length: 5", body=b"hell"))
        client.hang_up()
        rest = client.rest()

    assert (rest, app.calls) == (b"", [])


@pytest.mark.parametrize("behind", [b"", b"GET /b HTTP/1.1\r\nHo"], ids=["nothing more", "half a request more"])
def test_who_says_no_more_behind_whole_requests_has_them_all_answered(
    edge: Edge, app: Listening, behind: bytes
) -> None:
    with edge.client() as client:
        client.say(GET + post(b"Content-Length: 5") + behind)
        client.hang_up()
        statuses = [client.reply().status for _ in range(2)]
        rest = client.rest()

    assert (statuses, rest) == ([200, 200], b"")
    assert [call.payload for call in app.calls] == [b"", b"hello"]


def test_a_broken_request_after_a_good_one_is_not_taken_for_the_answer_to_it() -> None:
    app = Slow()

    with listening(app) as edge, edge.client() as client:
        client.say(get(b"/slow") + b"FOO /a HTTP/1.1\r\n\r\n")
        first = client.reply()
        rest = client.rest()

    assert (first.status, first.payload, rest) == (200, b"slow", b"")


def test_a_head_over_the_bound_is_noticed_behind_a_good_request(edge: Edge, app: Listening) -> None:
    with edge.client() as client:
        client.say(GET + get(b"/b", *(b"X-%d: " % n + b"b" * 1000 for n in range(40))))
        first = client.reply()
        rest = client.rest()

    assert (first.status, rest, edge.refused) == (200, b"", {"http.head": 1})
    assert [call.path for call in app.calls] == [b"/parcels/v1/pickups"]


def test_a_broken_body_behind_a_pending_answer_ends_the_connection_without_an_answer() -> None:
    app = Slow()

    with listening(app) as edge, edge.client() as client:
        client.say(get(b"/slow") + CHUNKED + b"zz\r\n")
        rest = client.rest()

    assert rest == b""
    assert edge.refused == {"http.framing": 1}


def test_a_problem_says_what_sdks_look_for(edge: Edge) -> None:
    reply = edge.exchange(get(host=b""))

    assert reply.payload.startswith(b'{"type": "urn:gateway:problem:http.host", "code": "http.host"')
    for member in (b'"title"', b'"status": 400', b'"detail"', b'"message"', b'"error": {', b'"errors": [{'):
        assert member in reply.payload


def test_nothing_of_a_refused_request_stands_in_the_answer(edge: Edge) -> None:
    reply = edge.exchange(get(b"/ann@example.com#x", b"X-Mail: ann@example.com"))

    assert b"ann" not in reply.payload


def test_the_application_sees_a_disconnect_where_the_body_is_refused() -> None:
    app = Listening()

    with listening(app) as edge, edge.client() as client:
        client.say(CHUNKED + b"5\r\nhello\r\n")
        time.sleep(0.05)
        client.say(b"zz\r\n")
        reply = client.reply()

    assert (reply.code, app.calls) == ("http.framing", [])
    assert app.broken_off == 1


@given(raw=st.binary(min_size=1, max_size=200))
def test_noise_never_reaches_the_application(shared_edge: Edge, app: Listening, raw: bytes) -> None:
    app.calls.clear()

    with shared_edge.client() as client:
        client.say(raw)
        client.hang_up()
        client.rest()

    assert app.calls == []


def test_an_error_behind_the_edge_is_logged_without_its_text(caplog: pytest.LogCaptureFixture) -> None:
    with listening(Failing()) as edge:
        reply = edge.exchange(get(b"/ann@example.com"))

    assert reply.status == 500
    assert "a call ended in ValueError at" in caplog.text
    assert "ann@example.com" not in caplog.text


def test_an_answer_for_which_nobody_is_there_any_more_is_no_fault(caplog: pytest.LogCaptureFixture) -> None:
    with listening(Slow()) as edge, edge.client() as client:
        client.say(GET + CHUNKED + b"zz\r\n")
        client.rest()

    # What uvicorn says of starting and stopping is there where another test had it say that.
    assert [each for each in caplog.records if each.levelno >= logging.WARNING] == []
