"""Bodies of every kind through real sockets: what arrives, what comes back, and what is written down of it."""

import gzip
import time
from collections.abc import Iterator
from itertools import pairwise
from urllib.parse import quote_plus

import pytest
from clearances import loaded
from running import Running, running
from shop_contracts import FILES
from sockets import Reply
from vendors import answers

from gateway.examples import rehearsed

ATTACH = """\
operation: attach
version: 1
status: enforce
owner: fulfilment
match: POST /shipments/{parcel}/papers
callers: [fulfilment]
purpose: delivery
evidence: {order: "query:order"}
subjects:
  purchaser: {ref: order, legal_basis: performance_of_contract}
retention: {vendor_keeps: P90D, why: As long as claims can come.}
sending:
  body: opaque
  media: [application/pdf]
  max_bytes: 16 KiB
  groups:
    - why: Says which parcel the paper belongs to.
      fields: {path:parcel: shipment.tracking}
    - why: Customs asks to see the invoice.
      fields: {$: order.declared_value}
      required: all
answer:
  body: opaque
  media: [image/png]
  max_bytes: 16 KiB
  groups:
    - why: The warehouse prints the label.
      fields: {$: address.full}
examples:
  - name: a paper and a label
    given: |
      POST /shipments/T-1/papers?order=A-1

      %PDF-1.7 Zoë
    sends: |
      POST /shipments/T-1/papers

      %PDF-1.7 Zoë
    withholds: [query:order]
    answers: |
      200
      Content-Type: image/png

      PNG Zoë
    returns: |
      200

      PNG Zoë
"""
LOGS = """\
operation: logs
version: 1
status: enforce
owner: platform
match: POST /api/logs
callers: [checkout]
purpose: fault_repair
subjects: none
retention: {vendor_keeps: P90D, why: Time to mend a fault.}
sending:
  body: ndjson
  groups:
    - why: What happened, and how grave it is.
      category: not_personal
      fields: [$.*.event, $.*.level, $.*.at]
      required: [$.*.event]
answer:
  body: ndjson
  groups:
    - why: Which line was taken.
      category: not_personal
      fields: [$.*.line]
examples:
  - name: the text of a line stays
    given: |
      POST /api/logs

      {"event": "pay.failed", "level": 3, "message": "card of Zoe"}

      {"event": "pay.ok"}
    sends: |
      POST /api/logs
      Content-Type: application/x-ndjson

      {"event": "pay.failed", "level": 3}
      {"event": "pay.ok"}
    withholds: [$.*.message]
    answers: |
      200
      Content-Type: application/x-ndjson

      {"line": 1, "by": "Bob"}
      {"line": 2}
    returns: |
      200

      {"line": 1}
      {"line": 2}
"""
TRADE = """\
operation: trade
version: 1
status: enforce
owner: checkout
match: POST /gateway.do
callers: [checkout]
purpose: payment_settlement
evidence: {order: $.biz_content.out_trade_no}
subjects:
  payer: {ref: $.biz_content.buyer, legal_basis: performance_of_contract}
retention: {vendor_keeps: P5Y, why: The law on bookkeeping.}
sending:
  body: form
  nested: {$.biz_content: json}
  groups:
    - why: Which trade it is, and what it costs.
      fields: {$.biz_content.total_amount: payment.amount, $.biz_content.out_trade_no: order.id}
      required: all
    - why: Which call it is.
      category: not_personal
      fields: [$.method]
    - why: Who it is stays with us.
      fields: {$.biz_content.buyer: account.id}
      form: drop
examples:
  - name: one
    given: |
      POST /gateway.do

      method=pay&biz_content={"out_trade_no":"A-1","total_amount":"88.10","buyer":"c-1"}
    sends: |
      POST /gateway.do

      method=pay&biz_content={"out_trade_no":"A-1","total_amount":"88.10"}
    withholds: [$.biz_content.buyer]
"""
SET = {**FILES, "parcels/attach.yaml": ATTACH, "faults/logs.yaml": LOGS, "payments/trade.yaml": TRADE}
PAPER = b"%PDF-1.7\r\n" + bytes(range(256)) + b"\r\n0\r\n\r\nZo\xc3\xab"
LABEL = b"\x89PNG\r\n\x1a\n" + bytes(range(255, -1, -1))
PAPERS = "/parcels/shipments/T-1/papers?order=A-10045"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("bodies"), files=SET) as gateway:
        yield gateway


@pytest.fixture
def gateway(shared: Running) -> Running:
    shared.reset()
    return shared


def test_opaque_bytes_arrive_as_they_were_and_come_back_as_they_were(gateway: Running) -> None:
    gateway.parcels.script = answers(200, LABEL, "content-type: image/png")

    reply = gateway.call("POST", PAPERS, "Content-Type: application/pdf", body=PAPER)

    assert (reply.status, reply.payload) == (200, LABEL)
    assert reply.headers["content-type"] == "image/png"
    [sent] = gateway.parcels.received
    assert sent.payload == PAPER


def test_opaque_bytes_are_recorded_as_such(gateway: Running) -> None:
    gateway.call("POST", PAPERS, "Content-Type: application/pdf", body=PAPER)

    intent = gateway.record(kind="intent")[0]
    assert (intent["payload"]["media"], intent["payload"]["bytes"]) == ("application/pdf", len(PAPER))
    [group] = intent["disclosed"]
    assert group["form"] == "as_is"
    assert ["$", "order.declared_value"] in group["fields"]


def test_an_opaque_body_that_is_required_has_to_be_there(gateway: Running) -> None:
    reply = gateway.call("POST", PAPERS, "Content-Type: application/pdf")

    assert reply.status == 422
    assert gateway.received == []


