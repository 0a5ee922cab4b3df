"""What the ledger records of a case outside contracts, step by step: who asked, advised, decided, sent and reviewed."""

from dataclasses import dataclass
from typing import ClassVar

from gateway.ledger.canonical import Json
from gateway.ledger.entry import Index


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
