"""Numbers with check digits in free text: payment cards, bank accounts and national ids."""

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date

from stdnum import ean, iban
from stdnum.br import cnpj, cpf
from stdnum.cn import ric
from stdnum.de import idnr
from stdnum.fr import nir
from stdnum.jp import in_
from stdnum.kr import rrn
from stdnum.us import ssn

from gateway.scrub.claims import luhn
from gateway.scrub.spans import Kind, Span

_RUN = re.compile(r"(?<!\d)\d(?>(?:[ \t\r\n._/·,|:*-]{0,3}\d)*)")
_GROUP = re.compile(r"\d+")
_BEFORE = re.compile(r"\d[A-Za-z]{1,9}\Z")
_BEHIND = re.compile(r"[A-Za-z]{1,9}\d")
_AROUND = 10
# The ranges of the schemes and the lengths in each (ISO/IEC 7812): an article's number is as long as some cards.
_CARD = re.compile(
    r"4\d{12}(?:\d{3}){0,2}|(?:2[2-7]|5[1-5])\d{14}|(?:5[0678]|6\d)\d{10,17}|3[47]\d{13}"
    r"|0604\d{8,15}|3[0689]\d{12,17}|(?:35|8[12])\d{14,17}|(?:2131|1800)\d{11}|(?:8600|9792|9860)\d{12}"
)
# Hardly a card has thirteen digits that does not begin with 4, and every article has (GS1).
_ARTICLE = re.compile(r"[56]\d{12}")
_FEWEST_DIGITS, _MOST_DIGITS = 11, 19
_ACCOUNT = re.compile(
    r"(?:(?<![A-Za-z0-9])|(?<=\biban)|(?<=\bIBAN))[A-Za-z]{2}[ .-]?\d[ .-]?\d(?:[ .-]{0,2}[A-Za-z0-9]){11,30}"
)
_SHORTEST_ACCOUNT = 15
# Since July 2026 there are letters among its signs, and the signs at the end are digits still. Without points it is in
# capitals, as no word is that has this many digits.
_COMPANY_BR = re.compile(
    r"(?<!\w)(?:[0-9A-Za-z]{2}\.[0-9A-Za-z]{3}\.[0-9A-Za-z]{3}/?[0-9A-Za-z]{4}-?\d{2}"
    r"|(?=[A-Z0-9]{0,11}[A-Z])[A-Z0-9]{8}[/ ]?[A-Z0-9]{4}[- ]?\d{2})(?!\w)",
    re.ASCII,
)
# The first two digits of a place in China (GB/T 2260).
_PROVINCES = re.compile(r"1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[12]|91")
# Articles of Korea (GS1) begin like the numbers of people who were born in 1988.
_ARTICLES_OF_KOREA = "880"
_OLDEST, _YOUNGEST = 1920, 2040
_PERSON_CN = re.compile(r"(?<!\w)(?:\d{17}|\d{6}[ -]\d{8}[ -]\d{3})[\dXx](?!\w)", re.ASCII)
_PERSON_FR = re.compile(r"(?<!\w)[12](?:[ .-]?\d){4}[ .-]?(?:\d{2}|2[ABab])(?:[ .-]?\d){8}(?!\w)", re.ASCII)
_PERSON_GB = re.compile(
    r"(?<![A-Za-z0-9])(?!BG|GB|NK|KN|TN|NT|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]"
    r"(?:[ -]?\d{2}){3}[ -]?[A-D](?![A-Za-z0-9])"
    # What stands for a number in examples and tests.
    r"|(?<![A-Za-z0-9])ZZ(?:[ -]?\d{2}){3}[ -]?T(?![A-Za-z0-9])",
    re.IGNORECASE,
)
_PERSON_US = re.compile(r"(?<![\w-])\d{3}(?P<sign>[ .-])\d{2}(?P=sign)\d{4}(?![\w-])", re.ASCII)
_SAID_US = re.compile(
    r"\b(?:ssn|social security)(?: (?:number|no\.?|is))*\W{0,3}(\d{3}[ .-]?\d{2}[ .-]?\d{4})(?!\d)", re.IGNORECASE
)

Check = Callable[[str], bool]


def _born(digits: str, *, first: int, last: int) -> bool:
    """Whether the digits YYYYMMDD are a day on which somebody alive can have been born."""
    try:
        return first <= date(int(digits[:4]), int(digits[4:6]), int(digits[6:8])).year <= last
    except ValueError:
        return False


def _resident_of_china(number: str) -> bool:
    # The library also asks whether the place exists, which changes; check digit and birthday tell enough.
    return _born(number[6:14], first=1880, last=2100) and bool(ric.calc_check_digit(number) == number[-1].upper())


def _older_resident_of_china(number: str) -> bool:
    # Given out until 1999, without a check digit: the century was no part of the birthday.
    return _PROVINCES.match(number) is not None and _born(f"19{number[6:12]}", first=1900, last=1999)


def _resident_of_korea(number: str) -> bool:
    # Since October 2020 new numbers have no check digit; in these groups a month, a day and a century must do, of which
    # what is unknown is nought.
    return number[2:4] <= "12" and number[4:6] <= "31"


