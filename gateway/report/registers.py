"""The registers that laws ask for: what is done with data, for what and by whom, and where it crosses a border."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from gateway.clearance import day
from gateway.contract.papers import Transfer
from gateway.report.seen import Known, Seen
from gateway.report.table import Row, Table
from gateway.vocabulary import (
    CN_SENSITIVE,
    TRANSFERS,
    Category,
    Commercial,
    TransferMechanism,
    article,
    member_of,
    territory_of,
)
from gateway.vocabulary.china import NECESSARY, PEOPLE, SENSITIVE, THRESHOLDS, year_in_china
from gateway.vocabulary.exceptional import CROSSINGS, CrossingGround

TRANSFER = Table(
    "Register of transfers",
    "GDPR 30(1)(e), 44-49; PIPL 38-39",
    {
        "id": "transfer",
        "exporter": "exporter",
        "exporter_country": "its country",
        "importer": "importer",
        "importer_countries": "its countries",
        "onward": "onward recipients",
        "jurisdiction": "law of the people",
        "mechanism": "mechanism",
        "article": "where it stands in law",
        "agreements": "agreements",
        "rests_on": "paper, filing or assessment behind the mechanism, and its last day",
        "status": "whether the vendor's file has the mechanism today",
        "purposes": "purposes",
        "subjects": "people, by role",
        "categories": "categories of data",
        "sensitive": "of them special (GDPR 9, 10) or sensitive (PIPL 28)",
        "forms": "forms in which they left",
        "legal_bases": "legal bases",
        "vendor_keeps": "retention at the importer",
        "risk": "risk of the importer, as the shop judges it",
        "review": "its next review",
        "first": "first transfer",
        "last": "last transfer",
        "count": "transfers",
        "most_in_a_month": "of a derogation: most in one month",
        "people_at_importer": "people in China, this year, at this importer",
        "people_of_exporter": "the same of the exporter, everywhere",
        "sensitive_of_exporter": "of them with something sensitive",
        "threshold": "from how many on more is asked for",
    },
)
SALES = Table(
    "Sale, rent and trade of data",
    "policy, sharing; CCPA 1798.140(ad): there should be none",
    {
        "at": "when",
        "disclosure": "disclosure",
        "vendor": "vendor",
        "operation": "operation",
        "commercial": "nature",
        "channel": "beside the gateway, where it went so",
        "grounds": "grounds",
        "missing": "what was missing",
        "result": "result",
    },
)
_OUT_OF_CHINA = frozenset(each.value for each, term in TRANSFERS.items() if "CN" in term.known_in)


@dataclass(slots=True)
class Observed:
    """What went in one activity."""

    first: str = ""
    last: str = ""
    count: int = 0
    latest: dict[str, str] = field(default_factory=dict)
    """The day on which each category left last."""
    bases: set[str] = field(default_factory=set)

    @property
    def categories(self) -> set[str]:
        return set(self.latest)

    def add(self, seen: Seen, categories: Collection[str], bases: Collection[str]) -> None:
        self.first, self.last = min(self.first or seen.left, seen.left), max(self.last, seen.left)
        self.count += 1
        for category in categories:
            self.latest[category] = max(self.latest.get(category, ""), seen.left[:10])
        self.bases.update(bases)


def bases_of(seen: Seen) -> Collection[str]:
    """The legal bases on which a disclosure went, or some of it."""
    return {ground["basis"] for _, ground in seen.grounds()}


def words(found: Iterable[str]) -> tuple[str, ...]:
    """Each once, in their order."""
    return tuple(sorted({str(each) for each in found}))


def sensitive(categories: Iterable[str]) -> Iterator[str]:
    """Those that need a ground of their own, each with the article that says so."""
    for each in categories:
        if each.startswith("special."):
            yield f"{each} (GDPR {10 if each == Category.SPECIAL_CRIMINAL else 9})"
        elif Category(each) in CN_SENSITIVE:
            yield f"{each} (PIPL 28)"


class Transfers:
    """One row for each company, vendor, law of the people, and mechanism, as far as data went."""

    def __init__(self, known: Known) -> None:
        self._known = known
        self._found: dict[tuple[str, str, str, str], _Crossing] = {}

    def take(self, seen: Seen) -> Iterable[Row]:
        if seen.is_disclosed:
            body = seen.body
            for jurisdiction, mechanism in body.get("transfer", ()):
                key = (body["entity"], seen.to, jurisdiction, mechanism)
                self._found.setdefault(key, _Crossing()).add(seen, jurisdiction)
        return ()

    def rest(self) -> Iterator[Row]:
        for key in sorted(self._found):
            yield self._row(key, self._found[key])

    def _row(self, key: tuple[str, str, str, str], crossing: "_Crossing") -> Row:
        entity, vendor, jurisdiction, mechanism = key
        company = self._known.contracts.entities.entities.get(entity)
        of = self._known.contracts.vendors.get(vendor)
        return {
            "id": "/".join(key),
            "exporter": company.name if company else entity,
            "exporter_country": company.country if company else None,
            "importer": "; ".join(sorted(crossing.importers)),
            "importer_countries": words(crossing.countries),
            "onward": words(f"{each.name} ({each.country})" for each in of.sub_processors) if of else (),
            "jurisdiction": jurisdiction,
            "mechanism": mechanism,
            "article": _article(mechanism, jurisdiction),
            "agreements": words(crossing.agreements),
            **_standing(self._known, key),
            "purposes": words(crossing.purposes),
            "subjects": words(crossing.subjects),
            "categories": words(crossing.observed.categories),
            "sensitive": words(sensitive(crossing.observed.categories)),
            "forms": words(crossing.forms),
            "legal_bases": words(crossing.observed.bases),
            "vendor_keeps": words(crossing.keeps),
            "risk": of.risk.value if of and of.risk else None,
            "review": of.review.isoformat() if of else None,
            "first": crossing.observed.first,
            "last": crossing.observed.last,
            "count": crossing.observed.count,
            "most_in_a_month": max(crossing.months.values()) if mechanism.startswith("derogation") else None,
            **self._people(entity, vendor, mechanism),
        }

    def _people(self, entity: str, vendor: str, mechanism: str) -> Row:
        """Of whom data left China this year, each once; whoever's contract needed it is counted apart."""
        year = year_in_china(self._known.now)
        is_held = mechanism != TransferMechanism.CN_CONTRACT_NECESSITY
        is_asked = mechanism in _OUT_OF_CHINA
        people = self._known.counted(PEOPLE if is_held else NECESSARY, year)
        sensitive = self._known.counted(SENSITIVE, year).get(entity, 0)
        asks = tuple(f"{each.people} ({each.what}): {each.asks}, {each.law}" for each in THRESHOLDS)
        return {
            "people_at_importer": people.get(f"{entity} {vendor}", 0) if is_asked else None,
            "people_of_exporter": people.get(entity, 0) if is_asked else None,
            "sensitive_of_exporter": sensitive if is_asked and is_held else None,
            "threshold": asks if is_asked and is_held else (),
        }


