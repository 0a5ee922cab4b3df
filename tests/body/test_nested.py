"""A document in a text is judged field by field, and its text holds only what may leave."""

import json
from typing import Any
from urllib.parse import parse_qsl, quote_plus

import pytest
from bodies import Operation, operation
from hypothesis import given
from hypothesis import strategies as st

from gateway.body.codecs import document_in, holds_body, written_body
from gateway.body.document import same
from gateway.body.nested import FORMATS
from gateway.errors import Refusal

FORM_TYPE = ("content-type", "application/x-www-form-urlencoded")
JSON_TYPE = ("content-type", "application/json")
GROUPS = """
groups:
  - why: Which trade it is, and what it costs.
    category: not_personal
    fields: [$.method, $.tags.*, $.content.subject, $.content.total, $.content.rows.*.sku, $.content.extra.plan]
  - why: The driver finds the door.
    fields: {$.content.to.phone: contact.phone}
    form: mask
"""
NESTED = "nested: {$.content: json, $.content.extra: json}"
FORM = operation(f"body: form\n{NESTED}{GROUPS}", f"body: form\n{NESTED}{GROUPS}")
JSON = operation(f"body: json\n{NESTED}{GROUPS}", f"body: json\n{NESTED}{GROUPS}")
PARTS = operation("""
    body: json
    nested: {$.parts.*: json}
    groups:
      - why: Which one it is.
        category: not_personal
        fields: [$.parts.*.id, $.parts.*.rows.*]
""")
CONTENT = (
    '{ "subject": "Zo\\u00eb \\u20ac", "total": 88.10, "buyer": "Zoe", "rows": [{"sku": "a&b=c", "x": 1}, {"x": 2}],'
    ' "to": {"phone": "+4930901820", "name": "Zoe"}, "extra": "{\\"plan\\": 3, \\"card\\": \\"4111\\"}" }'
)
LEFT = (
    '{"subject":"Zoë €","total":88.10,"rows":[{"sku":"a&b=c"},{}],"to":{"phone":"+49******20"},'
    '"extra":"{\\"plan\\":3}"}'
)


def form(content: str) -> bytes:
    return f"method=pay&content={quote_plus(content)}&tags=a+b&tags=c%20d&sign=zoe".encode()


def document(content: object) -> bytes:
    return json.dumps({"method": "pay", "content": content, "sign": "zoe"}, ensure_ascii=False).encode()


async def test_of_json_in_a_form_field_leaves_what_the_contract_names_and_pairs_stay_as_they_came() -> None:
    sending, outgoing = await FORM.sent(form(CONTENT), FORM_TYPE)

    assert dict(parse_qsl(sending.payload.decode()))["content"] == LEFT
    assert sending.payload.startswith(b"method=pay&content=")
    assert sending.payload.endswith(b"&tags=a+b&tags=c%20d")
    assert {str(place) for place in outgoing.withheld} == {
        "$.content.buyer", "$.content.rows.*.x", "$.content.rows.*", "$.content.to.name", "$.content.extra.card",
        "$.sign",
    }  # fmt: skip


async def test_of_json_in_a_text_of_json_leaves_what_the_contract_names() -> None:
    sending, _ = await JSON.sent(document(CONTENT), JSON_TYPE)

    assert json.loads(sending.payload) == {"method": "pay", "content": LEFT}


@pytest.mark.parametrize(("made", "body"), [(FORM, form(CONTENT)), (JSON, document(CONTENT))], ids=["form", "json"])
def test_answers_are_read_the_same_way(made: Operation, body: bytes) -> None:
    back = made.back(200, body, FORM_TYPE if made is FORM else JSON_TYPE)

    assert b"Zoe" not in back.payload
    assert quote_plus(LEFT).encode() in back.payload or json.dumps(LEFT, ensure_ascii=False).encode() in back.payload


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "{}{}",
        "zoe",
        '{"subject":1,"subject":2}',
        "7",
        '"zoe"',
        "true",
        "\ufeff{}",
        "NaN",
        "[" * 65 + "]" * 65,
        " ",
    ],
)
async def test_a_text_that_holds_no_document_refuses_the_call(content: str) -> None:
    for made, body, media in ((FORM, form(content), FORM_TYPE), (JSON, document(content), JSON_TYPE)):
        with pytest.raises(Refusal) as refused:
            await made.sent(body, media)

        assert refused.value.code == "body.unreadable"
        assert "zoe" not in str(refused.value.failures)