def _resident_of_korea_bare(number: str) -> bool:
    """The same in one group, where it could also be an article or a moment: of somebody who may be alive."""
    if rrn.is_valid(number):
        return True
    century = {"1": 19, "2": 19, "5": 19, "6": 19, "3": 20, "4": 20, "7": 20, "8": 20}.get(number[6])
    if century is None or (number.startswith(_ARTICLES_OF_KOREA) and ean.is_valid(number)):
        return False
    return _born(f"{century}{number[:6]}", first=_OLDEST, last=_YOUNGEST)


# By the number of digits, and the lengths of the groups in which the number may be written.
_BY_LENGTH: dict[int, tuple[tuple[Check, tuple[tuple[int, ...], ...]], ...]] = {
    11: (
        (idnr.is_valid, ((11,), (2, 3, 3, 3), (3, 3, 3, 2), (5, 6), (4, 4, 3))),
        (cpf.is_valid, ((11,), (3, 3, 3, 2), (9, 2))),
    ),
    12: ((in_.is_valid, ((12,), (4, 4, 4))),),
    13: (
        (_resident_of_korea_bare, ((13,),)),
        (_resident_of_korea, ((6, 7),)),
    ),
    15: ((_older_resident_of_china, ((15,), (6, 6, 3))),),
    14: ((cnpj.is_valid, ((14,), (2, 3, 3, 4, 2), (8, 4, 2), (8, 6), (12, 2))),),
}


_MARKED: tuple[tuple[re.Pattern[str], Check], ...] = (
    (_PERSON_CN, lambda text: _resident_of_china(re.sub(r"[ -]", "", text))),
    (_PERSON_FR, lambda text: nir.is_valid(re.sub(r"[ .-]", "", text).upper())),
    (_PERSON_US, lambda text: ssn.is_valid(re.sub(r"\D", "-", text))),
    (_PERSON_GB, lambda _: True),
    (_COMPANY_BR, cnpj.is_valid),
)


def numbers(text: str) -> Iterator[Span]:
    """Every card, account and national id in a folded text; some may overlap."""
    for run in _RUN.finditer(text):
        yield from _in_run(text, *run.span())
    yield from _accounts(text)
    yield from _marked(text)


def _in_run(text: str, start: int, end: int) -> Iterator[Span]:
    """What groups of digits that stand together make, from any group to any other."""
    groups = [match.span() for match in _GROUP.finditer(text, start, end)]
    lengths = tuple(last - first for first, last in groups)
    digits = "".join(text[first:last] for first, last in groups)
    position = 0
    for index, (first, _) in enumerate(groups):
        for after, length in _ends(lengths, index):
            kind = _kind(digits[position : position + length], lengths[index:after])
            last = groups[after - 1][1]
            if kind is None or (kind is Kind.NATIONAL_ID and _is_within(text, first, last)):
                continue
            if kind is not Kind.CARD or not _is_measure(text[first:last], lengths[index:after]):
                yield Span(first, last, kind)
        position += lengths[index]


def _is_measure(written: str, lengths: Sequence[int]) -> bool:
    """Whether digits are a number with a fraction, or two of them such as coordinates, and not the groups of a card."""
    if "," in written and "." in written:
        return True
    return len(lengths) == 2 and "." in written and any(each % 4 for each in lengths)  # noqa: PLR2004  before and behind


def _is_within(text: str, first: int, last: int) -> bool:
    """Whether digits are a part of something longer that has letters and other digits, as the number of a parcel."""
    around = _BEFORE.search(text, max(0, first - _AROUND), first), _BEHIND.match(text, last, last + _AROUND)
    return any(match is not None and match.group() for match in around)


def _ends(lengths: Sequence[int], index: int) -> Iterator[tuple[int, int]]:
    """Where groups from one on make as many digits as a number has, and how many that are."""
    length = 0
    for after, each in enumerate(lengths[index : index + _MOST_DIGITS], index + 1):
        length += each
        if length > _MOST_DIGITS:
            return
        if length >= _FEWEST_DIGITS:
            yield after, length


def _kind(digits: str, shape: tuple[int, ...]) -> Kind | None:
    if _CARD.fullmatch(digits) and luhn(digits) and not (_ARTICLE.fullmatch(digits) and ean.is_valid(digits)):
        return Kind.CARD
    checks = (check for check, shapes in _BY_LENGTH.get(len(digits), ()) if shape in shapes)
    return Kind.NATIONAL_ID if any(check(digits) for check in checks) else None


def _accounts(text: str) -> Iterator[Span]:
    for match in _ACCOUNT.finditer(text):
        signs = [place for place in range(*match.span()) if text[place].isalnum()]
        for length in range(len(signs), _SHORTEST_ACCOUNT - 1, -1):
            if _is_account("".join(text[place] for place in signs[:length])):
                yield Span(match.start(), signs[length - 1] + 1, Kind.IBAN)
                break


def _is_account(signs: str) -> bool:
    # The remainder first: of a hundred candidates it leaves the library one.
    number = int("".join(str(int(sign, 36)) for sign in signs[4:] + signs[:4]))
    return number % 97 == 1 and bool(iban.is_valid(signs))


def _marked(text: str) -> Iterator[Span]:
    """National ids that their letters or their groups give away."""
    for pattern, is_one in _MARKED:
        yield from (Span(*match.span(), Kind.NATIONAL_ID) for match in pattern.finditer(text) if is_one(match.group()))
    for match in _SAID_US.finditer(text):
        yield Span(*match.span(1), Kind.NATIONAL_ID)
