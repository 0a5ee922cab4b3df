"""Telephone numbers in free text: international ones, and national ones of the countries that a shop serves."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from phonenumbers import (
    NumberParseException,
    PhoneMetadata,
    PhoneNumberFormat,
    PhoneNumberType,
    example_number_for_type,
    format_number,
    is_possible_number,
    parse,
)

from gateway.scrub.spans import Kind, Span

# Digits that stand together, with at most three signs between them, and an extension. What letters follow belongs to
# something else, such as a second floor.
_RUN = re.compile(
    r"(?<![A-Za-z0-9_])(?<![0-9a-fA-F]{4}-)(?<!\d[.,:])"
    r"(?:\+ ?)?(?:\([+ ]{0,2}\d{1,5}\)|\d)"
    r"(?>(?:[ \t./-]{0,3}(?:\+?\d(?!-?(?!x[ .:]{0,2}\d|ext)[A-Za-z_])|\(\d{1,5}\)))*)"
    r"(?P<extension>[ ,]{0,2}(?:x|ext\.?|extension|#)[ .:]{0,2}\d{1,6})?(?![\d_])(?!-?[A-Za-z])"
)
_DATE = re.compile(
    r"(?:19|20)\d\d([-./ ])(?:0?[1-9]|1[0-2])\1(?:0?[1-9]|[12]\d|3[01])(?!\d)"
    r"|(?:0?[1-9]|[12]\d|3[01])([-./ ])(?:0?[1-9]|[12]\d|3[01])\2(?:19|20)\d\d(?!\d)"
)
# In such groups stand a class of goods (Harmonized System), a book (ISO 2108, before 2007 with ten digits), an order at
# a market place, a moment in seconds with a fraction, and any number with a long one.
_GOODS = re.compile(
    r"(?<![\d.+])[1-9]\d{3}\.\d\d\.\d\d(?:\.?\d\d)?(?!\.?\d)"
    r"|(?<![\d+])97[89][ -]?(?:\d[ -]?){9}\d(?![ -]?\d)|(?<![\d-])\d{3}-\d{7}-\d{7}(?!-?\d)"
    r"|(?<![\d.+])(?:1[5-9]\d{8}\.\d{1,9}|0\.\d{5,16}|[1-9]\d{0,5}\.\d{8,16})(?![\d.])"
    r"|(?<![\d-])(?=[\d-]{12}[\dXx](?![\d-]))\d-\d{1,7}-\d{1,7}-[\dXx]"
)
_THOUSANDS = re.compile(r"[1-9]\d{0,2}(?:([. ])\d{3})(?:\1\d{3})+")
_SAYS_SO = re.compile(
    r"(?:\bphone|\btele?f|\bt[ée]l\b|\bmobile?|\bcell|\bcall|\bring|\bfax\b|\bhandy|\btext me|\bsms\b"
    r"|\bwhats ?app|\breach|\bdial"
    r"|\bconta[ct]t?|\bllam[ae]|\brufen?\b|\banruf|\bappele[rz]|\bportable\b|\bcelular|\bliga[re]?\b|\bligue|\bfone\b"
    r"|☎|📞|📱|电话|電話|手机|携帯|拨打|전화|휴대폰|연락)"
    r"[^\d]{0,24}$",
    re.IGNORECASE,
)
_SAYS_OTHERWISE = re.compile(
    r"(?:\border|\binvoice|\bticket|\bref(?:erence)?|\bcase|\bsku|\bitem|\barticle|\bartikel|bestellung|rechnung|auftrag"
    r"|\bcommande|\bfacture|\bpedido|订单|訂單|注文|주문)"
    r"\W{0,3}(?:(?:no|nr|num|number|nummer|numéro|id|is|号|號|番号|번호)\b\W{0,3}){0,2}\Z",
    re.IGNORECASE,
)
_SAYS_JUST_SO = re.compile(
    r"(?:phone|tele?f(?:on)?|t[ée]l|mobile?|cell|call|ring|fax|handy|contact|kontakt|reach|whats ?app|sms"
    r"|电话|電話|手机|携帯|전화)"
    r"\W{0,3}(?:(?:number|numéro|nummer|no|nr|me|us|him|her|on|at|is|unter)\b\W{0,3}){0,2}\Z",
    re.IGNORECASE,
)
_LOOKS_BACK = 40
_GROUP = re.compile(r"\+?\d+")
_BETWEEN = " \t./-"
_POSSIBLE = range(7, 16)
_USUAL = range(8, 16)
_DIALLED = range(8, 13)
_MOST_NATIONAL = 13
_GROUPS_OF_ONE = 3
_MOST_GROUPS = 6
_LONGEST = 24
_SHORTEST_BARE = 10
_LONGEST_BARE = 12


class Plan(NamedTuple):
    """How numbers of some countries look without calling code: for certain, and where the text says what it is."""

    certain: re.Pattern[str]
    said: re.Pattern[str]


def _is_dialled_bare(region: str, kind: int, prefix: str | None) -> bool:
    """Whether people write such numbers without a zero in front; elsewhere one without is something else."""
    example = example_number_for_type(region, kind)
    return example is not None and not format_number(example, PhoneNumberFormat.NATIONAL).startswith(prefix or "+")


@lru_cache(maxsize=64)
def plan_of(regions: tuple[str, ...]) -> Plan:
    """The national numbers of countries, given by their two letters; one that has no plan is passed over."""
    certain, said = [], []
    for region in regions:
        plan = PhoneMetadata.metadata_for_region(region)
        if plan is None:
            continue
        prefix, kinds = (
            plan.national_prefix,
            ((PhoneNumberType.MOBILE, plan.mobile), (PhoneNumberType.FIXED_LINE, plan.fixed_line)),
        )
        patterns = {kind: desc.national_number_pattern for kind, desc in kinds if desc and desc.national_number_pattern}
        either = "|".join(filter(None, patterns.values()))
        said.append(f"(?:{prefix})?(?:{either})" if prefix else either)
        for kind, pattern in patterns.items():
            if _is_dialled_bare(region, kind, prefix):
                certain.append(rf"(?=\d{{{_SHORTEST_BARE},}}$)(?:{pattern})")
        if prefix:
            certain.append(f"{prefix}(?:{either})")
    return Plan(*(re.compile(f"(?:{'|'.join(patterns)})$" if patterns else "(?!)") for patterns in (certain, said)))


def phones(text: str, plan: Plan) -> Iterator[Span]:
    """Every telephone number in a folded text."""
    text = _GOODS.sub(lambda match: "|" * len(match.group()), text)
    for match in _RUN.finditer(text):
        start, end = match.start(), match.end() if match["extension"] is None else match.start("extension")
        if date := _DATE.match(text, start):
            start = date.end() + len(text[date.end() : end]) - len(text[date.end() : end].lstrip(_BETWEEN))
        if _is_phone(text[start:end], text[max(0, start - _LOOKS_BACK) : start], plan):
            yield Span(start, match.end(), Kind.PHONE)
        elif not text[start:end].isdecimal():
            yield from _several(text, start, end, plan)


def _several(text: str, start: int, end: int, plan: Plan) -> Iterator[Span]:
    """The numbers in a run of digits that is none as a whole, such as two numbers one after the other."""
    groups = [match.span() for match in _GROUP.finditer(text, start, end)]
    index = 0
    while index < len(groups):
        for after in range(min(index + _MOST_GROUPS, len(groups)), index, -1):
            first, last = groups[index][0], groups[after - 1][1]
            if last - first <= _LONGEST and _is_certain(text[first:last], plan):
                yield Span(first, last, Kind.PHONE)
                index = after - 1
                break
        index += 1


def _is_phone(written: str, before: str, plan: Plan) -> bool:
    groups = _GROUP.findall(written)
    digits = "".join(filter(str.isdigit, written))
    if len(digits) not in _POSSIBLE or (written == digits and _SAYS_OTHERWISE.search(before)):
        return False
    if _is_certain(written.lstrip("("), plan) or _is_written_like_one(written, groups, digits):
        return True
    if not _SAYS_SO.search(before):
        return False
    return len(groups) > 1 or bool(plan.said.match(digits)) or _may_be_any(digits, before)


def _may_be_any(digits: str, before: str) -> bool:
    """Whether a text says of bare digits, and of nothing in between, that one can dial them."""
    return len(digits) in _DIALLED and bool(_SAYS_JUST_SO.search(before))


def _is_certain(written: str, plan: Plan) -> bool:
    """Whether it has a calling code, or is a number of one of the countries and hardly anything else."""
    digits = "".join(filter(str.isdigit, written))
    if written.startswith(("+", "00")) and _is_international(digits.removeprefix("00")):
        return True
    longest = _LONGEST_BARE if written == digits else _USUAL.stop
    return (
        len(digits) in _USUAL
        and len(digits) <= longest
        and bool(plan.certain.match(digits))
        and not _THOUSANDS.fullmatch(written)
    )


def _is_international(digits: str) -> bool:
    try:
        return is_possible_number(parse(f"+{digits}"))
    except NumberParseException:
        return False


def _is_written_like_one(written: str, groups: list[str], digits: str) -> bool:
    """Whether nothing else is usually written in these groups, in whatever country."""
    if len(groups) == 1 or len(digits) not in _USUAL or _THOUSANDS.fullmatch(written) or written.startswith("0."):
        return False
    if any(len(group) == 1 for group in groups[1:]):
        return False
    if "(" in written or written.startswith("0"):
        return len(digits) <= _MOST_NATIONAL or written.startswith("00")
    return len(groups) >= _GROUPS_OF_ONE and "/" not in written
