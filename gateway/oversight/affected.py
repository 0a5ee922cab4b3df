"""Whom an incident at a vendor concerns, told from what the record says went there."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from gateway.ledger.personal import Personal
from gateway.retention import days
from gateway.vocabulary import Category
from gateway.vocabulary.labels import CHANNEL_LABELS

SCRUBBED = "scrub"
CHANNELS: Mapping[str, str] = {code: label.en for code, label in CHANNEL_LABELS.items()}
_DAY = 24 * 60 * 60 * 1_000_000  # µs


@dataclass(slots=True, repr=False)
class Concerned:
    """A person, and what of them went to the vendor. `ref` is the reference under which something went there last,
    `refs` are all of those. `within`: some of it the vendor may still have had.

    `scrubbed`: free text went, of which nobody can promise that nothing personal was left in it.
    """

    ref: str
    jurisdiction: str
    refs: set[str] = field(default_factory=set)
    roles: set[str] = field(default_factory=set)
    fields: set[tuple[str, str]] = field(default_factory=set)  # category, form
    channels: set[str] = field(default_factory=set)
    within: bool = False
    scrubbed: bool = False


@dataclass(slots=True, repr=False)
class Affected:
    """All whom an incident concerns. `forgotten` counts how often somebody stood in an entry who was erased since.

    `together` leads from each of several references of one person to the one by which they are counted.
    """

    together: Mapping[str, str] = field(default_factory=dict)
    people: dict[str, Concerned] = field(default_factory=dict)
    disclosures: int = 0
    uncertain: int = 0
    forgotten: int = 0

    def add(self, each: Personal, began: datetime, until: datetime, operations: Collection[str]) -> None:
        """Counts an intent, if data went or may have gone with it up to a time."""
        body = each.entry.body
        is_other = operations and body.get("operation") not in operations
        if not each.may_have_arrived or is_other or each.left_at > until.timestamp() * 1_000_000:
            return
        self.disclosures += 1
        self.uncertain += (each.entry.outcome or {}).get("result") != "sent"
        self.forgotten += each.forgotten
        stated = cast("Mapping[str, str]", body.get("retention", {})).get("vendor_keeps")
        kept_until = each.left_at + days(stated) * _DAY if stated else None
        is_within = kept_until is None or kept_until >= began.timestamp() * 1_000_000
        for subject in each.subjects:
            one = self.together.get(subject.ref, subject.ref)
            person = self.people.setdefault(one, Concerned(subject.ref, subject.jurisdiction))
            person.refs.add(subject.ref)
            person.roles.add(subject.role)
            person.channels.add(CHANNELS[str(body.get("channel", "gateway"))])
            person.within |= is_within
            for category, form in _fields(body, subject.role):
                if form == SCRUBBED:
                    person.scrubbed = True
                else:
                    person.fields.add((category, form))

    def counts(self) -> dict[str, Any]:
        """Numbers of people, each counted once in a row; nobody by name (GDPR 33(3)(a))."""
        everybody = self.people.values()
        return {
            "disclosures": self.disclosures,
            "uncertain": self.uncertain,
            "people": len(self.people),
            "forgotten": self.forgotten,
            "within_retention": sum(person.within for person in everybody),
            "past_retention": sum(not person.within for person in everybody),
            "scrubbed_text": sum(person.scrubbed for person in everybody),
            "by_jurisdiction": _counted((person.jurisdiction,) for person in everybody),
            "by_category": _counted({category for category, _ in person.fields} for person in everybody),
            "by_form": _counted({form for _, form in person.fields} for person in everybody),
            "by_channel": _counted(person.channels for person in everybody),
        }

    def listed(self) -> list[dict[str, Any]]:
        """Everybody, for whoever writes to them."""
        return [
            {
                "subject": person.ref,
                "subjects": sorted(person.refs),
                "jurisdiction": person.jurisdiction,
                "roles": sorted(person.roles),
                "categories": sorted({category for category, _ in person.fields}),
                "forms": sorted({form for _, form in person.fields}),
                "channels": sorted(person.channels),
                "within_retention": person.within,
                "scrubbed_text": person.scrubbed,
            }
            for person in sorted(self.people.values(), key=lambda person: person.ref)
        ]


def _fields(body: Mapping[str, Any], role: str) -> Iterator[tuple[str, str]]:
    """Category and form of what left about somebody in this role."""
    for group in body.get("disclosed", ()):
        if role in group.get("of", ()):
            for _, category, *_ in group["fields"]:
                if category != Category.NOT_PERSONAL.value:
                    yield category, group["form"]


def _counted(words: Iterable[Iterable[str]]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for each in words:
        for word in each:
            counts[word] = counts.get(word, 0) + 1
    return dict(sorted(counts.items()))
