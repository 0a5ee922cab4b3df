"""Which vendors really received which data of a person: what the record says, and nothing else."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from gateway.clearance.bases import CONSENTS
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


def received(told: Iterable[Personal], concern: Concern) -> Mapping[str, Received]:
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
        if categories := counts(each, concern):
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


def _own(each: Personal) -> Iterator[Mapping[str, Any]]:
    """What left and is this person's, as it stands together."""
    groups = cast("list[Mapping[str, Any]]", each.entry.body.get("disclosed", []))
    return (group for group in groups if each.roles & set(group.get("of", ())))


def _categories(groups: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    found = {category for group in groups for _, category, *_ in group["fields"]}
    return frozenset(found - {Category.NOT_PERSONAL.value})


def _all(each: Personal, _concern: Concern) -> frozenset[str]:
    return _categories(_own(each))


def _named(each: Personal, concern: Concern) -> frozenset[str]:
    """What it is about, in whole or in part; where nothing is named, everything."""
    return _in_part(_all(each, concern), concern)


def _in_part(found: frozenset[str], concern: Concern) -> frozenset[str]:
    named = {same.value for category in concern.categories for same in overlapping(category)}
    return found & named if concern.categories else found


def _of_order(each: Personal, concern: Concern) -> frozenset[str]:
    orders = {subject.order_ref for subject in each.subjects}
    return _all(each, concern) if concern.order in orders else frozenset()


def _objectionable(each: Personal, concern: Concern) -> frozenset[str]:
    """An objection is to what rests on a legitimate interest (GDPR 21(1))."""
    return _in_part(_categories(_resting(each, {"legitimate_interest"}, None)), concern)


def _withdrawn(each: Personal, concern: Concern) -> frozenset[str]:
    """What left on consent to the purpose: all of a call, or what of it had a ground of its own."""
    return _categories(_resting(each, CONSENTS, concern.purpose))


def _resting(each: Personal, bases: Collection[str], purpose: Purpose | None) -> Iterator[Mapping[str, Any]]:
    """What left on one of these bases for a purpose, or for any: on that of the call unless it had its own."""
    body = each.entry.body
    for group in _own(each):
        mine, grounds = each.roles & set(group["of"]), group.get("grounds", body.get("grounds", []))
        is_meant = purpose in (None, group.get("purpose", body["purpose"]))
        if is_meant and any(ground["role"] in mine and ground["basis"] in bases for ground in grounds):
            yield group


_COUNTS: Mapping[Cause, Callable[[Personal, Concern], frozenset[str]]] = {
    Cause.RECTIFICATION: _named,
    Cause.ERASURE: _named,
    Cause.RESTRICTION: _named,
    Cause.UNRESTRICTED: _named,
    Cause.OBJECTION: _objectionable,
    Cause.WITHDRAWAL: _withdrawn,
    Cause.ORDER_CLOSED: _of_order,
    Cause.KEEP: _named,
}
