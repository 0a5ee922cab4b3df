"""From the models of one operation to its rule trees."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from gateway.contract.form import OVER_CONTAINERS, Form
from gateway.contract.model import ErrorAnswer, Group, Nested, Sending
from gateway.contract.model import Section as Written
from gateway.contract.nest import nest_of, outside
from gateway.contract.strict_yaml import Location, Sheet
from gateway.contract.terms import (
    PART_ATTRIBUTES,
    Condition,
    GroupTerms,
    Held,
    Node,
    Origin,
    Required,
    Rule,
    Section,
    Segment,
    Variable,
)
from gateway.contract.words import MAX_BYTES, NO_TYPE
from gateway.errors import Finding
from gateway.paths import EACH, PLACES, Path, PathError, Place, parse_path, parse_place
from gateway.vocabulary import Category, Purpose, SubjectRole

MEDIA: Mapping[str, tuple[str, ...]] = {
    "json": ("application/json",),
    "form": ("application/x-www-form-urlencoded",),
    "ndjson": ("application/x-ndjson", "application/ndjson", "application/jsonl"),
    "xml": ("text/xml", "application/xml"),
    "multipart": ("multipart/form-data",),
    "sentry-envelope": ("application/x-sentry-envelope",),
    "opaque": (),
    "none": (),
}
SUFFIXES: Mapping[str, str] = {"json": "+json", "xml": "+xml"}
VARIABLE_KINDS = ("token", "digits", "hex", "uuid")

_MATCH = re.compile(r"(GET|HEAD|POST|PUT|PATCH|DELETE) (/\S*)\Z")
_VARIABLE = re.compile(r"\{([a-z][a-z0-9_]*)(?::([a-z]+))?\}\Z")
_SEGMENT = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@-]+\Z")
_A_PLACE = "write it like $.name, $.list.*.name, query:name, header:Name or path:name"
_FROM_THE_TOP = ("$", "query:", "header:", "path:")


@dataclass(slots=True)
class Source:
    """A file that is being compiled, and what is wrong with it."""

    file: str
    sheet: Sheet
    content: bytes = b""
    findings: list[Finding] = field(default_factory=list)

    def where(self, at: Location) -> str:
        return f"{self.file}:{self.sheet.line(at)}"

    def find(self, code: str, at: Location | str, message: str, fix: str, *, note: bool = False) -> None:
        """One more finding, at a key of this file or, where `at` is a rule's own `where`, at its line."""
        line = int(at.rpartition(":")[2]) if isinstance(at, str) else self.sheet.line(at)
        found = Finding(code, self.file, line, message, fix, "note" if note else "error")
        if found not in self.findings:
            self.findings.append(found)

    def place(self, text: str, at: Location, base: Path = ()) -> Place | None:
        try:
            return parse_place(text, base)
        except PathError as error:
            self.find("contract.path", at, str(error), _A_PLACE)
            return None

    def path(self, text: str, at: Location) -> Path:
        try:
            return parse_path(text)
        except PathError as error:
            self.find("contract.path", at, str(error), _A_PLACE)
            return ()


@dataclass(frozen=True, slots=True)
class Defaults:
    """What a group has where it says nothing itself."""

    roles: tuple[SubjectRole, ...]
    purpose: Purpose


def match_of(text: str, source: Source) -> tuple[str, tuple[Segment, ...]]:
    """Method and segments of `METHOD /path`; a slash at the end is an empty last segment."""
    if not (match := _MATCH.match(text)):
        source.find("contract.match", ("match",), "not a method and a path", "write POST /v1/things/{thing}")
        return "", ()
    parts = match[2][1:].split("/")
    if {".", ".."} & set(parts) or "" in parts[:-1]:
        source.find(
            "contract.match",
            ("match",),
            "a path with dots or nothing between slashes is never routed",
            "write it plain",
        )
    segments = tuple(_segment(part, source) for part in parts)
    for name, count in Counter(part.name for part in segments if isinstance(part, Variable)).items():
        if count > 1:
            fix = "give each segment a name of its own; a call could put only one value in both"
            source.find("contract.match", ("match",), f"{{{name}}} stands for two segments", fix)
    return match[1], segments


def _segment(text: str, source: Source) -> Segment:
    if variable := _VARIABLE.match(text):
        kind = variable[2] or "token"
        if kind not in VARIABLE_KINDS:
            source.find(
                "contract.match", ("match",), f"no kind of variable `{kind}`", f"use {', '.join(VARIABLE_KINDS)}"
            )
        return Variable(variable[1], kind)
    if text and not _SEGMENT.match(text):
        source.find(
            "contract.match", ("match",), f"`{text}` is not a path segment", "a variable stands for one segment"
        )
    return text


