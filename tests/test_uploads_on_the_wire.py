"""Forms with files through real sockets: what arrives, what comes back, what is written down, and what goes nowhere."""

import time
from collections.abc import Iterator
from itertools import pairwise

import pytest
from clearances import loaded
from parts import BOUNDARY, body, headed, part
from running import Running, running
from shop_contracts import FILES
from sockets import Reply
from vendors import answers

from gateway.body.multipart import boundary_in, parts_of
from gateway.examples import rehearsed

UPLOAD = """\
operation: upload
version: 1
status: enforce
owner: fulfilment
match: POST /papers
callers: [fulfilment]
purpose: delivery
evidence: {order: $.order}
subjects:
  purchaser: {ref: order, legal_basis: performance_of_contract}
retention: {vendor_keeps: P90D, why: As long as claims can come.}
sending:
  body: multipart
  max_bytes: 512 KiB
  nested:
    $.invoice: {body: opaque, media: [application/pdf], max_bytes: 256 KiB}
    $.meta: json
  groups:
    - why: Customs asks to see the invoice.
      fields: {$.invoice: order.declared_value}
      required: all
    - why: Which paper it is.
      category: not_personal
      fields: [$.meta.kind, $.tags.*]
answer:
  body: json
  groups:
    - why: Which number it has.
      category: not_personal
      fields: [$.number]
examples:
  - name: the name of the file and the note stay
    given: |
      POST /papers
      Content-Type: multipart/form-data; boundary=x1

      --x1
      Content-Disposition: form-data; name="order"

      A-1
      --x1
      Content-Disposition: form-data; name="meta"

      {"kind": "invoice", "by": "Zoe"}
      --x1
      Content-Disposition: form-data; name="invoice"; filename="Zoe.pdf"
      Content-Type: application/pdf

      %PDF-1.7 Zoë
      two lines
      --x1--
    sends: |
      POST /papers

      --any
      Content-Disposition: form-data; name=meta

      {"kind":"invoice"}
      --any
      Content-Type: application/pdf
      Content-Disposition: form-data; name="invoice"; filename="file.pdf"

      %PDF-1.7 Zoë
      two lines
      --any--
    withholds: [$.order, $.meta.by, $.invoice.@filename]
    answers: |
      200

      {"number": 7, "by": "Bob"}
    returns: |
      200

      {"number": 7}
"""
SET = {**FILES, "parcels/upload.yaml": UPLOAD}
PAPER = b"%PDF-1.7\r\n" + bytes(range(256)) * 64 + b"\r\n--xYzZY\r\n0\r\n\r\nZo\xc3\xab"
ORDER = part("order", "A-10045")
INVOICE = part("invoice", PAPER, "Content-Type: application/pdf", filename="canary-name.pdf")
LEFT = {
    "content-disposition.name": "invoice",
    "content-disposition.filename": "file.pdf",
    "content-type": "application/pdf",
}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("uploads"), files=SET) as gateway:
        yield gateway


@pytest.fixture
def gateway(shared: Running) -> Running:
    shared.reset()
    shared.parcels.script = answers(200, b'{"number":7,"by":"Bob"}', "content-type: application/json")
    return shared


def uploaded(gateway: Running, payload: bytes, media: str = f"multipart/form-data; boundary={BOUNDARY}") -> Reply:
    return gateway.call("POST", "/parcels/papers", f"Content-Type: {media}", body=payload)


def arrived(gateway: Running) -> list[tuple[dict[str, str], bytes]]:
    """The parts that the vendor got, by what their heads say."""
    [sent] = gateway.parcels.received
    boundary = boundary_in(sent.payload)
    assert dict(sent.headers)["content-type"] == f"multipart/form-data; boundary={boundary}"
    return [
        ({name: text for name, text in head.items() if name != "content-disposition"}, content)
        for head, content in parts_of(sent.payload)
    ]


def test_a_file_arrives_byte_for_byte_under_a_name_of_ours(gateway: Running) -> None:
    reply = uploaded(gateway, body(ORDER, INVOICE))

    assert (reply.status, reply.payload) == (200, b'{"number":7}')
    assert arrived(gateway) == [(LEFT, PAPER)]


@pytest.mark.parametrize("step", [1, 7, 1000, 65536])
def test_a_file_arrives_however_it_is_cut(gateway: Running, step: int) -> None:
    payload = body(ORDER, part("invoice", PAPER[:300], filename="a")) if step == 1 else body(ORDER, INVOICE)
    head = [
        "POST /parcels/papers HTTP/1.1",
        "Host: gateway.test",
        f"Authorization: Bearer {gateway.token()}",
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}",
        "Transfer-Encoding: chunked",
    ]
    client = gateway.client()
    client.say("\r\n".join([*head, "", ""]).encode())
    for start, end in pairwise([*range(0, len(payload), step), len(payload)]):
        client.say(b"%x\r\n%b\r\n" % (end - start, payload[start:end]))
    time.sleep(0.01)
    client.say(b"0\r\n\r\n")
    reply = client.reply()
    client.close()

    assert reply.status == 200
    [(_, content)] = arrived(gateway)
    assert content == (PAPER[:300] if step == 1 else PAPER)


