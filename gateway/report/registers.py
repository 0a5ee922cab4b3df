"""The registers that laws ask for: what is done with data, for what and by whom, and where it crosses a border."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from gateway.contract.model import Entity, Vendor
from gateway.contract.terms import Origin, Rule, Terms
from gateway.report.seen import Known, Seen
from gateway.report.table import Row, Table
from gateway.vocabulary import (
    CATEGORIES,
    DEROGATIONS,
    FORMS_FOR_ANY,
    TRANSFERS,
    Category,
    Commercial,
    Purpose,
    TransferMechanism,
)
from gateway.vocabulary.china import NECESSARY, PEOPLE, SENSITIVE, THRESHOLDS, year_in_china
from gateway.vocabulary.exceptional import CROSSINGS
from gateway.vocabulary.labels import CHANNEL_LABELS

ACTIVITIES = Table(
    "Record of processing activities",
    "GDPR 30(1); PIPL 55, 56",
    {
        "id": "activity",
        "name": "name of the activity",
        "department": "department",
        "entity": "company",
        "controller": "controller",
        "contact": "contact of the controller",
        "representative": "representative",
        "officer": "data protection officer",
        "joint_controllers": "joint controllers",
        "purpose": "purpose",
        "subjects": "people, by role",
        "categories": "categories of data",
        "forms": "forms in which they leave",
        "origins": "where the data comes from",
        "legal_bases": "legal bases",
        "assessments": "assessments and laws that they rest on",
        "special_condition": "condition for special categories",
        "impact_assessment": "impact assessment",
        "services": "internal recipients",
        "channels": "through the gateway, or beside it",
        "recipient": "external recipient",
        "recipient_kind": "kind of recipient",
        "recipient_role": "its role",
        "recipient_contact": "its contact",
        "agreements": "agreements",
        "countries": "countries",
        "mechanisms": "transfer mechanisms",
        "vendor_keeps": "how long the recipient keeps it",
        "erased": "when the shop erases it",
        "measures": "measures",
        "contracts": "contracts",
        "first_disclosed": "first disclosure in the period",
        "last_disclosed": "last disclosure in the period",
        "disclosures": "disclosures in the period",
        "never_sent": "allowed, and not sent in the period",
        "reviewed": "last reviewed",
    },
)
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
        "grounds": "grounds",
        "result": "result",
    },
)
_OUT_OF_CHINA = frozenset(each.value for each, term in TRANSFERS.items() if "CN" in term.known_in)
_MEASURES = ("TLS", "minimised by contract", "written down before sending", "subjects sealed under keys of their own")


@dataclass(slots=True)
class _Observed:
    """What went in one activity."""

    first: str = ""
    last: str = ""
    count: int = 0
    categories: set[str] = field(default_factory=set)
    bases: set[str] = field(default_factory=set)

    def add(self, seen: Seen) -> None:
        self.first, self.last = min(self.first or seen.left, seen.left), max(self.last, seen.left)
        self.count += 1
        self.categories |= {category for category, _, _ in seen.categories()}
        self.bases |= {ground["basis"] for ground in seen.body.get("grounds", ())}


class Activities:
    """One row for each company, vendor and purpose of the contracts in force, and for those that were used before."""

    def __init__(self, known: Known) -> None:
        self._known = known
        self._observed: dict[tuple[str, str, str], _Observed] = {}
        self._names: dict[str, str] = {}

    def take(self, seen: Seen) -> Iterable[Row]:
        if seen.is_disclosed:
            body = seen.body
            key = (body["entity"], seen.to, body["purpose"])
            self._observed.setdefault(key, _Observed()).add(seen)
            self._names[seen.to] = body["recipient"]["name"]
        return ()

    def rest(self) -> Iterator[Row]:
        declared = self._declared()
        for key in sorted(declared.keys() | self._observed.keys()):
            yield self._row(key, declared.get(key, []), self._observed.get(key, _Observed()))

    def _declared(self) -> dict[tuple[str, str, str], list[Terms]]:
        found: dict[tuple[str, str, str], list[Terms]] = {}
        for terms in self._known.contracts.terms:
            purposes = {terms.operation.purpose} | {group.purpose for group in terms.sending.groups}
            for entity in self._known.contracts.entities.entities:
                for purpose in purposes:
                    found.setdefault((entity, terms.vendor.vendor, purpose.value), []).append(terms)
        return found

    def _row(self, key: tuple[str, str, str], declared: list[Terms], observed: _Observed) -> Row:
        entity, vendor, purpose = key
        company = self._known.contracts.entities.entities.get(entity)
        of = self._known.contracts.vendors.get(vendor)
        rules = [rule for terms in declared for rule in _rules(terms, Purpose(purpose))]
        categories = {rule.category.value for rule in rules} | observed.categories
        bases = {basis for terms in declared for basis in _bases(terms)} | observed.bases
        return {
            "id": "/".join(key),
            **self._said(entity, Purpose(purpose)),
            "entity": entity,
            **_controller(company),
            "purpose": purpose,
            **_subjects(declared, rules),
            "categories": _all(categories),
            "origins": _all(CATEGORIES[Category(each)].origin for each in categories),
            "legal_bases": _all(bases),
            **_ways(declared),
            "recipient": of.legal_entity.name if of else self._names.get(vendor),
            **_recipient(of, declared),
            "measures": (*_MEASURES, *self._known.contracts.activities.measures),
            **_sent(observed, categories),
        }

    def _said(self, entity: str, purpose: Purpose) -> Row:
        """What activities.yaml says of it."""
        activities = self._known.contracts.activities
        activity, officers = activities.purposes.get(purpose), activities.companies.get(entity)
        reviewed = activity.reviewed if activity else None
        return {
            "name": activity.name if activity else None,
            "department": activity.department if activity else None,
            "impact_assessment": activity.assessment if activity else None,
            "special_condition": activity.special_condition if activity else None,
            "erased": activity.erased if activity else None,
            "reviewed": reviewed.isoformat() if reviewed else None,
            "officer": officers.officer if officers else None,
            "joint_controllers": officers.joint_controllers if officers else (),
        }


def _controller(company: Entity | None) -> Row:
    return {
        "controller": company.name if company else None,
        "contact": company.contact if company else None,
        "representative": company.representative if company else None,
    }


def _subjects(declared: Sequence[Terms], rules: Sequence[Rule]) -> Row:
    return {
        "subjects": _all(subject.role for terms in declared for subject in terms.subjects),
        "forms": _all(rule.form.name for rule in rules),
    }


def _ways(declared: Sequence[Terms]) -> Row:
    """On what contracts rest, for whom they are, and by which way they lead out."""
    return {
        "assessments": _all(each for terms in declared for each in _rests_on(terms)),
        "services": _all(caller for terms in declared for caller in terms.operation.callers),
        "channels": _all(CHANNEL_LABELS[terms.operation.channel].en for terms in declared),
        "vendor_keeps": _all(terms.operation.retention.vendor_keeps for terms in declared),
        "contracts": _all(terms.contract for terms in declared),
    }


def _sent(observed: _Observed, categories: set[str]) -> Row:
    """What the ledger has of it, beside what contracts would let out."""
    return {
        "first_disclosed": observed.first or None,
        "last_disclosed": observed.last or None,
        "disclosures": observed.count,
        "never_sent": _all(categories - observed.categories),
    }


def _recipient(vendor: Vendor | None, declared: list[Terms]) -> Row:
    return {
        "recipient_kind": vendor.kind.value if vendor else None,
        "recipient_role": _all(terms.role for terms in declared),
        "recipient_contact": vendor.legal_entity.contact if vendor else None,
        "agreements": _all(f"{paper.type} {paper.id}" for paper in vendor.agreements) if vendor else (),
        "countries": tuple(vendor.countries) if vendor else (),
        "mechanisms": _all(
            f"{place}: {line.mechanism}"
            for terms in declared
            for place, lines in terms.transfer.items()
            for line in lines
        ),
    }


def _rules(terms: Terms, purpose: Purpose) -> Iterator[Rule]:
    for rule in terms.sending.rules:
        is_personal = rule.category is not Category.NOT_PERSONAL and rule.form.name not in FORMS_FOR_ANY
        if rule.origin is Origin.GROUP and is_personal and terms.sending.groups[rule.group].purpose is purpose:
            yield rule


def _bases(terms: Terms) -> Iterator[str]:
    given = [subject.bases for subject in terms.subjects]
    given += [group.bases for group in terms.sending.groups if group.bases]
    return (basis.value for bases in given for basis in bases.values())


def _rests_on(terms: Terms) -> Iterator[str]:
    evidence = terms.operation.evidence
    return (each for each in (evidence.assessment, evidence.law) if each)


def _all(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({str(word) for word in words}))


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
            "importer_countries": _all(crossing.countries),
            "onward": _all(f"{each.name} ({each.country})" for each in of.sub_processors) if of else (),
            "jurisdiction": jurisdiction,
            "mechanism": mechanism,
            "article": laws.get(mechanism),
            "references": _all(crossing.agreements),
            "purposes": _all(crossing.purposes),
            "categories": _all(crossing.observed.categories),
            "legal_bases": _all(crossing.observed.bases),
            "vendor_keeps": _all(crossing.keeps),
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
    observed: _Observed = field(default_factory=_Observed)
    importer: str = ""
    countries: set[str] = field(default_factory=set)
    agreements: set[str] = field(default_factory=set)
    purposes: set[str] = field(default_factory=set)
    keeps: set[str] = field(default_factory=set)
    months: Counter[str] = field(default_factory=Counter)

    def add(self, seen: Seen) -> None:
        body = seen.body
        self.months[seen.at[:7]] += 1
        self.observed.add(seen)
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
                "at": seen.at,
                "disclosure": seen.body["disclosure"],
                "vendor": seen.to,
                "operation": seen.body.get("operation", ""),
                "commercial": seen.body["commercial"],
                "grounds": _all(f"{each['role']}: {each['basis']}" for each in seen.body.get("grounds", ())),
                "result": seen.outcome["result"],
            }

    def rest(self) -> Iterable[Row]:
        return ()
