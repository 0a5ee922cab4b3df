"""What is known of people and orders that decides whether data about them may be used."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Flag(StrEnum):
    """What holds for a person, whatever a call is about."""

    MINOR = "minor"
    """Too young to consent alone where they live; the shop says so, nobody guesses."""
    INACTIVE = "inactive"
    RESTRICTED = "restricted"
    OBJECTED = "objected"
    OPTED_OUT = "opted_out"
    """Of sale, rent and trade."""
    ERASED = "erased"
    """Asked to be erased, and known only until that is done."""
    WINDING_UP = "winding_up"
    """Withdrew everything: what is under way is only brought to its end."""
    LEGAL_PERSON = "legal_person"
    """A company, whose data is nobody's; somebody who only works there is a person."""
    INFORMED = "informed"
    """Knows that others have their data, which somebody else gave: who gets a gift."""
    NOTICE_DUE = "notice_due"
    """Is to be told that; the gateway says so when data about them is about to leave for the first time."""
    TEST = "test"
    """Nobody: made up, to try a vendor with."""


@dataclass(frozen=True, slots=True)
class FlagTerm:
    """The law or promise behind a flag, and whether it may hold for one purpose or vendor alone."""

    law: str
    narrows: bool = False


FLAGS: Mapping[Flag, FlagTerm] = {
    Flag.MINOR: FlagTerm("GDPR 8; PIPL 28, 31"),
    Flag.INACTIVE: FlagTerm("the policy, section 4"),
    Flag.RESTRICTED: FlagTerm("GDPR 18; PIPL 44, 47", narrows=True),
    Flag.OBJECTED: FlagTerm("GDPR 21", narrows=True),
    Flag.OPTED_OUT: FlagTerm("CCPA 1798.120; Global Privacy Control", narrows=True),
    Flag.ERASED: FlagTerm("GDPR 17; PIPL 47"),
    Flag.WINDING_UP: FlagTerm("GDPR 7(3); PIPL 15; the policy, section 6"),
    Flag.LEGAL_PERSON: FlagTerm("GDPR recital 14"),
    Flag.INFORMED: FlagTerm("GDPR 14"),
    Flag.NOTICE_DUE: FlagTerm("GDPR 14(3)(c)"),
    Flag.TEST: FlagTerm("GDPR 5(1)(b), recital 26"),
}


class OrderState(StrEnum):
    """How far an order has come."""

    CART = "cart"
    """Not yet an order: nothing is agreed."""
    OPEN = "open"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    AFTER_SALES = "after_sales"
    """Something is returned, exchanged or refunded."""
    CLOSED = "closed"
    """The time for that is over, or it was called off: nothing more about it leaves."""


LIVE: frozenset[OrderState] = frozenset(OrderState) - {OrderState.CLOSED}
CONCLUDED: frozenset[OrderState] = LIVE - {OrderState.CART}


class OrderLevel(StrEnum):
    """How much must be known of an order that is evidence."""

    STATED = "stated"
    """The call says its number."""
    KNOWN = "known"
    """The register knows it."""
    LIVE = "live"
    """And knows that it is not closed."""


class Verified(StrEnum):
    """How it was checked who asks. That a name is the same is no check."""

    ACCOUNT = "account"
    CALL_BACK = "call_back"
    DOCUMENT = "document"
    IN_PERSON = "in_person"
    KNOWN_ADDRESS = "known_address"
    QUESTIONS = "questions"
