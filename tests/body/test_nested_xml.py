"""A document in a text or an attribute of XML is judged field by field, and so are the attributes beside it."""

import base64
import json
from collections.abc import Mapping
from xml.sax.saxutils import escape, quoteattr

import pytest
from bodies import operation
from hypothesis import given
from hypothesis import strategies as st

from gateway.body.codecs import document_in, holds_body, written_body
from gateway.body.document import Document
from gateway.body.infoset import elements_of
from gateway.errors import Refusal
from gateway.minimise import Minimised, minimise

TYPE = ("content-type", "text/xml")
SECTION = """
body: xml
max_bytes: 64 KiB
nested:
  $.o.meta: json
  $.o.meta.@more: json
  $.o.meta.inner: json
  $.o.@tags: json
  $.o.rows.*: json
  $.o.list: json
  $.o.form: form
  $.o.paper: {body: opaque, encoding: [base64], media: [application/pdf], max_bytes: 1 KiB}
groups:
  - why: What it is about.
    category: parcel.measure
    at: $.o
    fields:
      [id, meta.kind, meta.rows.*.sku, meta.@type, meta.@more.a, meta.inner.plan, .@tags.*, rows.*.n, rows.*.@no,
       list.*.n, form.a, paper.@by]
  - why: Customs asks to see the invoice.
    fields: {$.o.paper: order.declared_value}
"""
MADE = operation(SECTION, SECTION)
[PREPARED] = MADE.contracts.prepared.values()
BOUND = PREPARED.sending.section


def texts_in(payload: bytes) -> dict[str, tuple[Mapping[str, str], str]]:
    """Attributes and text of each element below the root, as another parser finds them."""
    _, _, _, content = elements_of(payload)
    assert isinstance(content, list)
    return {each[1]: (each[2], each[3]) for each in content}


async def sent(xml: str) -> tuple[bytes, Minimised]:
    sending, outgoing = await MADE.sent(xml.encode(), TYPE)
    return sending.payload, outgoing


async def left(inside: str) -> str:
    """What leaves of what an element `o` holds, without the declaration around it."""
    payload, _ = await sent(f"<o><id>1</id>{inside}</o>")
    return payload.decode().partition("<id>1</id>")[2].removesuffix("</o>")


META = (
    '{ "kind": "a<b", "who": "Zoe", "rows": [{"sku": 1.10, "x": "Zoe"}],'
    ' "inner": "{\\"plan\\":3,\\"who\\":\\"Zoe\\"}" }'
)
KEPT = '{"kind":"a<b","rows":[{"sku":1.10}],"inner":"{\\"plan\\":3}"}'


@pytest.mark.parametrize(
    "written", [escape(META), f"<![CDATA[{META}]]>", f"\n  {escape(META)}\n"], ids=["escaped", "CDATA", "with space"]
)
async def test_of_json_in_an_element_leaves_what_the_contract_names(written: str) -> None:
    payload, outgoing = await sent(f'<o><id>1</id><meta type="json" who="Zoe">{written}</meta></o>')

    assert texts_in(payload)["meta"] == ({"{}type": "json"}, KEPT)
    assert {str(place) for place in outgoing.withheld} == {
        "$.o.meta.@who", "$.o.meta.who", "$.o.meta.rows.*.x", "$.o.meta.inner.who",
    }  # fmt: skip


async def test_of_json_in_an_attribute_leaves_what_the_contract_names() -> None:
    more, tags = quoteattr('{"a": 1, "who": "Zoe"}'), quoteattr('["x", {"who": "Zoe"}]')

    payload, _ = await sent(f"<o tags={tags}><id>1</id><meta more={more}>{escape(META)}</meta></o>")

    assert elements_of(payload)[2] == {"{}tags": '["x",{}]'}
    assert texts_in(payload)["meta"] == ({"{}more": '{"a":1}'}, KEPT)


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        ('<meta type="json"/>', '<meta type="json"/>'),
        ("<meta/>", ""),
        ('<meta type="json">{"who":"Zoe"}</meta>', '<meta type="json"/>'),
        ('<meta type="json">{}</meta>', '<meta type="json">{}</meta>'),
        ('<meta who="Zoe">{}</meta>', ""),
        ('<meta who="Zoe">{"kind":1}</meta>', '<meta>{"kind":1}</meta>'),
        ('<meta>{"who":"Zoe"}</meta>', ""),
        ('<meta>{"@type":"Zoe","kind":1}</meta>', '<meta>{"kind":1}</meta>'),
        ('<meta type="1">{"@type":"Zoe"}</meta>', '<meta type="1"/>'),
        ('<meta>{"\\\\@type":"Zoe","@type":"Zoe"}</meta>', ""),
        ('<rows no="1">{"n":1,"who":"Zoe"}</rows><rows no="2">{"who":"Zoe"}</rows><rows/>',
         '<rows no="1">{"n":1}</rows><rows no="2"/><rows/>'),
        ("<form>a=1%20+&amp;who=Zoe</form>", "<form>a=1%20+</form>"),
    ],
)  # fmt: skip
async def test_what_stands_beside_a_document_leaves_for_itself(inside: str, expected: str) -> None:
    assert await left(inside) == expected


