"""May this call go at all? Pure functions over contracts, facts and the time."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from gateway.contract.model import Agreement, Policy, PolicyVersion
from gateway.contract.terms import Bases, GroupTerms, SubjectTerms, Terms
from gateway.errors import Failure, Refusal
from gateway.registry.facts import Consent, Facts, Person, Suspension
from gateway.vocabulary import (
    AGREEMENTS,
    BASES,
    CLAUSES_NEEDED,
    EU_MEMBERS,
    PURPOSES,
    Commercial,
    ConsentState,
    Evidence,
    LegalBasis,
    Purpose,
    SubjectRole,
)

GRANTED: Final = ""
"""The reason for which a group's fields stay, when there is none."""

# From the most to the least that a basis demands; the first one given counts for somebody whose law is not known.
_STRICTEST = (
    LegalBasis.EXPLICIT_CONSENT,
    LegalBasis.CONSENT,
    LegalBasis.PRE_CONTRACT,
    LegalBasis.PERFORMANCE_OF_CONTRACT,
    LegalBasis.LEGAL_OBLIGATION,
    LegalBasis.VITAL_INTEREST,
    LegalBasis.PUBLIC_TASK,
    LegalBasis.LEGITIMATE_INTEREST,
)
_LIKENESSES = 1_000
_CONSENTS = frozenset({LegalBasis.CONSENT, LegalBasis.EXPLICIT_CONSENT})


@dataclass(frozen=True, slots=True)
class Ground:
    """On which basis one person's data goes, and what that rests on. The number of an order is no evidence to write."""

    role: SubjectRole
    jurisdiction: str
    basis: LegalBasis
    evidence: Evidence | None
    reference: str
    person: Person | None


@dataclass(frozen=True, slots=True)
class Clearance:
    """The grounds on which a call may go. `grants` has for each group the reason for which it stays, or GRANTED."""

    entity: str
    policy: str
    agreements: tuple[str, ...]
    grounds: tuple[Ground, ...]
    transfer: tuple[tuple[str, str], ...]
    grants: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """How things stand between a company and an operation, whoever a call is about: the same for a whole day.

    `failures` are what is missing, `agreements` the papers that open the door, `policy` the version in force.
    """

    policy: str
    agreements: tuple[str, ...]
    failures: tuple[Failure, ...]
    cleared: dict[tuple[object, ...], "Clearance"] = field(default_factory=dict, compare=False)
    """Calls that were cleared, by all that made the difference; another call like one of them is cleared alike."""


@dataclass(frozen=True, slots=True)
class Question:
    """Everything that a decision is made from. Without a `standing` it is worked out."""

    terms: Terms
    facts: Facts
    policy: Policy
    entity: str
    caller: str
    now: datetime
    standing: Standing | None = None


def day(policy: Policy, now: datetime) -> date:
    """The day in the policy's time zone: agreements count in whole days, both ends inclusive."""
    return now.astimezone(ZoneInfo(policy.time_zone)).date()


def version_in_force(policy: Policy, now: datetime) -> PolicyVersion | None:
    """The version that was published last."""
    published = [version for version in policy.versions if version.published <= now]
    return max(published, key=lambda version: version.published, default=None)


def around(policy: Policy, now: datetime) -> tuple[datetime, datetime]:
    """From when to before when it is the same day, and the same version is in force, as at a time."""
    zone, today = ZoneInfo(policy.time_zone), day(policy, now)
    turns = [datetime.combine(each, time.min, zone) for each in (today, today + timedelta(days=1))]
    turns += [version.published for version in policy.versions]
    return max(turn for turn in turns if turn <= now), min(turn for turn in turns if turn > now)


def stand(terms: Terms, policy: Policy, entity: str, now: datetime) -> Standing:
    """What holds on the day of a time, and under the policy that is in force at it."""
    today, version = day(policy, now), version_in_force(policy, now)
    agreements = _agreements(terms, entity, today)
    failures = (*_status(terms), *_agreement(terms, entity, today, agreements), *_published(terms, version))
    return Standing(version.version if version else "", agreements, failures)


