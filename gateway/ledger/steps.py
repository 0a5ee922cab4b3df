"""What the ledger records step by step: cases outside contracts, incidents, what people ask, what vendors are told."""

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar, Final

from gateway.ledger.canonical import Json
from gateway.ledger.entry import Index

CLOCK: Final = timedelta(hours=72)
"""In which an authority is told of an incident, from when the company knew (GDPR 33(1))."""
CANARY: Final = "canary "
"""What the reference of an incident begins with that a canary told of; its number follows."""


@dataclass(frozen=True, slots=True)
class CaseStep:
    """A step of a case. `said` are words of closed lists, numbers and days, never what somebody wrote.

    What is written about the case is sealed in the registry, and whom it is about stands beside the intent alone.
    """

    kind: ClassVar[str] = "exceptional"

    case: str
    scenario: str
    step: str
    by: str
    said: tuple[tuple[str, Json], ...] = ()
    put: str = ""

    @property
    def index(self) -> Index:
        return Index(caller=self.by)

    def members(self) -> dict[str, Json]:
        members: dict[str, Json] = {"case": self.case, "scenario": self.scenario, "step": self.step, "by": self.by}
        return members | dict(self.said) | ({"put": self.put} if self.put else {})


@dataclass(frozen=True, slots=True)
class IncidentStep:
    """A step of an incident at a vendor: that it was opened, who was told, that it is closed. Nothing about people."""

    kind: ClassVar[str] = "incident"

    incident: str
    step: str
    vendor: str
    by: str
    said: tuple[tuple[str, Json], ...] = ()

    @property
    def index(self) -> Index:
        return Index(vendor=self.vendor, caller=self.by)

    def members(self) -> dict[str, Json]:
        members: dict[str, Json] = {
            "incident": self.incident,
            "step": self.step,
            "vendor": self.vendor,
            "by": self.by,
        }
        return members | dict(self.said)


@dataclass(frozen=True, slots=True)
class CanaryMade:
    """A value was made that one vendor alone gets; the value itself stands nowhere."""

    kind: ClassVar[str] = "canary"

    vendor: str
    number: int
    by: str

    @property
    def index(self) -> Index:
        return Index(vendor=self.vendor, caller=self.by)

    def members(self) -> dict[str, Json]:
        return {"vendor": self.vendor, "number": self.number, "by": self.by}


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeStep:
    """A notice was opened for a vendor, or came a step further. Whom it is about stands in a commitment.

    `due` is in µs; `reason` is why nobody was told, in a word.
    """

    kind: ClassVar[str] = "fact"

    notice: str
    cause: str
    vendor: str
    state: str  # queued, task, sent, confirmed, excused
    way: str = ""
    duty: str = ""
    law: str = ""
    categories: tuple[str, ...] = ()
    due: int = 0
    reason: str = ""
    by: str = ""
    put: str = ""

    @property
    def index(self) -> Index:
        return Index(vendor=self.vendor, caller=self.by or None)

    def members(self) -> dict[str, Json]:
        members: dict[str, Json] = {
            "fact": f"notice:{self.cause}",
            "notice": self.notice,
            "vendor": self.vendor,
            "state": self.state,
            "way": self.way,
            "duty": self.duty,
            "law": self.law,
            "categories": self.categories,
            "due": self.due,
            "reason": self.reason,
            "by": self.by,
            "put": self.put,
        }
        return {name: member for name, member in members.items() if member}


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestStep:
    """How far something has come that a person asked for. Whose it is stands in a commitment.

    `received` and `due` are in µs; `asked_by` is who asked, and `requester` in whose name; `rulings` and `reasons` are
    what was decided, in words of closed lists.
    """

    kind: ClassVar[str] = "fact"

    request: str
    right: str
    state: str
    received: int
    due: int
    asked_by: str = ""
    requester: str = ""
    categories: tuple[str, ...] = ()
    rulings: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    extended: str = ""
    by: str = ""
    put: str = ""

    @property
    def index(self) -> Index:
        return Index(caller=self.by or None)

    def members(self) -> dict[str, Json]:
        members: dict[str, Json] = {
            "fact": f"request:{self.right}",
            "request": self.request,
            "state": self.state,
            "received": self.received,
            "due": self.due,
            "asked_by": self.asked_by,
            "requester": self.requester,
            "categories": self.categories,
            "rulings": self.rulings,
            "reasons": self.reasons,
            "extended": self.extended,
            "by": self.by,
            "put": self.put,
        }
        return {name: member for name, member in members.items() if member}