@pytest.mark.parametrize("content", [{"subject": "pay"}, ["pay"], 7, True])
async def test_what_should_be_a_text_and_is_none_refuses_the_call(content: object) -> None:
    with pytest.raises(Refusal) as refused:
        await JSON.sent(document(content), JSON_TYPE)

    assert refused.value.code == "body.unreadable"


async def test_a_text_in_a_text_that_holds_no_document_refuses_the_call() -> None:
    with pytest.raises(Refusal) as refused:
        await FORM.sent(form('{"subject":"a","extra":"{"}'), FORM_TYPE)

    assert refused.value.failures[0].detail == "in $.content.extra: not valid JSON"


@pytest.mark.parametrize("content", [None, "", "{}", "[]", '{"buyer":"Zoe"}'])
async def test_a_text_of_which_nothing_may_leave_stays_and_the_call_goes(content: str | None) -> None:
    sending, _ = await JSON.sent(document(content), JSON_TYPE)

    assert json.loads(sending.payload).get("content", "{}") == "{}"
    assert b"Zoe" not in sending.payload


async def test_texts_in_a_list_keep_their_places() -> None:
    body = b'{"parts":["{\\"id\\":1,\\"who\\":\\"Zoe\\"}",null,"","{\\"who\\":\\"Zoe\\"}","{\\"rows\\":[1,2]}"]}'

    sending, _ = await PARTS.sent(body, JSON_TYPE)

    assert sending.payload == b'{"parts":["{\\"id\\":1}",{},{},"{}","{\\"rows\\":[1,2]}"]}'


async def test_a_token_in_a_text_stays_here() -> None:
    sending, outgoing = await FORM.sent(form('{"subject":"a gtw-token-1","total":1}'), FORM_TYPE)

    assert b"gtw-token-1" not in sending.payload
    assert {str(place): place.reason for place in outgoing.withheld}["$.content.subject"] == "field.secret"


names = st.sampled_from(["subject", "total", "buyer", "rows", "extra"])
values = st.none() | st.integers() | st.text(max_size=8)


@given(
    content=st.dictionaries(names.filter(lambda name: name != "extra"), values), extra=st.dictionaries(names, values)
)
def test_what_is_read_and_written_holds_the_same_and_is_proved(content: dict[str, Any], extra: dict[str, Any]) -> None:
    text = json.dumps({**content, "extra": json.dumps(extra)}, ensure_ascii=False)
    for made, body in ((FORM, form(text)), (JSON, document(text))):
        section = next(iter(made.contracts.prepared.values())).sending.section
        source = document_in(body, section)

        written = written_body(source, source, section)

        assert same(document_in(written, section), source)
        assert made is FORM or holds_body(written, source, source, section)


@pytest.mark.parametrize(
    "content",
    [
        '{"subject":"pay","total":1.0}',
        '{"total":1.10,"subject":"pay"}',
        '{"subject":"pay","total":1.10,"buyer":"Zoe"}',
        '{"subject":"pay","total":1.10,"total":1.10}',
        '{"subject":"pay"}',
        "{}",
        "[",
        "7",
        "",
    ],
)
def test_a_text_that_holds_anything_else_is_not_proved(content: str) -> None:
    section = next(iter(JSON.contracts.prepared.values())).sending.section
    source = document_in(b'{"content":"{\\"subject\\":\\"pay\\",\\"total\\":1.10}"}', section)

    assert holds_body(written_body(source, source, section), source, source, section)
    assert not holds_body(json.dumps({"content": content}).encode(), source, source, section)


def test_a_writer_that_puts_more_into_a_text_than_was_let_out_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    section = next(iter(JSON.contracts.prepared.values())).sending.section
    source = document_in(document(CONTENT), section)
    kept = {"content": {"subject": "pay"}}
    monkeypatch.setattr(FORMATS["json"], "write", lambda *_: b'{"subject":"pay","buyer":"Zoe"}')

    assert not holds_body(b'{"content":"{\\"subject\\":\\"pay\\",\\"buyer\\":\\"Zoe\\"}"}', kept, source, section)
