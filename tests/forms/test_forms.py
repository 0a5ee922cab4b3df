"""What a form leaves of a value: by convention, without a trace of the hidden part, and never to be joined."""

import string
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stores_in_memory import away

from gateway.body.document import Scalar, Stored
from gateway.contract.form import MASKED_BY_CONVENTION, Form, Mask, Table, parse_form
from gateway.errors import Unfit
from gateway.forms.forms import MASKS, bounded, change_of, pseudonym
from gateway.vocabulary import Category

KEY, OTHER_KEY = bytes(32), bytes(31) + b"\x01"


def formed(form: Form, category: Category, value: Scalar, key: bytes = KEY) -> Scalar:
    """What leaves of a value in a form."""
    change = change_of(form, category, key)
    return value if change is None else change(value)


def masked(category: Category, text: str) -> str:
    return str(formed(Form("mask"), category, text))


CARD, PHONE, MAIL, NAME = Category.PAYMENT_PAN, Category.CONTACT_PHONE, Category.CONTACT_EMAIL, Category.PERSON_NAME
ACCOUNT, STREET, POSTAL = Category.PAYMENT_BANK_ACCOUNT, Category.ADDRESS_STREET, Category.ADDRESS_POSTAL_CODE


@pytest.mark.parametrize(
    ("category", "value", "expected"),
    [
        (CARD, "4111111111111111", "************1111"),
        (CARD, "4111 1111-1111 1111", "************1111"),
        (CARD, "378282246310005", "***********0005"),
        (ACCOUNT, "DE89370400440532013000", "DE****************3000"),
        (ACCOUNT, "DE89 3704 0044 0532 0130 00", "DE****************3000"),
        (ACCOUNT, "0532013000", "******3000"),
        (PHONE, "+8613812345678", "+86*******5678"),
        (PHONE, "008613812345678", "+86*******5678"),
        (PHONE, "+14155550123", "+1******0123"),
        (PHONE, "+4930901820", "+49******20"),
        (PHONE, "+353 1 234 5678", "+353******78"),
        (PHONE, "030 901820", "******820"),
        (PHONE, "112", "***"),
        (MAIL, "anna.s@gmail.com", "XXXXX@gmail.com"),
        (MAIL, "anna.s@GMail.com", "XXXXX@gmail.com"),
        (MAIL, "anna@schmidt.example", "XXXXX@XXXXX"),
        (MAIL, '"a@gmail.com"@schmidt.example', "XXXXX@XXXXX"),
        (MAIL, "gmail.com", "XXXXX@XXXXX"),
        (NAME, "Anna Maria Schmidt", "A*** M*** S***"),
        (NAME, "Al", "A***"),
        (NAME, "A", "*"),
        (NAME, "王小明", "王**"),
        (NAME, "김민준", "김**"),
        (NAME, "", "*"),
        (STREET, "Rm 1203, 88 Nanjing Rd", "Nanjing Rd"),
        (STREET, "Lindenstr. 7", "Lindenstr."),
        (STREET, "1 Main St, Apt 4B", "Main St"),
        (STREET, "7", "*"),
        (STREET, "12 bis, rue de la Paix", "rue de la Paix"),
        (STREET, "Lindenstr. 7-9", "Lindenstr."),
        (STREET, "Via Roma  12/B", "Via Roma"),
        (STREET, "Calle Mayor 5, 3º B", "Calle Mayor"),
        (STREET, "5th Avenue 350", "5th Avenue"),
        (STREET, "北京路88号3单元502室", "北京路"),
        (STREET, "1-9-1 丸の内", "丸の内"),
        (STREET, "테헤란로 152, 101동 1203호", "테헤란로"),
        (STREET, "Lindenstr.7", "Lindenstr."),
        (STREET, "Lindenstraße7b", "Lindenstraße"),
        (STREET, "Lindenstr. 7 \u2013 9", "Lindenstr."),
        (STREET, "12\u201314 rue de la Paix", "rue de la Paix"),
        (STREET, "Lindenstr. 7.", "Lindenstr."),
        (STREET, "Lindenstr. 7 (Hof)", "Lindenstr., Hof"),
        (STREET, "Lindenstr. 7\nHof", "Lindenstr., Hof"),
        (STREET, "Lindenstr. 7 Hinterhaus", "Lindenstr. Hinterhaus"),
        (STREET, "Unit 5/12 Smith St", "Smith St"),
        (STREET, "350 5th Ave #34-B", "5th Ave"),
        (STREET, "Straße des 17. Juni 135", "Straße des 17. Juni"),
        (STREET, "渋谷1-2-3 マンション101", "渋谷 マンション"),
        (STREET, "a" + " 1" * 200, "a"),
        (STREET, "a" + " 1" * 2000, "*"),
        (Category.ADDRESS_UNIT, "Hof 2", "*"),
        (POSTAL, "94110", "941**"),
        (POSTAL, "03601", "000**"),
        (POSTAL, "03601-1234", "000*******"),
        (POSTAL, "000**", "000**"),
        (POSTAL, "036 01", "036***"),
        (POSTAL, "SW1A 1AA", "SW1*****"),
        (POSTAL, "101", "***"),
    ],
)
def test_a_mask_keeps_what_its_convention_says(category: Category, value: str, expected: str) -> None:
    assert masked(category, value) == expected


