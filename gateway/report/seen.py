"""The record as reports read it: entries in the order in which they were written, intents with what became of them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Protocol

from gateway.contract.load import ContractSet
from gateway.ledger.personal import left_at
from gateway.ledger.tallies import Count
from gateway.report.table import Row
from gateway.vocabulary import FORMS_FOR_ANY, Category

_DAY = 86_400_000_000  # µs
POSSIBLY = {"result": "possibly"}
"""What became of an intent of which nothing else is written."""


@dataclass(frozen=True, slots=True)
class Seen:
    """An entry: where it stands, what it says, of an intent its outcome, and the tokens that link people to it."""

    seq: int
    body: Mapping[str, Any]
    outcome: Mapping[str, Any] = field(default_factory=dict)
    toks: tuple[bytes, ...] = ()

    @property
    def kind(self) -> str:
        return str(self.body["kind"])

    @property
    def at(self) -> str:
        return moment(self.body["ts"])

    @property
    def left(self) -> str:
        """When what an intent says left: of what was told afterwards that is before it was written down."""
        return moment(left_at(self.body))

    @property
    def is_disclosed(self) -> bool:
        """Whether data went, or may have gone."""
        return self.kind == "intent" and self.outcome.get("result") != "not_sent"

    @property
    def to(self) -> str:
        """The vendor; of a disclosure outside contracts, what kind of recipient it went to."""
        outside = self.body.get("exceptional", {})
        return str(self.body.get("vendor") or outside.get("recipient", ""))

    @property
    def operation(self) -> str:
        if outside := self.body.get("exceptional"):
            return f"exceptional/{outside['scenario']}"
        return f"{self.body.get('vendor', '')}/{self.body.get('operation', '')}"

    def grounds(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """For which purpose and on which grounds it went: those of the whole, and those of what had its own."""
        for part in (self.body, *self.body.get("disclosed", ())):
            purpose = str(part.get("purpose", self.body["purpose"]))
            yield from ((purpose, ground) for ground in part.get("grounds", ()))

    def categories(self) -> Iterator[tuple[str, str, int]]:
        """Of what left: category, form, and how many fields of it."""
        for group in self.body.get("disclosed", ()):
            for _, category, *count in group["fields"]:
                yield category, group["form"], count[0] if count else 1

    def personal(self) -> Iterator[tuple[str, str]]:
        """Of what left about people: purpose and category. Of what a form puts in its place nothing left."""
        for group in self.body.get("disclosed", ()):
            if group["form"] not in FORMS_FOR_ANY:
                purpose = group.get("purpose", self.body["purpose"])
                found = (category for _, category, *_ in group["fields"])
                yield from ((purpose, category) for category in found if category != Category.NOT_PERSONAL)

    @property
    def purposes(self) -> frozenset[str]:
        """That of the whole call, and those of its groups that let something out about people."""
        return frozenset((self.body["purpose"], *(purpose for purpose, _ in self.personal())))

    def withheld(self) -> Iterator[tuple[str, str, int]]:
        """Of what stayed: path, reason, and how many fields of it."""
        for group in self.body.get("withheld", ()):
            for path in group["paths"]:
                name, count = (path, 1) if isinstance(path, str) else path
                yield name, group["reason"], count


@dataclass(frozen=True, slots=True)
class Known:
    """What reports know beside the record: contracts in force, the time, and what is counted elsewhere."""

    contracts: ContractSet
    now: datetime
    tallies: Sequence[Count] = ()
    accepted: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """How many accepted a version of the policy in a way, by version and way."""
    since: int = 0
    """When the days begin that are asked for, in µs."""

    def counted(self, what: str, period: str) -> Mapping[str, int]:
        """How many there were of something in a period, by what they were counted for."""
        return {each.scope: each.n for each in self.tallies if (each.what, each.period) == (what, period)}


class Fold(Protocol):
    """Makes rows out of entries: some with an entry, the others at the end."""

    def take(self, seen: Seen) -> Iterable[Row]: ...
    def rest(self) -> Iterable[Row]: ...


class Joined:
    """Hands each intent on once it is known what became of it; whatever is still open at the end, then.

    One that is in doubt waits for whoever finds out.
    """

    def __init__(self) -> None:
        self._open: dict[str, Seen] = {}

    def take(self, seen: Seen) -> Iterator[Seen]:
        body = seen.body
        if seen.kind == "intent":
            self._open[body["id"]] = seen
        elif seen.kind in ("outcome", "resolve"):
            intent = self._open.pop(body["intent"], None)
            if intent is not None and body["result"] == "in_doubt":
                self._open[intent.body["id"]] = replace(intent, outcome=body)
            elif intent is not None:
                yield replace(intent, outcome=body)
        else:
            yield seen

    def rest(self) -> Iterator[Seen]:
        for seen in self._open.values():
            yield replace(seen, outcome=seen.outcome or POSSIBLY)
        self._open.clear()


def moment(microseconds: int) -> str:
    """A time of the record, in UTC (RFC 3339)."""
    return datetime.fromtimestamp(microseconds // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def instant(text: str) -> str:
    """A time that somebody entered in a zone of their own, written as those of the record."""
    return datetime.fromisoformat(text).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def days_after(due: int, ended: int) -> int:
    """By how many days, begun ones too, something was late; both in µs."""
    return max(0, -((due - ended) // _DAY))