def clear(question: Question) -> Clearance:
    """The grounds for a call at a given time. Raises Refusal with every ground that is missing; the first decides."""
    standing = question.standing or stand(question.terms, question.policy, question.entity, question.now)
    if (likeness := _likeness(question)) is None:
        return _decided(question, standing)
    if (alike := standing.cleared.get(likeness)) is None:
        if len(standing.cleared) > _LIKENESSES:
            standing.cleared.clear()
        standing.cleared[likeness] = alike = _decided(question, standing)
    people = question.facts.people
    grounds = tuple(
        Ground(each.role, each.jurisdiction, each.basis, each.evidence, each.reference, people.get(each.role))
        for each in alike.grounds
    )
    return Clearance(alike.entity, alike.policy, alike.agreements, grounds, alike.transfer, alike.grants)


def _likeness(question: Question) -> tuple[object, ...] | None:
    """All that a decision depends on beside its standing, or None where single people make the difference."""
    facts = question.facts
    if facts.consents or facts.missing or facts.suspensions:
        return None
    people = [(role, each.jurisdiction, each.order is None) for role, each in facts.people.items()]
    return question.caller, facts.order_stated, *people


def _decided(question: Question, standing: Standing) -> Clearance:
    terms = question.terms
    failures = [*_caller(question), *_suspended(question), *standing.failures]
    failures += [failure for check in _CHECKS for failure in check(question)]
    if failures:
        raise Refusal(*failures)
    grounds, markets = tuple(_grounds(question)), question.policy.markets
    return Clearance(
        question.entity,
        standing.policy,
        standing.agreements,
        grounds,
        tuple(sorted({(each.jurisdiction, _mechanism(terms, each.jurisdiction, markets)) for each in grounds})),
        tuple(_grant(question, group) for group in terms.sending.groups),
    )


def needs_consents(terms: Terms) -> bool:
    """Whether some ground of an operation may rest on consent."""
    bases = [subject.bases for subject in terms.subjects]
    bases += [group.bases for group in terms.sending.groups if group.bases]
    commercial = terms.operation.commercial is not Commercial.NONE
    return commercial or any(basis in _CONSENTS for each in bases for basis in each.values())


def _caller(question: Question) -> Iterator[Failure]:
    if question.caller not in question.terms.operation.callers:
        yield Failure("caller.not_allowed", f"{question.caller} is not in `callers` of {question.terms.name}")


def _status(terms: Terms) -> Iterator[Failure]:
    if terms.operation.status != "enforce":
        yield Failure("operation.not_active", f"{terms.name} has the status {terms.operation.status}")


def _suspended(question: Question) -> Iterator[Failure]:
    vendor, operation = question.terms.vendor.vendor, question.terms.operation.operation
    suspensions = question.facts.suspensions
    if Suspension(vendor, None) in suspensions:
        yield Failure("vendor.suspended", vendor)
    elif Suspension(vendor, operation) in suspensions:
        yield Failure("vendor.suspended", question.terms.name)


def _agreement(terms: Terms, entity: str, today: date, opening: tuple[str, ...]) -> Iterator[Failure]:
    if not opening:
        # Of several papers, the one that comes nearest says what to mend.
        reasons = [_reason(agreement, terms, entity, today) for agreement in _papers(terms)]
        code, detail = max(reasons, default=(0, "agreement.none", ""))[1:]
        yield Failure(code, f"{terms.vendor.vendor}{detail}")


def _agreements(terms: Terms, entity: str, today: date) -> tuple[str, ...]:
    """The papers that open the door on a day."""
    return tuple(paper.id for paper in _papers(terms) if _reason(paper, terms, entity, today)[1] == GRANTED)


def _papers(terms: Terms) -> list[Agreement]:
    """The agreements that can open a door, and do not only carry data over a border."""
    return [paper for paper in terms.vendor.agreements if not AGREEMENTS[paper.type].transfer_only]


def _reason(agreement: Agreement, terms: Terms, entity: str, today: date) -> tuple[int, str, str]:
    """How far an agreement comes towards opening the door, and the code and text of where it fails."""
    role = terms.role
    starts = agreement.starts or agreement.signed
    missing = sorted(CLAUSES_NEEDED[role] - set(agreement.clauses))
    if role not in AGREEMENTS[agreement.type].satisfies:
        return (
            1,
            "agreement.wrong_type",
            f": {agreement.id} is a {agreement.type}, the vendor a {role.replace('_', ' ')}",
        )
    if agreement.entities and entity not in agreement.entities:
        return 2, "agreement.parties", f": {agreement.id} does not bind {entity}"
    if today > agreement.until:
        return 3, "agreement.expired", f": {agreement.id} ended on {agreement.until}"
    if today < starts:
        return 4, "agreement.not_active", f": {agreement.id} begins on {starts}"
    if missing:
        return 5, "agreement.clause_missing", f": {agreement.id} lacks {', '.join(missing)}"
    return 6, GRANTED, ""


