"""Text is searched in one form of writing, and what is found there stands somewhere in the text as it came."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.scrub.spans import Kind, Span, fold, settled


@pytest.mark.parametrize(
    ("written", "searched"),
    [
        ("\uff11\uff13\uff18", "138"),
        ("٤١١١", "4111"),
        ("4111\u20131111", "4111-1111"),
        ("zo\u00ade", "zoe"),
        ("4\u00a01", "4 1"),
        ("ﬁ", "fi"),
    ],
)
def test_compatible_signs_are_one(written: str, searched: str) -> None:
    assert fold(written).text == searched


def test_a_part_of_a_sign_stands_for_all_of_it() -> None:
    folded = fold("aﬁb")

    assert folded.span(1, 2) == (1, 2)
    assert folded.span(2, 4) == (1, 3)


@given(st.text(), st.booleans())
def test_the_whole_stands_for_the_whole(text: str, case: bool) -> None:
    folded = fold(text, case=case)

    assert all(
        0 <= first < last <= len(text) for at in range(len(folded.text)) for first, last in [folded.span(at, at + 1)]
    )


def test_of_finds_that_overlap_the_longest_counts_and_then_the_kind() -> None:
    phone, card = Span(0, 16, Kind.PHONE), Span(0, 16, Kind.CARD)
    longer, after = Span(10, 30, Kind.IBAN), Span(30, 40, Kind.PHONE)

    assert settled([phone, card]) == [card]
    assert settled([phone, longer, after]) == [longer, after]


def test_of_two_finds_of_one_kind_that_overlap_no_part_is_left() -> None:
    first, second, third = Span(0, 19, Kind.CARD), Span(5, 25, Kind.CARD), Span(25, 30, Kind.CARD)

    assert settled([second, third, first]) == [Span(0, 25, Kind.CARD), third]
