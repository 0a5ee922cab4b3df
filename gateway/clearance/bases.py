"""On which legal basis data about each person goes, and what that rests on."""

from collections.abc import Iterator, Mapping, Sequence

from gateway.clearance.consents import Marks, answer, is_of_the_call
from gateway.clearance.people import is_flagged, unusable
from gateway.clearance.question import (
    CHINA,
    GRANTED,
    Ground,
    Question,
    covering,
    is_party,
    jurisdiction_of,
    laws,
    present,
)
from gateway.clearance.sensitive import asks_in, lacks_separate
from gateway.contract.model import Policy
from gateway.contract.terms import Bases, GroupTerms, SubjectTerms, Terms
from gateway.errors import Failure
from gateway.registry.facts import Person
from gateway.vocabulary import (
    BASES,
    OFF_BY_DEFAULT,
    TRANSFERS,
    Commercial,
    Evidence,
    Flag,
    LegalBasis,
    Level,
    Purpose,
    VendorRole,
    level_of,
)

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

# Those that hold for whoever is party to the contract with the shop (GDPR 6(1)(b); PIPL 13(2)).
_OF_PARTIES = frozenset({LegalBasis.PERFORMANCE_OF_CONTRACT, LegalBasis.PRE_CONTRACT})
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


def may_ask(terms: Terms) -> bool:
    """Whether a call may rest on what somebody said, as a ground or because it is sensitive."""
    return needs_consents(terms) or bool(asks_in(terms))


def has_basis(question: Question) -> Iterator[Failure]:
    for subject, person in present(question):
        basis = basis_for(subject.bases, jurisdiction_of(person), question.policy)
        if basis is None:
            yield Failure(
                "basis.none", f"no basis for a {subject.role} in {jurisdiction_of(person)}", question.terms.file
            )
            continue
        if failure := _fails(question, basis, person, subject.bases):
            is_apart = basis in CONSENTS and _marks(question, basis, person).separate
            apart = ", asked for apart from everything else (PIPL 23)" if is_apart else ""
            yield Failure(failure, f"{basis} of the {subject.role}{apart}", question.terms.file)


def basis_for(bases: Bases, jurisdiction: str, policy: Policy) -> LegalBasis | None:
    """The ground for a person; where the law is unknown, the contract's own word for that or the strictest."""
    if jurisdiction != "unknown":
        return next((bases[key] for key in covering(jurisdiction) if key in bases), None)
    if "unknown" in bases:
        return bases["unknown"]
    possible = {basis_for(bases, market, policy) for market in policy.markets}
    return None if None in possible else next(basis for basis in _STRICTEST if basis in possible)


def _fails(
    question: Question, basis: LegalBasis, person: Person | None, bases: Bases, group: GroupTerms | None = None
) -> str:
    """Why a basis does not hold for a person, for a group or for what the call rests on, or GRANTED."""
    purpose = group.purpose if group else question.terms.operation.purpose
    under_chinese_law = CHINA in laws(question, jurisdiction_of(person))
    own_word = jurisdiction_of(person) == "unknown" and "unknown" in bases
    if code := _unfit(question, basis, person, under_chinese_law=under_chinese_law and not own_word):
        return code
    if basis in _OBJECTABLE and is_flagged(question, person, Flag.OBJECTED, purpose):
        return "basis.objected"
    if not _is_evident(question, basis, person):
        return "basis.evidence_missing"
    if basis in CONSENTS:
        return _consent(question, basis, person, purpose, group)
    if under_chinese_law and is_flagged(question, person, Flag.MINOR):
        # Whatever the ground, a guardian has to agree (PIPL 31).
        return GRANTED if answer(question, person, purpose, group=group)[0] is GRANTED else "subject.minor"
    return GRANTED


def _unfit(question: Question, basis: LegalBasis, person: Person | None, *, under_chinese_law: bool) -> str:
    """Why there is no such basis for a person at all, or GRANTED."""
    if basis in OFF_BY_DEFAULT or (under_chinese_law and BASES[basis].pipl is None):
        return "basis.not_valid"
    if basis not in _OF_PARTIES or person is None or is_party(question, person.role):
        return GRANTED
    return GRANTED if is_flagged(question, person, Flag.LEGAL_PERSON) else "basis.not_party"


