"""Lines that are too long for memory together go one by one, and are all decided before the first of them leaves."""

import asyncio
import gzip
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Any

import pytest
from clearances import loaded
from running import Running, running
from shop_contracts import FACTS, FILES
from sockets import Client, Reply
from test_deciding import LINES, PEOPLE, consent, withheld
from test_exchange_order import intents_on_disk
from test_spool import Open
from test_uploads_streamed import MIB, anew, machine, peak, seen_on_disk
from vendors import answers, hangs_up

from gateway import spool as spool_module
from gateway.body.ndjson import Ndjson
from gateway.examples import rehearsed

CANARY = "canary-of-a-line"
MANY = 900
JSON = "Content-Type: application/x-ndjson"
BATCH = LINES.replace("body: ndjson\n", "body: ndjson\n  max_bytes: 64 MiB\n  max_line: 256 KiB\n").replace(
    """    - why: Tells the gifts of one person apart.
      fields: {$.*.gift: order.id}
      form: {pseudonymise: token}
""",
    "",
)
EVENTS = """\
operation: events
version: 1
status: enforce
owner: fulfilment
match: POST /events
callers: [fulfilment]
purpose: delivery
evidence: {order: $.*.order}
subjects:
  purchaser: {ref: order, legal_basis: performance_of_contract}
retention: {vendor_keeps: P90D, why: As long as claims can come.}
retry: {attempts: 2, key: header:Idempotency-Key}
sending:
  body: ndjson
  max_bytes: 64 MiB
  nested: {$.*.data: json}
  groups:
    - why: What happened to which parcel.
      category: not_personal
      fields: [$.*.event, $.*.data.kind, $.*.weight, header:Idempotency-Key]
    - why: Who asked for it.
      fields: {$.*.by: person.name}
    - why: What the driver should know.
      fields: {$.*.note: delivery.note}
      form: scrub
answer:
  body: json
  groups:
    - why: Whether it was taken.
      category: not_personal
      fields: [$.status]
examples:
  - name: what nobody named stays
    given: |
      POST /events

      {"order":"A-1","event":"left","data":"{\\"kind\\":\\"box\\",\\"who\\":\\"Zoe\\"}","who":"Zoe"}
    sends: |
      POST /events

      {"event":"left","data":"{\\"kind\\":\\"box\\"}"}
    withholds: [$.*.order, $.*.data.who, $.*.who]
"""
SET = {**FILES, "parcels/lines.yaml": BATCH, "parcels/events.yaml": EVENTS}
ACCEPTS = answers(200, b'{"status":"taken"}', "content-type: application/json")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    facts = (*PEOPLE, *FACTS, consent(1, "delivery_notification"))
    with running(tmp_path_factory.mktemp("lines"), files=SET, facts=facts) as gateway:
        yield gateway


@pytest.fixture
def gateway(shared: Running) -> Iterator[Running]:
    yield from anew(shared, ACCEPTS)


def event(number: int, **members: object) -> dict[str, Any]:
    data = {"kind": f"box {number}", "secret": f"{CANARY} {number}"}
    return {
        "order": "A-10045", "event": "left", "weight": number, "by": "Zoë Müller", "who": CANARY * 20,
        "note": "ring twice, then ask for Zoë Müller", "data": json.dumps(data), **members,
    }  # fmt: skip


EVENTS_SENT = [event(number) for number in range(MANY)]
LEFT = [
    {
        "event": "left", "weight": number, "by": "Zoë Müller", "note": "ring twice, then ask for <PERSON>",
        "data": f'{{"kind":"box {number}"}}',
    }
    for number in range(MANY)
]  # fmt: skip


def lines(*documents: object) -> bytes:
    return b"".join(json.dumps(each, ensure_ascii=False).encode() + b"\n" for each in documents)


def posted(gateway: Running, target: str, *documents: object, fields: tuple[str, ...] = ()) -> Reply:
    return gateway.call("POST", f"/parcels/{target}", JSON, *fields, body=lines(*documents))


def arrived(gateway: Running) -> list[Mapping[str, Any]]:
    [request] = gateway.parcels.received
    *each, end = request.payload.split(b"\n")
    assert not end
    return [json.loads(line) for line in each]


