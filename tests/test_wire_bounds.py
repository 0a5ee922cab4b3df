"""The bounds of the edge through real sockets: time, connections, and bytes that nobody wants."""

import threading
import time

import pytest
from sockets import Client, Early, Held, Listening, Message, Receive, Send, answer, listening, live
from waiting import wait_until

from gateway.wire import StrictProtocol

GET = b"GET /a HTTP/1.1\r\nHost: gateway.test\r\n\r\n"
LAST = b"GET /a HTTP/1.1\r\nHost: gateway.test\r\nConnection: close\r\n\r\n"
POST = b"POST /a HTTP/1.1\r\nHost: gateway.test\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
CLOSE = ((b"connection", b"close"),)
LENGTH = 20_000_000


class Narrow(StrictProtocol):
    """The same edge with little room, and little patience for bytes that nobody wants or nobody reads."""

    LINGER = 0.3
    MAX_CONNECTIONS = 2
    WRITE_TIMEOUT = 0.3


class Hasty(Narrow):
    """It also has little patience for heads, yet as much as whoever says one at once needs on a busy machine."""

    HEAD_TIMEOUT = 1.0


class Lingering(StrictProtocol):
    """One that hears out whoever it has answered."""

    LINGER = 30.0


class Reading(Narrow):
    """One that waits for readers, but not for as long as they need for all of a long answer."""

    WRITE_TIMEOUT = 1.5


def test_a_head_that_never_ends_is_refused_in_time() -> None:
    app = Listening()

    with listening(app, Hasty) as edge:
        reply = edge.exchange(b"GET /a HTTP/1.1\r\nHost: gateway.test\r\n")

    assert (reply.status, reply.code, app.calls) == (400, "http.timeout", [])


def test_a_head_that_drips_is_refused_in_time() -> None:
    with listening(Listening(), Hasty) as edge, edge.client() as client:
        client.say(b"GET /a HTTP/1.1\r\nHost: gateway.test\r\nX-A: ")
        with pytest.raises(OSError, match=r"reset|[Pp]ipe"):
            _drip(client)
        reply = client.reply()

    assert reply.code == "http.timeout"


def test_a_head_that_drips_after_a_first_request_is_refused_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    app = Held()
    with listening(app, Narrow) as edge, edge.client() as client:
        client.say(GET)
        wait_until(lambda: app.begun == 1)
        monkeypatch.setattr(Narrow, "HEAD_TIMEOUT", 0.2)
        client.say(b"GET /a")
        app.going.set()
        first = client.reply()
        second = client.reply()

    assert (first.status, second.code) == (200, "http.timeout")


def test_who_connects_and_says_nothing_is_let_go_without_a_word() -> None:
    with listening(Listening(), Hasty) as edge, edge.client() as client:
        rest = client.rest()

    assert (rest, edge.refused.total()) == (b"", 0)


def test_a_pending_answer_is_not_cut_off_by_the_time_for_heads(monkeypatch: pytest.MonkeyPatch) -> None:
    app = Held()
    with listening(app, Narrow) as edge, edge.client() as client:
        client.say(GET)
        wait_until(lambda: app.begun == 1)
        monkeypatch.setattr(Narrow, "HEAD_TIMEOUT", 0.2)
        client.say(b"GET /b")
        time.sleep(0.6)
        app.going.set()
        first = client.reply()

    assert first.payload == b"held"


def test_connections_over_the_bound_are_refused_and_the_others_stay() -> None:
    app = Held()
    with listening(app, Narrow) as edge, edge.client() as first, edge.client() as second:
        first.say(GET)
        second.say(GET)
        wait_until(lambda: app.begun == 2)
        with edge.client() as third:
            refused = third.reply()
        app.going.set()
        taken = [first.reply().status, second.reply().status]

    assert (taken, refused.status, refused.code) == ([200, 200], 503, "gateway.overloaded")


def test_who_comes_takes_the_place_of_whoever_has_been_idle_longest() -> None:
    with listening(Listening(), Narrow) as edge, edge.client() as first, edge.client() as second:
        for client in (first, second):
            client.say(GET)
            assert client.reply().status == 200
            # Timers are told apart by milliseconds.
            time.sleep(0.05)
        with edge.client() as third:
            third.say(GET)
            taken = third.reply().status
            second.say(GET)
            stays = second.reply().status
        gone = first.rest()

    assert (taken, stays, gone, edge.refused.total()) == (200, 200, b"", 0)


def test_a_connection_that_ended_makes_room() -> None:
    with listening(Listening(), Narrow) as edge:
        statuses = [edge.exchange(LAST).status for _ in range(5)]

    assert statuses == [200] * 5


def test_an_early_answer_is_readable_though_the_body_is_still_coming() -> None:
    with listening(Early(413, CLOSE), Lingering) as edge, edge.client() as client:
        client.say(POST + b"Content-Length: 200000\r\n\r\n" + b"a" * 100_000)
        time.sleep(0.1)
        client.say(b"a" * 100_000)
        reply = client.reply()

    assert reply.status == 413


def test_a_body_that_is_no_longer_wanted_is_not_read_without_end() -> None:
    with listening(Early(413, CLOSE), Narrow) as edge, edge.client() as client:
        client.say(POST + b"Content-Length: 100000000\r\n\r\n")
        with pytest.raises(OSError, match=r"reset|[Pp]ipe"):
            _pour(client)


def test_a_body_that_is_no_longer_wanted_does_not_hold_the_connection() -> None:
    with listening(Early(200), keep_alive=1) as edge, edge.client() as client:
        client.say(POST + b"Content-Length: 1000\r\n\r\n")
        client.reply()
        with pytest.raises(OSError, match=r"reset|[Pp]ipe"):
            _drip(client)


def test_a_broken_body_after_an_early_answer_gets_no_second_answer() -> None:
    with listening(Early(200)) as edge, edge.client() as client:
        client.say(CHUNKED)
        first = client.reply()
        client.say(b"zz\r\n")
        rest = client.rest()

    assert (first.status, rest) == (200, b"")


def test_chunk_extensions_without_end_stop_even_after_the_answer() -> None:
    with listening(Early(200), Narrow) as edge, edge.client() as client:
        client.say(CHUNKED + b"5;a=")
        client.reply()
        with pytest.raises(OSError, match=r"reset|[Pp]ipe"):
            _pour(client)


def _pour(client: Client) -> None:
    for _ in range(200):
        client.say(b"a" * 65536)
        time.sleep(0.005)


def _drip(client: Client) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        client.say(b"a")
        time.sleep(0.02)


class Long:
    """An application whose answer is longer than what fits between it and its caller."""

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await live(receive, send)
            return
        await answer(send, 200, b"a" * LENGTH)


def test_a_caller_that_does_not_read_its_answer_does_not_hold_the_connection() -> None:
    lost = threading.Event()

    class Noting(Narrow):
        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            lost.set()

    with listening(Long(), Noting) as edge, edge.client() as client:
        client.say(LAST)

        assert lost.wait(30)
        assert len(client.rest()) < LENGTH


def test_a_caller_that_reads_its_answer_slowly_gets_all_of_it() -> None:
    with listening(Long(), Reading) as edge, edge.client() as client:
        client.say(LAST)
        arrived = sum(len(part) for part in iter(lambda: client.part(pause=0.006), b""))

        assert arrived > LENGTH