@pytest.mark.parametrize(
    ("mask", "value", "expected"),
    [
        (Mask(6, 4), "4111111111111111", "411111******1111"),
        (Mask(6, 4), "378282246310005", "378282*****0005"),
        (Mask(6, 4), "30569309025904", "**********5904"),
        (Mask(12, 8), "4111111111111111", "411111******1111"),
    ],
)
def test_a_card_shows_at_most_its_first_six_and_last_four(mask: Mask, value: str, expected: str) -> None:
    assert formed(Form("mask", mask), CARD, value) == expected


@pytest.mark.parametrize(
    ("category", "form", "value", "left"),
    [
        (CARD, "mask", "4111111111111111", "************1111"),
        (CARD, {"mask": {"keep_first": 6, "keep_last": 4}}, "4111111111111111", "411111******1111"),
        (CARD, {"mask": {"keep_first": 6, "keep_last": 4}}, "378282246310005", "378282*****0005"),
        (ACCOUNT, "mask", "DE89370400440532013000", "DE****************3000"),
        (PHONE, "mask", "+8613812345678", "+86*******5678"),
        (PHONE, "mask", "+14155550123", "+1******0123"),
        (PHONE, "mask", "+4930901820", "+49******20"),
        (PHONE, "mask", "\uff0b\uff18\uff1613812345678", "+86*******5678"),
        (MAIL, "mask", "anna.s@gmail.com", "XXXXX@gmail.com"),
        (MAIL, "mask", "anna.s\uff20GMAIL\uff0ecom", "XXXXX@gmail.com"),
        (NAME, "mask", "Anna Maria Schmidt", "A*** M*** S***"),
        (NAME, "mask", "\uff21\uff4e\uff4e\uff41", "A***"),
        (NAME, "mask", "王小明", "王**"),
        (NAME, "mask", "王", "*"),
        (STREET, "mask", "Rm 1203, 88 Nanjing Rd", "Nanjing Rd"),
        (POSTAL, "mask", "94110", "941**"),
        (Category.TECH_IP, {"generalise": "ip"}, "203.0.113.77", "203.0.113.0"),
        (Category.TECH_IP, {"generalise": "ip"}, "2001:db8:85a3:8d3:1319:8a2e:370:7348", "2001:db8:85a3::"),
        (Category.TECH_IP, {"generalise": "ip"}, "::ffff:203.0.113.77", "203.0.113.0"),
        (Category.TECH_IP, {"generalise": "ip"}, "[::ffff:203.0.113.77%eth0]:443", "203.0.113.0"),
        (Category.GEO_PRECISE, {"generalise": "coordinates"}, "31.230416,121.473701", "31.2,121.5"),
        (Category.DEMO_BIRTH_DATE, {"generalise": "date"}, "1961-07-15", "1961"),
        (Category.BEHAV_ACCESS_TIME, {"generalise": "time"}, "2026-11-22T08:41:07Z", "2026-11-22T08Z"),
        (Category.BEHAV_ACCESS_TIME, {"generalise": "time"}, "2026-11-22T16:41:07+08:00", "2026-11-22T08Z"),
        (Category.BEHAV_SEARCH, {"generalise": "url"}, "/search?q=eczema", "/search"),
        (Category.ORDER_ITEMS, {"map": {"table": {"Retinol 1% mature-skin night cream": "Cosmetic preparation"}}},
         "Retinol 1% mature-skin night cream", "Cosmetic preparation"),
        (Category.ORDER_ITEMS, {"map": {"table": {"x": "y"}, "otherwise": "Goods"}}, "an unknown SKU", "Goods"),
    ],
)  # fmt: skip
def test_the_published_conventions_hold_for_their_own_examples(
    category: Category, form: object, value: str, left: str
) -> None:
    """PCI DSS 3.4.1, GB/T 41833-2022, the HIPAA safe harbor, and what analytics tools do with addresses."""
    assert formed(parse_form(form), category, value) == left


def test_in_a_message_stands_what_was_found_in_place_of_it() -> None:
    change = change_of(Form("scrub"), Category.TECH_MESSAGE, KEY, ("CN",))

    assert change is not None
    assert change("call 13812345678 re anna@x.io") == "call <PHONE_NUMBER> re <EMAIL_ADDRESS>"


