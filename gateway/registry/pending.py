"""Changes that are begun: noted with all that is needed to carry them on, until their rows are written."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, exists, insert, select, true
from sqlalchemy.sql.elements import ColumnElement

from gateway.registry import tables
from gateway.registry.facts import STORED, ConsentRow, OrderRow, StoredRow, SubjectRow, SuspensionRow
from gateway.registry.tables import CONSENTS, PENDING, PEOPLE, SUBJECTS, SUSPENSIONS, Statement

OLD = timedelta(minutes=10)  # longer than any change takes: whoever began it has ended or was stopped


@dataclass(frozen=True, slots=True, repr=False)
class Pending:
    """Facts on their way in: who puts them in, where and when. Holds references of people, so it has no `repr`."""

    id: str
    node: str
    by: str
    facts: tuple[StoredRow, ...]
    at: datetime

    @classmethod
    def begun(cls, node: str, by: str, facts: Sequence[StoredRow], at: datetime) -> "Pending":
        return cls(uuid.uuid4().hex, node, by, tuple(facts), at)

    def written(self) -> Statement:
        """What notes it."""
        facts = STORED.dump_json(list(self.facts)).decode()
        values = {"id": self.id, "node": self.node, "by": self.by, "facts": facts, "at": self.at.replace(tzinfo=None)}
        return insert(PENDING).values(values)

    def forgotten(self) -> Statement:
        """What takes the note away."""
        return delete(PENDING).where(PENDING.c.id == self.id)

    def done(self, connection: Connection) -> bool:
        """Takes the note away in the transaction that carries it out. False where that was done already."""
        return connection.execute(self.forgotten()).rowcount == 1

    def statements(self, entries: Mapping[int, str]) -> Iterator[Statement]:
        """What writes its rows, each with the id of its entry."""
        for number, fact in enumerate(self.facts):
            yield from tables.statements(fact, self.at, entries.get(number))


def left(connection: Connection, asked: tuple[str | None, datetime]) -> Sequence[Pending]:
    """What a node, or any, began before it ended, and what others began so long ago that they have; oldest first."""
    node, now = asked
    mine = true() if node is None else (PENDING.c.node == node) | (PENDING.c.at < (now - OLD).replace(tzinfo=None))
    found = connection.execute(select(PENDING).where(mine).order_by(PENDING.c.at))
    return [
        Pending(row.id, row.node, row.by, tuple(STORED.validate_json(row.facts)), row.at.replace(tzinfo=UTC))
        for row in found
    ]


def not_overtaken(connection: Connection, pending: Pending, entries: Mapping[int, str]) -> Iterator[Statement]:
    """What writes those of its facts that nobody has put in anew since."""
    for number, fact in enumerate(pending.facts):
        for part in _parts(fact):
            if not _is_overtaken(connection, part, pending.at):
                yield from tables.statements(part, pending.at, entries.get(number))


def _parts(fact: StoredRow) -> Iterator[StoredRow]:
    """An order without whose law its people live under, and each of those by itself."""
    if not isinstance(fact, OrderRow):
        yield fact
        return
    yield fact.model_copy(
        update={"people": tuple(each.model_copy(update={"jurisdiction": None}) for each in fact.people)}
    )
    for each in fact.people:
        if each.jurisdiction is not None:
            yield SubjectRow(kind="subject", subject=each.subject, jurisdiction=each.jurisdiction, source=fact.source)


def _is_overtaken(connection: Connection, fact: StoredRow, at: datetime) -> bool:
    same = _same(fact)
    return same is not None and bool(
        connection.scalar(select(exists().where(same[0].at > at.replace(tzinfo=None), same[1])))
    )


def _same(fact: StoredRow) -> tuple[Any, ColumnElement[bool]] | None:
    """The columns of a table, and which rows in it say something about the same; a revocation is never taken back, and
    an answer with a time of its own comes before those that are newer.
    """
    if isinstance(fact, OrderRow):
        return PEOPLE.c, PEOPLE.c.order == fact.order
    if isinstance(fact, SubjectRow):
        return SUBJECTS.c, SUBJECTS.c.subject == fact.subject
    if isinstance(fact, ConsentRow) and fact.time is None:
        to = CONSENTS.c.vendor.is_not_distinct_from(fact.vendor)
        return CONSENTS.c, (CONSENTS.c.subject == fact.subject) & (CONSENTS.c.purpose == fact.purpose.value) & to
    if isinstance(fact, SuspensionRow):
        operation = fact.operation or tables.EVERY_OPERATION
        return SUSPENSIONS.c, (SUSPENSIONS.c.vendor == fact.vendor) & (SUSPENSIONS.c.operation == operation)
    return None
