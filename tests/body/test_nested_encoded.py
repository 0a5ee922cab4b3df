"""Documents of every format in texts, behind encodings, and files in texts."""

import gzip
import json
from base64 import b64decode, b64encode
from urllib.parse import parse_qsl, quote_plus

import pytest
from bodies import Operation, operation
from hypothesis import given
from hypothesis import strategies as st

from gateway.body.codecs import document_in, holds_body, written_body
from gateway.body.nested import FORMATS
from gateway.errors import Refusal

FORM_TYPE = ("content-type", "application/x-www-form-urlencoded")
JSON_TYPE = ("content-type", "application/json")
GROUPS = """
groups:
  - why: Which trade it is, and what it costs.
    category: not_personal
    fields: [$.method, $.content.subject, $.content.rows.*.sku]
"""
CONTENT = '{"subject":"Zoë pays 5 €","buyer":"Zoe","rows":[{"sku":"a","x":1}]}'
LEFT = '{"subject":"Zoë pays 5 €","rows":[{"sku":"a"}]}'
PAPER = b"%PDF-1.7\r\n" + bytes(range(256)) + b"Zo\xc3\xab"
WHOLE = """
body: json
max_bytes: 64 KiB
nested: {$.paper.content: {body: opaque, encoding: [base64], media: [application/pdf], max_bytes: 1 KiB}}
groups:
  - why: Customs asks to see the invoice.
    fields: {$.paper.content: order.declared_value}
  - why: Which paper it is.
    category: not_personal
    fields: [$.paper.kind]
"""
FILES = operation(WHOLE, WHOLE)


def coded(encoding: str, body: str = "json") -> Operation:
    section = f"body: {body}\nnested: {{$.content: {{body: json, encoding: {encoding}, max_bytes: 2 KiB}}}}{GROUPS}"
    return operation(section, section)


BASE64, BOTH, IN_FORM = coded("[base64]"), coded("[base64, gzip]"), coded("[base64]", "form")


def paper(content: object) -> bytes:
    return json.dumps({"paper": {"kind": "invoice", "content": content, "by": "Zoe"}}).encode()


async def test_a_document_in_base64_leaves_field_by_field_in_base64() -> None:
    body = json.dumps({"content": b64encode(CONTENT.encode()).decode(), "sign": "zoe"}).encode()

    sending, outgoing = await BASE64.sent(body, JSON_TYPE)

    assert json.loads(sending.payload) == {"content": b64encode(LEFT.encode()).decode()}
    assert {str(place) for place in outgoing.withheld} >= {"$.content.buyer", "$.content.rows.*.x"}


async def test_encodings_are_taken_off_and_put_on_in_their_order() -> None:
    body = json.dumps({"content": b64encode(gzip.compress(CONTENT.encode())).decode()}).encode()

    sending, _ = await BOTH.sent(body, JSON_TYPE)

    assert gzip.decompress(b64decode(json.loads(sending.payload)["content"])).decode() == LEFT


async def test_a_form_field_in_base64_is_read_too_and_answers_as_calls() -> None:
    body = f"method=pay&content={quote_plus(b64encode(CONTENT.encode()).decode())}".encode()

    sending, _ = await IN_FORM.sent(body, FORM_TYPE)
    back = IN_FORM.back(200, body, FORM_TYPE)

    assert sending.payload == back.payload
    assert b64decode(dict(parse_qsl(back.payload.decode()))["content"]).decode() == LEFT


BROKEN = {
    "no base64": ("{}", "body.unreadable"),
    "base64 with a line end": (b64encode(CONTENT.encode()).decode()[:40] + "\n", "body.unreadable"),
    "another alphabet": ("eyJ6b2UiOiAi_-A=", "body.unreadable"),
    "no padding": (b64encode(b"{}  ").decode().rstrip("="), "body.unreadable"),
    "bits that mean nothing": ("e31=", "body.unreadable"),
    "something after it": (b64encode(b"{}").decode() + "e30=", "body.unreadable"),
    "a document that is none": (b64encode(b"{zoe").decode(), "body.unreadable"),
    "too long": (b64encode(b'{"subject":"' + b"a" * 2048 + b'"}').decode(), "body.too_large"),
}


