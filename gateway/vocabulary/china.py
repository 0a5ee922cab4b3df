"""How many people in China a company may let data about go abroad in a year before the law asks for more.

Provisions on promoting and regulating cross-border data flows (CAC, 22 March 2024), articles 5, 7 and 8. They count
from the first of January, each person once, and leave out whose data crosses because a contract with them needs it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Final

# What is counted, by year.
PEOPLE: Final = "cn"
SENSITIVE: Final = "cn_sensitive"
NECESSARY: Final = "cn_necessary"
"""On a contract that the person is party to: counted, and held to nothing."""

CLOCK: Final = timezone(timedelta(hours=8))
"""China has one time, and no other in summer."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """From how many people in a year on the law asks for something, and for what."""

    what: str
    people: int
    asks: str
    law: str


THRESHOLDS: Sequence[Threshold] = (
    Threshold(PEOPLE, 100_000, "a standard contract or a certification", "CAC provisions 2024, article 8"),
    Threshold(SENSITIVE, 10_000, "a security assessment", "CAC provisions 2024, article 7"),
    Threshold(PEOPLE, 1_000_000, "a security assessment", "CAC provisions 2024, article 7"),
)


def year_in_china(now: datetime) -> str:
    return str(now.astimezone(CLOCK).year)
