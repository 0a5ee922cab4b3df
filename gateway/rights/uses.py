"""What may go to whom about one person: pure functions of contracts and of what is known of the person."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from gateway.clearance import (
    GRANTED,
    Question,
    basis_for,
    covers,
    grant,
    has_basis,
    is_in_use,
    may_ask,
    purposes_of,
    refusing,
    usable,
    version_at,
)
from gateway.contract.load import ContractSet
from gateway.contract.model import PolicyVersion
from gateway.contract.terms import Origin, SubjectTerms, Terms
from gateway.registry.facts import NO_PAPERS, Consent, Facts, Mark, Papers, Person
from gateway.vocabulary import FORMS_FOR_ANY, Category, LegalBasis, Level, Purpose, SubjectRole

_SOME_ORDER = "an order of theirs"


@dataclass(frozen=True, slots=True, repr=False)
class Somebody:
    """A person as decisions see them, whichever call it is."""

    ref: str
    jurisdiction: str
    roles: frozenset[SubjectRole]
    consents: tuple[Consent, ...]
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True, order=True)
class Use:
    """What of a person one operation of a vendor may get, for one purpose and on one basis."""

    vendor: str
    operation: str
    role: SubjectRole
    purpose: Purpose
    basis: LegalBasis
    categories: tuple[Category, ...]


def uses(
    contracts: ContractSet,
    somebody: Somebody,
    now: datetime,
    levels: Mapping[str, Level],
    papers: Papers = NO_PAPERS,
) -> frozenset[Use]:
    """Everything that may go about the person at a time, if a service asks for it."""
    policy, companies = contracts.policy, contracts.entities.entities
    open_ = (terms for terms in contracts.terms if is_in_use(terms, policy, companies, now, papers, levels))
    return frozenset(
        use
        for terms in open_
        for subject in terms.subjects
        if subject.role in somebody.roles
        for use in _of(subject, _question(terms, contracts, somebody, subject, now, levels, papers))
    )


def _of(subject: SubjectTerms, question: Question) -> Iterator[Use]:
    failures = [*usable(question), *has_basis(question)]
    papers = question.facts.papers
    if not refusing(failures, question.terms, papers, question.levels, question.now)[0]:
        yield from _groups(question, subject)


def is_to_renew(contracts: ContractSet, versions: Sequence[PolicyVersion], said: Consent) -> bool:
    """Whether some operation would need a newer yes, because the policy opened what it does after this one was said."""
    then = version_at(versions, said.given)
    meant = (each for each in contracts.terms if said.vendor in (None, each.vendor.vendor) and may_ask(each))
    return then is not None and any(
        covers(each, said.purpose, versions[-1]) and not covers(each, said.purpose, then)
        for each in meant
        if said.purpose in purposes_of(each)
    )


def _groups(question: Question, subject: SubjectTerms) -> Iterator[Use]:
    terms, jurisdiction = question.terms, question.facts.people[subject.role].jurisdiction
    found: dict[tuple[Purpose, LegalBasis], set[Category]] = {}
    for number, group in enumerate(terms.sending.groups):
        own = replace(group, roles=(subject.role,))
        basis = basis_for(group.bases or subject.bases, jurisdiction, question.policy)
        if subject.role in group.roles and basis is not None and grant(question, own) == GRANTED:
            found.setdefault((group.purpose, basis), set()).update(_categories(terms, number))
    for (purpose, basis), categories in found.items():
        if categories:
            names = terms.vendor.vendor, terms.operation.operation
            yield Use(*names, subject.role, purpose, basis, tuple(sorted(categories)))


def _categories(terms: Terms, group: int) -> Collection[Category]:
    return {
        rule.category
        for rule in terms.sending.rules
        if rule.origin is Origin.GROUP and rule.group == group and rule.form.name not in FORMS_FOR_ANY
    } - {Category.NOT_PERSONAL}


def _question(
    terms: Terms,
    contracts: ContractSet,
    somebody: Somebody,
    subject: SubjectTerms,
    now: datetime,
    levels: Mapping[str, Level],
    papers: Papers,
) -> Question:
    """The one that a call would ask, were it about nobody else: who else is in it makes no difference to this one."""
    person = Person(somebody.ref, subject.role, somebody.jurisdiction, _SOME_ORDER)
    facts = Facts(
        {subject.role: person},
        frozenset(),
        {somebody.ref: somebody.consents},
        frozenset(),
        order_stated=True,
        marks={somebody.ref: somebody.marks} if somebody.marks else {},
        papers=papers,
    )
    entity, company = next(iter(contracts.entities.entities.items()))
    caller = next(iter(terms.operation.callers), "")
    own, policy = replace(terms, subjects=(subject,)), contracts.policy
    return Question(own, facts, policy, entity, caller, now, levels=levels, exporter=company.country)
