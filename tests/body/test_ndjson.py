"""Each line is a document by the rules of JSON, read and proved by itself."""

import json
from typing import Any

import pytest
from bodies import operation
from hypothesis import given
from hypothesis import strategies as st

from gateway.body.document import Document, same
from gateway.body.ndjson import Ndjson
from gateway.contract.terms import Node
from gateway.errors import Refusal

CODEC, TREE = Ndjson(), Node("$")
LINES = ("content-type", "application/x-ndjson")
EVENTS = operation("""
    body: ndjson
    groups:
      - why: What happened.
        category: not_personal
        fields: [$.*.event, $.*.at]
""")
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def refusal(data: bytes) -> str:
    with pytest.raises(Refusal) as refused:
        CODEC.read(data, TREE)
    return refused.value.code


@given(lines=st.lists(values, max_size=6), ending=st.sampled_from(["\n", "\r\n", "\n\n", " \n\t\n"]))
def test_every_line_is_read_and_written_as_it_is(lines: list[Any], ending: str) -> None:
    document = CODEC.read(ending.join(json.dumps(line, ensure_ascii=False) for line in lines).encode(), TREE)

    made = CODEC.write(document, document)

    assert same(document, lines)
    assert [json.loads(line) for line in made.split(b"\n")[:-1]] == lines
    assert CODEC.holds(made, document, document, TREE)


@pytest.mark.parametrize(
    "data",
    [b"", b"\n", b"\r\n \t\n", b"\n\n\n"],
    ids=["nothing", "an empty line", "blanks", "empty lines"],
)
def test_blank_lines_are_no_documents(data: bytes) -> None:
    assert CODEC.read(data, TREE) == []
    assert CODEC.write([], []) == b""


def test_digits_and_signs_stay_as_they_are() -> None:
    data = '{"a":1.10,"b":12345678901234567890123,"c":"Zoë \u2028 😀"}\n[1.0]\n'.encode()
    document = CODEC.read(data, TREE)

    assert CODEC.write(document, document) == data


@pytest.mark.parametrize(
    "data",
    [
        b"{}\n{",
        b"{}{}\n",
        b'{"a":\n1}',
        b"1\r2",
        b"\xef\xbb\xbf{}",
        b'{"a":1,"a":2}',
        b'{"a":"\\ud800"}',
        b'"\xff"',
        b"{}\nNaN",
        b"{}\x0c\n",
        b"[" * 65 + b"]" * 65,
        b"{},\n{}",
    ],
)
def test_a_line_that_is_not_json_makes_the_body_unreadable(data: bytes) -> None:
    assert refusal(data) == "body.unreadable"


def test_a_document_over_two_lines_is_none_however_many_blank_lines_stand_before() -> None:
    assert refusal(b"\n" * 9_999 + b'{"a":\n1}') == "body.unreadable"


async def test_a_line_has_the_bound_of_its_contract() -> None:
    bounded = operation("""
        body: ndjson
        max_line: 13 B
        groups:
          - {why: What happened., category: not_personal, fields: [$.*.event]}
    """)

    sending, _ = await bounded.sent(b'{"event":"a"}\n{}', LINES)
    with pytest.raises(Refusal) as refused:
        await bounded.sent(b'{}\n{"event":"ab"}', LINES)

    assert sending.payload == b'{"event":"a"}\n{}\n'
    assert (refused.value.code, refused.value.failures[0].detail) == ("body.too_large", "a line of more than 13 bytes")


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":1}\n{"b":2}',
        b'{"a":1}\n',
        b'{"a":1}\n{"b":2}\n{}\n',
        b'{"a":1}\n\n{"b":2}\n',
        b'{"b":2}\n{"a":1}\n',
        b'{"a":1}\n{"b":2.0}\n',
        b'{"a":1}\n{"b":2,"b":2}\n',
        b'[{"a":1},{"b":2}]',
        b'{"a":1}{"b":2}\n',
        b"",
    ],
)
def test_bytes_that_hold_anything_else_are_not_proved(data: bytes) -> None:
    document: Document = [{"a": 1}, {"b": 2}]

    assert CODEC.holds(b'{"a":1}\n{"b":2}\n', document, document, TREE)
    assert not CODEC.holds(data, document, document, TREE)
    assert not CODEC.holds(b"{}\n", {}, document, TREE)


async def test_of_each_line_leaves_what_the_contract_names() -> None:
    body = b'{"event":"a","who":"Zoe"}\n\n{"who":"Zoe"}\n[1]\n{"event":"b","at":1.10}'

    sending, outgoing = await EVENTS.sent(body, LINES)

    assert sending.payload == b'{"event":"a"}\n{}\n{}\n{"event":"b","at":1.10}\n'
    assert {str(place) for place in outgoing.withheld} == {"$.*.who", "$.*"}


@pytest.mark.parametrize("body", [b'{"who":"Zoe"}\n', b'"Zoe"'])
async def test_lines_of_which_nothing_is_left_do_not_leave(body: bytes) -> None:
    with pytest.raises(Refusal) as refused:
        await EVENTS.sent(body, LINES)

    assert refused.value.code == "body.empty"


@pytest.mark.parametrize("media", ["application/x-ndjson", "application/ndjson", "application/jsonl"])
async def test_lines_have_the_types_that_are_in_use_for_them(media: str) -> None:
    sending, _ = await EVENTS.sent(b'{"event":"a"}', ("content-type", media))

    assert dict(sending.headers)["content-type"] == media


@pytest.mark.parametrize("media", ["application/json", "text/plain"])
async def test_lines_of_another_type_are_refused(media: str) -> None:
    with pytest.raises(Refusal) as refused:
        await EVENTS.sent(b'{"event":"a"}', ("content-type", media))

    assert refused.value.code == "body.media"
