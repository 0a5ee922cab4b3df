"""A document cut down to the fields that were approved, by the same minimiser and the same proof as every call."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from gateway.bind import bind
from gateway.body.codecs import read_body, written_body
from gateway.body.document import Document
from gateway.contract.compile import MEDIA, Defaults, Source, compile_section
from gateway.contract.model import Sending
from gateway.contract.strict_yaml import Sheet
from gateway.contract.terms import Section
from gateway.errors import refuse
from gateway.exceptional.asked import Fields
from gateway.ledger.entry import Disclosed, Withheld
from gateway.minimise import Minimised, minimise
from gateway.paths import parse_path, values_at
from gateway.proving import proved
from gateway.vocabulary import Purpose, SubjectRole

MOST = "5 MiB"
BODIES = ("json", "ndjson", "xml", "form")
_WHY = "What was approved in this case, and nothing beside it."


@dataclass(frozen=True, slots=True, repr=False)
class Cut:
    """What is left of a document, as bytes; and what an entry says of it, in which no value stands."""

    payload: bytes
    media: str
    disclosed: tuple[Disclosed, ...]
    withheld: tuple[Withheld, ...]

    @property
    def left(self) -> int:
        return sum(count for group in self.disclosed for _, _, count in group.fields)

    @property
    def stayed(self) -> int:
        return sum(count for group in self.withheld for _, count in group.paths)


def section_of(fields: Fields, media: str, roles: Sequence[SubjectRole], purpose: Purpose) -> Section:
    """The rule tree that lets these fields out, and nothing else. Raises Refusal."""
    body = next((body for body in BODIES if media in MEDIA[body]), None)
    if body is None:
        raise refuse("body.media", f"it takes {', '.join(media for each in BODIES for media in MEDIA[each])}")
    group = {"why": _WHY, "of": list(roles), "fields": {path: category.value for path, category in fields.items()}}
    source = Source("the approval", Sheet({}))
    model = Sending.model_validate({"body": body, "max_bytes": MOST, "groups": [group]})
    section = compile_section(model, source, (), Defaults(tuple(roles), purpose))
    if source.findings:
        raise refuse("exceptional.incomplete", f"fields: {source.findings[0].message}")
    return section


def cut(
    document: bytes,
    media: str,
    section: Section,
    *,
    whose: str | None,
    named: Collection[str],
    key: str = "",
) -> Cut:
    """What of a document leaves. `named` are the people whom it may be about, `key` whom it is encrypted for.

    Raises Refusal: what cannot be read, where nothing is left, and `subject.mismatch` for a document about others.
    """
    bound = bind(section, lambda: b"", lambda _: "")
    body, media = read_body(document, media, section)
    if whose is not None:
        _demand_about(body, whose, named)
    incoming: Mapping[str, Document] = {"body": body, "query": {}, "header": {}, "path": {}}
    left = minimise(bound, incoming)
    if not any(left.counts):
        raise refuse("body.empty", "nothing that was approved is in the document")
    payload = written_body(left.documents["body"], body, section)
    proved(bound, left.documents, incoming, payload, b"")
    return Cut(payload, media, tuple(_disclosed(section, left, key)), tuple(_withheld(left)))


def told(fields: Fields, roles: Sequence[SubjectRole]) -> Cut:
    """What was said aloud, of which there is no document."""
    said = tuple((path, category.value, 1) for path, category in fields.items())
    return Cut(b"", "", (Disclosed("as_is", tuple(role.value for role in roles), said),), ())


def _demand_about(body: Document, whose: str, named: Collection[str]) -> None:
    found = {str(value) for value in values_at(body, parse_path(whose))}
    if not found:
        raise refuse("subject.unresolved", f"nothing stands at {whose}, so nobody knows whom it is about")
    if found - set(named):
        raise refuse("subject.mismatch", f"at {whose} stand others than those of the case")


def _disclosed(section: Section, left: Minimised, key: str) -> Iterator[Disclosed]:
    roles = tuple(role.value for role in section.rules[0].roles)
    fields = tuple(
        (rule.path, rule.category.value, left.counts[rule.number]) for rule in section.rules if left.counts[rule.number]
    )
    yield Disclosed("encrypt" if key else "as_is", roles, fields, key)


def _withheld(left: Minimised) -> Iterator[Withheld]:
    """By reason. A name that was not approved may be data, so its parent stands for it."""
    by_reason: dict[str, dict[str, int]] = {}
    for stayed, count in left.withheld.items():
        path = str(stayed) if stayed.name is None else f"{stayed.path}.*"
        paths = by_reason.setdefault(stayed.reason, {})
        paths[path] = paths.get(path, 0) + count
    for reason, paths in by_reason.items():
        yield Withheld(reason, tuple(paths.items()))
