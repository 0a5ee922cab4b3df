"""What the ledger records of telling vendors about people: each step of each notice."""

from dataclasses import dataclass
from typing import ClassVar

from gateway.ledger.canonical import Json
from gateway.ledger.entry import Index


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
