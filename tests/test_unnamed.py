"""What looks personal where no contract line stands is found, and nothing else is."""

import time
from decimal import Decimal

import pytest
from bodies import operation
from hypothesis import given
from hypothesis import strategies as st

from gateway.body.document import Attributed, Document
from gateway.contract.terms import Node
from gateway.unnamed import MOST, TEXT, unnamed_kinds, unread_kinds

ZOE, CARD = "zoe@example.com", "4111 1111 1111 1111"
ANSWER = """
    body: json
    groups:
      - why: Shown to the customer.
        fields: {$.tracking: shipment.tracking, $.driver.depot: not_personal, $.stops.*.at: not_personal}
      - why: What they call us is known to come.
        fields: {$.sender: person.name}
        form: drop
"""
PREPARED = next(iter(operation("body: none\ngroups:\n", ANSWER).contracts.prepared.values()))
assert PREPARED.answer is not None
TREES = PREPARED.answer.section.trees


def kinds(body: Document, **headers: Document) -> dict[str, int]:
    return dict(unnamed_kinds(TREES, {"body": body, "header": headers}))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"tracking": ZOE, "stops": [{"at": ZOE}], "driver": {"depot": ZOE}}, {}),
        ({"mail": ZOE}, {"e-mail address": 1}),
        ({"driver": {"mail": ZOE, "depot": "7"}}, {"e-mail address": 1}),
        ({"stops": [{"by": ZOE}, {"by": CARD}, {"at": ZOE}]}, {"e-mail address": 1, "card number": 1}),
        ({"tracking": {"of": [ZOE]}}, {"e-mail address": 1}),
        ({"driver": ZOE}, {"e-mail address": 1}),
        ({"card": 4111111111111111}, {"card number": 1}),
        ({"card": Decimal("4111111111111111.0")}, {"card number": 1}),
        ({"note": f"{ZOE} " + "x" * 1000}, {"e-mail address": 1}),
        ({"sender": {"mail": ZOE, "all": [ZOE]}}, {}),
        ({"label": "x" * 5000, "no": None, "yes": True, "n": 7, "empty": [{}, []]}, {}),
        ([{"mail": ZOE}], {"e-mail address": 1}),
        (ZOE, {"e-mail address": 1}),
    ],
)
def test_only_what_no_line_names_is_counted(body: Document, expected: dict[str, int]) -> None:
    assert kinds(body) == expected


def test_headers_and_attributes_are_looked_at_too() -> None:
    body: Document = {"a": Attributed("x", {"by": ZOE}), "tracking": Attributed(ZOE, {"by": CARD})}

    assert kinds(body) == {"e-mail address": 1, "card number": 1}
    assert kinds({}, location=f"https://parcels.test/?of={ZOE}") == {"e-mail address": 1}


def test_of_a_long_answer_only_the_beginning_is_looked_at() -> None:
    many: Document = {"people": [{"mail": ZOE}] * 100_000}
    hollow: Document = {"people": [[]] * 1_000_000}
    began = time.process_time()

    counts = [kinds(many), kinds(hollow)]

    assert counts == [{"e-mail address": counts[0]["e-mail address"]}, {}]
    assert 0 < counts[0]["e-mail address"] <= MOST
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (f'{{"error":{{"message":"no such person: {ZOE}","card":"{CARD}"}}}}', {"e-mail address": 1, "card number": 1}),
        (f"<html><p>{ZOE}</p><p title='{CARD}'>x</p></html>", {"e-mail address": 1, "card number": 1}),
        (f"mail={ZOE}&card=4111111111111111", {"e-mail address": 1, "card number": 1}),
        ('{"error":{"code":"too_heavy","id":"req_81x"}}', {}),
        ("\0" + ZOE, {}),
        ("", {}),
        (" " * TEXT + ZOE, {}),
    ],
)
def test_what_nobody_reads_is_looked_at_as_text(payload: str, expected: dict[str, int]) -> None:
    assert dict(unread_kinds(payload.encode())) == expected


@given(payload=st.binary(max_size=500))
def test_any_bytes_may_come(payload: bytes) -> None:
    assert set(unread_kinds(payload)) <= {"e-mail address", "card number", "account number", "token"}


@given(
    document=st.recursive(
        st.sampled_from(["x", ZOE, None, True, 7]),
        lambda below: st.lists(below) | st.dictionaries(st.sampled_from(["a", "b", "tracking"]), below),
    )
)
def test_where_nothing_is_named_everything_counts_and_where_all_is_dropped_nothing(document: Document) -> None:
    nobody, dropped = Node("$"), Node("$", rules=(0,), cover=0)

    found = unnamed_kinds({"body": nobody}, {"body": document})

    if repr(document).count("'") // 2 < 40:
        assert found.get("e-mail address", 0) == repr(document).count(repr(ZOE))
    assert unnamed_kinds({"body": dropped}, {"body": document}) == {}