def compile_section(
    section: Written | ErrorAnswer,
    source: Source,
    at: Location,
    defaults: Defaults,
    *,
    fixed: Sequence[tuple[Place, Location, Origin]] = (),
    credentials: Sequence[tuple[Place, str]] = (),
) -> Section:
    """The rule trees of one body. Findings go to `source`; with any of them the result must not be used."""
    build = _Build(source)
    build.trees["body"].namespaces = frozenset(section.namespaces)
    for place, location, origin in fixed:
        build.add(place, location, Category.NOT_PERSONAL, Form("as_is"), origin)
    for place, text in credentials:
        if place.kind in ("body", "path"):
            build.add(place, ("credential",), Category.SESSION_SECRET, Form("replace", text), Origin.CREDENTIAL)
    base = source.path(section.at, (*at, "at"))
    for number, group in enumerate(section.groups):
        build.group(number, group, base, (*at, "groups", number), defaults)
    nest = nest_of(_texts(section, source, (*at, "nested"), base), build.trees["body"], section.body)
    return Section(
        body=section.body,
        media=_typed(section.media) if section.media else MEDIA[section.body],
        max_bytes=getattr(section, "max_bytes", 256 * 1024),
        groups=tuple(build.groups),
        rules=tuple(build.rules),
        trees=build.trees,
        names=frozenset((*_names(build.trees.values()), *PART_ATTRIBUTES)),
        conditions=len(build.conditions),
        outside=outside(build.trees["body"], nest),
        nest=nest,
        when_empty=getattr(section, "when_empty", "refuse"),
        suffix=_suffix(section),
        untyped=NO_TYPE in section.media,
        vendor_requires=tuple(_vendor_requires(section, source, at, base)),
        max_line=getattr(section, "max_line", MAX_BYTES),
    )


def _vendor_requires(section: Written | ErrorAnswer, source: Source, at: Location, base: Path) -> Iterator[Place]:
    for number, text in enumerate(section.vendor_requires if isinstance(section, Sending) else ()):
        if (place := source.place(text, (*at, "vendor_requires", number), base)) is not None:
            yield place


def _texts(section: Written | ErrorAnswer, source: Source, at: Location, base: Path) -> Iterator[tuple[Path, Held]]:
    """The paths in the body at which a text holds a document, and what it is."""
    nested: Mapping[str, Nested] = getattr(section, "nested", {})
    for text, written in nested.items():
        place = source.place(text, (*at, text), base)
        if place is not None and (place.kind != "body" or not place.path):
            source.find(
                "contract.path",
                (*at, text),
                f"{place} is no text in the body",
                "write a path in the body, such as $.content",
            )
        elif place is not None:
            yield place.path, _held(written)


def _held(written: Nested) -> Held:
    """Of a document without a bound of its own the body's is the only one."""
    max_bytes = written.max_bytes if "max_bytes" in written.model_fields_set else MAX_BYTES
    return Held(written.body, written.encoding, written.media or MEDIA[written.body], max_bytes)


def _typed(media: Iterable[str]) -> tuple[str, ...]:
    return tuple(each for each in media if each != NO_TYPE)


def _suffix(section: Written | ErrorAnswer) -> str:
    """Vendors name their JSON as they like, errors above all; what we send has the type that the contract takes."""
    own_words = isinstance(section, Sending) or bool(section.media)
    return "" if own_words else SUFFIXES.get(section.body, "")


def with_names(section: Section, names: frozenset[str]) -> Section:
    return replace(section, names=names)


def _names(trees: Iterable[Node]) -> Iterator[str]:
    for node in trees:
        yield from node.members
        yield from _names(node.members.values())
        if node.each is not None:
            yield from _names((node.each,))


