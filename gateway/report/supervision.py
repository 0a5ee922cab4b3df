"""Oversight of vendors: their papers, what went to each, what stayed, what was refused, and what became of it."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import chain
from typing import Any

from gateway.clearance import day
from gateway.clearance.papers import last_day
from gateway.contract.announcing import Announced, is_named
from gateway.contract.attesting import owed
from gateway.contract.load import ContractSet
from gateway.contract.model import SubProcessor, Vendor
from gateway.contract.others import others_in
from gateway.contract.papers import Agreement
from gateway.ledger.steps import CANARY
from gateway.report.cases import days_late, is_open
from gateway.report.people import People
from gateway.report.seen import Known, Seen
from gateway.report.table import Row, Table, counted
from gateway.tallies import DEROGATION, month_of
from gateway.vocabulary import CLAUSES_NEEDED, AgreementStatus, Category
from gateway.vocabulary.china import NECESSARY, PEOPLE, year_in_china

VENDORS = Table(
    "Oversight of vendors",
    "GDPR 28(3)(h); PIPL 21; NDSR 12; policy, supervision",
    {
        "vendor": "vendor",
        "name": "company",
        "kind": "kind",
        "role": "role",
        "risk": "risk, as the shop judges it",
        "countries": "countries",
        "sub_processors": "sub-processors",
        "announced": "companies that it announced, and what was decided",
        "agreements": "agreements, how they stand, and until when",
        "missing_clauses": "clauses that are missing",
        "transfer": "on what data crosses borders, by law, and until when",
        "attestations": "attestations, and until when",
        "reviewed": "reviewed in the period",
        "review": "next review",
        "overdue_days": "days overdue",
        "contracts": "contracts in force",
        "stopped": "stopped and let go on, and when",
        "incidents": "incidents, and how far they are",
        "told_after": "incidents of which it told, and how many hours after they began",
        "canaries": "canaries that it got, and those that turned up elsewhere",
        "notices": "what it was told about people, and what it answered",
        "late": "of these answers late, or came late",
        "disclosures": "disclosures",
        "people": "people whom they are about, as far as they are not erased",
        "possibly": "of them possibly sent, or in doubt",
        "categories": "categories",
        "withheld": "what stayed most often",
        "refused": "refused, by code",
        "failed": "not sent, by code",
        "derogations": "transfers on a derogation, this month",
        "people_in_china": "people in China whose data went there, this year",
        "received": "calls that it made itself",
        "redirected": "answers that led elsewhere, and were not followed",
        "answers_withheld": "fields of answers that stayed",
        "answers_received": "categories that came back",
        "others": "of them about people who are in no call: how often, who that is, and how they learn of it",
    },
)
_MOST = 5
_HOUR = timedelta(hours=1)


@dataclass(slots=True)
class _Watched:
    disclosures: int = 0
    people: People = field(default_factory=People)
    possibly: int = 0
    categories: set[str] = field(default_factory=set)
    withheld: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    received: int = 0
    redirected: int = 0
    answers_withheld: int = 0
    answers: set[str] = field(default_factory=set)
    brought: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How often a category came back, by operation or hook."""
    stopped: list[str] = field(default_factory=list)
    reviewed: str = ""
    incidents: dict[str, str] = field(default_factory=dict)
    told_after: list[str] = field(default_factory=list)
    canaries: list[str] = field(default_factory=list)
    notices: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    """What the entries of each say, the newest last."""

    def called(self, seen: Seen) -> None:
        self.received += 1
        self._came(seen.body["hook"], seen.body.get("kept", ()))

    def _came(self, by: str, disclosed: Iterable[tuple[str, int]]) -> None:
        self.brought.update((by, category) for category, _ in disclosed)

    def refusal(self, seen: Seen) -> None:
        self.refused[seen.body["code"]] += 1

    def canary(self, seen: Seen) -> None:
        self.canaries.append(f"{CANARY}{seen.body['number']} made {seen.at}")

    def fact(self, seen: Seen) -> None:
        body = seen.body
        if "notice" in body:
            self.notices[body["notice"]] = {**self.notices.get(body["notice"], {}), **body}
        elif body["fact"] == "suspension":
            self.stopped.append(f"{body['state']} {seen.at}")
        elif body["fact"] == "review":
            self.reviewed = seen.at[:10]

    def incident(self, seen: Seen) -> None:
        body = seen.body
        self.incidents[body["incident"]] = body["step"]
        reference = str(body.get("reference", ""))
        if "vendor_told" in body and "began" in body:
            hours = (datetime.fromisoformat(body["vendor_told"]) - datetime.fromisoformat(body["began"])) / _HOUR
            self.told_after.append(f"{reference or body['incident']} {hours:.0f}")
        if body["step"] == "opened" and reference.startswith(CANARY):
            self.canaries.append(f"{reference} turned up {seen.at}")

    def intent(self, seen: Seen) -> None:
        outcome = seen.outcome
        if not seen.is_disclosed:
            self.failed[outcome.get("code") or "not_sent"] += 1
            return
        self.disclosures += 1
        self.people.add(seen.toks)
        self.redirected += outcome.get("code") == "vendor.redirect"
        self.possibly += outcome["result"] in ("possibly", "in_doubt")
        self.categories |= {category for _, category in seen.personal()}
        for path, _, count in seen.withheld():
            self.withheld[path] += count
        answer = outcome.get("answer") or {}
        self.answers_withheld += answer.get("withheld", 0)
        self.answers |= {category for category, _ in answer.get("disclosed", ())} - {Category.NOT_PERSONAL.value}
        self._came(seen.body["operation"], answer.get("disclosed", ()))


