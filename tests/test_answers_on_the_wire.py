"""Answers through real sockets: however a vendor says it, the caller gets what the contract names, and nothing else."""

import gzip
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from packers import PACKERS
from running import Running, running
from shop_contracts import FILES
from vendors import Script, answers, hangs_up, says

from gateway.errors import CODES

JSON = "content-type: application/json"
SAID = b'{"tracking":"T-1","status":"ok","driver":{"mail":"zoe@example.com","card":4111111111111111}}'
LEFT = b'{"tracking":"T-1","status":"ok"}'


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("answers")) as gateway:
        yield gateway


@pytest.fixture
def gateway(shared: Running) -> Running:
    shared.reset()
    return shared


def chunked(payload: bytes, *cuts: int, fields: str = "") -> Script:
    head = f"HTTP/1.1 200 OK\r\n{JSON}\r\ntransfer-encoding: chunked\r\n{fields}\r\n".encode()
    parts = [payload[start:end] for start, end in pairwise((0, *cuts, len(payload)))]
    body = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts if part)
    return says(head + body + b"0\r\nx-trailer: zoe@example.com\r\n\r\n")


PACKED = gzip.compress(SAID)
WAYS: dict[str, Script] = {
    **{
        f"packed with {coding}": answers(200, pack(SAID), JSON, f"content-encoding: {coding}")
        for coding, pack in PACKERS.items()
    },
    "in chunks": chunked(SAID, 1, 20, 40),
    "a byte a chunk": chunked(SAID, *range(1, len(SAID))),
    "packed and in chunks": chunked(PACKED, 3, 9, fields="content-encoding: gzip\r\n"),
    "to the end of the connection": says(
        f"HTTP/1.1 200 OK\r\n{JSON}\r\ncontent-encoding: gzip\r\n\r\n".encode() + PACKED, then=hangs_up
    ),
}


@pytest.mark.parametrize("script", WAYS.values(), ids=WAYS.keys())
def test_however_an_answer_comes_the_same_is_left_of_it(gateway: Running, script: Script) -> None:
    gateway.parcels.script = script

    reply = gateway.ship()

    assert (reply.status, reply.payload) == (200, LEFT)
    assert b"zoe" not in repr(reply).encode()
    assert "content-encoding" not in reply.headers


THING = """\
operation: {name}
version: 1
status: enforce
owner: fulfilment
match: {method} /things/{{id}}
callers: [fulfilment]
purpose: delivery
subjects: none
retention: {{vendor_keeps: P90D, why: As long as claims can come.}}
sending:
  body: none
  groups:
    - {{why: Which one it is., category: parcel.measure, fields: [path:id]}}
answer:
  body: json
  groups:
    - {{why: Shown to the staff., category: parcel.measure, fields: [$.a, header:ETag]}}
examples:
  - name: one of them
    given: {method} /things/1
    sends: {method} /things/1
"""


def test_an_answer_that_has_no_body_has_no_length_and_the_next_one_follows_it(tmp_path: Path) -> None:
    methods = {"see-thing": "HEAD", "remove-thing": "DELETE", "get-thing": "GET"}
    things = {f"parcels/{name}.yaml": THING.format(name=name, method=method) for name, method in methods.items()}
    with running(tmp_path, files={**FILES, **things}) as gateway:
        client = gateway.client()
        for method, said, status in (
            ("HEAD", b"200 OK\r\ncontent-type: application/json\r\ncontent-length: 7", 200),
            ("HEAD", b"404 Not Found\r\ncontent-type: application/json\r\ncontent-length: 7", 404),
            ("HEAD", b"302 Found\r\nlocation: https://x.example/zoe\r\ncontent-length: 7", 302),
            ("DELETE", b"204 No Content", 204),
            ("GET", b"304 Not Modified\r\ncontent-length: 7", 304),
        ):
            gateway.parcels.script = says(b"HTTP/1.1 %b\r\netag: x1\r\n\r\n" % said)
            client.say(gateway.raw(method, "/parcels/things/1"))
            reply = client.reply()

            assert (reply.status, reply.payload) == (status, b"")
            assert reply.headers.keys().isdisjoint({"content-length", "transfer-encoding", "location"})
            assert reply.headers["gateway-sent"] == "yes"
            assert reply.headers.get("etag", "x1") == "x1"
        client.close()


@pytest.mark.parametrize("status", [200, 409])
def test_a_packed_answer_that_is_broken_is_an_answer_all_the_same(gateway: Running, status: int) -> None:
    gateway.parcels.script = answers(status, PACKED[:-3], JSON, "content-encoding: gzip")

    reply = gateway.ship()

    assert (reply.status, reply.headers["gateway-sent"]) == (status, "yes")
    assert reply.headers["gateway-hint"] == "the answer stays here: body.unreadable"
    assert gateway.record(kind="intent")[0]["outcome"]["result"] == "sent"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_recorded_and_followed_by_nobody(gateway: Running, status: int) -> None:
    payments = gateway.vendors["payments"]
    where = f"https://api.payments.test:{payments.port}/zoe"
    gateway.parcels.script = answers(
        status, f"<a href={where}>".encode(), "content-type: text/html", f"location: {where}"
    )

    reply = gateway.ship()

    assert (reply.status, reply.code) == (status, "vendor.redirect")
    assert reply.headers["gateway-hint"] == CODES["vendor.redirect"].title
    assert "location" not in reply.headers
    assert b"zoe" not in repr(reply).encode()
    assert (len(gateway.parcels.received), payments.received) == (1, [])
    outcome = gateway.record(kind="intent")[0]["outcome"]
    assert (outcome["result"], outcome["code"], outcome["http_status"]) == ("sent", "vendor.redirect", status)


def counted(gateway: Running) -> dict[str, int]:
    """How often each kind was found in answers of the courier so far."""
    metrics = gateway.gateway.telemetry.exposition().decode()
    assert "zoe" not in metrics
    found = re.findall(r'^gateway_answers_unnamed_total\{kind="(.*)",vendor="parcels"\} (\d+)', metrics, re.MULTILINE)
    return {kind: int(count) for kind, count in found}


def test_what_a_vendor_says_about_people_unasked_is_counted_at_that_vendor(gateway: Running) -> None:
    gateway.parcels.script = answers(200, LEFT, JSON)
    gateway.ship()
    before = counted(gateway)
    gateway.parcels.script = answers(200, SAID, JSON)
    gateway.ship()
    after = counted(gateway)

    assert {kind: count - before.get(kind, 0) for kind, count in after.items()} == {
        "e-mail address": 1,
        "card number": 1,
    }
