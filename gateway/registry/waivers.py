"""Waivers as rows: proposed by one, granted by another, over after some hours or when somebody ends them."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Column, Connection, DateTime, Integer, String, Table, delete, insert, select
from sqlalchemy.sql.dml import Delete, Insert

from gateway.registry.facts import Waiver
from gateway.registry.stored import WaiverRow
from gateway.registry.tables import METADATA

WAIVERS = Table(
    "waiver",
    METADATA,
    Column("id", String, primary_key=True),
    Column("state", String, nullable=False),
    Column("operations", String, nullable=False),
    Column("codes", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("hours", Integer, nullable=False),
    Column("proposed_by", String, nullable=False),
    Column("granted_by", String),
    Column("until", DateTime),
    Column("source", String, nullable=False),
    Column("at", DateTime, nullable=False),
    Column("entry", String),
)


def statements(row: WaiverRow, at: datetime, entry: str | None) -> Iterator[Delete | Insert]:
    """What writes a step of a waiver down; it holds from the moment at which it is granted."""
    until = row.until or (at + timedelta(hours=row.hours) if row.state == "granted" else None)
    yield delete(WAIVERS).where(WAIVERS.c.id == row.id)
    yield insert(WAIVERS).values(
        id=row.id,
        state=row.state,
        operations=json.dumps(row.operations),
        codes=json.dumps(row.codes),
        reason=row.reason,
        hours=row.hours,
        proposed_by=row.proposed_by,
        granted_by=row.granted_by,
        until=until.astimezone(UTC).replace(tzinfo=None) if until else None,
        source=row.source,
        at=at.astimezone(UTC).replace(tzinfo=None),
        entry=entry,
    )


def granted(connection: Connection) -> tuple[Waiver, ...]:
    """All that were granted and not ended; those that are over are among them."""
    return tuple(
        Waiver(row.id, frozenset(row.operations), frozenset(row.codes), row.until)
        for row in every(connection)
        if row.state == "granted" and row.until is not None
    )


def every(connection: Connection, _: str = "") -> Sequence[WaiverRow]:
    """Every waiver, the oldest first."""
    found = connection.execute(select(WAIVERS).order_by(WAIVERS.c.at, WAIVERS.c.id))
    return [_row(row) for row in found]


def _row(row: Any) -> WaiverRow:
    return WaiverRow(
        id=row.id,
        state=row.state,
        operations=tuple(json.loads(row.operations)),
        codes=tuple(json.loads(row.codes)),
        reason=row.reason,
        hours=row.hours,
        proposed_by=row.proposed_by,
        granted_by=row.granted_by,
        until=row.until.replace(tzinfo=UTC) if row.until else None,
        source=row.source,
    )