_OF_KIND: Mapping[str, Callable[[_Watched, Seen], None]] = {
    "intent": _Watched.intent,
    "received": _Watched.called,
    "refusal": _Watched.refusal,
    "fact": _Watched.fact,
    "incident": _Watched.incident,
    "canary": _Watched.canary,
}
"""What is noted of a vendor, by the kind of the entry."""


class Vendors:
    """One row for each vendor of the contracts in force, and for those that got something before. Of what it was told
    before the days that are asked for there is what became something in them, and what is still open.
    """

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
        vendor, noted = seen.body.get("vendor"), _OF_KIND.get(seen.kind)
        if vendor and noted and (seen.body["ts"] >= self._known.since or "notice" in seen.body):
            noted(self._watched.setdefault(vendor, _Watched()), seen)
        return ()

    def rest(self) -> Iterator[Row]:
        today = day(self._known.contracts.policy, self._known.now)
        for name in sorted(self._watched):
            vendor = self._known.contracts.vendors.get(name)
            contracts = [each.contract for each in self._known.contracts.terms if each.vendor.vendor == name]
            yield {
                "vendor": name,
                "contracts": tuple(sorted(contracts)),
                "derogations": self._derogations.get(name, 0),
                "people_in_china": self._from_china.get(name, 0),
                **(_stated(vendor, self._known, today) if vendor else _NOTHING_STATED),
                **_noted(self._watched[name], self._known),
                "others": tuple(_others(name, self._known.contracts, self._watched[name].brought)),
            }


def _stated(vendor: Vendor, known: Known, today: date) -> Row:
    """What a vendor's file says."""
    return {
        "name": vendor.legal_entity.name,
        "kind": vendor.kind.value,
        "role": vendor.role.value,
        "risk": vendor.risk.value if vendor.risk else None,
        "countries": tuple(vendor.countries),
        "sub_processors": tuple(_company(each) for each in vendor.sub_processors),
        "announced": tuple(_announced(vendor, known, today)),
        "agreements": tuple(_paper(each, today) for each in vendor.agreements),
        "missing_clauses": tuple(_missing(vendor)),
        "transfer": tuple(_mechanisms(vendor)),
        "attestations": tuple(_attestations(vendor, known, today)),
        "review": vendor.review.isoformat(),
        "overdue_days": max((today - vendor.review).days, 0),
    }