@pytest.mark.parametrize(("content", "code"), BROKEN.values(), ids=BROKEN)
async def test_what_is_not_in_its_encoding_goes_nowhere(content: str, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        await BASE64.sent(json.dumps({"content": content}).encode(), JSON_TYPE)

    assert refused.value.code == code
    assert "zoe" not in str(refused.value.failures)


PACKED = gzip.compress(CONTENT.encode())


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (CONTENT.encode(), "body.unreadable"),
        (PACKED[:-4], "body.unreadable"),
        (PACKED + b"zoe", "body.unreadable"),
        (PACKED + PACKED, "body.unreadable"),
        (gzip.compress(bytes(10_000_000)), "body.too_large"),
    ],
    ids=["not packed", "cut off", "something after it", "two members", "a bomb"],
)
async def test_what_is_packed_is_unpacked_within_bounds(content: bytes, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        await BOTH.sent(json.dumps({"content": b64encode(content).decode()}).encode(), JSON_TYPE)

    assert refused.value.code == code


async def test_a_file_in_a_text_leaves_whole_in_the_spelling_that_it_came_in() -> None:
    sending, outgoing = await FILES.sent(paper(b64encode(PAPER).decode()), JSON_TYPE)

    assert json.loads(sending.payload) == {"paper": {"kind": "invoice", "content": b64encode(PAPER).decode()}}
    assert [str(place) for place in outgoing.withheld] == ["$.paper.by"]


def test_a_file_in_a_text_of_an_answer_comes_back_whole() -> None:
    back = FILES.back(200, paper(b64encode(PAPER).decode()), JSON_TYPE)

    assert b64decode(json.loads(back.payload)["paper"]["content"]) == PAPER


async def test_a_token_in_a_file_in_a_text_keeps_the_file_here() -> None:
    sending, outgoing = await FILES.sent(paper(b64encode(b"gtw-token-1").decode()), JSON_TYPE)

    assert json.loads(sending.payload) == {"paper": {"kind": "invoice"}}
    assert "field.secret" in {place.reason for place in outgoing.withheld}


@pytest.mark.parametrize(
    ("content", "code"),
    [("%PDF", "body.unreadable"), (7, "body.unreadable"), (b64encode(bytes(1025)).decode(), "body.too_large")],
)
async def test_a_file_that_is_not_in_its_encoding_or_too_long_goes_nowhere(content: object, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        await FILES.sent(paper(content), JSON_TYPE)

    assert refused.value.code == code


OTHERS = {
    "form": ("form", "a=1&secret=zoe&rows[]=x&rows[]=y", "a=1&rows[]=x&rows[]=y", "$.a, $.rows.*"),
    "lines": ("ndjson", '{"a":1,"secret":"zoe"}\n{"a":2}', '{"a":1}\n{"a":2}\n', "$.*.a"),
    "xml": (
        "xml",
        '<Ship xmlns="urn:a"><To>x</To><Secret>zoe</Secret><Row n="1"/><Row n="2"/></Ship>',
        '<?xml version="1.0" encoding="utf-8"?>\n<Ship xmlns="urn:a"><To>x</To><Row n="1"/><Row n="2"/></Ship>',
        "$.Ship.To, $.Ship.Row.*.@n",
    ),
}


@pytest.mark.parametrize(("kind", "content", "left", "fields"), OTHERS.values(), ids=OTHERS)
async def test_a_text_may_hold_a_document_of_any_format(kind: str, content: str, left: str, fields: str) -> None:
    named = fields.replace("$", "$.content")
    made = operation(
        f"body: json\n{'namespaces: [urn:a]' if kind == 'xml' else ''}\nnested: {{$.content: {kind}}}\n"
        f"groups:\n  - {{why: It is named here., category: not_personal, fields: [{named}]}}\n"
    )

    sending, _ = await made.sent(json.dumps({"content": content}).encode(), JSON_TYPE)

    assert json.loads(sending.payload) == {"content": left}


@pytest.mark.parametrize("kind", FORMATS)
async def test_a_text_that_holds_more_than_was_let_out_is_found(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _, content, _, fields = OTHERS.get({"ndjson": "lines"}.get(kind, kind), (kind, '{"a":1,"b":2}', "", "$.a"))
    named = "$.content" if kind == "opaque" else fields.replace("$", "$.content")
    bounds = "media: [a/b], max_bytes: 1 KiB, " if kind == "opaque" else ""
    made = operation(
        f"body: form\n{'namespaces: [urn:a]' if kind == 'xml' else ''}\n"
        f"nested: {{$.content: {{body: {kind}, {bounds}encoding: [base64, gzip]}}}}\n"
        f"groups:\n  - {{why: It is named here., category: order.declared_value, fields: [{named}]}}\n"
    )
    body = f"content={quote_plus(b64encode(gzip.compress(content.encode())).decode())}".encode()
    assert (await made.sent(body, FORM_TYPE))[0].payload

    wrong = b64encode(gzip.compress(content.encode() + b" ", mtime=0)).decode()
    monkeypatch.setattr("gateway.body.nested._text", lambda *_: wrong)
    monkeypatch.setattr("gateway.body.nested._Whole.__eq__", lambda *_: False)
    with pytest.raises(Refusal) as refused:
        await made.sent(body, FORM_TYPE)

    assert refused.value.code == "proof.failed"


@given(st.binary(min_size=1, max_size=200))
def test_any_file_in_a_text_is_written_as_it_was_read(content: bytes) -> None:
    section = next(iter(FILES.contracts.prepared.values())).sending.section
    source = document_in(paper(b64encode(content).decode()), section)

    written = written_body(source, source, section)

    assert json.loads(written)["paper"]["content"] == b64encode(content).decode()
    assert holds_body(written, source, source, section)
    other = written.replace(b64encode(content), b64encode(content + b"x"))
    assert not holds_body(other, source, source, section)
