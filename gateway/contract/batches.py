"""Where a call holds many people's data, item by item: what a contract says of it, and what it must keep to."""

from collections.abc import Iterator

from gateway.contract.compile import Source
from gateway.contract.model import Sending
from gateway.contract.terms import Batch, Origin, Terms
from gateway.paths import EACH, Place
from gateway.vocabulary import FORMS_FOR_ANY, Category, SubjectRole

# Of these, a list that is one element shorter reads like one that never had it.
_SHORTER = ("json", "ndjson")
_HARMLESS = frozenset({Category.NOT_PERSONAL, Category.PARCEL_MEASURE})
_AT = ("sending", "batch")


def batch_of(written: Sending, source: Source) -> Batch | None:
    """The list whose elements are decided by themselves, or None. `items` names the list or each of its elements."""
    if written.batch is None:
        return None
    place = source.place(written.batch.items, (*_AT, "items"), source.path(written.at, ("sending", "at")))
    if place is None:
        return None
    path = place.path[:-1] if place.path[-1:] == (EACH,) else place.path
    if place.kind != "body" or EACH in path:
        source.find("contract.path", (*_AT, "items"), f"{place} is not one list in the body", "write $.name.*")
    return Batch(path, drops=written.batch.if_refused == "drop_item")


def check_batch(terms: Terms, source: Source) -> None:
    """What is wrong with an operation that sends many items at once."""
    if (batch := terms.sending.batch) is None:
        return
    if terms.operation.limits.per_call is None:
        source.find("contract.missing", _AT, "a batch needs `limits`", "say how many people: limits: {per_call: 100}")
    if terms.sending.body in ("opaque", "none"):
        source.find("contract.value", _AT, f"a body that is {terms.sending.body} has no items", "leave it out")
    if batch.drops:
        _check_drops(terms, batch, source)


def _check_drops(terms: Terms, batch: Batch, source: Source) -> None:
    at = (*_AT, "if_refused")
    if terms.sending.body not in _SHORTER:
        body = terms.sending.body
        source.find("contract.value", at, f"no item is taken out of a body that is {body}", "write refuse_call")
    message = "the vendor gets fewer items: does its answer, or the caller, tell them by their position?"
    source.find("contract.value", at, message, "if so, write refuse_call", note=True)
    roles = frozenset(_roles_of_items(terms, batch))
    for rule in terms.sending.rules:
        is_personal = rule.category not in _HARMLESS and rule.form.name not in FORMS_FOR_ANY
        if (
            is_personal
            and rule.origin is Origin.GROUP
            and roles & set(rule.roles)
            and not _is_inside(rule.place, batch)
        ):
            source.find(
                "contract.whose", rule.where, f"{rule.path} may be about somebody whose item is dropped",
                "name it in the items, or write refuse_call",
            )  # fmt: skip


def _roles_of_items(terms: Terms, batch: Batch) -> Iterator[SubjectRole]:
    """Those who differ from item to item."""
    for subject in terms.subjects:
        places = terms.orders if subject.order else (subject.ref, subject.earlier)
        if any(place is not None and _is_inside(place, batch) for place in places):
            yield subject.role


def _is_inside(place: Place, batch: Batch) -> bool:
    item = (*batch.path, EACH)
    return place.kind == "body" and place.path[: len(item)] == item