@given(digits=st.text(string.digits, max_size=15), first=st.integers(0, 15), last=st.integers(0, 15))
def test_of_a_telephone_number_six_digits_stay_hidden_whatever_a_contract_asks_for(
    digits: str, first: int, last: int
) -> None:
    left = str(formed(Form("mask", Mask(first, last)), PHONE, f"+{digits}"))

    assert left.count("*") >= min(6, len(digits))
    assert len(left) == len(digits)
    assert left.count("*") == len(digits) - min(first + last, max(0, len(digits) - 6))


@pytest.mark.parametrize("digits", ["13812345678", "138-1234-5678"])
def test_full_width_digits_are_digits(digits: str) -> None:
    wide = digits.translate({ord(digit): ord(digit) - ord("0") + 0xFF10 for digit in string.digits})

    assert masked(PHONE, wide) == masked(PHONE, digits) == "*******5678"


@pytest.mark.parametrize("category", MASKS)
@given(text=st.text(max_size=40))
def test_masking_what_is_masked_changes_nothing(category: Category, text: str) -> None:
    once = masked(category, text)

    assert masked(category, once) == once


@given(text=st.text(max_size=30), first=st.integers(0, 8), last=st.integers(0, 8))
def test_a_mask_with_counts_shows_no_more_than_these(text: str, first: int, last: int) -> None:
    kept = formed(Form("mask", Mask(first, last)), Category.TECH_DEVICE_ID, text)

    assert sum(sign != "*" for sign in str(kept)) <= first + last
    assert formed(Form("mask", Mask(first, last)), Category.TECH_DEVICE_ID, kept) == kept


@given(st.text(string.digits, min_size=12, max_size=19))
def test_nothing_of_the_hidden_digits_of_a_card_survives(digits: str) -> None:
    hidden, kept = digits[:-4], masked(CARD, digits)

    assert kept == "*" * len(hidden) + digits[-4:]
    assert not any(hidden[start : start + 5] in kept for start in range(len(hidden) - 4))


national = st.text(string.digits, min_size=7, max_size=12).filter(lambda digits: not digits.startswith("00"))


@given(st.sampled_from(["+49", "+86", "+1", "+353", ""]), national)
def test_at_least_six_digits_of_a_telephone_number_are_hidden(code: str, digits: str) -> None:
    kept = masked(PHONE, code + digits)

    assert kept.count("*") >= 6
    assert sum(sign.isdigit() for sign in kept.removeprefix(code)) <= 4


@given(st.text(string.ascii_letters, min_size=5, max_size=30))
def test_nothing_of_a_local_part_survives(local: str) -> None:
    assert masked(MAIL, f"{local}@gmail.com") == "XXXXX@gmail.com"


@given(st.text(string.ascii_letters, min_size=2, max_size=30), st.text(string.ascii_letters, min_size=2, max_size=30))
def test_the_length_of_a_name_does_not_show(one: str, other: str) -> None:
    assert len(masked(NAME, one)) == len(masked(NAME, other))


texts = st.text(max_size=40)


@given(texts)
def test_a_pseudonym_is_the_same_for_one_vendor_and_another_for_the_next(text: str) -> None:
    here, there = pseudonym(Category.ORDER_ID, KEY)(text), pseudonym(Category.ORDER_ID, OTHER_KEY)(text)

    assert here == pseudonym(Category.ORDER_ID, KEY)(text)
    assert here != there
    assert len(here) == 30
    assert here.startswith("psn_")
    assert set(here[4:]) <= set("0123456789abcdef")


@given(texts)
def test_pseudonyms_of_two_categories_cannot_be_joined(text: str) -> None:
    assert pseudonym(Category.ORDER_ID, KEY)(text) != pseudonym(Category.ACCOUNT_ID, KEY)(text)


@given(texts, texts)
def test_different_values_have_different_pseudonyms(one: str, other: str) -> None:
    made = pseudonym(Category.ORDER_ID, KEY)

    assert (made(one) == made(other)) is (one == other)


def test_a_number_and_its_text_have_one_pseudonym() -> None:
    form = Form("pseudonymise")

    assert formed(form, Category.ORDER_ID, 10045) == formed(form, Category.ORDER_ID, "10045")


def test_what_leaves_as_it_is_is_not_changed_at_all() -> None:
    assert change_of(Form("as_is"), NAME, KEY) is None


@pytest.mark.parametrize("constant", ["Cosmetics", 0, True, False, ""])
def test_a_constant_stands_in_place_of_any_value(constant: str | bool | int) -> None:
    form = Form("replace", constant)

    assert [formed(form, NAME, value) for value in ("x", 1, None)] == [constant] * 3


