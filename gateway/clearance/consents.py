"""Whether a person said yes: to this purpose, at this vendor, in the way that it takes."""

from dataclasses import dataclass
from typing import Final

from gateway.clearance.people import is_flagged
from gateway.clearance.policies import is_outdated
from gateway.clearance.question import GRANTED, Question
from gateway.registry.facts import Consent, Person
from gateway.vocabulary import ConsentState, Flag, Purpose


@dataclass(frozen=True, slots=True)
class Marks:
    """What a yes has to be, beside valid; none of it follows from another. `named` is a yes to this vendor alone."""

    explicit: bool = False
    separate: bool = False
    named: bool = False


ANY: Final = Marks()


def answer(
    question: Question, person: Person | None, purpose: Purpose, marks: Marks = ANY
) -> tuple[str, Consent | None]:
    """Why consent does not hold, or GRANTED and what was said. The newest answer counts; none at all means no."""
    vendor = question.terms.vendor.vendor
    answers = question.facts.consents.get(person.ref, ()) if person else ()
    to_purpose = [each for each in answers if each.purpose is purpose]
    fitting = [each for each in to_purpose if each.vendor in (None, vendor)]
    if not fitting:
        return ("consent.scope" if to_purpose else "consent.missing"), None
    newest = fitting[0]
    code = _lacks(newest, question, marks)
    if code is GRANTED and is_outdated(question, purpose, newest.given):
        code = "consent.outdated"
    if code is GRANTED and is_flagged(question, person, Flag.MINOR) and not newest.by_guardian:
        code = "subject.minor"
    return code, newest


def _lacks(newest: Consent, question: Question, marks: Marks) -> str:
    if newest.state in (ConsentState.WITHDRAWN, ConsentState.REVOKED):
        return "consent.withdrawn"
    if newest.state is ConsentState.EXPIRED or (newest.expires is not None and newest.expires <= question.now):
        return "consent.expired"
    if not newest.is_valid(question.now) or (marks.separate and not newest.separate):
        return "consent.missing"
    if (marks.explicit and not newest.explicit) or (marks.named and newest.vendor is None):
        return "consent.scope"
    return GRANTED
