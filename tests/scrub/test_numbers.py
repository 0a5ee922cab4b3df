"""Cards, accounts and national ids are found by their check digits, in whatever groups they are written."""

import pytest

from gateway.scrub.numbers import numbers
from gateway.scrub.spans import Kind, settled


@pytest.mark.parametrize(
    ("text", "part", "kind"),
    [
        ("paid 4111 1111 1111 1111 12/27", "4111 1111 1111 1111", Kind.CARD),
        ("x378282246310005x", "378282246310005", Kind.CARD),
        ("order 12 4111-1111-1111-1111", "4111-1111-1111-1111", Kind.CARD),
        ("card 4111|1111|1111|1111", "4111|1111|1111|1111", Kind.CARD),
        ("card 4111*1111*1111*1111", "4111*1111*1111*1111", Kind.CARD),
        ("card 4111:1111:1111:1111", "4111:1111:1111:1111", Kind.CARD),
        ("card 213112345678904", "213112345678904", Kind.CARD),
        ("card 060404831822", "060404831822", Kind.CARD),
        ("x 4031*4265*5671*0384 12/27 123", "4031*4265*5671*0384 12/27", Kind.CARD),
        ("card 9792030394440796", "9792030394440796", Kind.CARD),
        ("CPF52998224725", "52998224725", Kind.NATIONAL_ID),
        ("to DE89.3704.0044.0532.0130.00 now", "DE89.3704.0044.0532.0130.00", Kind.IBAN),
        ("IBANDE89370400440532013000", "DE89370400440532013000", Kind.IBAN),
        ("SSN536-90-4399", "536-90-4399", Kind.NATIONAL_ID),
        ("to DE89 3704 0044 0532 0130 00 please", "DE89 3704 0044 0532 0130 00", Kind.IBAN),
        ("gb82west12345698765432", "gb82west12345698765432", Kind.IBAN),
        ("id 11010519491231002X.", "11010519491231002X", Kind.NATIONAL_ID),
        ("SSN 536-90-4399", "536-90-4399", Kind.NATIONAL_ID),
        ("SSN: 536904399", "536904399", Kind.NATIONAL_ID),
        ("号AB 12 34 56 C", "AB 12 34 56 C", Kind.NATIONAL_ID),
        ("IdNr 36 574 261 809", "36 574 261 809", Kind.NATIONAL_ID),
        ("NIR 2 95 10 99 126 111 93", "2 95 10 99 126 111 93", Kind.NATIONAL_ID),
        ("1234 5678 9018", "1234 5678 9018", Kind.NATIONAL_ID),
        ("971013-9019902", "971013-9019902", Kind.NATIONAL_ID),
        ("CPF 529.982.247-25", "529.982.247-25", Kind.NATIONAL_ID),
        ("CNPJ 16.727.230/0001-97", "16.727.230/0001-97", Kind.NATIONAL_ID),
        ("CNPJ 12.ABC.345/01DE-35", "12.ABC.345/01DE-35", Kind.NATIONAL_ID),
        ("ZZ 65 03 96 T", "ZZ 65 03 96 T", Kind.NATIONAL_ID),
        ("980023-1208465", "980023-1208465", Kind.NATIONAL_ID),
        ("cnpj 12.abc.345/01de-35.", "12.abc.345/01de-35", Kind.NATIONAL_ID),
        ("nota de 12ABC34501DE35 ok", "12ABC34501DE35", Kind.NATIONAL_ID),
        ("nota de 12ABC345/01DE-35 ok", "12ABC345/01DE-35", Kind.NATIONAL_ID),
        ("证号110105491231002。", "110105491231002", Kind.NATIONAL_ID),
        ("id 440524 800101 001", "440524 800101 001", Kind.NATIONAL_ID),
        ("9710139019902", "9710139019902", Kind.NATIONAL_ID),
        ("번호 9001011234567", "9001011234567", Kind.NATIONAL_ID),
        ("2103153123456", "2103153123456", Kind.NATIONAL_ID),
    ],
)
def test_a_number_is_found(text: str, part: str, kind: Kind) -> None:
    [span] = settled(numbers(text))

    assert (text[span.start : span.end], span.kind) == (part, kind)


@pytest.mark.parametrize(
    "text",
    [
        "4111111111111112",
        "DE89370400440532013001",
        "110105194912310021",
        "000-12-3456",
        "BG 12 34 56 C",
        "36574261808",
        "529.982.247-26",
        "971332-9019902",
        "12.ABC.345/01DE-36",
        "12ABC34501DE36",
        "12abc34501de35",
        "ABC12ABC34501DE35",
        "110105491331002",
        "990105491231002",
        "9713321019902",
        "1903151123456",
        "8801010123455",
        "8801061234562",
        "Parcel 1Z999AA10469235681DE",
        "EAN 6428917122860",
        "-36.2451795,159.748550",
        "38.8806028235101",
        "6923938665351.74",
        "4006381333931",
        "1706789012345",
        "2026-11-22T08:41:07",
        "1,234,567.89",
    ],
)
def test_what_has_a_wrong_check_digit_or_none_is_let_be(text: str) -> None:
    assert list(numbers(text)) == []