def test_of_every_line_leaves_what_is_named_and_the_record_says_how_often(gateway: Running) -> None:
    reply = posted(gateway, "events", *EVENTS_SENT)

    assert reply.status == 200
    assert arrived(gateway) == LEFT
    [intent] = gateway.record(kind="intent")[:1]
    fields = {path: count for group in intent["disclosed"] for path, _, count in group["fields"]}
    assert fields == dict.fromkeys(["$.*.event", "$.*.data.kind", "$.*.weight", "$.*.by", "$.*.note"], MANY)
    assert intent["payload"]["bytes"] == len(gateway.parcels.received[0].payload) == intent["outcome"]["bytes_sent"]
    assert int(reply.headers["gateway-withheld"]) == 3 * MANY


@pytest.mark.parametrize("size", [1, 65_535, 65_536])
def test_a_chunk_may_end_anywhere(gateway: Running, size: int) -> None:
    payload, random, start = lines(*EVENTS_SENT), Random(5), 0
    client = gateway.client()
    client.say(gateway.raw("POST", "/parcels/events", JSON, "Transfer-Encoding: chunked"))
    while start < len(payload):
        chunk = payload[start : start + size + random.randrange(20_000)]
        client.say(b"%x\r\n%b\r\n" % (len(chunk), chunk))
        start += len(chunk)
    client.say(b"0\r\n\r\n")
    reply = client.reply()
    client.close()

    assert reply.status == 200
    assert arrived(gateway) == LEFT


def test_packed_lines_are_unpacked_elsewhere_too(gateway: Running) -> None:
    payload = gzip.compress(lines(*EVENTS_SENT), 1)

    reply = gateway.call("POST", "/parcels/events", JSON, "Content-Encoding: gzip", body=payload)

    assert reply.status == 200
    assert arrived(gateway) == LEFT


LAST = {
    "no JSON": (b'{"order":"A-10045"', "body.unreadable"),
    "a key that stands twice": (b'{"event":"a","event":"b"}', "body.unreadable"),
    "a surrogate alone": (b'{"event":"\\ud800"}', "body.unreadable"),
    "no UTF-8": (b'{"event":"\xff"}', "body.unreadable"),
    "no JSON in a text": (b'{"data":"{"}', "body.unreadable"),
    "another order": (b'{"order":"A-10046"}', "subject.mismatch"),
    "an address where there is none": (b'{"event":"zoe@example.com"}', "field.personal"),
    "too long a line": (b'{"who":"%b"}' % (b"a" * 1024 * 1024), "body.too_large"),
    "too long an order": (b'{"order":"%b"}' % (b"a" * 5_000), "body.too_large"),
}


@pytest.mark.parametrize(("last", "code"), LAST.values(), ids=LAST)
def test_nothing_of_any_line_leaves_where_the_last_is_refused(gateway: Running, last: bytes, code: str) -> None:
    before = len(gateway.entries(kind="intent"))

    reply = gateway.call("POST", "/parcels/events", JSON, body=lines(*EVENTS_SENT) + last)

    assert reply.code == code
    assert gateway.received == []
    assert len(gateway.entries(kind="intent")) == before


def test_lines_of_which_nothing_may_leave_do_not(gateway: Running) -> None:
    reply = posted(gateway, "events", *[{"order": "A-10045", "who": CANARY * 30}] * 900)

    assert reply.code == "body.empty"
    assert gateway.received == []


