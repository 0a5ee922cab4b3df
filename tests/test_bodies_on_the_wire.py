"""Bodies of every kind through real sockets: what arrives, what comes back, and what is written down of it."""

from collections.abc import Iterator

import pytest
from clearances import loaded
from running import Running, running
from shop_contracts import FILES
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
SET = {**FILES, "parcels/attach.yaml": ATTACH}
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


@pytest.mark.parametrize("name", ["parcels/attach"])
async def test_the_examples_of_these_contracts_hold(name: str) -> None:
    verdicts = await rehearsed(loaded(SET), frozenset({name}))

    assert [(each.name, each.problems) for each in verdicts if each.problems] == []
    assert verdicts
