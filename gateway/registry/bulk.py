"""Many facts at once: what of them is new, and how they are written in few statements."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from operator import itemgetter
from typing import Any, Final

from sqlalchemy import Connection, Table, delete, select

from gateway.registry import arrays, rows, tables
from gateway.registry.entered import (
    AcceptanceRow,
    ConsentRow,
    FlagRow,
    LinkRow,
    OrderRow,
    OrderStateRow,
    PersonRow,
    Row,
    SubjectRow,
)
from gateway.registry.notices import TELLINGS
from gateway.registry.rows import Statement, Written
from gateway.registry.stored import ImportRow, StoredRow
from gateway.vocabulary import OrderState

Values = dict[str, Any]


class Verdict(StrEnum):
    """What a fact is beside what is known. What is older than that changes nothing."""

    NEW = "new"
    SAME = "same"
    CHANGED = "changed"
    OLDER = "older"


@dataclass(frozen=True, slots=True)
class Shape:
    """How facts of a kind stand in a table: `key` names what they are about, its first column finds it.

    Where they stand `beside` one another, what is there stays; `told` is what vendors are told of a fact. One that is
    written `singly` is more than its own row.
    """

    table: Table
    key: tuple[str, ...]
    rows: Callable[[Any], Sequence[Values]]
    beside: bool = False
    told: Callable[[Any, Written], Values | None] | None = None
    singly: bool = False

    @property
    def says(self) -> tuple[str, ...]:
        """The columns in which a fact says something of what it is about."""
        return _SAYS[self.table.name]

    def thing(self, values: Mapping[str, Any]) -> "Thing":
        return self.table.name, *[values[name] for name in self.key]

    def said(self, rows: Iterable[Mapping[str, Any]]) -> "Said":
        return frozenset(map(_SAID[self.table.name], rows))


Thing = tuple[Any, ...]
Said = frozenset[Any]
"""What a fact says of a thing: the values of its rows."""


@dataclass(slots=True)
class Known:
    """What is known about a thing, as of when."""

    when: datetime = datetime.min  # noqa: DTZ901  as rows keep it
    said: set[Said] = field(default_factory=set)


State = dict[Thing, Known]


@dataclass(frozen=True, slots=True, repr=False)
class Judged:
    """What facts are beside what is known, which parts of them are to be written, and what is known with them."""

    verdicts: Sequence[Verdict]
    written: Sequence[StoredRow]
    state: State


@dataclass(frozen=True, slots=True, repr=False)
class _Part:
    """A fact, or a part of one, with what it says of what, worked out once."""

    fact: StoredRow
    shape: Shape
    thing: Thing
    said: Said
    when: datetime


def _people(row: OrderRow) -> Sequence[Values]:
    return [{"order": row.order, "role": each.role.value, "subject": each.subject} for each in row.people]


SHAPES: Final[Mapping[type[Row], Shape]] = {
    OrderRow: Shape(tables.PEOPLE, ("order",), _people),
    SubjectRow: Shape(
        tables.SUBJECTS, ("subject",), lambda row: [{"subject": row.subject, "jurisdiction": row.jurisdiction}]
    ),
    ConsentRow: Shape(
        tables.CONSENTS,
        ("subject", "purpose", "vendor", "happened"),
        lambda row: [rows.consent_values(row) | {"happened": rows.stored(row.time)}],
        beside=True,
        told=rows.withdrawn,
    ),
    AcceptanceRow: Shape(tables.ACCEPTANCES, ("subject", "policy", "how"), lambda row: [rows.acceptance_values(row)]),
    OrderStateRow: Shape(
        tables.STATES,
        ("order",),
        lambda row: [{"order": row.order, "state": row.state.value}],
    ),
    FlagRow: Shape(
        tables.FLAGS,
        ("subject", "flag", "purpose", "vendor"),
        lambda row: [rows.flag_key(row) | {"lifted": row.lifted}],
    ),
    LinkRow: Shape(
        tables.LINKS,
        ("subject", "other"),
        lambda row: [{"subject": row.subject, "other": row.other, "lifted": row.lifted}],
        singly=True,
    ),
}


# What stands in a row beside what a fact says: who put it in, when, and where that is on record.
_BESIDE = frozenset({"number", "record", "source", "at", "happened", "entry"})
_SAYS: Final[Mapping[str, tuple[str, ...]]] = {
    shape.table.name: tuple(each.name for each in shape.table.c if each.name not in {*_BESIDE, *shape.key})
    for shape in SHAPES.values()
}

# Got out of a row as quickly as can be, since an import does little else.
_SAID: Final[Mapping[str, Callable[[Mapping[str, Any]], Any]]] = {
    name: itemgetter(*says) if says else lambda _: () for name, says in _SAYS.items()
}


def parts(fact: StoredRow) -> Iterator[StoredRow]:
    """An order without whose law its people live under, and each of those by itself."""
    if not isinstance(fact, OrderRow):
        yield fact
        return
    people = tuple(PersonRow(role=each.role, subject=each.subject) for each in fact.people)
    # Not a copy with something else in it, which takes five times as long.
    yield OrderRow(**dict(fact) | {"people": people})
    for each in fact.people:
        if each.jurisdiction is not None:
            law = {"subject": each.subject, "jurisdiction": each.jurisdiction}
            yield SubjectRow(kind="subject", **law, source=fact.source, time=fact.time)


def judged(connection: Connection, asked: tuple[Sequence[StoredRow], State]) -> Judged:
    """What facts are beside what is in the rows, and besides them in a state that was only rehearsed."""
    facts, rehearsed = asked
    split = [[_part(each) for each in parts(fact)] for fact in facts]
    state = _known(connection, [each for several in split for each in several]) | rehearsed
    verdicts, written = list[Verdict](), list[StoredRow]()
    for several in split:
        judged = [_judged(part, state) for part in several]
        verdicts.append(_verdict([verdict for verdict, _ in judged]))
        written += [part.fact for part, (_, is_written) in zip(several, judged, strict=True) if is_written]
    return Judged(verdicts, written, state)


def _part(fact: StoredRow) -> _Part:
    shape = SHAPES[type(fact)]
    values, when = shape.rows(fact), rows.stored(fact.time) if fact.time else datetime.max  # noqa: DTZ901
    return _Part(fact, shape, shape.thing(values[0]), shape.said(values), when)


def _known(connection: Connection, facts: Sequence[_Part]) -> State:
    """What is known about all that these parts of facts are about."""
    state: State = {}
    named: dict[Shape, set[Any]] = {}
    for part in facts:
        named.setdefault(part.shape, set()).add(part.thing[1])
    for shape, found in named.items():
        names = tuple(dict.fromkeys((*shape.key, *shape.says, "happened", "at")))
        columns = [shape.table.c[name] for name in names]
        which = arrays.among(connection, shape.table, [{shape.key[0]: each} for each in found])
        by_thing: dict[Thing, list[Mapping[str, Any]]] = {}
        for each in connection.execute(select(*columns).where(which)):
            row = dict(zip(names, each, strict=True))
            by_thing.setdefault(shape.thing(row), []).append(row)
        for thing, there in by_thing.items():
            said = {shape.said([row]) for row in there} if shape.beside else {shape.said(there)}
            state[thing] = Known(max(row["happened"] or row["at"] for row in there), said)
    return state


def _verdict(parts: Sequence[Verdict]) -> Verdict:
    """What a fact is, from its parts: the first says whether it is new."""
    first, *others = parts
    if first is not Verdict.SAME:
        return first
    if Verdict.NEW in others or Verdict.CHANGED in others:
        return Verdict.CHANGED
    return Verdict.OLDER if Verdict.OLDER in others else Verdict.SAME


def _judged(part: _Part, state: State) -> tuple[Verdict, bool]:
    """What a part of a fact is beside what is known, which it is part of from then on, and whether it is written.

    What says the same at a later time is written for that time: what comes in between is older then.
    """
    there = state.get(part.thing)
    if there is None:
        state[part.thing] = Known(part.when, {part.said})
        return Verdict.NEW, True
    is_same = part.said in there.said
    if part.shape.beside:
        there.said.add(part.said)
        return (Verdict.SAME, False) if is_same else (Verdict.CHANGED, True)
    if there.when >= part.when and is_same:
        return Verdict.SAME, False
    if there.when > part.when:
        return Verdict.OLDER, False
    state[part.thing] = Known(part.when, {part.said})
    return (Verdict.SAME if is_same else Verdict.CHANGED), True


def write(
    connection: Connection, facts: Sequence[StoredRow], at: datetime, entries: Sequence[str | None]
) -> Iterator[Statement]:
    """Writes parts of facts down, each with the id of its entry, and gives what else they cause.

    Of several about one thing the last one stays.
    """
    written = {id(fact): Written(at, fact.time, fact.source, entry) for fact, entry in zip(facts, entries, strict=True)}
    for shape, of_shape in _by_shape(facts).items():
        if shape.singly:
            for fact in of_shape:
                yield from rows.statements(fact, at, written[id(fact)].entry)
            continue
        if shape.table is tables.STATES:
            _turn(connection, of_shape, written)
        _write(connection, shape, [(fact, written[id(fact)]) for fact in of_shape])
        if shape.told is not None:
            _tell(connection, (shape.told(fact, written[id(fact)]) for fact in of_shape))


def not_overtaken(
    connection: Connection, facts: Sequence[tuple[int, StoredRow]], at: datetime
) -> Sequence[tuple[int, StoredRow]]:
    """Those of these facts, each with its number, about whose thing nobody has put anything in since."""
    newer = set[Thing]()
    for shape, of_shape in _by_shape([fact for _, fact in facts]).items():
        if not shape.beside:
            found = {shape.rows(fact)[0][shape.key[0]] for fact in of_shape}
            which = arrays.among(connection, shape.table, [{shape.key[0]: each} for each in found])
            columns = [shape.table.c[name] for name in shape.key]
            since = select(*columns).where(which, shape.table.c.at > rows.stored(at))
            newer |= {(shape.table.name, *row) for row in connection.execute(since)}
    return [(number, fact) for number, fact in facts if _thing(fact) not in newer]


def _thing(fact: StoredRow) -> Thing:
    shape = SHAPES[type(fact)]
    return shape.thing(shape.rows(fact)[0])


def _turn(connection: Connection, facts: Sequence[Any], written: Mapping[int, Written]) -> None:
    """What it causes that orders end, or go on after their end, as long as what was before still stands there."""
    states = tables.STATES
    named = arrays.among(connection, states, [{"order": fact.order} for fact in facts])
    found = select(states.c.order).where(named, states.c.state == OrderState.CLOSED.value)
    closed = frozenset(connection.scalars(found))
    meant = (fact for fact in facts if (fact.state is OrderState.CLOSED) is not (fact.order in closed))
    _tell(connection, (rows.turned(fact, written[id(fact)]) for fact in meant))


def _tell(connection: Connection, asked: Iterable[Values | None]) -> None:
    """Has vendors told of all of it: each telling is named like the entry of its fact, so that it comes once."""
    if found := [row for row in asked if row is not None]:
        arrays.insert(connection, TELLINGS, found)


def _write(connection: Connection, shape: Shape, facts: Sequence[tuple[StoredRow, Written]]) -> None:
    found: dict[object, list[Values]] = {}
    named = {name for name in ("record", "entry") if name in shape.table.c}
    for fact, written in facts:
        beside = written.columns | dict.fromkeys(named, written.entry)
        values = [each | beside for each in shape.rows(fact)]
        found[id(fact) if shape.beside else shape.thing(values[0])] = values
    if not shape.beside:
        gone = [{name: values[0][name] for name in shape.key} for values in found.values()]
        connection.execute(delete(shape.table).where(arrays.among(connection, shape.table, gone)))
    arrays.insert(connection, shape.table, [each for values in found.values() for each in values])


def progress(connection: Connection, id_: str) -> ImportRow | None:
    """How far an import has come; None where it never began."""
    row = connection.execute(select(tables.IMPORTS).where(tables.IMPORTS.c.id == id_)).one_or_none()
    if row is None:
        return None
    counts = {name: getattr(row, name) for name in tables.COUNTED}
    begun = row.begun.replace(tzinfo=UTC)
    return ImportRow(id=row.id, begun=begun, chain=row.chain, is_done=row.is_done, source=row.source, **counts)


def _by_shape(facts: Sequence[StoredRow]) -> dict[Shape, list[StoredRow]]:
    found: dict[Shape, list[StoredRow]] = {}
    for fact in facts:
        found.setdefault(SHAPES[type(fact)], []).append(fact)
    return found
