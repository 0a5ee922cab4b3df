"""What contracts compile to: for each operation one tree of rules, ready for one pass over a document."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from gateway.contract.form import Form, is_token
from gateway.contract.model import Operation, Vendor, importers_of
from gateway.contract.papers import Transfer
from gateway.contract.words import MAX_BYTES
from gateway.paths import EACH, Path, Place
from gateway.vocabulary import Category, LegalBasis, Purpose, SubjectRole, VendorRole

Bases = Mapping[str, LegalBasis]
PART_ATTRIBUTES: Final = ("@filename", "@content-type")
"""What of the head of a part may be named, beside the part (RFC 7578)."""


class Origin(Enum):
    """Why a rule exists: a group names the field, or a pin, a technical header or a credential stands there."""

    GROUP = "group"
    PIN = "pin"
    HEADER = "header"
    CREDENTIAL = "credential"


@dataclass(frozen=True, slots=True)
class Condition:
    """A value that must stand at a path below its anchor, the element that it shares with the rules it governs."""

    number: int
    place: Place
    below: Path
    texts: frozenset[str]


@dataclass(frozen=True, slots=True)
class Rule:
    """One contract line about one field: its number is its place in `Section.rules`."""

    number: int
    place: Place
    path: str
    group: int
    category: Category
    form: Form
    origin: Origin
    roles: tuple[SubjectRole, ...]
    conditions: tuple[int, ...]
    required: bool
    where: str
    max_chars: int | None = None
    """How much text the vendor takes here."""


@dataclass(frozen=True, slots=True)
class Required:
    """A rule whose field must stand in every element of the list it is anchored in, or once in the document."""

    rule: int
    below: Path


@dataclass(frozen=True, slots=True)
class Held:
    """What a text or a part holds: a document of its own, behind encodings of which the first is the outermost.

    `media` are the types that a part may have; without any it is not looked at. `max_bytes` holds for each encoding.
    """

    body: str
    encoding: tuple[str, ...]
    media: tuple[str, ...]
    max_bytes: int


@dataclass(slots=True)
class Node:
    """A step of the rule tree. `rules` are alternatives whose conditions exclude each other."""

    path: str
    members: dict[str, "Node"] = field(default_factory=dict)
    each: "Node | None" = None
    rules: tuple[int, ...] = ()
    cover: int | None = None
    """A rule that drops or refuses the whole of what stands here, save what other rules name in it."""
    conditions: tuple[Condition, ...] = ()
    required: tuple[Required, ...] = ()
    namespaces: frozenset[str] = frozenset()
    """At the top of an XML document: those whose names are names here, besides SOAP's and none."""
    held: Held | None = None
    """In a tree as its own format sees it: what the text here holds."""

    @property
    def leads_on(self) -> bool:
        return bool(self.members) or self.each is not None


@dataclass(slots=True)
class Nest:
    """A step on the way to texts that hold documents of their own; `held` where one stands.

    `tree` has the rules of the document in it, as its own format sees it; `around` is the format that it stands in.
    """

    path: str
    held: Held | None = None
    members: dict[str, "Nest"] = field(default_factory=dict)
    each: "Nest | None" = None
    tree: Node = field(default_factory=lambda: Node("$"))
    around: str = ""

    @property
    def has_attributes(self) -> bool:
        """Whether texts have attributes beside them here."""
        return self.around in ("multipart", "xml")

    def is_beside(self, name: str) -> bool:
        """Whether a name below a text is that of an attribute beside it, rather than of a member of what it holds."""
        return name in PART_ATTRIBUTES if self.around == "multipart" else self.around == "xml" and name.startswith("@")


@dataclass(frozen=True, slots=True)
class GroupTerms:
    """A group's grounds. `bases` is given where the group rests on another ground than its subject, `others` where it
    brings in data about people who are not in the call.
    """

    number: int
    why: str
    roles: tuple[SubjectRole, ...]
    purpose: Purpose
    bases: Bases | None
    where: str
    others: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """The list in a body whose elements are decided by themselves; with `drops` a refused one stays here alone."""

    path: Path
    drops: bool


@dataclass(frozen=True, slots=True)
class Section:
    """One body with the headers, query and path variables around it: how it is read, and what may pass."""

    body: str
    media: tuple[str, ...]
    max_bytes: int
    groups: tuple[GroupTerms, ...]
    rules: tuple[Rule, ...]
    trees: Mapping[str, Node]
    names: frozenset[str]
    """Every name that a contract of this vendor uses; other names in a call may be data."""
    conditions: int
    outside: Node
    """The tree of the body as its own format sees it: without what is named in texts that hold documents."""
    nest: Nest | None = None
    when_empty: str = "refuse"
    suffix: str = ""
    """Which `application` types are taken besides `media`: those that end with this (RFC 6839), if it is given."""
    untyped: bool = False
    """Whether a body without a Content-Type is read as `body` says."""
    batch: Batch | None = None
    urls: frozenset[str] | None = None
    """Origins to which an address in a value may lead, and texts that the contract gives itself; None of answers."""
    vendor_requires: tuple[Place, ...] = ()
    """Places without which the vendor itself refuses a call."""
    max_line: int = MAX_BYTES
    """Bytes that a line of a body of lines may have."""
    stated: tuple[Path, ...] = ()
    """Where in the body it stands whom a call is about, and what else it is decided by."""

    def rules_of(self, group: GroupTerms) -> tuple["Rule", ...]:
        """The lines of a group."""
        return tuple(rule for rule in self.rules if rule.origin is Origin.GROUP and rule.group == group.number)