def test_an_opaque_answer_of_another_type_stays(gateway: Running) -> None:
    gateway.parcels.script = answers(200, b"<p>Zoe</p>", "content-type: text/html")

    reply = gateway.call("POST", PAPERS, "Content-Type: application/pdf", body=PAPER)

    assert (reply.status, reply.payload) == (200, b"")


def logged(gateway: Running, lines: bytes, *cuts: int, coding: str = "") -> Reply:
    """The reply to lines that are sent in chunks, cut at these places, each chunk for itself."""
    head = [
        "POST /faults/api/logs HTTP/1.1",
        "Host: gateway.test",
        f"X-Faults-Auth: Faults key={gateway.token('checkout')}",
        "Content-Type: application/x-ndjson",
        "Transfer-Encoding: chunked",
        *([f"Content-Encoding: {coding}"] if coding else []),
    ]
    client = gateway.client()
    client.say("\r\n".join([*head, "", ""]).encode())
    for start, end in pairwise((0, *cuts, len(lines))):
        client.say(b"%x\r\n%b\r\n" % (end - start, lines[start:end]))
        time.sleep(0.01)
    client.say(b"0\r\n\r\n")
    try:
        return client.reply()
    finally:
        client.close()


EVENTS = '{"event":"Zoë zahlt 5 €","at":1.10,"user":"Zoe"}\n\n{"event":"😀","at":12345678901234567890123}'.encode()
EVENTS_LEFT = '{"event":"Zoë zahlt 5 €","at":1.10}\n{"event":"😀","at":12345678901234567890123}\n'.encode()


@pytest.mark.parametrize(
    "cuts",
    [
        (),
        (EVENTS.index("ë".encode()) + 1,),
        (EVENTS.index("€".encode()) + 1, EVENTS.index("€".encode()) + 2),
        tuple(EVENTS.index("😀".encode()) + inside for inside in (1, 2, 3)),
        tuple(range(1, len(EVENTS), 7)),
    ],
    ids=["whole", "in a sign of two bytes", "in one of three", "in one of four", "everywhere"],
)
def test_lines_arrive_however_they_are_cut(gateway: Running, cuts: tuple[int, ...]) -> None:
    reply = logged(gateway, EVENTS, *cuts)

    assert reply.status == 200
    [sent] = gateway.vendors["faults"].received
    assert sent.payload == EVENTS_LEFT
    assert dict(sent.headers)["content-type"] == "application/x-ndjson"


def test_compressed_lines_arrive_unpacked(gateway: Running) -> None:
    packed = gzip.compress(EVENTS)

    reply = logged(gateway, packed, 5, len(packed) - 3, coding="gzip")

    assert reply.status == 200
    [sent] = gateway.vendors["faults"].received
    assert sent.payload == EVENTS_LEFT


def test_lines_come_back_minimised_each_by_itself(gateway: Running) -> None:
    said = b'{"line":1,"by":"Bob"}\r\n{"by":"Bob"}\n{"line":3}'
    gateway.vendors["faults"].script = answers(200, said, "content-type: application/ndjson")

    reply = logged(gateway, EVENTS)

    assert (reply.status, reply.payload) == (200, b'{"line":1}\n{}\n{"line":3}\n')


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        (b'{"event":"a"}\n{"event":', "body.unreadable"),
        (b'{"event":"a"}\n{"level":1}', "field.required"),
        (b'{"event":"a"}\n{"event":"zoe@example.com"}', "field.personal"),
        (b"\n\n", "field.required"),
    ],
    ids=["a line that is cut off", "a line without what is required", "a line with a person in it", "no line"],
)
def test_one_line_that_must_not_leave_keeps_all_of_them(gateway: Running, lines: bytes, code: str) -> None:
    reply = logged(gateway, lines)

    assert (reply.status, reply.code) == (422, code)
    assert gateway.received == []


def traded(gateway: Running, content: str) -> Reply:
    body = f"method=pay+now&biz_content={quote_plus(content)}&sign=x".encode()
    form = "Content-Type: application/x-www-form-urlencoded"
    return gateway.call("POST", "/payments/gateway.do", form, body=body, token=gateway.token("checkout"))


def test_json_in_a_form_field_names_its_person_and_leaves_field_by_field(gateway: Running) -> None:
    content = '{"out_trade_no": "A-10045", "total_amount": "88.10", "buyer": "c-90", "subject": "for Zoë"}'

    reply = traded(gateway, content)

    assert reply.status == 200
    [sent] = gateway.vendors["payments"].received
    left = quote_plus('{"out_trade_no":"A-10045","total_amount":"88.10"}')
    assert sent.payload == f"method=pay+now&biz_content={left}".encode()
    intent = gateway.record(kind="intent")[0]
    withheld = {group["reason"]: group["paths"] for group in intent["withheld"]}
    assert withheld["drop"] == ["$.biz_content.buyer"]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ('{"out_trade_no":"A-10045","buyer":"c-90"}', "field.required"),
        ('{"out_trade_no":"A-10045","buyer":"c-90"', "body.unreadable"),
        ('{"out_trade_no":"A-1","out_trade_no":"A-10045"}', "body.unreadable"),
        ("", "subject.unresolved"),
    ],
    ids=["without what is required", "cut off", "a key twice", "empty"],
)
def test_json_in_a_form_field_that_is_not_what_it_should_be_goes_nowhere(
    gateway: Running, content: str, code: str
) -> None:
    reply = traded(gateway, content)

    assert reply.code == code
    assert gateway.received == []


@pytest.mark.parametrize("name", ["parcels/attach", "faults/logs", "payments/trade"])
async def test_the_examples_of_these_contracts_hold(name: str) -> None:
    verdicts = await rehearsed(loaded(SET), frozenset({name}))

    assert [(each.name, each.problems) for each in verdicts if each.problems] == []
    assert verdicts
