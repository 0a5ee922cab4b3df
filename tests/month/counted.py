"""What the shop counts for itself: replies, what vendors got, and what people and staff did."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

SECRET = "ring twice, my husband sleeps"  # what a careless service sends, and nobody may get


@dataclass
class Counted:
    """Counts of the shop's own, from replies, from what vendors recorded, and from the list of events.

    `told` are people by vendor of whom something went, with how often; those in `forgotten` asked to be forgotten.
    """

    replies: Counter[tuple[str, str]] = field(default_factory=Counter)
    told: dict[str, Counter[str]] = field(default_factory=dict)
    countries: Counter[tuple[str, str]] = field(default_factory=Counter)
    received: Counter[str] = field(default_factory=Counter)
    leaves: Counter[str] = field(default_factory=Counter)
    given: Counter[str] = field(default_factory=Counter)
    beside: Counter[str] = field(default_factory=Counter)
    late: set[str] = field(default_factory=set)
    emails: set[str] = field(default_factory=set)
    emailed: list[str] = field(default_factory=list)
    leaked: list[str] = field(default_factory=list)
    withdrawn: int = 0
    waived: Counter[str] = field(default_factory=Counter)
    forgotten: set[str] = field(default_factory=set)
    notices: Counter[tuple[str, str]] = field(default_factory=Counter)
    requests: Counter[tuple[str, str]] = field(default_factory=Counter)
    looks: Counter[tuple[str, str]] = field(default_factory=Counter)
    demands: list[dict[str, Any]] = field(default_factory=list)
    outside_to: list[tuple[str, str]] = field(default_factory=list)
    crossed: Counter[tuple[str, str]] = field(default_factory=Counter)
    incidents: list[tuple[str, str, tuple[str, ...]]] = field(default_factory=list)
    ended: list[tuple[str, str]] = field(default_factory=list)
    laws: dict[str, str] = field(default_factory=dict)

    def replied(self, operation: str, code: str, person: str, country: str, given: int) -> None:
        """Takes a reply in: `sent` or the code of a refusal, about whom it was, and how many values it had."""
        self.replies[operation, code] += 1
        if code == "sent":
            vendor = operation.partition("/")[0]
            self.told.setdefault(vendor, Counter())[person] += 1
            self.countries[vendor, country] += 1
            self.given[operation] += given

    def arrived(self, recorded: Mapping[str, Any]) -> None:
        """Takes in what a played vendor has recorded of a call."""
        vendor, body = recorded["vendor"], recorded["body"]
        operation = f"{vendor}/{recorded['operation'].partition('/')[2] or recorded['operation']}"
        self.received[operation] += 1
        self.leaves[operation] += leaves(body)
        if SECRET in body or SECRET.replace(" ", "+") in body:
            self.leaked.append(operation)
        if "@example.com" in body:
            self.emailed.append(json.loads(body)["recipient"]["email"].partition("@")[0])

    @property
    def sent(self) -> Counter[str]:
        """Calls that were answered by a vendor, by operation."""
        return Counter({operation: n for (operation, code), n in self.replies.items() if code == "sent"})

    @property
    def refused(self) -> Counter[str]:
        codes: Counter[str] = Counter()
        for (operation, code), count in self.replies.items():
            codes[f"{operation.partition('/')[0]} {code}"] += count if code != "sent" else 0
        return +codes


def leaves(body: str) -> int:
    """How many values stand in a body, JSON or form."""
    return _scalars(json.loads(body)) if body.startswith("{") else len(parse_qsl(body, keep_blank_values=True))


def _scalars(document: Any) -> int:
    if isinstance(document, dict):
        return sum(map(_scalars, document.values()))
    return sum(map(_scalars, document)) if isinstance(document, list) else 1
