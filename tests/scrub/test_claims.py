"""What claims to hold nothing personal is looked at for what can be found for certain."""

import json
import string
from collections.abc import Callable
from pathlib import Path
from random import Random
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.scrub.claims import LONGEST, luhn, personal_kind


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("zoe@example.com", "e-mail address"),
        ("mail zoe.o'brien+shop@mail.example.co.uk now", "e-mail address"),
        ("zoë@müller.example", "e-mail address"),
        ("zoe%40shop@example.com", "e-mail address"),
        ("zoe%40example.com", "e-mail address"),
        ("zoe\u200b@\u00adexample.com", "e-mail address"),
        ("zoe\uff20example\uff0ecom", "e-mail address"),
        ("4111\u20111111\u20131111\u200b1111", "card number"),
        ("41\u00ad11\u200d1111\u20601111\ufeff1111", "card number"),
        ("DE89\u00a03704\u200b0044\u202f0532\u00a00130\u00a000", "account number"),
        ("4111111111111111", "card number"),
        ("card 4111 1111 1111 1111 declined", "card number"),
        ("4111-1111-1111-1111", "card number"),
        ("378282246310005", "card number"),
        ("4111.1111.1111.1111", "card number"),
        ("It was 4111.1111.1111.1111.", "card number"),
        ("3782.822463.10005", "card number"),
        ("4111/1111/1111/1111", "card number"),
        ("4111 1111 1111 1111 12/27", "card number"),
        ("order 12345 4111-1111-1111-1111 12", "card number"),
        ("no.4111.1111.1111.1111;", "card number"),
        ("4111\t1111\t1111\t1111", "card number"),
        ("4111  1111  1111  1111.", "card number"),
        ("213112345678904", "card number"),
        ("4111|1111|1111|1111", "card number"),
        ("4111·1111·1111·1111", "card number"),
        ("It was 4111111111111111.", "card number"),
        ("4111111111111111".translate({ord(digit): ord(digit) + 0xFEE0 for digit in string.digits}), "card number"),
        ("4111111111111111".translate({ord(digit): ord(digit) + 0x0630 for digit in string.digits}), "card number"),
        ("6011111111111117", "card number"),
        ("DE89370400440532013000", "account number"),
        ("be68539007547034", "account number"),
        ("a378282246310005", "card number"),
        ("378282246310005a", "card number"),
        ("4111111111111111ab", "card number"),
        ("4111-1111-1111-1111-ab", "card number"),
        ("paid from de89 3704 0044 0532 0130 00", "account number"),
        ("GB82 WEST 1234 5698 7654 32", "account number"),
        ("eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJ4In0.c2lnbmVk", "token"),
        ("sk_live_51Jx0000000000000000", "token"),
        ("AKIAIOSFODNN7EXAMPLE", "token"),
        ("-----BEGIN RSA PRIVATE KEY-----", "token"),
        ("x" * (LONGEST + 1), "long text"),
    ],
)
def test_what_is_personal_for_certain_is_found(text: str, kind: str) -> None:
    assert personal_kind(text) == kind


@pytest.mark.parametrize(
    "text",
    [
        "",
        "changed_mind",
        "shop@1.2.3",
        "shop@1.2.3-rc.1",
        "@zoe",
        "a@b",
        "2026-11-22T08:00:00Z",
        "1795334632.66",
        "17953346326612345.66",
        "4111111111111112",
        "1234567890123456",
        "00000000-0000-4000-8000-000000000000",
        "9fb1c3d5e7f901234567890123456789",
        "DE89370400440532013001",
        "/v1/payment_intents",
        "card_declined",
        "100%40",
        "Größe \u2013 mittel",
        "x" * LONGEST,
    ],
)
def test_what_is_not_is_let_be(text: str) -> None:
    assert personal_kind(text) is None


def test_every_published_test_card_is_found(shared: Callable[[str], Path]) -> None:
    cards: dict[str, str] = json.loads((shared("card-numbers") / "braintree.json").read_text("utf-8"))
    valid = [number for number in cards.values() if number.isdigit() and len(number) >= 14 and luhn(number)]

    assert [number for number in valid if personal_kind(f"paid with {number}.") != "card number"] == []
    assert len(valid) > 20


@given(st.text(string.digits, min_size=11, max_size=18))
def test_one_of_ten_check_digits_is_right(digits: str) -> None:
    assert sum(luhn(digits + check) for check in string.digits) == 1


@given(st.text(max_size=300))
def test_any_text_has_an_answer(text: str) -> None:
    assert personal_kind(text) in (None, "e-mail address", "card number", "account number", "token", "long text")


@pytest.mark.parametrize("random", [Random(1)])
def test_numbers_that_trackers_make_by_chance_are_hardly_ever_taken_for_cards(random: Random) -> None:
    made = [f"{random.getrandbits(bits):0{bits // 4}x}" for bits in (64, 128) for _ in range(20_000)]
    made += [str(UUID(int=random.getrandbits(128), version=4)) for _ in range(20_000)]

    found = [text for text in made if personal_kind(text)]

    assert len(found) < 10