def _is_evident(question: Question, basis: LegalBasis, person: Person | None) -> bool:
    """Whether there is what a basis rests on, as far as no person has to say it."""
    stated, needs = question.terms.operation.evidence, BASES[basis].needs
    if needs is Evidence.ORDER:
        return question.facts.order_stated or bool(person and person.order)
    there: Mapping[Evidence | None, object] = {Evidence.ASSESSMENT: stated.assessment, Evidence.LAW: stated.law}
    return bool(there.get(needs, True))


def _consent(
    question: Question, basis: LegalBasis, person: Person | None, purpose: Purpose, group: GroupTerms | None
) -> str:
    if is_flagged(question, person, Flag.LEGAL_PERSON):
        return GRANTED
    return answer(question, person, purpose, _marks(question, basis, person), group)[0]


def _marks(question: Question, basis: LegalBasis, person: Person | None) -> Marks:
    """How a yes has to be given: to hand data to somebody who decides about it, China asks for it apart (PIPL 23)."""
    is_separate = question.terms.role is not VendorRole.PROCESSOR and CHINA in laws(question, jurisdiction_of(person))
    return Marks(explicit=basis is LegalBasis.EXPLICIT_CONSENT, separate=is_separate)


def grounds_of(question: Question) -> Iterator[Ground]:
    purpose = question.terms.operation.purpose
    for subject, person in present(question):
        if stated := _stated(question, subject.bases, person, purpose):
            yield Ground(subject.role, jurisdiction_of(person), *stated, person)


def grounds_apart(question: Question, grants: Sequence[str]) -> Iterator[tuple[int, Ground]]:
    """By the number of a group that goes, the grounds of its people where they are not those of the whole call."""
    for number, group in enumerate(question.terms.sending.groups):
        if grants[number] or is_of_the_call(question.terms, group):
            continue
        for subject, person in present(question):
            bases = group.bases or subject.bases
            if subject.role in group.roles and (stated := _stated(question, bases, person, group.purpose)):
                yield number, Ground(subject.role, jurisdiction_of(person), *stated, None)


def _stated(
    question: Question, bases: Bases, person: Person | None, purpose: Purpose
) -> tuple[LegalBasis, Evidence | None, str] | None:
    """The basis for a person, and what it rests on."""
    basis = basis_for(bases, jurisdiction_of(person), question.policy)
    return None if basis is None else (basis, *_evidence(question, basis, person, purpose))


def _evidence(
    question: Question, basis: LegalBasis, person: Person | None, purpose: Purpose
) -> tuple[Evidence | None, str]:
    stated = question.terms.operation.evidence
    evidence = BASES[basis].needs
    if evidence is Evidence.CONSENT:
        if is_flagged(question, person, Flag.LEGAL_PERSON):
            return Evidence.LEGAL_PERSON, ""
        said = answer(question, person, purpose)[1]
        return evidence, said.record if said else ""
    if evidence is None or evidence is Evidence.ORDER:
        return evidence, ""
    return evidence, {Evidence.ASSESSMENT: stated.assessment, Evidence.LAW: stated.law}.get(evidence) or ""


def grant(question: Question, group: GroupTerms) -> str:
    """Why a group's fields stay here, or GRANTED. Nobody's fields go when all the people they are about are missing."""
    if not group.roles:
        return GRANTED
    people = [(subject, person) for subject, person in present(question) if subject.role in group.roles]
    if not people:
        return "subject.unresolved"
    if is_of_the_call(question.terms, group):
        return GRANTED  # the subjects' own grounds were checked for the whole call
    return next((reason for subject, person in people if (reason := _stays(question, group, subject, person))), GRANTED)


def _stays(question: Question, group: GroupTerms, subject: SubjectTerms, person: Person | None) -> str:
    for code in unusable(question, person, group.purpose):
        if level_of(code, question.levels) is Level.REFUSE:
            return code
    bases = group.bases or subject.bases
    basis = basis_for(bases, jurisdiction_of(person), question.policy)
    if basis is None:
        return "basis.none"
    return _fails(question, basis, person, bases, group) or lacks_separate(question, group, person)
