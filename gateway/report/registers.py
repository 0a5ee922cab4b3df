"""The registers that laws ask for: what is done with data, for what and by whom, and where it crosses a border."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

from gateway.report.seen import Known, Seen
from gateway.report.table import Row, Table
from gateway.vocabulary import (
    DEROGATIONS,
    TRANSFERS,
    Commercial,
    TransferMechanism,
)
from gateway.vocabulary.china import NECESSARY, PEOPLE, SENSITIVE, THRESHOLDS, year_in_china
from gateway.vocabulary.exceptional import CROSSINGS

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
        "references": "agreements",
        "purposes": "purposes",
        "categories": "categories of data",
        "legal_bases": "legal bases",
        "vendor_keeps": "retention at the importer",
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
    categories: set[str] = field(default_factory=set)
    bases: set[str] = field(default_factory=set)

    def add(self, seen: Seen, categories: Collection[str], bases: Collection[str]) -> None:
        self.first, self.last = min(self.first or seen.left, seen.left), max(self.last, seen.left)
        self.count += 1
        self.categories.update(categories)
        self.bases.update(bases)


def bases_of(seen: Seen) -> Collection[str]:
    """The legal bases on which a disclosure went as a whole."""
    return {ground["basis"] for ground in seen.body.get("grounds", ())}


def words(found: Iterable[str]) -> tuple[str, ...]:
    """Each once, in their order."""
    return tuple(sorted({str(each) for each in found}))


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
                self._found.setdefault(key, _Crossing()).add(seen)
        return ()

    def rest(self) -> Iterator[Row]:
        for key in sorted(self._found):
            yield self._row(key, self._found[key])

    def _row(self, key: tuple[str, str, str, str], crossing: "_Crossing") -> Row:
        entity, vendor, jurisdiction, mechanism = key
        company = self._known.contracts.entities.entities.get(entity)
        of = self._known.contracts.vendors.get(vendor)
        laws = {each.value: law for each, law in CROSSINGS.items()}
        laws |= {each.value: term.law for each, term in TRANSFERS.items()}
        return {
            "id": "/".join(key),
            "exporter": company.name if company else entity,
            "exporter_country": company.country if company else None,
            "importer": crossing.importer,
            "importer_countries": words(crossing.countries),
            "onward": words(f"{each.name} ({each.country})" for each in of.sub_processors) if of else (),
            "jurisdiction": jurisdiction,
            "mechanism": mechanism,
            "article": laws.get(mechanism),
            "references": words(crossing.agreements),
            "purposes": words(crossing.purposes),
            "categories": words(crossing.observed.categories),
            "legal_bases": words(crossing.observed.bases),
            "vendor_keeps": words(crossing.keeps),
            "first": crossing.observed.first,
            "last": crossing.observed.last,
            "count": crossing.observed.count,
            "most_in_a_month": max(crossing.months.values()) if mechanism in DEROGATIONS else None,
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


@dataclass(slots=True)
class _Crossing:
    observed: Observed = field(default_factory=Observed)
    importer: str = ""
    countries: set[str] = field(default_factory=set)
    agreements: set[str] = field(default_factory=set)
    purposes: set[str] = field(default_factory=set)
    keeps: set[str] = field(default_factory=set)
    months: Counter[str] = field(default_factory=Counter)

    def add(self, seen: Seen) -> None:
        body = seen.body
        self.months[seen.at[:7]] += 1
        self.observed.add(seen, {category for category, _, _ in seen.categories()}, bases_of(seen))
        self.importer = body["recipient"]["name"]
        self.countries |= set(body["countries"])
        self.agreements |= set(body.get("agreements", ()))
        self.purposes.add(body["purpose"])
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
