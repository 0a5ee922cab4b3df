"""The record of processing activities: what is done with data, for what and by whom, group by group of contracts."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from gateway.contract.model import Entity, Vendor
from gateway.contract.terms import Origin, Rule, Terms
from gateway.report.registers import Observed, sensitive, words
from gateway.report.seen import Known, Seen
from gateway.report.table import Cell, Row, Table
from gateway.vocabulary import BASES, CATEGORIES, FORMS_FOR_ANY, Category, Evidence, LegalBasis, Purpose
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
        "sensitive": "of them special (GDPR 9, 10) or sensitive (PIPL 28)",
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
        "last_sent": "on which day each category was sent last",
        "never_sent": "allowed, and not sent in the period",
        "reviewed": "last reviewed",
    },
)
_SEALED = "subjects sealed under keys of their own"
_MEASURES: Mapping[str, Sequence[str]] = {
    "gateway": ("TLS", "minimised by contract", "written down before sending", _SEALED),
    "direct": (_SEALED,),
    "exceptional": ("cut to what was approved", "written down before it is handed over", _SEALED),
}
"""What protects data on each way; of what goes beside the gateway that is the shop's to say."""


class Activities:
    """One row for each company, vendor and purpose of the contracts in force, and for those that were used before.

    A call can be for several purposes: what a group lets out belongs to the group's own. What no contract in force
    says, as of disclosures outside contracts, is taken from the entries.
    """

    def __init__(self, known: Known) -> None:
        self._known = known
        self._observed: dict[tuple[str, str, str], Observed] = {}
        self._said: dict[tuple[str, str, str], dict[str, set[str]]] = {}

    def take(self, seen: Seen) -> Iterable[Row]:
        if seen.is_disclosed:
            body = seen.body
            for purpose, categories in _by_purpose(seen).items():
                bases = {ground["basis"] for of, ground in seen.grounds() if of == purpose}
                key = body["entity"], seen.to, purpose
                self._observed.setdefault(key, Observed()).add(seen, categories, bases)
                for name, found in _as_written(body):
                    self._said.setdefault(key, {}).setdefault(name, set()).update(found)
        return ()

    def rest(self) -> Iterator[Row]:
        declared = self._declared()
        for key in sorted(declared.keys() | self._observed.keys()):
            yield self._row(key, declared.get(key, []), self._observed.get(key, Observed()))

    def _declared(self) -> dict[tuple[str, str, str], list[Terms]]:
        found: dict[tuple[str, str, str], list[Terms]] = {}
        for terms in self._known.contracts.terms:
            purposes = {terms.operation.purpose} | {group.purpose for group in terms.sending.groups}
            for entity in self._known.contracts.entities.entities:
                for purpose in purposes:
                    found.setdefault((entity, terms.vendor.vendor, purpose.value), []).append(terms)
        return found

    def _row(self, key: tuple[str, str, str], declared: list[Terms], observed: Observed) -> Row:
        entity, vendor, purpose = key
        company = self._known.contracts.entities.entities.get(entity)
        of = self._known.contracts.vendors.get(vendor)
        rules = [rule for terms in declared for rule in _rules(terms, Purpose(purpose))]
        categories = {rule.category.value for rule in rules} | observed.categories
        bases = {basis for terms in declared for basis in _bases(terms, Purpose(purpose))} | observed.bases
        row: dict[str, Cell] = {
            "id": "/".join(key),
            **self._stated(entity, Purpose(purpose)),
            "entity": entity,
            **_controller(company),
            "purpose": purpose,
            **_subjects(declared, rules, Purpose(purpose)),
            "categories": words(categories),
            "sensitive": words(sensitive(categories)),
            "origins": words(CATEGORIES[Category(each)].origin for each in categories),
            "legal_bases": words(bases),
            "assessments": words(each for terms in declared for each in _rests_on(terms, bases)),
            **_ways(declared),
            "recipient": of.legal_entity.name if of else None,
            **_recipient(of, declared),
            **_sent(observed, categories),
        }
        said = self._said.get(key, {})
        channels: Collection[str] = {each.operation.channel for each in declared} or said.get("channels", set())
        measures = [*_protected(channels), *self._known.contracts.activities.measures]
        row |= {name: each for name, each in _told(said) if not row[name]}
        return row | {"measures": tuple(measures)}

    def _stated(self, entity: str, purpose: Purpose) -> Row:
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


def _subjects(declared: Sequence[Terms], rules: Sequence[Rule], purpose: Purpose) -> Row:
    of_the_call = {each.role for terms in declared if terms.operation.purpose is purpose for each in terms.subjects}
    return {
        "subjects": words(of_the_call | {role for rule in rules for role in rule.roles}),
        "forms": words(rule.form.name for rule in rules),
    }


