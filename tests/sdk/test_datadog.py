"""Log lines as Datadog's agents and SDKs send them, over a socket: compressed, careless, and once recorded."""

import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from shipped import Shipped, shipped
from sockets import Reply

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("datadog")]

KEY = "3f9a0d17c2b84e6f3f9a0d17c2b84e6f"
TEXT = "The text is in our own log."
LINE: dict[str, Any] = {
    "ddsource": "python",
    "ddtags": "env:prod,user:zoe@example.com",
    "hostname": "zoes-laptop",
    "service": "shop",
    "status": "warn",
    "message": "declined for Zoë Müller, Lindenstr. 7, card 4242424242424242",
    "timestamp": 1795334632660,
    "usr": {"id": "88120", "name": "Zoë Müller", "email": "zoe@example.com"},
    "http": {"method": "POST", "status_code": 402, "url": "https://shop.example/customers/zoe"},
    "error": {"kind": "Declined", "stack": "in charge('Zoë')"},
    "network": {"client": {"ip": "203.0.113.7"}},
    "skin": "rosacea",
}
PERSONAL = [b"Zo", b"zoe", b"ller", b"Lindenstr", b"4242", b"88120", b"203.0.113.7", b"rosacea", b"laptop"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shipped]:
    with shipped(tmp_path_factory.mktemp("datadog"), "datadog", secrets={"DATADOG_API_KEY": KEY}, facts=[]) as shop:
        yield shop


@pytest.fixture
def datadog(whole: Shipped) -> Shipped:
    whole.running.reset()
    whole.says({}, status=202)
    return whole


def submitted(datadog: Shipped, body: bytes, *fields: str, query: str = "", media: str = "application/json") -> Reply:
    fields = (f"DD-API-KEY: {datadog.token('checkout')}", f"Content-Type: {media}", *fields)
    return datadog.running.call("POST", f"/datadog/api/v2/logs{query}", *fields, body=body, token="")


def assert_nobody_is_in(datadog: Shipped) -> None:
    raw = b"".join(datadog.running.received)
    assert raw
    assert [value for value in [*PERSONAL, datadog.token("checkout").encode()] if value in raw] == []


@pytest.mark.parametrize(
    ("coding", "packed"),
    [("", bytes), ("gzip", gzip.compress), ("deflate", zlib.compress)],
    ids=["plain", "gzip", "deflate"],
)
def test_of_a_line_arrives_what_happened_and_nobody_to_whom(
    datadog: Shipped, coding: str, packed: Callable[[bytes], bytes]
) -> None:
    body = packed(json.dumps([LINE, {"customer": "Zoë"}, LINE | {"status": "info"}], ensure_ascii=False).encode())

    reply = submitted(datadog, body, *([f"Content-Encoding: {coding}"] if coding else []), query="?ddtags=user%3Azoe")

    assert (reply.status, reply.payload) == (202, b"{}")
    line, _ = datadog.arrived()
    first, empty, last = datadog.document()
    assert line == "POST /api/v2/logs HTTP/1.1"
    assert first == {
        "ddsource": "python",
        "hostname": "psn_*",
        "service": "shop",
        "status": "warn",
        "message": TEXT,
        "timestamp": 1795334632660,
        "usr": {"id": "psn_*"},
        "http": {"method": "POST", "status_code": 402},
        "error": {"kind": "Declined"},
        "network": {"client": {"ip": "203.0.113.0"}},
    }
    assert empty == {}
    assert last == first | {"status": "info"}
    assert_nobody_is_in(datadog)


def test_the_key_that_arrives_is_the_shops_own(datadog: Shipped) -> None:
    submitted(datadog, json.dumps([LINE]).encode())

    headers = {name.lower(): value for name, value in datadog.received[0].headers}
    assert headers["dd-api-key"] == KEY
    assert headers["content-type"] == "application/json"
    assert "content-encoding" not in headers


def test_a_line_by_itself_is_taken_too(datadog: Shipped) -> None:
    reply = submitted(datadog, gzip.compress(json.dumps(LINE).encode()), "Content-Encoding: gzip")

    assert reply.status == 202
    assert datadog.document()["message"] == TEXT
    assert_nobody_is_in(datadog)


@pytest.mark.parametrize(
    ("body", "fields", "status", "code"),
    [
        (gzip.compress(b"[]")[:-1], ["Content-Encoding: gzip"], 422, "body.unreadable"),
        (gzip.compress(b"[" + b" " * 6_000_000 + b"]"), ["Content-Encoding: gzip"], 413, "body.too_large"),
        (b'[{"message":"of Zoe"}', [], 422, "body.unreadable"),
        (b'[{"service":"shop of zoe@example.com"}]', [], 422, "field.personal"),
    ],
    ids=["cut off", "a bomb", "no JSON", "a person in the name of a service"],
)
def test_lines_that_cannot_be_judged_go_nowhere(
    datadog: Shipped, body: bytes, fields: list[str], status: int, code: str
) -> None:
    reply = submitted(datadog, body, *fields)

    assert (reply.status, reply.code) == (status, code)
    assert datadog.received == []


def test_a_text_that_is_no_json_is_refused(datadog: Shipped) -> None:
    reply = submitted(datadog, b"login of Zoe", media="text/plain")

    assert (reply.status, reply.code) == (415, "body.media")
    assert datadog.received == []


def test_lines_of_which_nothing_may_leave_are_taken_and_not_sent(datadog: Shipped) -> None:
    reply = submitted(datadog, b'[{"customer":"Zoe"}]')

    assert (reply.status, reply.headers["gateway-sent"]) == (200, "no")
    assert datadog.received == []


def test_what_datadog_repeats_of_a_line_stays(datadog: Shipped) -> None:
    datadog.says({"errors": [{"status": "400", "title": "Bad Request", "detail": "of Zoë Müller"}]}, status=400)

    reply = submitted(datadog, json.dumps([LINE]).encode())

    assert reply.status == 400
    assert json.loads(reply.payload) == {
        "errors": [{"status": "400", "title": "Bad Request", "detail": "Datadog refused these lines."}]
    }


def test_what_the_sdk_once_sent_leaves_minimised(datadog: Shipped, shared: Callable[[str], Path]) -> None:
    recorded = (shared("wire") / "datadog-logs-submit-plain.http").read_bytes()

    reply = datadog.replay(recorded, placed={b"k" * 32: datadog.token("checkout").encode()})

    assert reply.status == 202
    first, second = datadog.document()
    assert first == {"ddsource": "nginx", "hostname": "psn_*", "service": "shop", "message": TEXT}
    assert second == {"service": "shop", "message": TEXT}
    assert_nobody_is_in(datadog)