# Of a vendor that got something before, and has no file any more.
_NOTHING_STATED: Row = {
    **dict.fromkeys(("name", "kind", "role", "risk", "review")),
    **dict.fromkeys(
        ("countries", "sub_processors", "announced", "agreements", "missing_clauses", "transfer", "attestations"), ()
    ),
    "overdue_days": 0,
}


def _noted(watched: _Watched, known: Known) -> Row:
    """What the record says of a vendor."""
    notices = [told for told in watched.notices.values() if told["ts"] >= known.since or is_open(told)]
    return {
        "reviewed": watched.reviewed or None,
        "stopped": tuple(watched.stopped),
        "incidents": counted(Counter(watched.incidents.values())),
        "told_after": tuple(watched.told_after),
        "canaries": tuple(watched.canaries),
        "notices": counted(Counter(str(told["state"]) for told in notices)),
        "late": sum(days_late(told, known.now) > 0 for told in notices),
        "disclosures": watched.disclosures,
        "people": len(watched.people),
        "possibly": watched.possibly,
        "categories": tuple(sorted(watched.categories)),
        "withheld": counted(watched.withheld, _MOST),
        "refused": counted(watched.refused),
        "failed": counted(watched.failed),
        "received": watched.received,
        "redirected": watched.redirected,
        "answers_withheld": watched.answers_withheld,
        "answers_received": tuple(sorted(watched.answers)),
    }


def _others(vendor: str, contracts: ContractSet, brought: Counter[tuple[str, str]]) -> Iterator[str]:
    """By operation or hook: what it brings about people in no call, as the contracts in force say (GDPR 14)."""
    calls = ((terms.operation.operation, terms.back) for terms in contracts.terms if terms.vendor.vendor == vendor)
    hooks = ((hook.name, (hook.receiving,)) for hook in contracts.hooks if hook.vendor == vendor)
    for name, sections in chain(calls, hooks):
        for category, who in dict.fromkeys(each for section in sections for each in others_in(section)):
            yield f"{name}: {category} {brought[name, category]} times, {who}"


def _company(each: SubProcessor) -> str:
    return f"{each.name} ({each.country}) since {each.since}"


def _announced(vendor: Vendor, known: Known, today: date) -> Iterator[str]:
    for each in known.contracts.announced.get(vendor.vendor, ()):
        yield f"{each.name} ({each.country}) from {each.since}: {_decided(vendor, each, today)}"


def _decided(vendor: Vendor, announced: Announced, today: date) -> str:
    if announced.state != "announced":
        return announced.state
    if is_named(vendor, announced):
        return "named in the vendor's file"
    return "undecided" if today < announced.since else "undecided, and overdue"


def _paper(agreement: Agreement, today: date) -> str:
    last = last_day(agreement)
    status = AgreementStatus.EXPIRED if last is not None and last < today else agreement.status
    signed = f", signed {agreement.signed}" if agreement.signed else ""
    signed += f", from {agreement.starts}" if agreement.starts else ""
    until = f", until {last}" if last else f", renewed every {agreement.renewal}" if agreement.renewal else ""
    return f"{agreement.type} {agreement.id} {status}{signed}{until}"


def _mechanisms(vendor: Vendor) -> Iterator[str]:
    for law, lines in vendor.transfer.items():
        for line in lines:
            to = f" to {', '.join(line.to)}" if line.to else ""
            yield f"{law}: {line.mechanism}{to}" + (f" until {line.until}" if line.until else "")


def _attestations(vendor: Vendor, known: Known, today: date) -> Iterator[str]:
    for each in owed(vendor, known.contracts.attested):
        yield f"{each.of} until {each.due}" if each.due >= today else f"{each.of} overdue since {each.due}"


def _missing(vendor: Vendor) -> Iterator[str]:
    for agreement in vendor.agreements:
        missing = sorted(CLAUSES_NEEDED[vendor.role] - set(agreement.clauses))
        yield from (f"{agreement.id}: {clause}" for clause in missing)