def test_no_canary_of_heads_names_preamble_epilogue_or_boundary_arrives_or_is_written_down(gateway: Running) -> None:
    parts = [
        part("order", "A-10045", "X-Who: canary-1", "Content-Description: canary-2"),
        part("meta", '{"kind":"invoice","by":"canary-3"}', "Content-Type: application/json", filename="canary-4"),
        headed(PAPER, "Content-Disposition: form-data; name=invoice; filename*=UTF-8''canary-5; creator=canary-6",
               'Content-Type: application/pdf; name="canary-7"'),
        part("canary-8", "canary-9"),
        part("scan", PAPER, "Content-Type: image/canary-10", filename="canary-11"),
    ]  # fmt: skip
    payload = body(*parts, boundary="canary-12", before=b"canary-13\r\n", after=b"\r\ncanary-14")

    reply = uploaded(gateway, payload, "multipart/form-data; boundary=canary-12; who=canary-15")

    assert reply.status == 200
    assert [content for _, content in arrived(gateway)] == [b'{"kind":"invoice"}', PAPER]
    assert b"canary" not in b"".join(gateway.received)
    assert "canary" not in str(gateway.record())


def test_an_upload_is_recorded_by_places_type_and_length(gateway: Running) -> None:
    uploaded(gateway, body(ORDER, INVOICE))

    intent = gateway.record(kind="intent")[0]
    [sent] = gateway.parcels.received
    assert (intent["payload"]["media"], intent["payload"]["bytes"]) == ("multipart/form-data", len(sent.payload))
    assert [group["fields"] for group in intent["disclosed"]] == [[["$.invoice", "order.declared_value"]]]
    withheld = {group["reason"]: group["paths"] for group in intent["withheld"]}
    assert "$.invoice.@filename" in withheld["field.unnamed"]


REFUSED = {
    "no end": (body(ORDER, INVOICE)[:-4], "body.unreadable", 422),
    "two file names": (body(ORDER, part("invoice", PAPER, filename='a"; filename="b')), "body.unreadable", 422),
    "base64": (body(ORDER, part("invoice", "", "Content-Transfer-Encoding: base64")), "body.unreadable", 422),
    "two invoices": (body(ORDER, INVOICE, INVOICE), "field.repeated", 422),
    "two orders": (body(ORDER, part("order", "A-10046"), INVOICE), "field.repeated", 422),
    "an order in two spellings": (body(ORDER, part("order[]", "A-10046"), INVOICE), "field.repeated", 422),
    "another type": (body(ORDER, part("invoice", PAPER, "Content-Type: text/html")), "body.media", 415),
    "too long a file": (body(ORDER, part("invoice", bytes(256 * 1024 + 1))), "body.too_large", 413),
    "too long a body": (body(ORDER, INVOICE, part("x", bytes(512 * 1024))), "body.too_large", 413),
    "no invoice": (body(ORDER, part("tags[]", "a")), "field.required", 422),
    "no order": (body(INVOICE), "subject.unresolved", 403),
    "an order that is a file": (body(part("order", "A-10045", filename="a"), INVOICE), "subject.unresolved", 403),
}  # fmt: skip


@pytest.mark.parametrize(("payload", "code", "status"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_what_it_should_be_goes_nowhere(gateway: Running, payload: bytes, code: str, status: int) -> None:
    reply = uploaded(gateway, payload)

    assert (reply.status, reply.code) == (status, code)
    assert gateway.received == []


@pytest.mark.parametrize(
    "media",
    ["multipart/form-data", f"multipart/form-data; boundary={BOUNDARY}; boundary=x", "multipart/form-data; boundary=x"],
)
def test_a_boundary_that_is_not_the_one_of_the_body_goes_nowhere(gateway: Running, media: str) -> None:
    reply = uploaded(gateway, body(ORDER, INVOICE), media)

    assert (reply.status, reply.code) == (422, "body.unreadable")
    assert gateway.received == []


async def test_the_examples_of_an_upload_hold() -> None:
    verdicts = await rehearsed(loaded(SET), frozenset({"parcels/upload"}))

    assert [(each.name, each.problems) for each in verdicts] == [("the name of the file and the note stay", ())]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('      {"kind":"invoice"}\n', '      {"kind":"label"}\n'),
        ('filename="file.pdf"', 'filename="Zoe.pdf"'),
        ("      Content-Type: application/pdf\n      Content-D", "      Content-D"),
        ("name=meta", "name=tags"),
    ],
)
async def test_an_example_whose_parts_differ_does_not_hold(old: str, new: str) -> None:
    assert UPLOAD.count(old) == 1

    [verdict] = await rehearsed(
        loaded(SET | {"parcels/upload.yaml": UPLOAD.replace(old, new)}), frozenset({"parcels/upload"})
    )

    assert len(verdict.problems) == 1
