"""A question as the path of a call asks it: a parcel with all its grounds, to be taken away one at a time."""

import re
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from shop_contracts import FILES
from small_contracts import read_files

from gateway.clearance import Question, clear
from gateway.contract.load import ContractSet
from gateway.contract.model import Policy
from gateway.contract.terms import Terms
from gateway.errors import Refusal
from gateway.frozen import changed
from gateway.registry.facts import Consent, Facts, Mark, Order, Person, Suspension
from gateway.vocabulary import ConsentState, Flag, LegalBasis, Purpose, SubjectRole

NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)
CONSENT = Consent(Purpose.DELIVERY, None, ConsentState.GIVEN, explicit=True, expires=None, record="r-1")
PEOPLE: Mapping[SubjectRole, Person] = {
    SubjectRole.PURCHASER: Person("c-88", SubjectRole.PURCHASER, "DE", "A-10045"),
    SubjectRole.CONSIGNEE: Person("c-89", SubjectRole.CONSIGNEE, "DE", "A-10045"),
}


def placed(files: Mapping[str, str]) -> dict[str, str]:
    """The files with their vendors at ports where nobody is."""
    return {file: re.sub("@[a-z]+@", "9", text) for file, text in files.items()}


def loaded(files: Mapping[str, str] = FILES) -> ContractSet:
    """The set that these files make."""
    with tempfile.TemporaryDirectory() as folder:
        contracts, findings = read_files(Path(folder), placed(files))
    assert contracts is not None, findings
    return contracts


CONTRACTS = loaded()
POLICY: Policy = CONTRACTS.policy
TERMS: Mapping[str, Terms] = {terms.operation.operation: terms for terms in CONTRACTS.terms}
SHIP = TERMS["ship"]


def given(
    *,
    people: Mapping[SubjectRole, Person] = PEOPLE,
    jurisdiction: str | None = None,
    consents: Mapping[str, tuple[Consent, ...]] | None = None,
    suspensions: frozenset[Suspension] = frozenset(),
    order_stated: bool = True,
    marks: Mapping[str, tuple[Mark, ...]] | None = None,
    orders: tuple[Order, ...] = (),
) -> Facts:
    """What is known about the call; roles that are not given were not found."""
    if jurisdiction is not None:
        people = {role: changed(person, jurisdiction=jurisdiction) for role, person in people.items()}
    missing = frozenset(PEOPLE) - frozenset(people)
    return Facts(people, missing, consents or {}, suspensions, order_stated, marks=marks or {}, orders=orders)


def marked(flag: Flag, *, ref: str = "c-88", purpose: Purpose | None = None, vendor: str | None = None) -> Facts:
    """The same, and a flag holds for one of the people."""
    return given(marks={ref: (Mark(flag, purpose, vendor, NOON),)})


def asked(
    terms: Terms = SHIP,
    *,
    facts: Facts | None = None,
    policy: Policy = POLICY,
    entity: str = "shop-eu",
    caller: str = "fulfilment",
    now: datetime = NOON,
) -> Question:
    return Question(terms, facts or given(), policy, entity, caller, now)


def agreed(**members: Any) -> Terms:
    """The parcel with another paper."""
    [paper] = SHIP.vendor.agreements
    vendor = SHIP.vendor.model_copy(update={"agreements": (paper.model_copy(update=members),)})
    return changed(SHIP, vendor=vendor)


def of_subject(legal_basis: Mapping[str, LegalBasis]) -> Terms:
    """The parcel as one that is about the purchaser alone, on these grounds."""
    [purchaser, _] = SHIP.subjects
    return changed(SHIP, subjects=(changed(purchaser, bases=legal_basis),))


def consented(*answers: Consent, basis: LegalBasis = LegalBasis.CONSENT) -> Question:
    """The parcel as one that rests on consent alone, with what the purchaser said, the newest first."""
    return asked(of_subject({"default": basis}), facts=given(consents={"c-88": answers}))


def codes(question: Question) -> list[str]:
    """What is missing; nothing where the call goes."""
    try:
        clear(question)
    except Refusal as refusal:
        return [failure.code for failure in refusal.failures]
    return []


def grants(question: Question) -> dict[str, str]:
    """For each group by its `why`, the reason for which it stays."""
    return dict(zip((group.why for group in question.terms.sending.groups), clear(question).grants, strict=True))
