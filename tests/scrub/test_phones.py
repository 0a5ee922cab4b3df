"""Telephone numbers are found by calling code, by how they are written, or as numbers of the shop's markets."""

import pytest

from gateway.scrub.phones import phones, plan_of

PLAN = plan_of(("CN", "DE", "GB", "US"))


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("+49 30 901820!", "+49 30 901820"),
        ("0049-30-901820", "0049-30-901820"),
        ("ring +1 (415) 555-0123 x12", "+1 (415) 555-0123 x12"),
        ("电话13812345678。", "13812345678"),
        ("015123456789", "015123456789"),
        ("(07) 5331 0577", "(07) 5331 0577"),
        ("415.555.0123", "415.555.0123"),
        ("2026-11-22 0151 2345678", "0151 2345678"),
        ("call me: 020 7946 095", "020 7946 095"),
        ("+49 151 2345678 / 2nd floor", "+49 151 2345678"),
        ("0151 2345678, 3.OG, 4b", "0151 2345678"),
        ("0151/2345678 5te Etage", "0151/2345678"),
        ("+12015550123x12 at noon", "+12015550123x12"),
        ("0978 12345678", "0978 12345678"),
    ],
)
def test_a_number_is_found(text: str, part: str) -> None:
    [span] = phones(text, PLAN)

    assert text[span.start : span.end] == part


def test_two_numbers_in_a_row_are_two() -> None:
    assert len(list(phones("13812345678 13912345678", PLAN))) == 2


def test_a_national_number_without_any_sign_of_one_needs_its_market() -> None:
    assert list(phones("13812345678", plan_of(()))) == []


@pytest.mark.parametrize("text", ["me liga 1123470575 por favor", "(1123470575)", "11987654321"])
def test_where_no_zero_is_dialled_numbers_of_landlines_are_bare_too(text: str) -> None:
    assert len(list(phones(text, plan_of(("BR",))))) == 1
    assert list(phones("1123470575", PLAN)) == []


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("Contact: 4674924708", 1),
        ("reach me on 03069990175 or by mail", 1),
        ("Tel. 0030926002", 1),
        ("Please call about order 10045678", 0),
        ("my number is 46749247", 0),
    ],
)
def test_what_is_said_to_be_one_need_be_in_no_plan(text: str, count: int) -> None:
    assert len(list(phones(text, PLAN))) == count


@pytest.mark.parametrize(
    "text",
    [
        "retry 98/5 at 1772828259.91",
        "took 73660.2549271981 s",
        "at 0.3432615,-21.503316",
        "ISBN 0-334-22020-3",
        "Order no. 7179438023",
        "order 7179438023 is late",
        "Bestellung Nr. 7179438023",
        "订单号 7179438023",
    ],
)
def test_what_is_written_or_called_otherwise_is_no_number(text: str) -> None:
    assert list(phones(text, plan_of(("BR", "DE", "US")))) == []


def test_what_is_called_otherwise_is_one_all_the_same_where_it_is_written_so() -> None:
    assert len(list(phones("order +49 30 901820", PLAN))) == len(list(phones("order 415-555-0123", PLAN))) == 1
    assert list(phones("13812345678", plan_of(("nowhere",)))) == []


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-22",
        "22.11.2026 08",
        "1 234 567",
        "1.234.567.890",
        "order 1234-5678",
        "shop@1.2.3",
        "1732281600.25",
        "A-10045",
        "007",
        "HS 3304.99.00",
        "3304.99.0000",
        "ISBN 978-3-88-391242-2",
        "order 256-6279245-9312990",
    ],
)
def test_other_numbers_are_let_be(text: str) -> None:
    assert list(phones(text, PLAN)) == []
