"""What may be said of people and orders is a closed list, and the pages say the same."""

import re
from pathlib import Path

from gateway.vocabulary import CONCLUDED, FLAGS, LIVE, Flag, OrderState

FACTS = (Path(__file__).parents[1] / "docs" / "facts.md").read_text("utf-8")


def test_every_flag_is_documented_with_its_law() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| .* \| (.*) \|$", FACTS.partition("| flag |")[2], re.MULTILINE))

    assert {flag: rows[flag] for flag in Flag} == {flag.value: term.law for flag, term in FLAGS.items()}


def test_the_flags_that_may_hold_for_one_purpose_or_vendor_are_named() -> None:
    sentence = re.search(r"holds for a person until it is lifted\. (.*?) may hold for one", FACTS, re.DOTALL)

    assert sentence is not None
    assert set(re.findall(r"`(\w+)`", sentence[1])) == {flag for flag, term in FLAGS.items() if term.narrows}


def test_every_state_of_an_order_is_named_in_its_order() -> None:
    sentence = re.search(r"How far an order has come: (.*?)\. ", FACTS, re.DOTALL)

    assert sentence is not None
    assert re.findall(r"`(\w+)`", sentence[1]) == list(OrderState)


def test_an_order_is_live_until_it_is_closed_and_a_cart_is_nothing_agreed() -> None:
    assert set(OrderState) - LIVE == {OrderState.CLOSED}
    assert {OrderState.CART} == LIVE - CONCLUDED