class _Build:
    """The trees of a section while they grow."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.rules: list[Rule] = []
        self.groups: list[GroupTerms] = []
        self.trees: dict[str, Node] = {kind: Node("$" if kind == "body" else f"{kind}:") for kind in PLACES}
        self.conditions: dict[tuple[str, Path, Path, frozenset[str]], int] = {}
        self._whens: list[dict[Place, frozenset[str]]] = []

    def group(self, number: int, group: Group, section: Path, at: Location, defaults: Defaults) -> None:
        roles = group.of or defaults.roles
        purpose = group.purpose or defaults.purpose
        where, others = self.source.where(at), group.others or ""
        self.groups.append(GroupTerms(number, group.why, roles, purpose, group.legal_basis, where, others))
        for index, base in enumerate(self._bases(group, section, at)):
            required = self._required(group, base, at)
            for text, category in group.fields.items():
                if index and text.startswith(_FROM_THE_TOP):
                    continue
                location = (*at, "fields", text)
                if (place := self.source.place(text, location, base)) is None:
                    continue
                whens = self._when(group, base, at)
                self.add(
                    place, location, category, group.form, Origin.GROUP, group=number, roles=roles,
                    whens=whens, required=place in required, max_chars=group.max_chars,
                )  # fmt: skip

    def _bases(self, group: Group, section: Path, at: Location) -> tuple[Path, ...]:
        if group.at is None:
            return (section,)
        places = [self.source.place(text, (*at, "at"), section) for text in group.at]
        if any(place is not None and place.kind != "body" for place in places):
            self.source.find("contract.path", (*at, "at"), "`at` leads into the body", "write the places one by one")
        if all(text.startswith(_FROM_THE_TOP) for text in group.fields):
            message = "no field goes on from `at`: what begins with `$` starts at the top"
            self.source.find("contract.path", (*at, "at"), message, "write `name` in place of `$.name`", note=True)
        return tuple(place.path for place in places if place is not None)

    def _required(self, group: Group, base: Path, at: Location) -> frozenset[Place]:
        named = {self.source.place(text, (*at, "fields", text), base) for text in group.fields}
        if group.required == "all":
            return frozenset(place for place in named if place is not None)
        required = {self.source.place(text, (*at, "required"), base) for text in group.required}
        for place in required - named:
            if place is not None:
                self.source.find("contract.path", (*at, "required"), f"{place} is not in `fields`", "add it there")
        return frozenset(place for place in required if place is not None)

    def _when(self, group: Group, base: Path, at: Location) -> dict[Place, frozenset[str]]:
        whens = {self.source.place(text, (*at, "when", text), base): texts for text, texts in group.when.items()}
        return {place: frozenset(texts) for place, texts in whens.items() if place is not None}

    def add(
        self,
        place: Place,
        at: Location,
        category: Category,
        form: Form,
        origin: Origin,
        *,
        group: int = -1,
        roles: tuple[SubjectRole, ...] = (),
        whens: Mapping[Place, frozenset[str]] | None = None,
        required: bool = False,
        max_chars: int | None = None,
    ) -> None:
        """One more rule, at its place in its tree."""
        number = len(self.rules)
        whens = dict(whens or {})
        node = self._node(place)
        self._exclude(node, place, whens, form, at)
        conditions = tuple(self._condition(place, when, texts, at) for when, texts in whens.items())
        rule = Rule(
            number, place, str(place), group, category, form, origin, roles, conditions, required,
            self.source.where(at), max_chars,
        )  # fmt: skip
        self.rules.append(rule)
        self._whens.append(whens)
        node.rules = (*node.rules, number)
        if form.name in OVER_CONTAINERS:
            node.cover = number
        if required:
            self._require(rule)

    def _node(self, place: Place) -> Node:
        node = self.trees[place.kind]
        for depth, step in enumerate(place.path, 1):
            path = str(Place(place.kind, place.path[:depth]))
            if step is EACH:
                node.each = node.each or Node(path)
                node = node.each
            else:
                node = node.members.setdefault(step, Node(path))
        return node

    def _exclude(
        self, node: Node, place: Place, whens: Mapping[Place, frozenset[str]], form: Form, at: Location
    ) -> None:
        for number in node.rules:
            other = self._whens[number]
            if not any(place in other and not (texts & other[place]) for place, texts in whens.items()):
                self.source.find(
                    "contract.twice", at, f"{place} is named twice",
                    "keep one, or give both a `when` on the same path with no value in common",
                )  # fmt: skip
        inside = [rule for rule in self.rules if _inside(rule.place, place)] if form.name == "refuse" else []
        around = [rule for rule in self.rules if rule.form.name == "refuse" and _inside(place, rule.place)]
        if inside or around:
            message = f"{place} and a refused field lie inside one another"
            self.source.find(
                "contract.twice", at, message, "keep the outer one: what is refused has no field that leaves"
            )

    def _condition(self, place: Place, when: Place, texts: frozenset[str], at: Location) -> int:
        anchor = _anchor(place, when)
        below = when.path[len(anchor) :]
        if EACH in below:
            message = f"`when` on {when} could mean several elements"
            self.source.find("contract.path", at, message, "write a path beside the field, or above its list")
        key = (when.kind, anchor, below, texts)
        if key not in self.conditions:
            number = self.conditions[key] = len(self.conditions)
            node = self._node(Place(when.kind, anchor))
            node.conditions = (*node.conditions, Condition(number, when, below, texts))
        return self.conditions[key]

    def _require(self, rule: Rule) -> None:
        path = rule.place.path
        cut = max((index + 1 for index, step in enumerate(path) if step is EACH), default=0)
        node = self._node(Place(rule.place.kind, path[:cut]))
        node.required = (*node.required, Required(rule.number, path[cut:]))


def _inside(inner: Place, outer: Place) -> bool:
    return (
        inner.kind == outer.kind and len(inner.path) > len(outer.path) and inner.path[: len(outer.path)] == outer.path
    )


def _anchor(place: Place, when: Place) -> Path:
    """The deepest list element that a field and its condition share, or the top."""
    if place.kind != when.kind:
        return ()
    shared = 0
    for step, other in zip(place.path, when.path, strict=False):
        if step != other:
            break
        shared += 1
    cut = max((index + 1 for index in range(shared) if place.path[index] is EACH), default=0)
    return place.path[:cut]
