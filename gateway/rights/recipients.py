"""Which vendors really received which data of a person: what the record says, and nothing else."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from gateway.clearance.bases import CONSENTS, basis_for
from gateway.contract.load import ContractSet
from gateway.contract.terms import Terms
from gateway.ledger.canonical import Json
from gateway.ledger.personal import Personal
from gateway.retention import days
from gateway.vocabulary import Category, Purpose
from gateway.vocabulary.categories import overlapping
from gateway.vocabulary.notices import Cause

_DAY = 24 * 60 * 60 * 1_000_000  # µs


@dataclass(frozen=True, slots=True, repr=False)
class Concern:
    """What vendors are to be told of a person; of all that is stated only what fits everything counts.

    `order` is one that was closed, `purpose` and `vendor` are those of a withdrawn consent, `categories` what it
    is about; none are all.
    """

    cause: Cause
    order: str | None = None
    purpose: Purpose | None = None
    vendor: str | None = None
    categories: frozenset[Category] = frozenset()


@dataclass(frozen=True, slots=True, repr=False)
class Received:
    """What of a person a vendor got, from which company, under which references and about which orders; it may keep it
    up to `until`, in µs.

    Holds numbers of people and orders, so it has no `repr`.
    """

    entity: str
    categories: frozenset[str]
    refs: frozenset[str]
    orders: frozenset[str]
    until: int


def received(told: Iterable[Personal], concern: Concern, contracts: ContractSet) -> Mapping[str, Received]:
    """Vendor → what reached it, as far as it is of this concern; `told` is the newest first.

    What a notice says of a person is no reason for another.
    """
    counts = _COUNTS[concern.cause]
    found: dict[str, Received] = {}
    for each in told:
        # An authority or a court is no vendor that would be told.
        vendor = str(each.entry.body.get("vendor", ""))
        is_notice = each.entry.body["purpose"] == Purpose.RIGHTS_FULFILMENT
        if not vendor or is_notice or not each.may_have_arrived or concern.vendor not in (None, vendor):
            continue
        if categories := counts(each, concern, contracts):
            new = _received(each, categories)
            found[vendor] = merged(found[vendor], new) if vendor in found else new
    return found


def _received(each: Personal, categories: frozenset[str]) -> Received:
    body = each.entry.body
    stated = cast("Mapping[str, str]", body.get("retention", {})).get("vendor_keeps")
    until = each.left_at + (days(stated) * _DAY if stated else 0)
    orders = frozenset(subject.order_ref for subject in each.subjects if subject.order_ref is not None)
    refs = frozenset(subject.ref for subject in each.subjects)
    return Received(str(body["entity"]), categories, refs, orders, until)


def merged(newer: Received, older: Received) -> Received:
    """All that a vendor got, by the company that gave it the newer part."""
    return Received(
        newer.entity,
        newer.categories | older.categories,
        newer.refs | older.refs,
        newer.orders | older.orders,
        max(newer.until, older.until),
    )


def _fields(each: Personal) -> Iterator[tuple[str, str]]:
    """Path and category of every field that left and is this person's."""
    for group in cast("list[Mapping[str, Any]]", each.entry.body.get("disclosed", [])):
        if each.roles & set(group.get("of", ())):
            yield from ((path, category) for path, category, *_ in group["fields"])


def _all(each: Personal, _concern: Concern, _contracts: ContractSet) -> frozenset[str]:
    return frozenset(category for _, category in _fields(each)) - {Category.NOT_PERSONAL.value}


def _named(each: Personal, concern: Concern, contracts: ContractSet) -> frozenset[str]:
    """What it is about, in whole or in part; where nothing is named, everything."""
    found = _all(each, concern, contracts)
    named = {same.value for category in concern.categories for same in overlapping(category)}
    return found & named if concern.categories else found


def _of_order(each: Personal, concern: Concern, contracts: ContractSet) -> frozenset[str]:
    orders = {subject.order_ref for subject in each.subjects}
    return _all(each, concern, contracts) if concern.order in orders else frozenset()


def _objectionable(each: Personal, concern: Concern, contracts: ContractSet) -> frozenset[str]:
    """An objection is to what rests on a legitimate interest (GDPR 21(1))."""
    return _named(each, concern, contracts) if _rests_on(each, {"legitimate_interest"}) else frozenset()


def _withdrawn(each: Personal, concern: Concern, contracts: ContractSet) -> frozenset[str]:
    """What left on consent to the purpose: all of a call, or the groups of its contract that rest on it."""
    if concern.purpose in (None, each.entry.body["purpose"]) and _rests_on(each, CONSENTS):
        return _all(each, concern, contracts)
    named = str(each.entry.body["contract"]).partition("@")[0]
    terms = next((terms for terms in contracts.terms if terms.name == named), None)
    paths = set(_on_consent(terms, each, concern, contracts)) if terms else set()
    return frozenset(category for path, category in _fields(each) if path in paths)


def _rests_on(each: Personal, bases: Collection[str]) -> bool:
    grounds = cast("list[Mapping[str, Json]]", each.entry.body.get("grounds", []))
    return any(ground["role"] in each.roles and ground["basis"] in bases for ground in grounds)


def _on_consent(terms: Terms, each: Personal, concern: Concern, contracts: ContractSet) -> Iterator[str]:
    """The paths of groups whose own ground is consent to the purpose, wherever one of these people lives."""
    for rule in terms.sending.rules:
        group = terms.sending.groups[rule.group] if rule.group >= 0 else None
        if group is None or group.bases is None or concern.purpose not in (None, group.purpose):
            continue
        here = [subject.jurisdiction for subject in each.subjects if subject.role in group.roles]
        if any(basis_for(group.bases, place, contracts.policy) in CONSENTS for place in here):
            yield rule.path


_COUNTS: Mapping[Cause, Callable[[Personal, Concern, ContractSet], frozenset[str]]] = {
    Cause.RECTIFICATION: _named,
    Cause.ERASURE: _named,
    Cause.RESTRICTION: _named,
    Cause.UNRESTRICTED: _named,
    Cause.OBJECTION: _objectionable,
    Cause.WITHDRAWAL: _withdrawn,
    Cause.ORDER_CLOSED: _of_order,
    Cause.KEEP: _named,
}
