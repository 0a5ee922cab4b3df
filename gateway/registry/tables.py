"""The tables of the registry, and how facts become rows and rows become facts."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    DateTime,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    delete,
    false,
    insert,
    select,
)
from sqlalchemy.sql.dml import Delete, Insert

from gateway.registry.facts import (
    AcceptanceRow,
    Consent,
    ConsentRow,
    OrderRow,
    Person,
    RevocationRow,
    StoredRow,
    SubjectRow,
    Suspension,
)
from gateway.vocabulary import ConsentState, Purpose, SubjectRole

METADATA = MetaData()


def _written() -> Iterator[Column[Any]]:
    """Where a row comes from, when it was put in, and when it came to be what it says, if that was at another time."""
    yield Column("source", String, nullable=False)
    yield Column("at", DateTime, nullable=False)
    yield Column("happened", DateTime)


PEOPLE = Table(
    "order_person",
    METADATA,
    Column("order", String, primary_key=True),
    Column("role", String, primary_key=True),
    Column("subject", String, nullable=False, index=True),
    *_written(),
)
SUBJECTS = Table(
    "subject",
    METADATA,
    Column("subject", String, primary_key=True),
    Column("jurisdiction", String, nullable=False),
    *_written(),
)
CONSENTS = Table(
    "consent",
    METADATA,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("record", String, nullable=False, unique=True),
    Column("subject", String, nullable=False),
    Column("purpose", String, nullable=False),
    Column("vendor", String),
    Column("state", String, nullable=False),
    Column("explicit", Boolean, nullable=False),
    Column("expires", DateTime),
    *_written(),
    Column("separate", Boolean, nullable=False, server_default=false()),
    Column("written", Boolean, nullable=False, server_default=false()),
    Column("details", String, nullable=False, server_default="{}"),
    Index("consent_of", "subject"),
)
ACCEPTANCES = Table(
    "policy_acceptance",
    METADATA,
    Column("subject", String, primary_key=True),
    Column("policy", String, primary_key=True),
    Column("how", String, primary_key=True),
    Column("entry", String),
    *_written(),
)
SUSPENSIONS = Table(
    "suspension",
    METADATA,
    Column("vendor", String, primary_key=True),
    Column("operation", String, primary_key=True),
    Column("source", String, nullable=False),
    Column("at", DateTime, nullable=False),
    Column("entry", String),
    Column("happened", DateTime),
)
REVOKED = Table(
    "revoked_token",
    METADATA,
    Column("token", String, primary_key=True),
    Column("at", DateTime),
    Column("entry", String),
)
CHANGES = Table(
    "change",
    METADATA,
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", String, primary_key=True),
    Column("ref", String, primary_key=True),
    Column("at", DateTime, nullable=False, index=True),
)
PENDING = Table(
    "pending",
    METADATA,
    Column("id", String, primary_key=True),
    Column("node", String, nullable=False),
    Column("by", String, nullable=False),
    Column("facts", String, nullable=False),
    Column("at", DateTime, nullable=False),
)

OF_PEOPLE = (PEOPLE, SUBJECTS, CONSENTS, ACCEPTANCES)
"""Whose rows are about somebody: `subject` says who."""
_DECIDING = {"kind", "source", "time", "subject", "purpose", "vendor", "state", "explicit", "separate", "written"}

Statement = Insert | Delete
EVERY_OPERATION = ""


def statements(row: StoredRow, at: datetime, entry: str | None = None) -> Iterator[Statement]:
    """What writes a fact down; `at` is when it was put in, `entry` the id of its entry where it has one."""
    written = {"source": row.source, "at": _stored(at), "happened": _stored(row.time) if row.time else None}
    if isinstance(row, OrderRow):
        yield delete(PEOPLE).where(PEOPLE.c.order == row.order)
        yield insert(PEOPLE).values(
            [{"order": row.order, "role": each.role.value, "subject": each.subject} | written for each in row.people]
        )
        for each in row.people:
            if each.jurisdiction is not None:
                yield from _living(each.subject, each.jurisdiction, written)
    elif isinstance(row, SubjectRow):
        yield from _living(row.subject, row.jurisdiction, written)
    elif isinstance(row, ConsentRow):
        yield insert(CONSENTS).values(_consent(row) | {"record": entry or uuid.uuid4().hex} | written)
    elif isinstance(row, AcceptanceRow):
        yield delete(ACCEPTANCES).where(*(ACCEPTANCES.c[name] == value for name, value in _accepted(row).items()))
        yield insert(ACCEPTANCES).values(_accepted(row) | {"entry": entry} | written)
    elif isinstance(row, RevocationRow):
        yield delete(REVOKED).where(REVOKED.c.token == row.token)
        yield insert(REVOKED).values(token=row.token, at=_stored(at), entry=entry)
    else:
        operation = row.operation or EVERY_OPERATION
        where = (SUSPENSIONS.c.vendor == row.vendor) & (SUSPENSIONS.c.operation == operation)
        yield delete(SUSPENSIONS).where(where)
        if not row.lifted:
            yield insert(SUSPENSIONS).values({"vendor": row.vendor, "operation": operation, "entry": entry} | written)


def erasing(subject: str) -> Iterator[Statement]:
    """What leaves nothing by which a person is known."""
    for table in OF_PEOPLE:
        yield delete(table).where(table.c.subject == subject)


def orders_of(connection: Connection, subject: str) -> list[str]:
    return list(connection.scalars(select(PEOPLE.c.order).where(PEOPLE.c.subject == subject)))


def everybody(connection: Connection, _: str) -> frozenset[str]:
    """Every reference of a person."""
    return frozenset(ref for table in OF_PEOPLE for ref in connection.scalars(select(table.c.subject)))


def _living(subject: str, jurisdiction: str, written: dict[str, object]) -> Iterator[Statement]:
    yield delete(SUBJECTS).where(SUBJECTS.c.subject == subject)
    yield insert(SUBJECTS).values({"subject": subject, "jurisdiction": jurisdiction} | written)


def _consent(row: ConsentRow) -> dict[str, object]:
    return {
        "subject": row.subject,
        "purpose": row.purpose.value,
        "vendor": row.vendor,
        "state": row.state.value,
        "explicit": row.explicit,
        "expires": _stored(row.expires) if row.expires else None,
        "separate": row.separate,
        "written": row.written,
        "details": row.model_dump_json(exclude=_DECIDING | {"expires"}, exclude_defaults=True),
    }


def _accepted(row: AcceptanceRow) -> dict[str, object]:
    return {"subject": row.subject, "policy": row.policy, "how": row.how.value}


def people_of(connection: Connection, order: str) -> tuple[Person, ...]:
    """The people of an order, in every role that it has."""
    rows = connection.execute(select(PEOPLE.c.subject, PEOPLE.c.role).where(PEOPLE.c.order == order))
    return tuple(Person(subject, SubjectRole(role), "unknown", order) for subject, role in rows)


def jurisdiction_of(connection: Connection, subject: str) -> str:
    found = connection.scalar(select(SUBJECTS.c.jurisdiction).where(SUBJECTS.c.subject == subject))
    return found or "unknown"


def consents_of(connection: Connection, subject: str) -> tuple[Consent, ...]:
    """A person's answers, the newest first.

    One that was imported with a time of its own stands at that time; every other one is newer than all that were there
    when it came, whatever the clock of its node said.
    """
    rows = connection.execute(select(CONSENTS).where(CONSENTS.c.subject == subject).order_by(CONSENTS.c.number))
    said: list[tuple[datetime, int, Consent]] = []
    for row in rows:
        given = row.happened or max([row.at, *(earlier for earlier, *_ in said)])
        said.append((given, row.number, _answer(row, given)))
    return tuple(answer for *_, answer in sorted(said, key=lambda each: each[:2], reverse=True))


def _answer(row: Any, given: datetime) -> Consent:
    return Consent(
        Purpose(row.purpose),
        row.vendor,
        ConsentState(row.state),
        row.explicit,
        row.expires.replace(tzinfo=UTC) if row.expires else None,
        row.record,
        row.separate,
        row.written,
        given.replace(tzinfo=UTC),
    )


def suspensions(connection: Connection, _: str = "") -> frozenset[Suspension]:
    """All that are in force."""
    rows = connection.execute(select(SUSPENSIONS.c.vendor, SUSPENSIONS.c.operation))
    return frozenset(Suspension(vendor, operation or None) for vendor, operation in rows)


def revoked(connection: Connection) -> frozenset[str]:
    """The ids of all tokens that were revoked."""
    return frozenset(connection.scalars(select(REVOKED.c.token)))


def _stored(moment: datetime) -> datetime:
    """UTC without an offset: SQLite keeps none."""
    return moment.astimezone(UTC).replace(tzinfo=None)
