"""Whether a person said yes: to this purpose, at this vendor, in the way that it takes."""

from dataclasses import dataclass
from typing import Final

from gateway.clearance.people import is_flagged
from gateway.clearance.policies import is_outdated
from gateway.clearance.question import GRANTED, Question
from gateway.contract.terms import GroupTerms, Origin, Terms
from gateway.contract.versions import NOBODYS
from gateway.registry.facts import Consent, Person
from gateway.vocabulary import FORMS_FOR_ANY, Category, ConsentState, Flag, Purpose


@dataclass(frozen=True, slots=True)
class Marks:
    """What a yes has to be, beside valid; none of it follows from another. `named` is a yes to this vendor alone."""

    explicit: bool = False
    separate: bool = False
    named: bool = False


ANY: Final = Marks()


def answer(
    question: Question, person: Person | None, purpose: Purpose, marks: Marks = ANY, group: GroupTerms | None = None
) -> tuple[str, Consent | None]:
    """Why consent does not hold, or GRANTED and what was said. The newest answer counts; none at all means no.

    It is asked about a group, or else about all that the call rests on.
    """
    vendor = question.terms.vendor.vendor
    answers = question.facts.consents.get(person.ref, ()) if person else ()
    to_purpose = [each for each in answers if each.purpose is purpose]
    fitting = [each for each in to_purpose if each.vendor in (None, vendor)]
    if not fitting:
        return ("consent.scope" if to_purpose else "consent.missing"), None
    newest = fitting[0]
    code = _lacks(newest, question, marks)
    if code is GRANTED and newest.categories and not newest.reaches(_needed(question, person, group)):
        code = "consent.scope"
    if code is GRANTED and is_outdated(question, purpose, newest.given):
        code = "consent.outdated"
    if code is GRANTED and is_flagged(question, person, Flag.MINOR) and not newest.by_guardian:
        code = "subject.minor"
    return code, newest


def is_of_the_call(terms: Terms, group: GroupTerms) -> bool:
    """Whether a group has neither a ground nor a purpose of its own, so that the call rests on what is in it."""
    return group.bases is None and group.purpose is terms.operation.purpose


def _needed(question: Question, person: Person | None, group: GroupTerms | None) -> frozenset[Category]:
    """Which data about somebody leaves on a yes."""
    terms = question.terms
    groups = [each for each in terms.sending.groups if is_of_the_call(terms, each)] if group is None else [group]
    meant = {each.number for each in groups if person is not None and person.role in each.roles}
    return (
        frozenset(
            rule.category
            for rule in terms.sending.rules
            if rule.origin is Origin.GROUP and rule.group in meant and rule.form.name not in FORMS_FOR_ANY
        )
        - NOBODYS
    )


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
