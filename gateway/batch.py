"""A call about many people: what each item of it holds by itself, and what is left where some must not go."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from gateway.body.document import Document
from gateway.body.lines import Lines
from gateway.clearance import GRANTED, Clearance, waived
from gateway.contract.terms import Batch, Terms
from gateway.errors import Failure, Refusal, refuse
from gateway.frozen import Frozen, changed
from gateway.minimise import Minimised, Withheld
from gateway.paths import EACH, Place, values_at
from gateway.registry.facts import Facts, Waiver
from gateway.vocabulary import SubjectRole

MAX_ITEMS: Final = 10_000

Documents = Mapping[str, Document]


class Item(Frozen, frozen=True):
    """An element of a batch as if it had come alone, or a whole call: what is known of it, and why it may go."""

    documents: Documents
    facts: Facts
    clearance: Clearance

    @property
    def people(self) -> Mapping[SubjectRole, str]:
        return {role: person.ref for role, person in self.facts.people.items()}


class Decision(Frozen, frozen=True):
    """What may go of a call, and on which grounds: `items` are those that are left in `incoming`.

    `withheld` has the place of each of the others.
    """

    items: tuple[Item, ...]
    clearance: Clearance
    incoming: Documents
    withheld: tuple[Withheld, ...] = ()

    def naming(self, waivers: Sequence[str]) -> "Decision":
        """The same, with waivers that let the call as a whole pass."""
        if not waivers:
            return self
        every = tuple(dict.fromkeys((*waivers, *self.clearance.waivers)))
        return changed(self, clearance=changed(self.clearance, waivers=every))

    @property
    def people(self) -> Mapping[SubjectRole, str]:
        """Whom the call as a whole is about in each role in which it is about one."""
        if len(self.items) == 1:
            return self.items[0].people
        everybody = [pair for item in self.items for pair in item.people.items()]
        refs = {role: {ref for other, ref in everybody if other is role} for role in dict(everybody)}
        return {role: next(iter(several)) for role, several in refs.items() if len(several) == 1}

    def completed(self, outgoing: Minimised) -> Minimised:
        """What was minimised, with what was not even looked at."""
        if not self.withheld:
            return outgoing
        return changed(outgoing, stayed=(*outgoing.stayed, *self.withheld))


def whole(item: Item) -> Decision:
    """The decision about a call without items."""
    return Decision((item,), item.clearance, item.documents)


def at_hand(item: Item) -> Item:
    """The same with its line in memory, where those of its body are not."""
    body = item.documents["body"]
    if not isinstance(body, Lines):
        return item
    return changed(item, documents={**item.documents, "body": list(body.each())})


def views(incoming: Documents, batch: Batch) -> Iterator[Documents]:
    """The documents of the call as they were if each item had come alone. Raises Refusal `body.too_large`."""
    for items in values_at(incoming["body"], batch.path):
        if isinstance(items, list) and len(items) > MAX_ITEMS:
            raise refuse("body.too_large", f"more than {MAX_ITEMS} items")
        for alone in _each_alone(items):
            yield {**incoming, "body": _with(incoming["body"], batch, alone)}


def _each_alone(items: object) -> Iterator[list[Document]]:
    if isinstance(items, Lines):
        return items.alone()
    return ([element] for element in items) if isinstance(items, list) else iter(())


def together(items: Sequence[Item | Refusal], incoming: Documents, batch: Batch) -> Decision:
    """The decision about a batch, without the items that were refused. Raises the first refusal if nothing is left."""
    left = [item for item in items if isinstance(item, Item)]
    codes = [item.code for item in items if isinstance(item, Refusal)]
    if not left:
        raise next(item for item in items if isinstance(item, Refusal))
    path = str(Place("body", (*batch.path, EACH)))
    return Decision(
        tuple(left),
        _of_all([item.clearance for item in left]),
        _without(incoming, items, batch) if codes else incoming,
        tuple(Withheld(path, None, code) for code in codes),
    )


def check_people(terms: Terms, people: Collection[str], waivers: Sequence[Waiver] = ()) -> tuple[str, ...]:
    """The ids of the waivers without which it would not go.

    Raises Refusal `limit.subjects` where a call is about more people than its contract allows.
    """
    most = terms.operation.limits.per_call
    if most is None or len(people) <= most:
        return ()
    over = Failure("limit.subjects", f"{terms.name} may be about {most} in one call", terms.file)
    left, passed = waived([over], waivers)
    if left:
        raise Refusal(*left)
    return passed


def _of_all(clearances: Sequence[Clearance]) -> Clearance:
    """The grounds of all items. What stands outside of them is about everybody, so one reason keeps it here."""
    return changed(
        clearances[0],
        agreements=tuple(dict.fromkeys(paper for each in clearances for paper in each.agreements)),
        grounds=tuple(dict.fromkeys(ground for each in clearances for ground in each.grounds)),
        apart=tuple(dict.fromkeys(ground for each in clearances for ground in each.apart)),
        transfer=tuple(sorted({pair for each in clearances for pair in each.transfer})),
        warnings=tuple(dict.fromkeys(code for each in clearances for code in each.warnings)),
        waivers=tuple(dict.fromkeys(waiver for each in clearances for waiver in each.waivers)),
        grants=tuple(
            next(filter(None, reasons), GRANTED) for reasons in zip(*(c.grants for c in clearances), strict=True)
        ),
    )


def _without(incoming: Documents, items: Sequence[Item | Refusal], batch: Batch) -> Documents:
    elements = next(values for values in values_at(incoming["body"], batch.path) if isinstance(values, list))
    numbers = [number for number, item in enumerate(items) if isinstance(item, Item)]
    left = elements.only(numbers) if isinstance(elements, Lines) else [elements[number] for number in numbers]
    return {**incoming, "body": _with(incoming["body"], batch, left)}


def _with(body: Document, batch: Batch, elements: list[Document], depth: int = 0) -> Document:
    """A body with other items in it."""
    if depth == len(batch.path):
        return elements
    step = batch.path[depth]
    if not isinstance(body, Mapping) or not isinstance(step, str):
        return body
    return {**body, step: _with(body[step], batch, elements, depth + 1)}