def _published(terms: Terms, version: PolicyVersion | None) -> Iterator[Failure]:
    if version is None:
        yield Failure("policy.purpose", "no policy is published yet")
        return
    if terms.vendor.kind not in version.vendor_kinds:
        yield Failure("policy.vendor_kind", f"{terms.vendor.kind} is not in policy {version.version}")
    purposes = {terms.operation.purpose} | {group.purpose for group in terms.sending.groups}
    for purpose in sorted(purposes - set(version.purposes)):
        yield Failure("policy.purpose", f"{purpose} is not in policy {version.version}")
    for purpose in sorted(purpose for purpose in purposes if terms.vendor.kind not in PURPOSES[purpose].kinds):
        yield Failure("purpose.not_in_contract", f"{purpose} is no purpose of a {terms.vendor.kind} vendor")


def _found(question: Question) -> Iterator[Failure]:
    for subject in question.terms.subjects:
        if subject.role in question.facts.missing and _is_looked_up(subject) and not subject.optional:
            yield Failure("subject.unresolved", f"no {subject.role} is known for this call", question.terms.file)


def _has_basis(question: Question) -> Iterator[Failure]:
    for subject, person in _present(question):
        basis = _basis(subject.bases, _jurisdiction(person), question.policy)
        if basis is None:
            yield Failure(
                "basis.none", f"no basis for a {subject.role} in {_jurisdiction(person)}", question.terms.file
            )
            continue
        failure = _fails(question, basis, _jurisdiction(person), person, question.terms.operation.purpose)
        if failure:
            yield Failure(failure, f"{basis} of the {subject.role}", question.terms.file)


def _sale(question: Question) -> Iterator[Failure]:
    if question.terms.operation.commercial is Commercial.NONE:
        return
    for subject, person in _present(question):
        answers = question.facts.consents.get(person.ref, ()) if person else ()
        failure = _consent(answers, question, question.terms.operation.purpose, explicit=True)[0]
        if failure:
            yield Failure("consent.missing", f"a {question.terms.operation.commercial} needs the {subject.role}'s")


def _transferable(question: Question) -> Iterator[Failure]:
    for _, person in _present(question):
        jurisdiction = _jurisdiction(person)
        if jurisdiction != "default" and not _mechanism(question.terms, jurisdiction, question.policy.markets):
            vendor = question.terms.vendor.vendor
            yield Failure(
                "transfer.none", f"{vendor} has no mechanism for people in {jurisdiction}", question.terms.file
            )


_CHECKS: tuple[Callable[[Question], Iterator[Failure]], ...] = (
    _found,
    _has_basis,
    _sale,
    _transferable,
)


def _present(question: Question) -> Iterator[tuple[SubjectTerms, Person | None]]:
    """Every role of the call with its person; None is somebody whom nobody looks up."""
    for subject in question.terms.subjects:
        if not _is_looked_up(subject):
            yield subject, question.facts.people.get(subject.role)
        elif subject.role in question.facts.people:
            yield subject, question.facts.people[subject.role]


def _is_looked_up(subject: SubjectTerms) -> bool:
    return bool(subject.order or subject.ref or subject.earlier)


def _jurisdiction(person: Person | None) -> str:
    return person.jurisdiction if person else "default"


def _covering(jurisdiction: str) -> tuple[str, ...]:
    """The keys under which a contract may speak of a jurisdiction, the nearest first."""
    return (jurisdiction, "EU", "default") if jurisdiction in EU_MEMBERS else (jurisdiction, "default")


def _basis(bases: Bases, jurisdiction: str, policy: Policy) -> LegalBasis | None:
    """The ground for a person; where the law is unknown, the contract's own word for that or the strictest."""
    if jurisdiction != "unknown":
        return next((bases[key] for key in _covering(jurisdiction) if key in bases), None)
    if "unknown" in bases:
        return bases["unknown"]
    possible = {_basis(bases, market, policy) for market in policy.markets}
    return None if None in possible else next(basis for basis in _STRICTEST if basis in possible)


