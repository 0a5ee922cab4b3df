"""A reversible pseudonym hides its value from everybody but us, and nobody else can make one."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_contracts import bound

from gateway.body.document import Document, Scalar
from gateway.errors import Unfit
from gateway.forms.reversible import restored, reversible
from gateway.minimise import minimise
from gateway.vocabulary import Category

KEY, OTHER_KEY = bytes(32), bytes(31) + b"\x01"
ORDER = Category.ORDER_ID
HIDDEN, BACK = reversible(ORDER, KEY), restored(ORDER, KEY)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@given(texts)
def test_a_pseudonym_is_turned_back_and_has_the_length_that_vendors_are_told(text: str) -> None:
    hidden = HIDDEN(text)

    assert BACK(hidden) == text
    assert len(hidden) == 4 + -(-(16 + len(text.encode())) * 4 // 3)
    assert hidden.startswith("psn_")
    assert set(hidden) <= set(string.ascii_letters + string.digits + "-_")
    assert HIDDEN(text) == hidden


@given(texts)
def test_pseudonyms_of_two_vendors_or_categories_cannot_be_joined_nor_turned_back(text: str) -> None:
    elsewhere = [reversible(ORDER, OTHER_KEY)(text), reversible(Category.ACCOUNT_ID, KEY)(text)]

    assert len({HIDDEN(text), *elsewhere}) == 3
    for foreign in elsewhere:
        with pytest.raises(Unfit):
            BACK(foreign)


@given(texts, st.integers(4, 25), st.sampled_from(string.ascii_letters))
def test_one_changed_sign_makes_it_a_forgery(text: str, place: int, sign: str) -> None:
    hidden = HIDDEN(text)
    forged = hidden[:place] + sign + hidden[place + 1 :]

    if forged != hidden:
        with pytest.raises(Unfit, match=r"\Afield\.type\Z"):
            BACK(forged)


@pytest.mark.parametrize(
    "value",
    ["", "psn_", "A-10045", "psn_" + "0" * 26, HIDDEN("A-10045") + "=", HIDDEN("A-10045") + "\n", " " + HIDDEN("A"), 7],
)
def test_what_is_no_pseudonym_of_ours_is_not_turned_back(value: Scalar) -> None:
    with pytest.raises(Unfit):
        BACK(value)


def test_null_stays_null() -> None:
    assert BACK(None) is None


SENT = "- {why: Matches our books again., fields: {$.order: order.id}, form: {pseudonymise: reversible}}"
ANSWERED = """
    - why: Back to our own number.
      fields: {$.order: order.id}
      form: restore
    - why: How it stands.
      category: not_personal
      fields: [$.status]
"""


def test_what_was_sent_comes_back_as_what_it_was_and_is_remembered_so() -> None:
    sent = minimise(bound(SENT), {"body": {"order": "A-10045"}}).documents["body"]
    assert isinstance(sent, dict)

    result = minimise(bound(ANSWERED), {"body": {"order": sent["order"], "status": "ok"}}, answer=True)

    assert "A-10045" not in repr(sent)
    assert result.documents["body"] == {"order": "A-10045", "status": "ok"}
    assert result.retained == ["A-10045"]


def test_what_was_never_sent_stays_with_the_answer_going_on() -> None:
    document: Document = {"order": "psn_" + "0" * 26, "status": "ok"}

    result = minimise(bound(ANSWERED), {"body": document}, answer=True)

    assert result.documents["body"] == {"status": "ok"}
    assert {str(each): each.reason for each in result.withheld} == {"$.order": "field.type"}
    assert result.retained == []
