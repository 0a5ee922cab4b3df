"""Who is meant, and whether data about them may be used at all."""

from collections.abc import Collection, Iterator, Mapping
from typing import Final

from gateway.clearance.question import GRANTED, Question, is_looked_up, laws, present
from gateway.contract.terms import SubjectTerms
from gateway.errors import Failure
from gateway.registry.facts import Person
from gateway.vocabulary import (
    LIVE,
    Commercial,
    Flag,
    OrderLevel,
    OrderState,
    Purpose,
    SubjectRole,
    territory_of,
)

# What nobody's data is used for any more, but to tell vendors what became of it (GDPR 19).
_STOPS: Mapping[Flag, str] = {
    Flag.INACTIVE: "subject.inactive",
    Flag.RESTRICTED: "subject.restricted",
    Flag.ERASED: "subject.erased",
}
NOTICE_DUE: Final = "consignee.notice_due"
_TOLD_BY_LAW = frozenset({"EU", "GB"})
_NOT_OF_MINORS = frozenset({Purpose.FRAUD_PREVENTION})


def found(question: Question) -> Iterator[Failure]:
    if not question.facts.missing:
        return
    for subject in question.terms.subjects:
        if subject.role in question.facts.missing and is_looked_up(subject) and not subject.optional:
            yield Failure("subject.unresolved", _unknown(subject, question), question.terms.file)


def _unknown(subject: SubjectTerms, question: Question) -> str:
    detail = f"no {subject.role} is known for this call"
    if (place := subject.ref or subject.earlier) is not None:
        return f"{detail} by what stands at {place}"
    if not subject.order or question.facts.order_stated:
        return detail
    return f"{detail}, which has no order's number at {' or '.join(map(str, question.terms.orders))}"


def usable(question: Question) -> Iterator[Failure]:
    """What forbids to use data about a person whatever the ground, as far as it is about the call as a whole."""
    purpose = question.terms.operation.purpose
    is_tried = question.terms.vendor.test_subjects_only and purpose is not Purpose.RIGHTS_FULFILMENT
    for subject, person in present(question):
        if is_tried and not is_flagged(question, person, Flag.TEST):
            yield Failure("subject.not_test", f"data of the {subject.role}", question.terms.file)
        for code in unusable(question, person, purpose):
            yield Failure(code, f"data of the {subject.role}", question.terms.file)


def unusable(question: Question, person: Person | None, purpose: Purpose) -> Iterator[str]:
    """The codes for which data about a person is not used for a purpose, each once."""
    if person is None or purpose is Purpose.RIGHTS_FULFILMENT or not question.facts.marks.get(person.ref):
        return
    of_the_call = _flags(question, person, question.terms.operation.purpose)
    flags = of_the_call if purpose is question.terms.operation.purpose else _flags(question, person, purpose)
    if Flag.MINOR in of_the_call and (
        purpose in _NOT_OF_MINORS or question.terms.operation.commercial is not Commercial.NONE
    ):
        yield "subject.minor"
    if Flag.WINDING_UP in of_the_call and not _winds_up(question, purpose):
        yield "subject.winding_up"
    for flag, code in _STOPS.items():
        if flag in flags:
            yield code


def informed(question: Question) -> Iterator[Failure]:
    """Who gets a gift is told that others have their data, at the latest when it is first disclosed (GDPR 14(3)(c))."""
    person = question.facts.people.get(SubjectRole.CONSIGNEE) if question.facts.untold else None
    if person is None or question.terms.operation.purpose is Purpose.RIGHTS_FULFILMENT:
        return
    if is_flagged(question, person, Flag.LEGAL_PERSON):
        return
    if not _TOLD_BY_LAW.isdisjoint(map(territory_of, laws(question, person.jurisdiction))):
        yield Failure(NOTICE_DUE, "data of the consignee", question.terms.file)


def _winds_up(question: Question, purpose: Purpose) -> bool:
    """Whether a call brings to its end what is under way: returns and refunds, and what goes on after an agreement."""
    lapses = (paper.on_lapse for paper in question.terms.vendor.agreements if paper.on_lapse)
    return purpose is Purpose.AFTER_SALES or any(
        question.terms.operation.operation in lapse.operations for lapse in lapses
    )


def is_flagged(question: Question, person: Person | None, flag: Flag, purpose: Purpose | None = None) -> bool:
    """Whether a flag holds for a person at this vendor, and for a purpose where one is given."""
    return person is not None and flag in _flags(question, person, purpose or question.terms.operation.purpose)


def _flags(question: Question, person: Person, purpose: Purpose) -> Collection[Flag]:
    if not (marks := question.facts.marks.get(person.ref)):
        return ()
    vendor = question.terms.vendor.vendor
    return [mark.flag for mark in marks if mark.covers(purpose, vendor)]


def order_states(question: Question) -> Iterator[Failure]:
    """Whether enough is known of the orders that a call is about, and none of them is closed."""
    if question.terms.operation.purpose is Purpose.RIGHTS_FULFILMENT:
        return
    level, orders = question.terms.operation.evidence.level, question.facts.orders
    codes = [_state(order.state, level, is_known=order.is_known) for order in orders]
    if not orders and level is not OrderLevel.STATED:
        codes = ["basis.evidence_missing"]
    for code in dict.fromkeys(filter(None, codes)):
        yield Failure(code, f"the contract wants it {level}", question.terms.file)


def _state(state: OrderState | None, level: OrderLevel, *, is_known: bool) -> str:
    if state is OrderState.CLOSED:
        return "order.state"
    if level is not OrderLevel.STATED and not is_known:
        return "basis.evidence_missing"
    return "order.state" if level is OrderLevel.LIVE and state not in LIVE else GRANTED