def _ways(declared: Sequence[Terms]) -> Row:
    """For whom contracts are, and by which way they lead out."""
    return {
        "services": words(caller for terms in declared for caller in terms.operation.callers),
        "channels": words(CHANNEL_LABELS[terms.operation.channel].en for terms in declared),
        "vendor_keeps": words(terms.operation.retention.vendor_keeps for terms in declared),
        "contracts": words(terms.contract for terms in declared),
    }


def _sent(observed: Observed, categories: set[str]) -> Row:
    """What the ledger has of it, beside what contracts would let out."""
    return {
        "first_disclosed": observed.first or None,
        "last_disclosed": observed.last or None,
        "disclosures": observed.count,
        "last_sent": words(f"{category} {day}" for category, day in observed.latest.items()),
        "never_sent": words(categories - observed.categories),
    }


def _recipient(vendor: Vendor | None, declared: list[Terms]) -> Row:
    return {
        "recipient_kind": vendor.kind.value if vendor else None,
        "recipient_role": words(terms.role for terms in declared),
        "recipient_contact": vendor.legal_entity.contact if vendor else None,
        "agreements": words(f"{paper.type} {paper.id}" for paper in vendor.agreements) if vendor else (),
        "countries": tuple(vendor.countries) if vendor else (),
        "mechanisms": words(
            f"{place}: {line.mechanism}"
            for terms in declared
            for place, lines in terms.transfer.items()
            for line in lines
        ),
    }


def _as_written(body: Mapping[str, Any]) -> Iterator[tuple[str, Iterable[str]]]:
    """What an entry itself says of a disclosure, by column."""
    outside, recipient = body.get("exceptional", {}), body["recipient"]
    yield "recipient", [recipient["name"]]
    yield "recipient_contact", [recipient["contact"]] if "contact" in recipient else []
    yield "recipient_kind", filter(None, [body.get("vendor_kind") or outside.get("recipient")])
    yield "recipient_role", filter(None, [body.get("vendor_role")])
    yield "countries", body["countries"]
    yield "mechanisms", (f"{law}: {mechanism}" for law, mechanism in body.get("transfer", ()))
    yield "agreements", body.get("agreements", ())
    yield "subjects", (ground["role"] for ground in body.get("grounds", ()))
    yield "forms", (group["form"] for group in body.get("disclosed", ()))
    yield "vendor_keeps", filter(None, [body.get("retention", {}).get("vendor_keeps")])
    yield "channels", ["exceptional" if outside else body.get("channel", "gateway")]
    yield "contracts", filter(None, [body.get("contract")])


def _told(said: Mapping[str, Collection[str]]) -> Iterator[tuple[str, Cell]]:
    for name, found in said.items():
        if name in ("recipient", "recipient_kind", "recipient_contact"):
            yield name, "; ".join(words(found))
        else:
            yield name, words(CHANNEL_LABELS[each].en for each in found) if name == "channels" else words(found)


def _protected(channels: Collection[str]) -> Iterator[str]:
    """Where there are several ways, each measure with the way that it is taken on."""
    for channel in sorted(channels):
        way = f", {CHANNEL_LABELS[channel].en}" if len(channels) > 1 else ""
        yield from (f"{each}{way}" for each in _MEASURES[channel])


def _rules(terms: Terms, purpose: Purpose) -> Iterator[Rule]:
    for rule in terms.sending.rules:
        is_personal = rule.category is not Category.NOT_PERSONAL and rule.form.name not in FORMS_FOR_ANY
        if rule.origin is Origin.GROUP and is_personal and terms.sending.groups[rule.group].purpose is purpose:
            yield rule


def _by_purpose(seen: Seen) -> Mapping[str, set[str]]:
    """The categories that left, for each purpose."""
    found: dict[str, set[str]] = {each: set() for each in seen.purposes}
    for purpose, category in seen.personal():
        found[purpose].add(category)
    return found


def _bases(terms: Terms, purpose: Purpose) -> Iterator[str]:
    """On what an operation rests for a purpose: as a whole, or where a group of it has no ground of its own."""
    groups = [group for group in terms.sending.groups if group.purpose is purpose]
    roles = {role for group in groups if group.bases is None for role in group.roles}
    is_whole = terms.operation.purpose is purpose
    given = [subject.bases for subject in terms.subjects if is_whole or subject.role in roles]
    given += [group.bases for group in groups if group.bases]
    return (basis.value for bases in given for basis in bases.values())


def _rests_on(terms: Terms, bases: Collection[str]) -> Iterator[str]:
    """The assessment and the law that a contract names, as far as one of the bases needs it."""
    needed = {BASES[LegalBasis(basis)].needs for basis in bases}
    stated = {Evidence.ASSESSMENT: terms.operation.evidence.assessment, Evidence.LAW: terms.operation.evidence.law}
    return (each for needs, each in stated.items() if each and needs in needed)