async def test_a_list_has_no_place_for_attributes() -> None:
    payload, outgoing = await sent('<o><meta type="Zoe">[{"kind":1}]</meta><list type="Zoe">[{"n":1}]</list></o>')

    assert texts_in(payload) == {"list": ({}, '[{"n":1}]')}
    assert {str(place) for place in outgoing.withheld} == {"$.o.meta", "$.o.list.@type"}


async def test_a_file_in_an_element_leaves_whole() -> None:
    paper = base64.b64encode(b"%PDF-Zoe\xff").decode()

    assert await left(f'<paper by="us" who="Zoe">{paper}</paper>') == f'<paper by="us">{paper}</paper>'


async def test_a_token_in_a_document_in_xml_stays_here() -> None:
    payload, _ = await sent('<o><id>1</id><meta>{"kind":"gtw-token-1","inner":"{\\"plan\\":1}"}</meta></o>')

    assert texts_in(payload)["meta"] == ({}, '{"inner":"{\\"plan\\":1}"}')


@pytest.mark.parametrize(
    "inside",
    [
        "<meta>{</meta>",
        "<meta>zoe</meta>",
        "<meta>7</meta>",
        '<meta>{"kind":1,"kind":2}</meta>',
        "<meta><kind>1</kind></meta>",
        '<meta more="{">{}</meta>',
        '<meta>{"inner":"{"}</meta>',
        "<form>a=%</form>",
        "<paper>Zm=v</paper>",
    ],
)
async def test_what_is_no_document_refuses_the_call(inside: str) -> None:
    with pytest.raises(Refusal) as refused:
        await sent(f"<o><id>1</id>{inside}</o>")

    assert refused.value.code == "body.unreadable"
    assert "zoe" not in str(refused.value.failures)


def test_answers_are_read_the_same_way() -> None:
    back = MADE.back(200, f'<o><id>1</id><meta type="json" who="Zoe">{escape(META)}</meta></o>'.encode(), TYPE)

    assert texts_in(back.payload)["meta"] == ({"{}type": "json"}, KEPT)


FLAT = '<o tags="[1]"><id>1</id><meta type="json" more="{{&quot;a&quot;:1}}">{}</meta></o>'


def flat(meta: str) -> bytes:
    return b'<?xml version="1.0" encoding="utf-8"?>\n' + FLAT.format(meta).encode()


def test_only_what_was_built_is_proved() -> None:
    source = document_in(flat('{"kind":1,"who":2,"rows":[{"sku":3}]}'), BOUND)
    kept = minimise(PREPARED.sending, {"body": source}).documents["body"]

    written = written_body(kept, source, BOUND)

    assert written == flat('{"kind":1,"rows":[{"sku":3}]}')
    assert holds_body(written, kept, source, BOUND)
    for meta in (
        '{"kind":1,"who":2,"rows":[{"sku":3}]}',
        '{"kind":1,"rows":[{"sku":3.0}]}',
        '{"kind":1}',
        "{",
        "",
        "7",
    ):
        assert not holds_body(flat(meta), kept, source, BOUND), meta
    for old, new in (("[1]", "[2]"), ("[1]", "["), ("&quot;a", "&quot;b"), ("json", "jsom"), (":1}", ':1,"z":1}')):
        assert not holds_body(written.replace(old.encode(), new.encode(), 1), kept, source, BOUND), new


names = st.sampled_from(["kind", "who", "@type", "\\@type", "rows"])
documents = st.dictionaries(names, st.none() | st.integers() | st.text(st.characters(min_codepoint=32), max_size=5))


@given(documents, st.booleans(), st.sampled_from(["", ' type="json"', ' type="json" who="Zoe"']))
def test_whatever_a_text_holds_what_is_written_is_proved_and_names_nothing_else(
    content: dict[str, object], in_cdata: bool, attributes: str
) -> None:
    text = json.dumps(content)
    inside = f"<![CDATA[{text}]]>" if in_cdata else escape(text)
    source = document_in(f"<o><id>1</id><meta{attributes}>{inside}</meta></o>".encode(), BOUND)
    outgoing: Document = minimise(PREPARED.sending, {"body": source}).documents["body"]

    written = written_body(outgoing, source, BOUND)

    assert holds_body(written, outgoing, source, BOUND)
    assert b"who" not in written
