"""How vendors and contracts do: what went, what stayed, what was refused, and what runs out."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import TypeAlias

from gateway.clearance import day
from gateway.clearance.papers import last_day
from gateway.contract.attesting import owed
from gateway.contract.model import Vendor
from gateway.contract.papers import Agreement
from gateway.contract.terms import Origin, Terms
from gateway.contract.vendor_requires import required_of_calls
from gateway.report.seen import Known, Seen
from gateway.report.table import Row, Table
from gateway.tallies import DEROGATION, month_of
from gateway.vocabulary import CLAUSES_NEEDED, Category
from gateway.vocabulary.china import NECESSARY, PEOPLE, year_in_china

VENDORS = Table(
    "Oversight of vendors",
    "GDPR 28(3)(h); PIPL 21; NDSR 12; policy, supervision",
    {
        "vendor": "vendor",
        "name": "company",
        "kind": "kind",
        "role": "role",
        "countries": "countries",
        "sub_processors": "sub-processors",
        "agreements": "agreements, and until when",
        "missing_clauses": "clauses that are missing",
        "attestations": "attestations, and until when",
        "reviewed": "reviewed in the period",
        "review": "next review",
        "overdue_days": "days overdue",
        "contracts": "contracts in force",
        "stopped": "stopped and let go on, and when",
        "incidents": "incidents, and how far they are",
        "notices": "what it was told about people, and what it answered",
        "disclosures": "disclosures",
        "possibly": "of them possibly sent, or in doubt",
        "categories": "categories",
        "withheld": "what stayed most often",
        "refused": "refused, by code",
        "failed": "not sent, by code",
        "derogations": "transfers on a derogation, this month",
        "people_in_china": "people in China whose data went there, this year",
        "received": "calls that it made itself",
        "answers_withheld": "fields of answers that stayed",
        "answers_received": "categories that came back",
    },
)
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
_MOST = 5


@dataclass(slots=True)
class _Watched:
    disclosures: int = 0
    possibly: int = 0
    categories: set[str] = field(default_factory=set)
    withheld: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    received: int = 0
    answers_withheld: int = 0
    answers: set[str] = field(default_factory=set)
    stopped: list[str] = field(default_factory=list)
    reviewed: str = ""
    incidents: dict[str, str] = field(default_factory=dict)
    notices: dict[str, str] = field(default_factory=dict)

    def fact(self, seen: Seen) -> None:
        body = seen.body
        if "notice" in body:
            self.notices[body["notice"]] = body["state"]
        elif body["fact"] == "suspension":
            self.stopped.append(f"{body['state']} {seen.at}")
        elif body["fact"] == "review":
            self.reviewed = seen.at[:10]

    def add(self, seen: Seen) -> None:
        outcome = seen.outcome
        if not seen.is_disclosed:
            self.failed[outcome.get("code") or "not_sent"] += 1
            return
        self.disclosures += 1
        self.possibly += outcome["result"] in ("possibly", "in_doubt")
        self.categories |= {category for category, _, _ in seen.categories()}
        for path, _, count in seen.withheld():
            self.withheld[path] += count
        answer = outcome.get("answer") or {}
        self.answers_withheld += answer.get("withheld", 0)
        self.answers |= {category for category, _ in answer.get("disclosed", ())}


class Vendors:
    """One row for each vendor of the contracts in force, and for those that got something before."""

    def __init__(self, known: Known) -> None:
        self._known = known
        self._watched: dict[str, _Watched] = {name: _Watched() for name in known.contracts.vendors}
        self._derogations = Counter[str]()
        for scope, n in known.counted(DEROGATION, month_of(known.contracts.policy, known.now)).items():
            self._derogations[scope.partition(" ")[0]] += n
        self._from_china = Counter[str]()
        for what in (PEOPLE, NECESSARY):
            for scope, n in known.counted(what, year_in_china(known.now)).items():
                self._from_china[scope.partition(" ")[2]] += n

    def take(self, seen: Seen) -> Iterable[Row]:
        vendor = seen.body.get("vendor")
        if vendor and seen.kind == "intent":
            self._watched.setdefault(vendor, _Watched()).add(seen)
        elif vendor and seen.kind == "received":
            self._watched.setdefault(vendor, _Watched()).received += 1
        elif vendor and seen.kind == "refusal":
            self._watched.setdefault(vendor, _Watched()).refused[seen.body["code"]] += 1
        elif vendor and seen.kind == "fact":
            self._watched.setdefault(vendor, _Watched()).fact(seen)
        elif vendor and seen.kind == "incident":
            self._watched.setdefault(vendor, _Watched()).incidents[seen.body["incident"]] = seen.body["step"]
        return ()

    def rest(self) -> Iterator[Row]:
        today = day(self._known.contracts.policy, self._known.now)
        for name in sorted(self._watched):
            yield self._row(name, self._known.contracts.vendors.get(name), self._watched[name], today)

    def _row(self, name: str, vendor: Vendor | None, watched: _Watched, today: date) -> Row:
        contracts = [each.contract for each in self._known.contracts.terms if each.vendor.vendor == name]
        overdue = (today - vendor.review).days if vendor else 0
        return {
            "vendor": name,
            "name": vendor.legal_entity.name if vendor else None,
            "kind": vendor.kind.value if vendor else None,
            "role": vendor.role.value if vendor else None,
            "countries": tuple(vendor.countries) if vendor else (),
            "sub_processors": tuple(f"{each.name} ({each.country})" for each in vendor.sub_processors)
            if vendor
            else (),
            "agreements": tuple(_paper(each) for each in vendor.agreements) if vendor else (),
            "missing_clauses": tuple(_missing(vendor)) if vendor else (),
            "attestations": tuple(_attestations(vendor, self._known, today)) if vendor else (),
            "reviewed": watched.reviewed or None,
            "review": vendor.review.isoformat() if vendor else None,
            "overdue_days": max(overdue, 0),
            "contracts": tuple(sorted(contracts)),
            "stopped": tuple(watched.stopped),
            "incidents": _counted(Counter(watched.incidents.values())),
            "notices": _counted(Counter(watched.notices.values())),
            "disclosures": watched.disclosures,
            "possibly": watched.possibly,
            "categories": tuple(sorted(watched.categories)),
            "withheld": _counted(watched.withheld, _MOST),
            "refused": _counted(watched.refused),
            "failed": _counted(watched.failed),
            "derogations": self._derogations.get(name, 0),
            "people_in_china": self._from_china.get(name, 0),
            "received": watched.received,
            "answers_withheld": watched.answers_withheld,
            "answers_received": tuple(sorted(watched.answers)),
        }


def _paper(agreement: Agreement) -> str:
    last = last_day(agreement)
    return f"{agreement.type} {agreement.id}" + (f" until {last}" if last else "")


def _attestations(vendor: Vendor, known: Known, today: date) -> Iterator[str]:
    for each in owed(vendor, known.contracts.attested):
        yield f"{each.of} until {each.due}" if each.due >= today else f"{each.of} overdue since {each.due}"


def _missing(vendor: Vendor) -> Iterator[str]:
    for agreement in vendor.agreements:
        missing = sorted(CLAUSES_NEEDED[vendor.role] - set(agreement.clauses))
        yield from (f"{agreement.id}: {clause}" for clause in missing)


def _counted(counts: Counter[str], most: int | None = None) -> tuple[str, ...]:
    ordered = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    return tuple(f"{name} {count}" for name, count in ordered[:most])


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
                "reasons": _counted(effect.reasons),
                "forms": _counted(effect.forms),
            }


class Drift:
    """What services send that no contract line names, what contracts allow that nobody sends, and what vendors require
    that did not leave.
    """

    def __init__(self, known: Known) -> None:
        self._terms = {terms.name: terms for terms in known.contracts.terms}
        self._stray: _Times = {}
        self._lacking: _Times = {}
        self._required = {name: frozenset(map(str, required_of_calls(each))) for name, each in self._terms.items()}
        self._sent: dict[str, set[str]] = {}

    def take(self, seen: Seen) -> Iterable[Row]:
        if seen.kind == "intent":
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
                    yield _drifted(operation, "allowed, and nobody sends it", path, category=category, count=0)


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
    """One row for each agreement, review, transfer mechanism and contract with a last day, the next one first."""

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
