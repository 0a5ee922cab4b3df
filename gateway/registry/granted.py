"""What one proposes and another grants, as rows: waivers and bulk looks, over after some hours or once ended."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, DateTime, Integer, String, Table, delete, insert, select
from sqlalchemy.sql.dml import Delete, Insert

from gateway.registry.facts import Waiver
from gateway.registry.stored import BulkLookRow, GrantedRow, WaiverRow
from gateway.registry.tables import METADATA


def _steps() -> Iterator[Column[Any]]:
    """Why, for how long, who proposed and who granted it, and where its last step comes from."""
    yield Column("reason", String, nullable=False)
    yield Column("hours", Integer, nullable=False)
    yield Column("proposed_by", String, nullable=False)
    yield Column("granted_by", String)
    yield Column("until", DateTime)
    yield Column("source", String, nullable=False)
    yield Column("at", DateTime, nullable=False)
    yield Column("entry", String)


WAIVERS = Table(
    "waiver",
    METADATA,
    Column("id", String, primary_key=True),
    Column("state", String, nullable=False),
    Column("operations", String, nullable=False),
    Column("codes", String, nullable=False),
    *_steps(),
)
BULK_LOOKS = Table(
    "bulk_look",
    METADATA,
    Column("id", String, primary_key=True),
    Column("state", String, nullable=False),
    Column("who", String, nullable=False, index=True),
    Column("entries", BigInteger, nullable=False),
    *_steps(),
)
_TABLES: Mapping[str, Table] = {"waiver": WAIVERS, "bulk_look": BULK_LOOKS}
_STEPS = {"id", "state", "reason", "hours", "proposed_by", "granted_by", "source"}


def statements(row: WaiverRow | BulkLookRow, at: datetime, entry: str | None) -> Iterator[Delete | Insert]:
    """What writes a step down; what is granted holds from that moment on."""
    table, until = _TABLES[row.kind], row.until or _until(row, at)
    yield delete(table).where(table.c.id == row.id)
    yield insert(table).values(
        **row.model_dump(include=_STEPS),
        **_of_its_own(row),
        until=until.astimezone(UTC).replace(tzinfo=None) if until else None,
        at=at.astimezone(UTC).replace(tzinfo=None),
        entry=entry,
    )


def _until(row: GrantedRow, at: datetime) -> datetime | None:
    return at + timedelta(hours=row.hours) if row.state == "granted" else None


def _of_its_own(row: WaiverRow | BulkLookRow) -> dict[str, object]:
    if isinstance(row, WaiverRow):
        return {"operations": json.dumps(row.operations), "codes": json.dumps(row.codes)}
    return {"who": row.who, "entries": row.entries}


def in_force(connection: Connection) -> tuple[Waiver, ...]:
    """All waivers that were granted and not ended; those that are over are among them."""
    return tuple(
        Waiver(row.id, frozenset(row.operations), frozenset(row.codes), row.until)
        for row in waivers(connection)
        if row.state == "granted" and row.until is not None
    )


def waivers(connection: Connection, _: str = "") -> Sequence[WaiverRow]:
    """Every waiver, the oldest first."""
    found = connection.execute(select(WAIVERS).order_by(WAIVERS.c.at, WAIVERS.c.id))
    return [
        WaiverRow(operations=tuple(json.loads(row.operations)), codes=tuple(json.loads(row.codes)), **_shared(row))
        for row in found
    ]


def bulk_looks(connection: Connection, who: str = "") -> Sequence[BulkLookRow]:
    """Every bulk look, or those of one person, the oldest first."""
    wanted = select(BULK_LOOKS).order_by(BULK_LOOKS.c.at, BULK_LOOKS.c.id)
    found = connection.execute(wanted.where(BULK_LOOKS.c.who == who) if who else wanted)
    return [BulkLookRow(who=row.who, entries=row.entries, **_shared(row)) for row in found]


def _shared(row: Any) -> dict[str, Any]:
    until = row.until.replace(tzinfo=UTC) if row.until else None
    return {name: getattr(row, name) for name in _STEPS} | {"until": until}
