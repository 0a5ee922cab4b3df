"""On which legal basis data about each person goes, and what that rests on."""

from collections.abc import Callable, Iterator, Mapping

from gateway.clearance.people import is_flagged, unusable
from gateway.clearance.question import GRANTED, Ground, Question, covering, jurisdiction_of, present
from gateway.contract.model import Policy
from gateway.contract.terms import Bases, GroupTerms, SubjectTerms, Terms
from gateway.errors import Failure
from gateway.registry.facts import Consent, Person
from gateway.vocabulary import BASES, TRANSFERS, Commercial, ConsentState, Evidence, Flag, LegalBasis, Purpose

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

# Those to which a person may object (GDPR 21(1)).
_OBJECTABLE = frozenset({LegalBasis.LEGITIMATE_INTEREST, LegalBasis.PUBLIC_TASK})
CONSENTS = frozenset({LegalBasis.CONSENT, LegalBasis.EXPLICIT_CONSENT})


def needs_consents(terms: Terms) -> bool:
    """Whether some ground of an operation may rest on consent."""
    bases = [subject.bases for subject in terms.subjects]
    bases += [group.bases for group in terms.sending.groups if group.bases]
    commercial = terms.operation.commercial is not Commercial.NONE
    crossing = any(TRANSFERS[line.mechanism].consent for lines in terms.transfer.values() for line in lines)
    return commercial or crossing or any(basis in CONSENTS for each in bases for basis in each.values())


def has_basis(question: Question) -> Iterator[Failure]:
    for subject, person in present(question):
        basis = basis_for(subject.bases, jurisdiction_of(person), question.policy)
        if basis is None:
            yield Failure(
                "basis.none", f"no basis for a {subject.role} in {jurisdiction_of(person)}", question.terms.file
            )
            continue
        failure = _fails(question, basis, jurisdiction_of(person), person, question.terms.operation.purpose)
        if failure:
            yield Failure(failure, f"{basis} of the {subject.role}", question.terms.file)


def sale(question: Question) -> Iterator[Failure]:
    if question.terms.operation.commercial is Commercial.NONE:
        return
    for subject, person in present(question):
        if explicitly_agreed(question, person):
            yield Failure("consent.missing", f"a {question.terms.operation.commercial} needs the {subject.role}'s")


def explicitly_agreed(question: Question, person: Person | None) -> str:
    """Why somebody's explicit consent to what the call is for does not hold, or GRANTED."""
    answers = question.facts.consents.get(person.ref, ()) if person else ()
    return _consent(answers, question, question.terms.operation.purpose, explicit=True)[0]


def basis_for(bases: Bases, jurisdiction: str, policy: Policy) -> LegalBasis | None:
    """The ground for a person; where the law is unknown, the contract's own word for that or the strictest."""
    if jurisdiction != "unknown":
        return next((bases[key] for key in covering(jurisdiction) if key in bases), None)
    if "unknown" in bases:
        return bases["unknown"]
    possible = {basis_for(bases, market, policy) for market in policy.markets}
    return None if None in possible else next(basis for basis in _STRICTEST if basis in possible)


def _fails(question: Question, basis: LegalBasis, jurisdiction: str, person: Person | None, purpose: Purpose) -> str:
    """Why a basis does not hold for a person, or GRANTED."""
    if jurisdiction == "CN" and BASES[basis].pipl is None:
        return "basis.not_valid"
    if basis in _OBJECTABLE and is_flagged(question, person, Flag.OBJECTED, purpose):
        return "basis.objected"
    evidence, stated = BASES[basis].needs, question.terms.operation.evidence
    if evidence is Evidence.ORDER and not (question.facts.order_stated or (person and person.order)):
        return "basis.evidence_missing"
    if (evidence is Evidence.ASSESSMENT and not stated.assessment) or (evidence is Evidence.LAW and not stated.law):
        return "basis.evidence_missing"
    if basis in CONSENTS:
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


def grounds_of(question: Question) -> Iterator[Ground]:
    for subject, person in present(question):
        jurisdiction = jurisdiction_of(person)
        basis = basis_for(subject.bases, jurisdiction, question.policy)
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


def grant(question: Question, group: GroupTerms) -> str:
    """Why a group's fields stay here, or GRANTED. Nobody's fields go when all the people they are about are missing."""
    if not group.roles:
        return GRANTED
    people = [(subject, person) for subject, person in present(question) if subject.role in group.roles]
    if not people:
        return "subject.unresolved"
    return next((reason for subject, person in people if (reason := _stays(question, group, subject, person))), GRANTED)


def _stays(question: Question, group: GroupTerms, subject: SubjectTerms, person: Person | None) -> str:
    if group.bases is None and group.purpose is question.terms.operation.purpose:
        return GRANTED  # the subject's own ground was checked for the whole call
    if group.purpose is not question.terms.operation.purpose and (
        code := next(unusable(question, person, group.purpose), GRANTED)
    ):
        return code
    jurisdiction = jurisdiction_of(person)
    basis = basis_for(group.bases or subject.bases, jurisdiction, question.policy)
    return "basis.none" if basis is None else _fails(question, basis, jurisdiction, person, group.purpose)