SAID = Place("header", ("gateway-subject",))
"""Where the shop says itself whose data a call is about."""


@dataclass(frozen=True, slots=True)
class SubjectTerms:
    """How the person in a role is found, and on which ground the data may go."""

    role: SubjectRole
    order: bool
    ref: Place | None
    earlier: Place | None
    jurisdiction: Place | None
    bases: Bases
    optional: bool


@dataclass(frozen=True, slots=True)
class Host:
    """An address of a vendor. `networks` are the ranges outside the public internet in which it may stand."""

    name: str
    url: str
    networks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Variable:
    """A segment of the path that differs from call to call."""

    name: str
    kind: str


Segment = str | Variable


@dataclass(frozen=True, slots=True)
class Terms:
    """What a call matched: vendor, operation and rule tree."""

    vendor: Vendor
    operation: Operation
    file: str
    digest: str
    host: Host
    method: str
    segments: tuple[Segment, ...]
    pins: Mapping[Place, str]
    tokens: tuple[Place, ...]
    credentials: Mapping[Place, str]
    subjects: tuple[SubjectTerms, ...]
    orders: tuple[Place, ...]
    retry_key: Place | None
    transfer: Mapping[str, tuple[Transfer, ...]]
    role: VendorRole
    sending: Section
    answer: Section | None
    errors: Section | None
    name: str = field(init=False)
    """Vendor and operation, under which it is known everywhere."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", f"{self.vendor.vendor}/{self.operation.operation}")

    @property
    def contract(self) -> str:
        return f"{self.name}@{self.operation.version}"

    @property
    def is_direct(self) -> bool:
        """Whether the data goes beside the gateway, which only knows of it."""
        return self.operation.channel == "direct"

    def stated(self) -> Iterator[Place]:
        """Where a call says whom it is about, and which call it is."""
        places = [*self.orders, self.retry_key]
        places += [place for each in self.subjects for place in (each.ref, each.earlier, each.jurisdiction)]
        return (place for place in places if place is not None)

    def decisive(self) -> tuple[Place, ...]:
        """Places on whose values it hangs whether a call goes, and of which no rule says that they come once."""
        conditions = [condition.place for tree in self.sending.trees.values() for condition in _conditions(tree)]
        places = dict.fromkeys((*self.stated(), *conditions))
        return tuple(place for place in places if not _is_known(self.sending.trees[place.kind], place.path))

    @property
    def may_be_long(self) -> bool:
        """Whether the body of a call need not be in memory: where nobody looks at all of it at once, as who signs it.

        Lines must not have it kept in mind either what each of them was given, or what names stand in it.
        """
        if self.vendor.sign is not None:
            return False
        return self.sending.body in ("multipart", "opaque") or (self.sending.body == "ndjson" and self._are_alone())

    def _are_alone(self) -> bool:
        """Whether of a line nothing is remembered once it is written."""
        back = [rule for section in self.back for rule in section.rules]
        return not (
            any(place.kind == "body" for place in self.pins)
            or any(rule.form.name == "encrypt" or is_token(rule.form) for rule in self.sending.rules)
            or any(rule.form.name == "scrub" for rule in back)
        )

    @property
    def back(self) -> tuple[Section, ...]:
        """What comes back: the body of an answer, and that of an error."""
        return tuple(section for section in (self.answer, self.errors) if section is not None)

    @property
    def importers(self) -> tuple[str, ...]:
        """The countries that data goes to."""
        return importers_of(self.vendor)

    @property
    def variables(self) -> frozenset[str]:
        """The names of the segments that differ from call to call."""
        return frozenset(part.name for part in self.segments if not isinstance(part, str))

    @property
    def template(self) -> str:
        """The path with its variables by name, never their values."""
        return "/" + "/".join(part if isinstance(part, str) else f"{{{part.name}}}" for part in self.segments)


def _conditions(node: Node) -> Iterator[Condition]:
    yield from node.conditions
    for child in node.members.values():
        yield from _conditions(child)
    if node.each is not None:
        yield from _conditions(node.each)


def _is_known(node: Node | None, path: Path) -> bool:
    for step in path:
        if node is None:
            return False
        node = node.each if step is EACH else node.members.get(step)
    return node is not None
