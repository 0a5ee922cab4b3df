"""Oversight of contracts: how much of what was sent stayed, what drifts apart, and what runs out."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TypeAlias

from gateway.clearance import day
from gateway.clearance.papers import last_day
from gateway.contract.announcing import undecided
from gateway.contract.attesting import owed
from gateway.contract.terms import Origin, Terms
from gateway.contract.vendor_requires import required_of_calls
from gateway.report.seen import Known, Seen
from gateway.report.table import Row, Table, counted
from gateway.vocabulary import Category

MINIMISED = Table(
    "Effect of minimisation",
    "GDPR 5(1)(c), 25(2)",
    {
        "operation": "operation",
        "calls": "calls",
        "sent": "fields that left",
        "withheld": "fields that stayed",
        "share": "per cent that stayed",
        "reasons": "why, and how often",
        "forms": "forms, and how often",
    },
)
DRIFT = Table(
    "Drift",
    "GDPR 5(1)(c): what contracts say and what calls do come apart",
    {
        "operation": "operation",
        "what": "what",
        "path": "place",
        "category": "category",
        "first": "first seen",
        "last": "last seen",
        "count": "times",
    },
)
EXPIRING = Table(
    "What runs out",
    "policy, agreements with those who receive data",
    {
        "on": "last day",
        "days": "days left",
        "vendor": "vendor",
        "what": "what",
        "id": "which",
        "operations": "operations that rest on it",
    },
)
_UNSENT = "allowed, and nobody sends it"


_DAY = timedelta(days=1)


@dataclass(slots=True)
class _Effect:
    calls: int = 0
    sent: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    forms: Counter[str] = field(default_factory=Counter)


class Minimised:
    """One row for each operation: how much of what services sent was cut."""

    def __init__(self, _: Known) -> None:
        self._effects: dict[str, _Effect] = {}

    def take(self, seen: Seen) -> Iterable[Row]:
        if seen.is_disclosed:
            effect = self._effects.setdefault(seen.operation, _Effect())
            effect.calls += 1
            for _, form, count in seen.categories():
                effect.sent += count
                effect.forms[form] += count
            for _, reason, count in seen.withheld():
                effect.reasons[reason] += count
        return ()

    def rest(self) -> Iterator[Row]:
        for operation, effect in sorted(self._effects.items()):
            withheld = sum(effect.reasons.values())
            yield {
                "operation": operation,
                "calls": effect.calls,
                "sent": effect.sent,
                "withheld": withheld,
                "share": round(100 * withheld / (effect.sent + withheld)) if effect.sent + withheld else 0,
                "reasons": counted(effect.reasons),
                "forms": counted(effect.forms),
            }


class Drift:
    """What services send that no contract line names, what contracts allow that nobody sends, and what vendors require
    that did not leave. Disclosures outside contracts have no line that could name anything.
    """

    def __init__(self, known: Known) -> None:
        self._terms = {terms.name: terms for terms in known.contracts.terms}
        self._stray: _Times = {}
        self._lacking: _Times = {}
        self._required = {name: frozenset(map(str, required_of_calls(each))) for name, each in self._terms.items()}
        self._sent: dict[str, set[str]] = {}

    def take(self, seen: Seen) -> Iterable[Row]:
        if seen.kind == "intent" and "exceptional" not in seen.body:
            sent = self._sent.setdefault(seen.operation, set())
            sent |= {path for group in seen.body.get("disclosed", ()) for path, *_ in group["fields"]}
            for path, reason, count in seen.withheld():
                if reason == "field.unnamed":
                    _seen_again(self._stray, (seen.operation, path), seen.at, count)
            left = {path for group in seen.body.get("disclosed", ()) for path, *_ in group["fields"]}
            for path in self._required.get(seen.operation, frozenset()) - left:
                _seen_again(self._lacking, (seen.operation, path), seen.at, 1)
        return ()

    def rest(self) -> Iterator[Row]:
        for (operation, path), (first, last, count) in sorted(self._stray.items()):
            yield _drifted(operation, "no contract line names it", path, first=first, last=last, count=count)
        for (operation, path), (first, last, count) in sorted(self._lacking.items()):
            yield _drifted(
                operation, "the vendor requires it, and it stayed", path, first=first, last=last, count=count
            )
        for operation, sent in sorted(self._sent.items()):
            for path, category in sorted(_allowed(self._terms.get(operation))):
                if path not in sent:
                    yield _drifted(operation, _UNSENT, path, category=category, count=0)


def comes_apart(row: Row) -> bool:
    """Whether services send what no line names, or not what the vendor requires; some fields are rarely sent."""
    return row["what"] != _UNSENT


_Times: TypeAlias = dict[tuple[str, str], list[str | int]]
"""Operation and place → first and last seen, and how often."""


def _seen_again(times: _Times, key: tuple[str, str], at: str, count: int) -> None:
    found = times.setdefault(key, [at, at, 0])
    found[1:] = [at, int(found[2]) + count]


def _drifted(operation: str, what: str, path: str, **cells: str | int) -> Row:
    return {"operation": operation, "what": what, "path": path, "category": None, "first": None, "last": None} | cells


def _allowed(terms: Terms | None) -> Iterator[tuple[str, str]]:
    for rule in terms.sending.rules if terms else ():
        if rule.origin is Origin.GROUP and rule.form.name not in ("drop", "refuse"):
            yield rule.path, rule.category.value if rule.category is not Category.NOT_PERSONAL else ""


class Expiring:
    """One row for each agreement, review, attestation, transfer mechanism and contract with a last day, and for each
    company about which to decide by one; the next one first.
    """

    def __init__(self, known: Known) -> None:
        self._known = known

    def take(self, seen: Seen) -> Iterable[Row]:
        del seen
        return ()

    def rest(self) -> Iterator[Row]:
        today = day(self._known.contracts.policy, self._known.now)
        for on, vendor, what, id_ in sorted(self._ends()):
            operations = sorted(
                terms.name
                for terms in self._known.contracts.terms
                if terms.vendor.vendor == vendor and (what != "contract" or terms.contract == id_)
            )
            yield {
                "on": on.isoformat(),
                "days": (on - today).days,
                "vendor": vendor,
                "what": what,
                "id": id_,
                "operations": tuple(operations),
            }

    def _ends(self) -> Iterator[tuple[date, str, str, str]]:
        attested = self._known.contracts.attested
        for name, vendor in self._known.contracts.vendors.items():
            yield vendor.review, name, "review", name
            yield from ((each.due, name, "attestation", each.of.value) for each in owed(vendor, attested))
            companies = undecided(vendor, self._known.contracts.announced.get(name, ()))
            yield from (
                (each.since - _DAY, name, "sub-processor", f"{each.name} ({each.country})") for each in companies
            )
            lasts = ((last_day(paper), paper.id) for paper in vendor.agreements)
            yield from ((last, name, "agreement", id_) for last, id_ in lasts if last is not None)
        yield from sorted({end for terms in self._known.contracts.terms for end in _crossings(terms)})
        for terms in self._known.contracts.terms:
            if terms.operation.until:
                yield terms.operation.until, terms.vendor.vendor, "contract", terms.contract


def _crossings(terms: Terms) -> Iterator[tuple[date, str, str, str]]:
    """The last days of certificates and approvals on which data crosses a border."""
    for law, lines in terms.transfer.items():
        for line in lines:
            if line.until is not None:
                yield line.until, terms.vendor.vendor, "transfer", f"{line.mechanism} for {law}"
