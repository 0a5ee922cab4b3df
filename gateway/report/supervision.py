"""How vendors do: their papers, what went to each, what stayed, what was refused, and what became of it."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date

from gateway.clearance import day
from gateway.clearance.papers import last_day
from gateway.contract.attesting import owed
from gateway.contract.model import SubProcessor, Vendor
from gateway.contract.papers import Agreement
from gateway.ledger.steps import CANARY
from gateway.report.seen import Known, Seen
from gateway.report.table import Row, Table, counted
from gateway.tallies import DEROGATION, month_of
from gateway.vocabulary import CLAUSES_NEEDED, AgreementStatus
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
        "canaries": "canaries that it got, and those that turned up elsewhere",
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
        "redirected": "answers that led elsewhere, and were not followed",
        "answers_withheld": "fields of answers that stayed",
        "answers_received": "categories that came back",
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
    redirected: int = 0
    answers_withheld: int = 0
    answers: set[str] = field(default_factory=set)
    stopped: list[str] = field(default_factory=list)
    reviewed: str = ""
    incidents: dict[str, str] = field(default_factory=dict)
    canaries: list[str] = field(default_factory=list)
    notices: dict[str, str] = field(default_factory=dict)

    def fact(self, seen: Seen) -> None:
        body = seen.body
        if "notice" in body:
            self.notices[body["notice"]] = body["state"]
        elif body["fact"] == "suspension":
            self.stopped.append(f"{body['state']} {seen.at}")
        elif body["fact"] == "review":
            self.reviewed = seen.at[:10]

    def incident(self, seen: Seen) -> None:
        body = seen.body
        self.incidents[body["incident"]] = body["step"]
        reference = str(body.get("reference", ""))
        if body["step"] == "opened" and reference.startswith(CANARY):
            self.canaries.append(f"{reference} turned up {seen.at}")

    def add(self, seen: Seen) -> None:
        outcome = seen.outcome
        if not seen.is_disclosed:
            self.failed[outcome.get("code") or "not_sent"] += 1
            return
        self.disclosures += 1
        self.redirected += outcome.get("code") == "vendor.redirect"
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
            self._watched.setdefault(vendor, _Watched()).incident(seen)
        elif vendor and seen.kind == "canary":
            self._watched.setdefault(vendor, _Watched()).canaries.append(
                f"{CANARY}{seen.body['number']} made {seen.at}"
            )
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
            "risk": vendor.risk.value if vendor and vendor.risk else None,
            "countries": tuple(vendor.countries) if vendor else (),
            "sub_processors": tuple(_company(each) for each in vendor.sub_processors) if vendor else (),
            "agreements": tuple(_paper(each, today) for each in vendor.agreements) if vendor else (),
            "missing_clauses": tuple(_missing(vendor)) if vendor else (),
            "transfer": tuple(_mechanisms(vendor)) if vendor else (),
            "attestations": tuple(_attestations(vendor, self._known, today)) if vendor else (),
            "reviewed": watched.reviewed or None,
            "review": vendor.review.isoformat() if vendor else None,
            "overdue_days": max(overdue, 0),
            "contracts": tuple(sorted(contracts)),
            "stopped": tuple(watched.stopped),
            "incidents": counted(Counter(watched.incidents.values())),
            "canaries": tuple(watched.canaries),
            "notices": counted(Counter(watched.notices.values())),
            "disclosures": watched.disclosures,
            "possibly": watched.possibly,
            "categories": tuple(sorted(watched.categories)),
            "withheld": counted(watched.withheld, _MOST),
            "refused": counted(watched.refused),
            "failed": counted(watched.failed),
            "derogations": self._derogations.get(name, 0),
            "people_in_china": self._from_china.get(name, 0),
            "received": watched.received,
            "redirected": watched.redirected,
            "answers_withheld": watched.answers_withheld,
            "answers_received": tuple(sorted(watched.answers)),
        }


def _company(each: SubProcessor) -> str:
    return f"{each.name} ({each.country}) since {each.since}"


def _paper(agreement: Agreement, today: date) -> str:
    last = last_day(agreement)
    status = AgreementStatus.EXPIRED if last is not None and last < today else agreement.status
    signed = f", signed {agreement.signed}" if agreement.signed else ""
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