def test_a_text_is_cut_after_so_many_characters() -> None:
    assert formed(Form("truncate", 3), NAME, "Zoë Müller") == "Zoë"
    assert formed(Form("truncate", 30), NAME, "Zoë") == "Zoë"


SERVICES = Table((("EXP", "X1"), ("7", "X7")))


@pytest.mark.parametrize(("value", "expected"), [("EXP", "X1"), (7, "X7"), ("7", "X7"), (None, None)])
def test_a_table_says_what_stands_for_a_value(value: Scalar, expected: Scalar) -> None:
    assert formed(Form("map", SERVICES), NAME, value) == expected


@given(st.text().filter(lambda text: text not in ("EXP", "7")))
def test_what_is_not_in_a_table_leaves_as_its_otherwise_or_refuses_the_call(text: str) -> None:
    assert formed(Form("map", replace(SERVICES, otherwise="X0")), NAME, text) == "X0"
    with pytest.raises(Unfit) as caught:
        formed(Form("map", SERVICES), NAME, text)
    assert (caught.value.code, caught.value.refuses) == ("field.unmapped", True)


@pytest.mark.parametrize("form", [Form("truncate", 3), Form("mask"), Form("pseudonymise")])
def test_null_stays_null(form: Form) -> None:
    assert formed(form, NAME, None) is None


@pytest.mark.parametrize("form", [Form("truncate", 9), Form("mask", Mask(1)), Form("pseudonymise")])
def test_a_form_that_changes_a_value_gives_text(form: Form) -> None:
    assert all(isinstance(formed(form, POSTAL, value), str) for value in (94110, True, Decimal("1.10"), "x"))


def test_the_contract_check_knows_every_convention() -> None:
    assert MASKS.keys() == MASKED_BY_CONVENTION


@pytest.mark.parametrize("category", sorted(set(Category) - MASKED_BY_CONVENTION))
def test_a_category_without_convention_cannot_be_masked_by_one(category: Category) -> None:
    with pytest.raises(ValueError, match="no convention"):
        change_of(Form("mask"), category, KEY)


@pytest.mark.parametrize("name", ["drop", "refuse", "encrypt"])
def test_a_form_that_lets_nothing_out_has_no_change(name: str) -> None:
    with pytest.raises(ValueError, match="nothing to change"):
        change_of(Form(name), NAME, KEY)


@pytest.mark.parametrize(
    ("written", "form"),
    [
        ("as_is", Form("as_is")),
        ("mask", Form("mask")),
        ("drop", Form("drop")),
        ({"replace": 0}, Form("replace", 0)),
        ({"replace": True}, Form("replace", True)),
        ({"truncate": 35}, Form("truncate", 35)),
        ({"mask": {"keep_first": 2}}, Form("mask", Mask(2, 0))),
        ({"mask": {"keep_first": 2, "keep_last": 4}}, Form("mask", Mask(2, 4))),
    ],
)
def test_a_form_is_a_name_or_a_name_with_an_argument(written: object, form: Form) -> None:
    assert parse_form(written) == form


@pytest.mark.parametrize(
    "written",
    [
        "hash",
        "sha256",
        "replace",
        "truncate",
        "",
        3,
        [],
        {},
        {"drop": 1},
        {"truncate": 0},
        {"truncate": "35"},
        {"truncate": True},
        {"truncate": 100_001},
        {"replace": ["x"]},
        {"mask": {}},
        {"mask": {"keep_middle": 2}},
        {"mask": {"keep_first": -1}},
        {"mask": {"keep_first": 65}},
        {"mask": {"keep_first": True}},
        {"mask": 4},
        {"truncate": 3, "mask": {"keep_last": 4}},
    ],
)
def test_anything_else_is_no_form(written: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_form(written)


def test_free_text_is_scrubbed_and_then_cut() -> None:
    change = change_of(Form("scrub", 30), Category.TECH_MESSAGE, KEY, ("CN",))

    assert change is not None
    assert change("call 13812345678 re anna@x.io, twice") == "call <PHONE_NUMBER> re <EMAIL_"
    assert change(4111111111111111) == "<CREDIT_CARD>"
    assert change(None) is None


def test_without_the_market_a_national_number_is_only_a_number() -> None:
    change = change_of(Form("scrub"), Category.TECH_MESSAGE, KEY)

    assert change is not None
    assert change("order 13812345678") == "order 13812345678"


def test_what_a_vendor_takes_of_bytes_is_counted_in_bytes() -> None:
    file = Stored("10 bytes, SHA-256 …")
    file.content = away(bytes(10))

    assert bounded(None, 10)(file) is file
    with pytest.raises(Unfit) as caught:
        bounded(None, 9)(file)
    assert caught.value.code == "field.length"