def _article(mechanism: str, law: str) -> str:
    if mechanism in set(TransferMechanism):
        return article(TransferMechanism(mechanism), law)
    return CROSSINGS[CrossingGround(mechanism)]


def _standing(known: Known, key: tuple[str, str, str, str]) -> Row:
    """What stands behind a mechanism in the vendor's file, and whether that still holds today."""
    entity, vendor, jurisdiction, mechanism = key
    if mechanism == TransferMechanism.NONE_DOMESTIC:
        return {"rests_on": (), "status": "no border is crossed"}
    if mechanism not in set(TransferMechanism):
        return {"rests_on": (), "status": "single cases, outside contracts"}
    lines = {
        line
        for terms in known.contracts.terms
        if terms.vendor.vendor == vendor
        for line in _nearest(terms.transfer, jurisdiction)
        if line.mechanism == mechanism and (not line.entities or entity in line.entities)
    }
    today = day(known.contracts.policy, known.now)
    holds = [line for line in lines if line.until is None or line.until >= today]
    status = "in force" if holds else "ended" if lines else "not in the vendor's file"
    return {"rests_on": words(_behind(line) for line in lines if _behind(line)), "status": status}


def _nearest(transfer: Mapping[str, Sequence[Transfer]], law: str) -> Sequence[Transfer]:
    """The lines for a law; where nobody's is known, those for all."""
    if law == "unknown":
        return tuple(line for lines in transfer.values() for line in lines)
    keys = (law, law.partition("-")[0], member_of(law) or law, territory_of(law), "default")
    return next((transfer[key] for key in keys if key in transfer), ())


def _behind(line: Transfer) -> str:
    until = f"until {line.until}" if line.until else None
    return ", ".join(filter(None, (line.agreement, line.reference, until)))


@dataclass(slots=True)
class _Crossing:
    observed: Observed = field(default_factory=Observed)
    importers: set[str] = field(default_factory=set)
    countries: set[str] = field(default_factory=set)
    agreements: set[str] = field(default_factory=set)
    purposes: set[str] = field(default_factory=set)
    subjects: set[str] = field(default_factory=set)
    forms: set[str] = field(default_factory=set)
    keeps: set[str] = field(default_factory=set)
    months: Counter[str] = field(default_factory=Counter)

    def add(self, seen: Seen, law: str) -> None:
        body = seen.body
        self.months[seen.left[:7]] += 1
        self.observed.add(seen, {category for _, category in seen.personal()}, bases_of(seen))
        self.importers.add(body["recipient"]["name"])
        grounds = body.get("grounds", ())
        # Where the exporter's own law asked for it nobody lives under that, and everybody is meant.
        self.subjects |= {each["role"] for each in grounds if each["jurisdiction"] == law} or {
            each["role"] for each in grounds
        }
        self.forms |= {form for _, form, _ in seen.categories()}
        self.countries |= set(body["countries"])
        self.agreements |= set(body.get("agreements", ()))
        self.purposes |= seen.purposes
        self.keeps |= {body.get("retention", {}).get("vendor_keeps", "")} - {""}


class Sales:
    """One row for each disclosure that the shop was paid for."""

    def __init__(self, _: Known) -> None:
        self._paid = {each.value for each in Commercial} - {Commercial.NONE.value}

    def take(self, seen: Seen) -> Iterator[Row]:
        if seen.is_disclosed and seen.body.get("commercial") in self._paid:
            yield {
                "at": seen.left,
                "disclosure": seen.body["disclosure"],
                "vendor": seen.to,
                "operation": seen.body.get("operation", ""),
                "commercial": seen.body["commercial"],
                "channel": seen.body.get("channel"),
                "grounds": words(f"{each['role']}: {each['basis']}" for each in seen.body.get("grounds", ())),
                "missing": words(seen.body.get("warnings", ())),
                "result": seen.outcome["result"],
            }

    def rest(self) -> Iterable[Row]:
        return ()
