"""Finding personal data in text that claims to hold none."""

import re
from collections.abc import Iterator
from decimal import Decimal

from gateway.scrub.spans import fold

LONGEST = 256
"""A text that is longer is prose, and prose holds what nobody looked for."""

_SHORTEST = 5  # a@b.c
_SHORTEST_NUMBER = 12  # of a card; accounts and keys are longer

_BIG = 10**11
_DIGITS_AT_MOST = 40

# Most texts have none of these and are done with; both begin with signs that a search can look out for.
_NUMBER_HINT = re.compile(r"\d(?:(?<=[A-Za-z]{2}\d)\d|(?:[ \t\r\n./_|*:,·-]{0,3}\d){11})")
_KEY_HINT = re.compile(r"eyJ|_(?:live|test)_|AKIA|gh[opsur]_|xox|AIza|-----BEGIN")
# The last part of a domain begins with a letter; a release like shop@1.2.3 is no address.
_MAIL = re.compile(r"[\w.+%'-]+@[\w-]+(?:\.[\w-]+)*\.[^\W\d_][\w-]*")
# No part of a longer number and none of a fraction; the end of a sentence is neither.
_DIGITS = re.compile(r"(?<!\d)(?<!\d\.)\d(?:[ -]?\d){11,}(?!\.?\d)")
_CARD_DIGITS = range(12, 20)
_MOST_GROUPS = 12
# With other signs between them only in the groups of a card: numbers of versions and amounts have dots as well.
_GROUPS = re.compile(
    r"(?<!\d)(?<!\d\.)\d{4}([./_|*:,·]|[ \t\r\n]{1,3})"
    r"(?:\d{4}\1\d{4}(?:\1\d{4}\1\d{1,3}|\1\d{1,4})?|\d{6}\1\d{4,5})(?!\.?\d)"
)
_IBAN = re.compile(r"\b[A-Za-z]{2}\d{2}(?: ?[A-Za-z0-9]{4}){2,7}(?: ?[A-Za-z0-9]{1,4})?\b")
_TOKEN = re.compile(
    r"\beyJ[\w-]{5,}\.[\w-]{5,}\.[\w-]*"
    r"|\b[rsp]k_(?:live|test)_\w{10,}|\bAKIA[0-9A-Z]{16}\b|\bgh[opsur]_\w{30,}|\bxox[abprs]-[\w-]{10,}|\bAIza[\w-]{30,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY"
)
# Numbers of traces, of their parts and of events (W3C Trace Context, RFC 9562) are made by chance, so that one in a
# thousand looks like a card or an account. They have letters among their digits, not only before or behind them. An
# account of Belgium is the only one that is as long and can be read as such digits.
_MADE_BY_CHANCE = re.compile(
    r"(?=.[\d-]*+[a-f].)(?:(?!be\d{14}\Z)[0-9a-f]{16}(?:[0-9a-f]{16})?|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
)
_CARD = re.compile(r"3[0-9]|4|5[0-8]|6|2[2-7]|(?:2131|1800)\d{11}\Z")


def personal_kind(value: str | int | Decimal | None) -> str | None:
    """What kind of personal data a value holds that should hold none, or None."""
    text = value if isinstance(value, str) else _digits(value)
    if len(text) < _SHORTEST_NUMBER and "@" not in text and "%" not in text and text.isascii():
        return None
    if len(text) > LONGEST:
        return "long text"
    if not text.isascii():
        # Full-width digits and letters are digits and letters, and what nobody sees does not stand between them.
        text = fold(text).text
    if "%" in text:
        text = text.replace("%40", "@")
    if len(text) < _SHORTEST or not ("@" in text or _NUMBER_HINT.search(text) or _KEY_HINT.search(text)):
        return None
    return None if _MADE_BY_CHANCE.fullmatch(text) else _kind_in(text)


def _kind_in(text: str) -> str | None:
    if _MAIL.search(text):
        return "e-mail address"
    if any(map(_is_card, _runs(text))):
        return "card number"
    if any(_is_iban(match.group()) for match in _IBAN.finditer(text)):
        return "account number"
    return "token" if _TOKEN.search(text) else None


def _digits(number: int | Decimal | None) -> str:
    """The digits of a number as long as a card's, however it is written: 4111111111111111.0 hides nothing."""
    if isinstance(number, Decimal):
        number = int(number) if number.is_finite() and number.adjusted() < _DIGITS_AT_MOST else None
    return str(abs(number)) if number is not None and abs(number) > _BIG else ""


def _runs(text: str) -> Iterator[str]:
    """Digits that stand together as long as a card's: an expiry or a number of something else may be beside them."""
    for match in (match for pattern in (_DIGITS, _GROUPS) for match in pattern.finditer(text)):
        groups = re.findall(r"\d+", match.group())
        if len(groups) > _MOST_GROUPS:
            groups = ["".join(groups)]
        for first in range(len(groups)):
            for last in range(first + 1, len(groups) + 1):
                if len(run := "".join(groups[first:last])) in _CARD_DIGITS:
                    yield run


def _is_card(run: str) -> bool:
    digits = str(int(run))
    return bool(_CARD.match(digits)) and luhn(digits)


def luhn(digits: str) -> bool:
    """The check digit of payment cards (ISO/IEC 7812-1)."""
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(int(digit) for digit in digits[-1::-2]) + sum(doubled)) % 10 == 0


def _is_iban(text: str) -> bool:
    """The check digits of bank accounts (ISO 13616)."""
    signs = text.replace(" ", "").upper()
    number = "".join(str(int(sign, 36)) for sign in signs[4:] + signs[:4])
    return len(signs) >= 15 and int(number) % 97 == 1  # noqa: PLR2004  the shortest IBAN, and the modulus of ISO 7064