def _mechanism(terms: Terms, jurisdiction: str, markets: tuple[str, ...] = ()) -> str:
    """On what data of a person may cross the border to the vendor, or nothing."""
    if jurisdiction == "unknown":
        found = [_mechanism(terms, market) for market in markets]
        return found[0] if found and all(found) else ""
    return next((terms.transfer[key].value for key in _covering(jurisdiction) if key in terms.transfer), "")


def _fails(question: Question, basis: LegalBasis, jurisdiction: str, person: Person | None, purpose: Purpose) -> str:
    """Why a basis does not hold for a person, or GRANTED."""
    if jurisdiction == "CN" and BASES[basis].pipl is None:
        return "basis.not_valid"
    evidence, stated = BASES[basis].needs, question.terms.operation.evidence
    if evidence is Evidence.ORDER and not (question.facts.order_stated or (person and person.order)):
        return "basis.evidence_missing"
    if (evidence is Evidence.ASSESSMENT and not stated.assessment) or (evidence is Evidence.LAW and not stated.law):
        return "basis.evidence_missing"
    if basis in _CONSENTS:
        answers = question.facts.consents.get(person.ref, ()) if person else ()
        return _consent(answers, question, purpose, explicit=basis is LegalBasis.EXPLICIT_CONSENT)[0]
    return GRANTED


def _consent(answers: tuple[Consent, ...], question: Question, purpose: Purpose, *, explicit: bool) -> tuple[str, str]:
    """Why consent does not hold, or GRANTED and the record. The newest answer counts; none at all means no."""
    vendor = question.terms.vendor.vendor
    to_purpose = [answer for answer in answers if answer.purpose is purpose]
    fitting = [answer for answer in to_purpose if answer.vendor in (None, vendor)]
    if not fitting:
        return ("consent.scope" if to_purpose else "consent.missing"), ""
    newest = fitting[0]
    if newest.state in (ConsentState.WITHDRAWN, ConsentState.REVOKED):
        return "consent.withdrawn", ""
    if newest.state is ConsentState.EXPIRED or (newest.expires is not None and newest.expires <= question.now):
        return "consent.expired", ""
    if not newest.is_valid(question.now):
        return "consent.missing", ""
    if explicit and not newest.explicit:
        return "consent.scope", ""
    return GRANTED, newest.record


def _grounds(question: Question) -> Iterator[Ground]:
    for subject, person in _present(question):
        jurisdiction = _jurisdiction(person)
        basis = _basis(subject.bases, jurisdiction, question.policy)
        if basis is not None:
            evidence, reference = _evidence(question, basis, person)
            yield Ground(subject.role, jurisdiction, basis, evidence, reference, person)


def _evidence(question: Question, basis: LegalBasis, person: Person | None) -> tuple[Evidence | None, str]:
    stated = question.terms.operation.evidence
    answers = question.facts.consents.get(person.ref, ()) if person else ()
    purpose, explicit = question.terms.operation.purpose, basis is LegalBasis.EXPLICIT_CONSENT
    references: Mapping[Evidence, Callable[[], str]] = {
        Evidence.ASSESSMENT: lambda: stated.assessment or "",
        Evidence.LAW: lambda: stated.law or "",
        Evidence.CONSENT: lambda: _consent(answers, question, purpose, explicit=explicit)[1],
        Evidence.ORDER: lambda: "",
    }
    evidence = BASES[basis].needs
    return evidence, references[evidence]() if evidence else ""


def _grant(question: Question, group: GroupTerms) -> str:
    """Why a group's fields stay here, or GRANTED. Nobody's fields go when all the people they are about are missing."""
    if not group.roles:
        return GRANTED
    present = [(subject, person) for subject, person in _present(question) if subject.role in group.roles]
    if not present:
        return "subject.unresolved"
    return next(
        (reason for subject, person in present if (reason := _stays(question, group, subject, person))), GRANTED
    )


def _stays(question: Question, group: GroupTerms, subject: SubjectTerms, person: Person | None) -> str:
    if group.bases is None and group.purpose is question.terms.operation.purpose:
        return GRANTED  # the subject's own ground was checked for the whole call
    jurisdiction = _jurisdiction(person)
    basis = _basis(group.bases or subject.bases, jurisdiction, question.policy)
    return "basis.none" if basis is None else _fails(question, basis, jurisdiction, person, group.purpose)
