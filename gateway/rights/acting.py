"""For whom something is asked, and by whom."""

from dataclasses import dataclass, field

from gateway.errors import refuse
from gateway.identity import Caller
from gateway.ledger.entry import Subject
from gateway.ledger.housekeeping import Access
from gateway.ledger.ledger import Ledger
from gateway.rights.asked import OnBehalf, Personal, Unasked
from gateway.vocabulary import Role

THEMSELVES = "subject"
"""By whom something is done that a person asks for themselves: their reference stands in no entry."""


@dataclass(frozen=True, slots=True)
class Acting:
    """A person, and who asks for them: `on_behalf` where that is somebody else."""

    subject: str = field(repr=False)
    by: str
    on_behalf: OnBehalf | None = field(default=None, repr=False)

    @property
    def beside(self) -> tuple[Subject, ...]:
        """Who stands beside the entry of what is done."""
        return (Subject(self.subject, "subject", ""),)

    def access(self, action: str, found: int = 0) -> Access:
        """The entry of a look, or of a deed for somebody else: in which case, and how it was checked who asks."""
        case = self.on_behalf
        if case is None:
            return Access(self.by, action, (), found)
        stated = {"case": case.case, "requester": case.requester.value, "verified": case.verified.value}
        stated |= {"proof": case.proof.value} if case.proof else {}
        return Access(self.by, action, tuple(stated.items()), found, case.reason)


async def noted(ledger: Ledger, who: Acting, action: str) -> None:
    """What somebody does for another person is on record before it is done, with case and reason. Raises Refusal."""
    if who.on_behalf is not None:
        await ledger.record(who.access(action), who.beside)


def acting(caller: Caller, asked: Personal) -> Acting:
    """Whom something is asked about.

    Raises Refusal `subject.unknown` for a person who asks about another one, and Unasked for an agent who does not say
    for whom, in which case and why.
    """
    case = asked.on_behalf
    if caller.role is Role.SUBJECT:
        if case is not None and case.subject != caller.subject:
            raise refuse("subject.unknown")
        return Acting(caller.subject, THEMSELVES)
    if case is None:
        raise Unasked("say `on_behalf` of whom, in which case, why, and how it was checked who asks")
    return Acting(case.subject, caller.service, case)