def test_a_line_that_is_written_otherwise_than_it_was_built_keeps_all_of_them_here(
    gateway: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, seen = Ndjson.write, []

    def written(self: Ndjson, document: Any, source: Any) -> bytes:
        seen.append(document)
        return write(self, [{**each, "who": CANARY} for each in document] if len(seen) > MANY - 9 else document, source)

    monkeypatch.setattr(Ndjson, "write", written)

    assert posted(gateway, "events", *EVENTS_SENT).code == "proof.failed"
    assert gateway.received == []


def test_the_intent_stands_on_the_disk_before_the_first_byte_leaves(gateway: Running) -> None:
    before = len(gateway.entries(kind="intent"))
    seen: list[int] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(1)
        seen.append(await intents_on_disk(gateway.folder))
        await hangs_up(reader, writer)

    gateway.parcels.script, gateway.parcels.eager = script, True

    assert posted(gateway, "events", *EVENTS_SENT).code == "vendor.broken"
    assert seen == [before + 1]


def test_a_repeat_is_the_same_from_the_beginning(gateway: Running) -> None:
    scripts = [hangs_up, ACCEPTS]

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await scripts.pop(0)(reader, writer)

    gateway.parcels.script = script

    assert posted(gateway, "events", *EVENTS_SENT, fields=("Idempotency-Key: k-1",)).status == 200
    first, second = gateway.parcels.received
    assert first.payload == second.payload
    assert [each["outcome"]["result"] for each in gateway.record(kind="intent")[:2]] == ["sent", "possibly"]


def test_no_file_shows_anything_of_lines_on_their_way(gateway: Running) -> None:
    seen = seen_on_disk(gateway, lambda: posted(gateway, "events", *EVENTS_SENT))

    assert sum(len(each) > 300_000 for each in seen) >= 2
    assert not any(CANARY.encode() in each or "Zoë Müller".encode() in each for each in seen)


def test_lines_in_clear_would_be_seen(gateway: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_module, "AESGCM", Open)

    assert any(
        CANARY.encode() in each for each in seen_on_disk(gateway, lambda: posted(gateway, "events", *EVENTS_SENT))
    )


def parcel(number: int, **members: object) -> dict[str, Any]:
    to = {"name": f"Zoë {number}", "email": f"z{number}@example.com", "birthday": CANARY * 40}
    return {"reference": f"B-{number}", "weight": 1.5, "note": f"for Zoë {number}", "to": to | members}


def test_each_line_of_a_batch_is_decided_by_itself(gateway: Running) -> None:
    batch = [parcel(number) for number in (1, 2, 3)] * 300
    refused = [parcel(77), parcel(9), parcel(1, name=None), "B-1"]

    reply = posted(gateway, "lines", *batch[:450], *refused, *batch[450:])

    assert reply.status == 200
    left = arrived(gateway)
    assert [each["to"]["name"] for each in left] == ["Zoë 1", "Zoë 2", "Zoë 3"] * 300
    assert [each["to"].get("email") for each in left] == ["z1@example.com", None, None] * 300
    assert {each["note"] for each in left} == {"for <PERSON>"}
    [intent] = gateway.record(kind="intent")[:1]
    stayed = withheld(intent)
    assert {"consent.missing", "field.required", "subject.unresolved"} <= stayed.keys()
    for subject in ("c-1", "c-2", "c-3"):
        assert gateway.entries(kind="intent", subject=subject)[0].seq == gateway.entries(kind="intent")[0].seq


def test_more_people_than_the_contract_allows_are_not_even_looked_up(gateway: Running) -> None:
    reply = posted(gateway, "lines", *[parcel(number) for number in (1, 2, 3, 4, 5)] * 200)

    assert reply.code == "limit.subjects"
    assert gateway.received == []


# One body of 40 MiB, against one of 1 MiB: in memory it takes several times its length.
MOST = 20
IN_MEMORY = "import gateway.spool as s; s.IN_MEMORY = 1 << 40; from gateway.__main__ import main; main()"


@pytest.mark.slow
@pytest.mark.parametrize(("program", "grows"), [((), False), (("-c", IN_MEMORY), True)], ids=["streamed", "in memory"])
def test_memory_does_not_grow_with_lines(tmp_path: Path, program: tuple[str, ...], *, grows: bool) -> None:
    def post(count: int) -> int:
        head = f"POST /parcels/events HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n{JSON}\r\n"
        client = Client(("127.0.0.1", serving.port), patience=120.0)
        client.say(f"{head}Content-Length: {count * len(long)}\r\n\r\n".encode())
        for _ in range(count):
            client.say(long)
        status = client.reply().status
        client.close()
        return status

    long = lines(event(7, by="Zoë Müller " * 6_000))
    with machine(tmp_path, *program, files=SET) as (serving, token):
        assert post(MIB // len(long)) == 200
        before = peak(serving)

        assert post(40 * MIB // len(long)) == 200

        assert (peak(serving) - before > MOST) is grows


@pytest.mark.parametrize("name", ["parcels/events", "parcels/lines"])
async def test_the_examples_of_these_contracts_hold(name: str) -> None:
    verdicts = await rehearsed(loaded(SET), frozenset({name}))

    assert verdicts
    assert [(each.name, each.problems) for each in verdicts if each.problems] == []
