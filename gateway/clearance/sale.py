"""Sale, rent and trade: only with everybody's explicit consent that names the vendor, and against no signal."""

from collections.abc import Iterator
from datetime import datetime

from gateway.clearance.consents import Marks, answer
from gateway.clearance.question import GRANTED, Question, present
from gateway.errors import Failure
from gateway.registry.facts import Consent, Person
from gateway.vocabulary import Commercial, Flag

_YES = Marks(explicit=True, named=True)


def sale(question: Question) -> Iterator[Failure]:
    commercial = question.terms.operation.commercial
    if commercial is Commercial.NONE:
        return
    for subject, person in present(question):
        code, said = answer(question, person, question.terms.operation.purpose, _YES)
        if question.signal or _opted_out(question, person, said):
            yield Failure("sale.opted_out", f"a {commercial} of data of the {subject.role}", question.terms.file)
        if code is not GRANTED:
            yield Failure("sale.without_consent", f"a {commercial} needs the {subject.role}'s", question.terms.file)


def _opted_out(question: Question, person: Person | None, said: Consent | None) -> bool:
    """Whether somebody opted out at any time but before they said yes."""
    given = said.given if said else None
    return any(given is None or given <= moment for moment in _signals(question, person))


def _signals(question: Question, person: Person | None) -> Iterator[datetime]:
    purpose, vendor = question.terms.operation.purpose, question.terms.vendor.vendor
    for mark in question.facts.marks.get(person.ref, ()) if person else ():
        if mark.flag is Flag.OPTED_OUT and mark.covers(purpose, vendor):
            yield mark.since
