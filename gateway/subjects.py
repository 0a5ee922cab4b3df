"""Whose data a call holds: where it says so, and who that is."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

from gateway.body.document import Document
from gateway.contract.terms import SAID, SubjectTerms, Terms
from gateway.errors import refuse
from gateway.frozen import changed
from gateway.ledger.entry import Subject
from gateway.paths import Place, values_at
from gateway.registry.facts import Mention, Person
from gateway.vocabulary import SubjectRole, is_place

_NAMING = (str, int)
Earlier = Callable[[str], Awaitable[Sequence[Subject] | None]]


async def mentioned(
    terms: Terms, documents: Mapping[str, Document], order: str | None, stated: str | None, earlier: Earlier
) -> tuple[Mention, ...]:
    """How a call names the person of each role. `order` is what `order_of` found; `stated` is what the shop says in
    Gateway-Subject: who it is where the call itself does not say so and is about one person.

    Raises Refusal `subject.mismatch` where one place names several people.
    """
    mentions = [await _mention(subject, terms, documents, order, stated, earlier) for subject in terms.subjects]
    if stated is None or len(mentions) > 1 or terms.sending.batch is not None:
        return tuple(mentions)
    return tuple(mention if mention.ref is not None else changed(mention, ref=stated) for mention in mentions)


def order_of(terms: Terms, documents: Mapping[str, Document]) -> str | None:
    """The order number that a call states: what the first place has that has one. Raises Refusal `subject.mismatch`."""
    numbers = (_one(documents, place, terms) for place in terms.orders)
    return next((number for number in numbers if number is not None), None)


def check_stated(stated: str, people: Collection[str], terms: Terms) -> None:
    """What the shop says must be what the call says, by any reference of the person. Raises Refusal
    `subject.mismatch`.
    """
    if people and stated not in people:
        raise refuse("subject.mismatch", "Gateway-Subject is nobody whom the call names", terms.file)


async def _mention(
    subject: SubjectTerms,
    terms: Terms,
    documents: Mapping[str, Document],
    order: str | None,
    stated: str | None,
    earlier: Earlier,
) -> Mention:
    jurisdiction = _country(_one(documents, subject.jurisdiction, terms))
    if subject.order:
        return Mention(subject.role, order=order, jurisdiction=jurisdiction)
    if subject.earlier is not None:
        number = _one(documents, subject.earlier, terms)
        person = await _person_of(number, subject.role, earlier) if number else None
        return Mention(subject.role, earlier=person, jurisdiction=jurisdiction)
    ref = stated if subject.ref in (None, SAID) else _one(documents, subject.ref, terms)
    return Mention(subject.role, ref=ref, jurisdiction=jurisdiction, stated=order)


async def _person_of(number: str, role: SubjectRole, earlier: Earlier) -> Person | None:
    """Whoever had this role when the vendor gave us the number; the only person of that call, where it had one."""
    subjects = await earlier(number) or ()
    same = [subject for subject in subjects if subject.role == role.value] or list(subjects)
    if len(same) != 1:
        return None
    return Person(same[0].ref, role, same[0].jurisdiction, same[0].order_ref)


def _one(documents: Mapping[str, Document], place: Place | None, terms: Terms) -> str | None:
    """The one value at a place, as text."""
    if place is None:
        return None
    found: str | None = None
    for value in values_at(documents.get(place.kind), place.path):
        text = _text(value)
        if found is not None and text is not None and text != found:
            raise refuse("subject.mismatch", f"{place} names several", terms.file)
        found = found or text
    return found


def _text(value: object) -> str | None:
    if not isinstance(value, _NAMING) or isinstance(value, bool):
        return None
    return str(value) or None


def _country(text: str | None) -> str | None:
    """What a call says about where somebody lives counts only if it is a country."""
    return text if text is not None and is_place(text) else None
