"""Changes that are begun: noted with all that is needed to carry them on, until their rows are written."""

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Table, delete, exists, false, insert, select, true
from sqlalchemy.sql.elements import ColumnElement

from gateway.misfit import NOTED
from gateway.registry import bulk, rows
from gateway.registry.entered import ConsentRow, SuspensionRow
from gateway.registry.policies import POLICIES
from gateway.registry.rows import EVERY_OPERATION, Statement
from gateway.registry.stored import STORED, ImportRow, PolicyRow, StoredRow
from gateway.registry.tables import (
    AGREEMENTS,
    ANNOUNCED,
    ATTESTED,
    CASE_STEPS,
    CONSENTS,
    ENDED,
    FLAGS,
    LINKS,
    PENDING,
    PEOPLE,
    REQUESTS,
    REVIEWS,
    STATES,
    SUBJECTS,
    SUSPENSIONS,
)

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
        facts = STORED.dump_json(list(self.facts), by_alias=True).decode()
        values = {"id": self.id, "node": self.node, "by": self.by, "facts": facts, "at": self.at.replace(tzinfo=None)}
        return insert(PENDING).values(values)

    def forgotten(self) -> Statement:
        """What takes the note away."""
        return delete(PENDING).where(PENDING.c.id == self.id)

    def done(self, connection: Connection) -> bool:
        """Takes the note away in the transaction that carries it out. False where that was done already."""
        return connection.execute(self.forgotten()).rowcount == 1

    @property
    def is_import(self) -> bool:
        """Whether it is a part of an import, all of which has one entry: that of how far the import has come."""
        return isinstance(self.facts[-1], ImportRow)

    def statements(self, connection: Connection, entries: Mapping[int, str]) -> Iterator[Statement]:
        """What writes its rows, each with the id of its entry."""
        last = len(self.facts) - 1
        if self.is_import:
            numbered = [self.entry_of(number, entries) for number in range(last)]
            yield from bulk.write(connection, self.facts[:-1], self.at, numbered)
        for number in range(last if self.is_import else 0, last + 1):
            yield from rows.statements(self.facts[number], self.at, entries.get(number))

    def entry_of(self, number: int, entries: Mapping[int, str]) -> str | None:
        """The id of the entry of a fact; of one in an import, with its number among them."""
        if not self.is_import:
            return entries.get(number)
        entry = entries.get(len(self.facts) - 1)
        return entry and f"{entry}.{number}"


def left(connection: Connection, asked: tuple[str | None, datetime]) -> Sequence[Pending]:
    """What a node, or any, began before it ended, and what others began so long ago that they have; oldest first."""
    node, now = asked
    mine = true() if node is None else (PENDING.c.node == node) | (PENDING.c.at < (now - OLD).replace(tzinfo=None))
    found = connection.execute(select(PENDING).where(mine).order_by(PENDING.c.at))
    return [
        Pending(
            row.id, row.node, row.by, tuple(STORED.validate_json(row.facts, context=NOTED)), row.at.replace(tzinfo=UTC)
        )
        for row in found
    ]


def not_overtaken(connection: Connection, pending: Pending, entries: Mapping[int, str]) -> Iterator[Statement]:
    """What writes those of its facts that nobody has put in anew since; how far an import has come is one of them."""
    alone = range(len(pending.facts))
    if pending.is_import:
        *together, last = alone
        left = bulk.not_overtaken(connection, [(number, pending.facts[number]) for number in together], pending.at)
        numbered = [pending.entry_of(number, entries) for number, _ in left]
        yield from bulk.write(connection, [fact for _, fact in left], pending.at, numbered)
        alone = range(last, last + 1)
    for number in alone:
        for part in bulk.parts(pending.facts[number]):
            if not _is_overtaken(connection, part, pending.at):
                yield from rows.statements(part, pending.at, pending.entry_of(number, entries))


def _is_overtaken(connection: Connection, fact: StoredRow, at: datetime) -> bool:
    if fact.kind not in _SAME or (isinstance(fact, ConsentRow) and fact.time is not None):
        return False
    table, same = _SAME[fact.kind]
    return bool(connection.scalar(select(exists().where(table.c.at > at.replace(tzinfo=None), same(fact)))))


def _same_answer(fact: ConsentRow) -> ColumnElement[bool]:
    to = CONSENTS.c.vendor.is_not_distinct_from(fact.vendor)
    return (CONSENTS.c.subject == fact.subject) & (CONSENTS.c.purpose == fact.purpose.value) & to


def _same_suspension(fact: SuspensionRow) -> ColumnElement[bool]:
    operation = fact.operation or EVERY_OPERATION
    return (SUSPENSIONS.c.vendor == fact.vendor) & (SUSPENSIONS.c.operation == operation)


def _same_draft(fact: PolicyRow) -> ColumnElement[bool]:
    """What was published stays so: the first one under a name counts, whoever comes later."""
    is_draft = fact.state in ("draft", "dropped")
    return (POLICIES.c.version == fact.draft.version) & (POLICIES.c.state == "draft") if is_draft else false()


# A table, and which rows in it say something about the same as a fact. A revocation is never taken back, and an
# answer with a time of its own comes before those that are newer.
_SAME: Mapping[str, tuple[Table, Callable[[Any], ColumnElement[bool]]]] = {
    "order": (PEOPLE, lambda fact: PEOPLE.c.order == fact.order),
    "order_state": (STATES, lambda fact: STATES.c.order == fact.order),
    "subject": (SUBJECTS, lambda fact: SUBJECTS.c.subject == fact.subject),
    "consent": (CONSENTS, _same_answer),
    "flag": (FLAGS, rows.same_flag),
    "link": (LINKS, lambda fact: (LINKS.c.subject == fact.subject) & (LINKS.c.other == fact.other)),
    "request": (REQUESTS, lambda fact: REQUESTS.c.request == fact.request),
    "suspension": (SUSPENSIONS, _same_suspension),
    "agreement": (AGREEMENTS, lambda fact: rows.same_paper(AGREEMENTS, fact.vendor, fact.agreement.id)),
    "agreement_end": (ENDED, lambda fact: rows.same_paper(ENDED, fact.vendor, fact.agreement)),
    "policy": (POLICIES, _same_draft),
    "review": (REVIEWS, lambda fact: REVIEWS.c.vendor == fact.vendor),
    "attestation": (ATTESTED, lambda fact: (ATTESTED.c.vendor == fact.vendor) & (ATTESTED.c.of == fact.of.value)),
    "sub_processor": (ANNOUNCED, rows.same_company),
    "case": (CASE_STEPS, lambda fact: (CASE_STEPS.c.case == fact.case) & (CASE_STEPS.c.number == fact.number)),
}
