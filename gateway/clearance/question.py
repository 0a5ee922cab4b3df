"""What is asked, from which facts, and who of a call is present."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Final

from gateway.contract.announcing import Announced
from gateway.contract.model import Policy, PolicyVersion
from gateway.contract.terms import SubjectTerms, Terms
from gateway.errors import Failure
from gateway.frozen import Frozen
from gateway.registry.facts import Facts, Person
from gateway.vocabulary import Evidence, LegalBasis, Level, Purpose, SubjectRole, member_of

CHINA: Final = "CN"
_PLACES = 512  # that are remembered; there are fewer
GRANTED: Final = ""
"""The reason for which a group's fields stay, when there is none."""


class Ground(Frozen, frozen=True):
    """On which basis one person's data goes, and what that rests on. The number of an order is no evidence to write."""

    role: SubjectRole
    jurisdiction: str
    basis: LegalBasis
    evidence: Evidence | None
    reference: str
    person: Person | None


class Clearance(Frozen, frozen=True):
    """The grounds on which a call may go. `grants` has for each group the reason for which it stays, or GRANTED;
    `warnings` are codes of what is missing and does not refuse, `waivers` the ids of those that let something pass.
    `apart` has, by the number of a group, the grounds on which it goes where these are not those of the whole call.
    """

    entity: str
    policy: str
    agreements: tuple[str, ...]
    grounds: tuple[Ground, ...]
    transfer: tuple[tuple[str, str], ...]
    grants: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    waivers: tuple[str, ...] = ()
    apart: tuple[tuple[int, Ground], ...] = ()


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
    notes: tuple[str, ...] = ()
    """Codes of what is missing, where a paper says that the operation goes on all the same."""
    terms: Terms | None = None
    """Those that were asked about, with the papers that count beside the vendor's file."""
    exporter: str = ""
    """The country of the company; nothing for one that is not listed, and then nothing goes."""
    versions: tuple[PolicyVersion, ...] = ()
    """Every version of the policy that was published by then, the oldest first."""
    reach: dict[tuple[Purpose, str], bool] = field(default_factory=dict, compare=False)
    """Whether a version lets the operation do what it does for a purpose, as far as somebody asked."""
    announced: tuple[Announced, ...] = ()
    """Companies that work for the vendor by then, as it announced, and about whom nobody has decided."""
    routes: dict[tuple[str, bool], "Route"] = field(default_factory=dict, compare=False)
    """By whose law a person lives under and whether they are a party to the contract with the shop, as far as somebody
    asked: how data about them crosses the border.
    """


@dataclass(frozen=True, slots=True)
class Route:
    """On what data about people of one jurisdiction crosses the border: whose law asks for it, and what it is given.

    `failures` are what is missing. With `consent` a mechanism rests on what each person said.
    """

    transfer: tuple[tuple[str, str], ...]
    failures: tuple[Failure, ...]
    consent: bool = False


class Question(Frozen, frozen=True):
    """Everything that a decision is made from. Without a `standing` it is worked out.

    `levels` are those of the settings, `exporter` is the country of the company. `cn_separate` is whether sensitive
    data of people in China leaves only with a consent that was asked for apart, `signal` that of the call against sale
    (Global Privacy Control).
    """

    terms: Terms
    facts: Facts
    policy: Policy
    entity: str
    caller: str
    now: datetime
    standing: Standing | None = None
    levels: Mapping[str, Level] = {}
    exporter: str = ""
    cn_separate: bool = True
    signal: bool = False
    found: list[tuple[SubjectTerms, Person | None]] = []  # noqa: RUF012 - each question gets one of its own
    """Who is present, once somebody asked."""


def present(question: Question) -> Sequence[tuple[SubjectTerms, Person | None]]:
    """Every role of the call with its person; None is somebody whom nobody looks up."""
    if not question.found:
        question.found.extend(_found(question))
    return question.found


def _found(question: Question) -> Iterator[tuple[SubjectTerms, Person | None]]:
    for subject in question.terms.subjects:
        if not is_looked_up(subject):
            yield subject, question.facts.people.get(subject.role)
        elif subject.role in question.facts.people:
            yield subject, question.facts.people[subject.role]


def is_party(question: Question, role: SubjectRole) -> bool:
    """Whether somebody in a role may be party to the contract with the shop: who gets a gift is not (GDPR 6(1)(b),
    49(1)(b); PIPL 13(2)).
    """
    return not (question.facts.is_gift and role is SubjectRole.CONSIGNEE)


def is_looked_up(subject: SubjectTerms) -> bool:
    return bool(subject.order or subject.ref or subject.earlier)


def jurisdiction_of(person: Person | None) -> str:
    return person.jurisdiction if person else "default"


def laws(question: Question, jurisdiction: str) -> frozenset[str]:
    """The countries whose law may be a person's: where nobody knows, all markets, of which the strictest counts."""
    return _countries(question.policy.markets if jurisdiction == "unknown" else (jurisdiction,))


@lru_cache(_PLACES)
def _countries(places: tuple[str, ...]) -> frozenset[str]:
    return frozenset(each.partition("-")[0] for each in places)


@lru_cache(_PLACES)
def covering(jurisdiction: str) -> tuple[str, ...]:
    """The keys under which a contract may speak of a jurisdiction, the nearest first."""
    country = jurisdiction.partition("-")[0]
    member = member_of(jurisdiction)
    words = (jurisdiction, country, member, "EU", "default") if member else (jurisdiction, country, "default")
    return tuple(dict.fromkeys(words))
