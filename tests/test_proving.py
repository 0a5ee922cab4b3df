"""What leaves is read again by other parsers, and does not leave where anything else stands in it."""

from typing import cast

import pytest
from bodies import operation
from small_contracts import bound
from test_minimise import PARCEL

from gateway.bind import Bound
from gateway.body import codecs
from gateway.body.codecs import CODECS
from gateway.body.document import Attributed, Document
from gateway.errors import Refusal
from gateway.pieces import Payload, whole
from gateway.proving import line_of, proved

DROPPED = "- {why: Notes are our own affair., form: drop, fields: {$.meta: service.consultation}}"
NOTHING: dict[str, Document] = {"body": {}, "query": {}}


def disproved(rules: Bound, left: Document, payload: Payload, query: bytes = b"") -> str:
    with pytest.raises(Refusal) as caught:
        proved(rules, {"body": left, "query": {}}, NOTHING, payload, query)
    assert caught.value.code == "proof.failed"
    return caught.value.failures[0].detail


def test_the_proof_fails_where_something_else_was_written() -> None:
    rules, left = bound(PARCEL), {"recipient": {"name": "Ann"}}

    assert proved(rules, {"body": left, "query": {}}, NOTHING, b'{"recipient":{"name":"Ann"}}', b"")
    assert "body" in disproved(rules, left, b'{"recipient":{"name":"Ann","email":"x"}}')
    assert "body" in disproved(rules, left, b'{"recipient":{"name":"Anna"}}')
    assert "body" in disproved(rules, left, b"")
    assert "query" in disproved(rules, left, b'{"recipient":{"name":"Ann"}}', b"debug=1")


@pytest.mark.parametrize(
    "document",
    [
        {"crm": 1},
        {"recipient": {"email": "x"}},
        {"recipient": {"name": {"first": "Ann"}}},
        {"recipient": {"name": ["Ann"]}},
        {"recipient": {"name": {}}},
        {"items": [{"sku": 1}]},
        {"items": {"count": 1}},
        {"items": [["x"]]},
        "Ann",
    ],
)
def test_the_proof_fails_where_a_value_stands_that_no_rule_lets_out(document: Document) -> None:
    assert "body" in disproved(bound(PARCEL), document, CODECS["json"].write(document, document))


def test_the_proof_fails_where_something_stands_beside_a_text_that_no_rule_lets_out() -> None:
    document: Document = {"recipient": {"name": Attributed("Ann", {"@by": "zoe"})}}

    assert "body" in disproved(bound(PARCEL), document, b'{"recipient":{"name":"Ann"}}')


BESIDE = "- {why: Which parcel is meant., category: parcel.measure, fields: [header:x-no, query:no, path:no]}"


def read_query(rules: Bound, query: bytes) -> Document:
    return codecs.FORM.read(query, rules.section.trees["query"])


@pytest.mark.parametrize(
    ("kind", "name"), [("header", "x-no"), ("query", "no"), ("path", "no")], ids=["header", "query", "path"]
)
def test_the_proof_fails_where_a_value_stands_beside_the_body_that_no_rule_lets_out(kind: str, name: str) -> None:
    rules = bound(BESIDE)

    def prove(name: str) -> None:
        query = f"{name}=7".encode() if kind == "query" else b""
        documents = {"body": {}, "query": {}, kind: read_query(rules, query) if query else {name: "7"}}
        proved(rules, documents, documents, b"{}", query)

    prove(name)
    with pytest.raises(Refusal) as caught:
        prove("who")
    assert caught.value.code == "proof.failed"
    assert f"the {kind} " in caught.value.failures[0].detail


def test_the_proof_fails_where_a_query_was_built_and_none_was_written() -> None:
    rules = bound(BESIDE)
    documents = {"body": {}, "query": read_query(rules, b"no=7")}

    assert proved(rules, documents, documents, b"{}", b"no=7")
    with pytest.raises(Refusal) as caught:
        proved(rules, documents, documents, b"{}", b"")
    assert caught.value.code == "proof.failed"


def test_the_proof_fails_where_a_dropped_value_is_let_out() -> None:
    assert "body" in disproved(bound(DROPPED), {"meta": "x"}, b'{"meta":"x"}')


LINES = """
body: ndjson
nested: {$.*.data: json}
groups:
  - {why: What happened., category: not_personal, fields: [$.*.event, $.*.data.kind]}
"""


def lines() -> Bound:
    [prepared] = operation(LINES).contracts.prepared.values()
    return prepared.sending


def test_a_line_is_proved_by_itself_with_what_its_texts_hold() -> None:
    source: Document = {"event": "a", "data": '{"kind":"b","who":"Zoe"}'}
    line = b'{"event":"a","data":"{\\"kind\\":\\"b\\",\\"who\\":\\"Zoe\\"}"}'
    [read] = cast("list[Document]", codecs.document_in(line, lines().section))

    assert (
        line_of(lines(), {"event": "a", "data": {"kind": "b"}}, read)
        == b'{"event":"a","data":"{\\"kind\\":\\"b\\"}"}\n'
    )
    with pytest.raises(Refusal) as caught:
        line_of(lines(), {"event": "a", "who": "Zoe"}, source)
    assert caught.value.code == "proof.failed"


def test_a_line_that_was_written_otherwise_than_it_was_built_is_not_proved(monkeypatch: pytest.MonkeyPatch) -> None:
    codec = codecs.CODECS["ndjson"]
    write = codec.write
    monkeypatch.setattr(type(codec), "write", lambda _, left, source: whole(write(left, source)) + b'{"event":"b"}\n')

    with pytest.raises(Refusal) as caught:
        line_of(lines(), {"event": "a"}, {"event": "a"})
    assert caught.value.code == "proof.failed"
