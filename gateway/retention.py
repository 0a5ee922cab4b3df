"""How long entries of the record are kept: classes, what the law asks for at least, and what holds unless said."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

_DURATION = re.compile(r"P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?")
_DAYS = (366, 31, 7, 1)


class RetentionClass(StrEnum):
    """Of an intent its entry names the class, of other entries their kind decides."""

    ROUTINE = "routine"
    EXCEPTIONAL = "exceptional"
    LEGAL_REQUEST = "legal_request"
    RIGHTS_REQUEST = "rights_request"
    CONSENT = "consent"
    OPERATION = "operation"
    REFUSAL = "refusal"


@dataclass(frozen=True, slots=True)
class Rule:
    """The shortest time that may be set for a class, the one that holds unless another is set, and where it is from."""

    minimum: str
    default: str
    source: str


RULES: Mapping[RetentionClass, Rule] = {
    RetentionClass.ROUTINE: Rule("P3Y", "P5Y", "PIPL Art. 56, NDSR Art. 12, NIST SP 800-53 PM-21"),
    RetentionClass.EXCEPTIONAL: Rule("P6Y", "P6Y", "HIPAA 45 CFR 164.528"),
    RetentionClass.LEGAL_REQUEST: Rule("P6Y", "P6Y", "HIPAA 45 CFR 164.528"),
    RetentionClass.RIGHTS_REQUEST: Rule("P24M", "P3Y", "CCPA regulations, section 7101"),
    RetentionClass.CONSENT: Rule("P3Y", "P3Y", "PIPL Art. 56, counted from the end of the consent"),
    RetentionClass.OPERATION: Rule("P1Y", "P2Y", "a choice of this gateway"),
    RetentionClass.REFUSAL: Rule("P90D", "P1Y", "a choice of this gateway"),
}


def days(duration: str) -> int:
    """Days of a duration like P5Y or P18M; a year has 366 and a month 31, so that nothing ends a day too early."""
    match = _DURATION.fullmatch(duration)
    if match is None:
        raise ValueError("not a duration of whole days (ISO 8601)")
    return sum(int(count or 0) * each for count, each in zip(match.groups(), _DAYS, strict=True))


def kept(stated: Mapping[RetentionClass, str]) -> dict[RetentionClass, str]:
    """For each class how long it is kept: as stated, or as the rule has it."""
    return {each: stated.get(each, rule.default) for each, rule in RULES.items()}
