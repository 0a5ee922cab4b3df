"""What a ground that no law demands does where it is missing: nothing, a note in the record, or a refusal."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How much a missing ground counts."""

    OFF = "off"
    WARN = "warn"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class LevelTerm:
    """How much a code counts unless the settings say otherwise, and the rule that stands behind it."""

    default: Level
    rule: str


# A code that is not here always refuses: a law demands it, or a promise of the policy rests on it.
LEVELS: Mapping[str, LevelTerm] = {
    "limit.subjects_per_hour": LevelTerm(
        Level.WARN,
        "The policy promises no use of data in bulk beyond its scope; how many people in an hour is its own.",
    ),
    "transfer.repetitive": LevelTerm(
        Level.WARN,
        "GDPR, recital 111: transfers for a contract stay occasional; how many in a month still are, no law says.",
    ),
    "deletion.overdue": LevelTerm(
        Level.WARN,
        "PIPL 21 and NDSR 12 ask the shop to supervise its vendors; when a late answer stops one, it decides.",
    ),
    "vendor.review_overdue": LevelTerm(
        Level.WARN, "PIPL 21 and NDSR 12 ask the shop to supervise its vendors; by when to look again, it sets itself."
    ),
    "consignee.notice_due": LevelTerm(
        Level.WARN,
        "GDPR 14(3)(c): who gets a gift is told when data about them is first disclosed; that it waits, no law says.",
    ),
    "subject.inactive": LevelTerm(
        Level.REFUSE, "The policy promises stricter care of accounts long unused; how strict, no law says."
    ),
}


def level_of(code: str, stated: Mapping[str, Level]) -> Level:
    """How much a code counts, where `stated` is what the settings say."""
    term = LEVELS.get(code)
    return Level.REFUSE if term is None else stated.get(code, term.default)
