"""Facts as decisions see them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal, NamedTuple

from gateway.contract.announcing import Announced
from gateway.contract.model import PolicyVersion
from gateway.contract.papers import Agreement
from gateway.frozen import Frozen
from gateway.registry.basis import NOTHING, Basis
from gateway.vocabulary import VALID_CONSENT, Category, ConsentState, Flag, OrderState, Purpose, SubjectRole
from gateway.vocabulary.categories import ADDRESS_PARTS


class Person(Frozen, frozen=True):
    """Somebody whom a call is about: the shop's own number, the role, and whose law applies (or `unknown`).

    `order` is the one by which they are known, `stated` the one that the call names beside them.
    """

    ref: str
    role: SubjectRole
    jurisdiction: str
    order: str | None = None
    stated: str | None = None


class Mention(Frozen, frozen=True):
    """How a call says who is meant in a role: by an order, as in an earlier call, or by the shop's own number; of
    several ways the first that leads to somebody counts.

    `jurisdiction` is what the call itself says, where it does, and `stated` the order that it names beside the person.
    """

    role: SubjectRole
    order: str | None = None
    ref: str | None = None
    earlier: Person | None = None
    jurisdiction: str | None = None
    stated: str | None = None


@dataclass(frozen=True, slots=True)
class Consent:
    """What one person said to one purpose, at one vendor or (None) at all of them.

    *Explicit*, *separate* (from every other question) and *written* are marks of their own: none follows from another.
    `given` is when it was said, None where nobody knows.
    """

    purpose: Purpose
    vendor: str | None
    state: ConsentState
    explicit: bool
    expires: datetime | None
    record: str
    separate: bool = False
    written: bool = False
    given: datetime | None = None
    number: int = 0
    """In which order the answers came in."""
    by_guardian: bool = False
    categories: frozenset[Category] = frozenset()
    """Of which data it speaks; of none in particular where none is named."""

    def reaches(self, wanted: frozenset[Category]) -> bool:
        """Whether it speaks of all of this data; an address as a whole is in its parts."""
        parts = ADDRESS_PARTS if Category.ADDRESS_FULL in self.categories else frozenset()
        return not self.categories or wanted <= self.categories | parts

    def is_valid(self, now: datetime) -> bool:
        return self.state in VALID_CONSENT and (self.expires is None or now < self.expires)


@dataclass(frozen=True, slots=True)
class Mark:
    """A flag of a person since a moment: for everything, or only for one purpose or vendor."""

    flag: Flag
    purpose: Purpose | None
    vendor: str | None
    since: datetime

    def covers(self, purpose: Purpose, vendor: str) -> bool:
        return self.purpose in (None, purpose) and self.vendor in (None, vendor)


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a reference: whose law the person lives under (or `unknown`), their marks, and which other
    references are linked to it.
    """

    jurisdiction: str
    marks: tuple[Mark, ...]
    linked: tuple[str, ...]


def law_of(known: Iterable[Known]) -> str:
    """Whose law somebody lives under by what is known under the first of their references, else by all of the others.

    Where those contradict one another nobody knows.
    """
    own, *linked = (each.jurisdiction for each in known)
    others = {each for each in linked if each != "unknown"}
    return others.pop() if own == "unknown" and len(others) == 1 else own


@dataclass(frozen=True, slots=True)
class Order:
    """What is known of an order that a call is about; without people and state, nothing."""

    is_known: bool
    state: OrderState | None


@dataclass(frozen=True, slots=True)
class Suspension:
    """A vendor, or one of its operations, to which nothing goes until it is lifted."""

    vendor: str
    operation: str | None


@dataclass(frozen=True, slots=True)
class Waiver:
    """Two people let these operations (`vendor/operation`) pass these codes until a moment."""

    id: str
    operations: frozenset[str]
    codes: frozenset[str]
    until: datetime


class Review(NamedTuple):
    """The review of a vendor that was entered last: when it was held, and by when whoever held it wants the next."""

    held: date
    next: date


@dataclass(frozen=True, slots=True)
class Papers:
    """What was entered of papers and reviews beside the vendors' files: by vendor, and ends by vendor and id.

    `ended` has the last day of a paper that somebody ended, None where it ended at once. `waivers` may be over.
    `attested` has for a vendor and what it says of itself in writing when it did so last, `announced` the companies
    that it said would work for it.
    `versions` are those of the policy that the register has, the oldest first, each of them published.
    """

    entered: Mapping[str, tuple[Agreement, ...]] = field(default_factory=dict)
    ended: Mapping[tuple[str, str], date | None] = field(default_factory=dict)
    reviews: Mapping[str, Review] = field(default_factory=dict)
    waivers: tuple[Waiver, ...] = ()
    versions: tuple[PolicyVersion, ...] = ()
    attested: Mapping[tuple[str, str], date] = field(default_factory=dict)
    announced: Mapping[str, tuple[Announced, ...]] = field(default_factory=dict)

    def of(self, vendor: str) -> bool:
        """Whether anything is known of a vendor."""
        return vendor in self.entered or vendor in self.reviews or any(of == vendor for of, _ in self.ended)


NO_PAPERS = Papers()


class Facts(Frozen, frozen=True):
    """Everything that is known about a call when it is decided.

    `people` are those who were found; `missing` are the roles of the others. `marks` has those of whom there are any,
    by reference, `linked` all references of those who have several, `orders` every order that the call or one of its
    people comes from, `overdue_from` when a vendor's first unconfirmed deletion is overdue. `is_gift` is whether who
    gets the parcel is known to be somebody else than who bought, `untold` whether they do not know yet that others have
    their data: `noted` once it is on record that they are to be told. `basis` is what all of it was taken from, so that
    it can be told whether it still holds.
    """

    people: Mapping[SubjectRole, Person]
    missing: frozenset[SubjectRole]
    consents: Mapping[str, tuple[Consent, ...]]
    suspensions: frozenset[Suspension]
    order_stated: bool
    basis: Basis = NOTHING
    marks: Mapping[str, tuple[Mark, ...]] = {}
    orders: tuple[Order, ...] = ()
    papers: Papers = NO_PAPERS
    linked: Mapping[str, frozenset[str]] = {}
    overdue_from: Mapping[str, datetime] = {}
    untold: Literal["", "noted", "new"] = ""
    is_gift: bool = False

    @property
    def references(self) -> frozenset[str]:
        """Everything by which one of the people is known."""
        return frozenset(self.linked).union(*self.linked.values(), (person.ref for person in self.people.values()))

    @property
    def everybody(self) -> frozenset[str]:
        """The people, each by one reference, whichever the call has."""
        return frozenset(min(self.linked.get(person.ref, (person.ref,))) for person in self.people.values())
