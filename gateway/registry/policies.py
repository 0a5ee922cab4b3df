"""Versions of the policy as rows: drafts under their names, and those that were published, which stay as they are."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Column, Connection, DateTime, String, Table, case, delete, exists, func, insert, literal, select
from sqlalchemy.sql.dml import Delete, Insert

from gateway.contract.model import PolicyDraft, PolicyVersion
from gateway.registry.stored import PolicyRow
from gateway.registry.tables import ACCEPTANCES, CONSENTS, METADATA
from gateway.vocabulary import VALID_CONSENT, Purpose

POLICIES = Table(
    "policy",
    METADATA,
    Column("version", String, primary_key=True),
    Column("state", String, primary_key=True),  # draft, published or filed
    Column("id", String, nullable=False),
    Column("draft", String, nullable=False),  # in the words of policy.yaml
    Column("drafted_by", String, nullable=False),
    Column("drafted", DateTime, nullable=False),
    Column("published_by", String, nullable=False),
    Column("published", DateTime),
    Column("source", String, nullable=False),
    Column("at", DateTime, nullable=False),
    Column("entry", String),
)
_OUT = POLICIES.c.state != "draft"


def statements(row: PolicyRow, at: datetime, entry: str | None) -> Iterator[Delete | Insert]:
    """What writes a step of a version down. Of several that are published under one name the first one stays."""
    version = row.draft.version
    yield delete(POLICIES).where(POLICIES.c.version == version, POLICIES.c.state == "draft")
    if row.state == "dropped":
        return
    is_draft = row.state == "draft"
    values = {
        "version": version,
        "state": row.state,
        "id": row.id,
        "draft": row.draft.model_dump_json(exclude_defaults=True),
        "drafted_by": row.drafted_by,
        "drafted": _stored(row.drafted),
        "published_by": row.published_by,
        "published": None if is_draft else _stored(row.published or at),
        "source": row.source,
        "at": _stored(at),
        "entry": entry,
    }
    if is_draft:
        yield insert(POLICIES).values(values)
        return
    there = select(POLICIES.c.version).where(POLICIES.c.version == version, _OUT)
    columns = [literal(value, POLICIES.c[name].type) for name, value in values.items()]
    yield insert(POLICIES).from_select(list(values), select(*columns).where(~exists(there)))


def published(connection: Connection) -> tuple[PolicyVersion, ...]:
    """Every version that the register has as published, the oldest first."""
    return tuple(row.as_published(row.drafted) for row in every(connection) if row.state != "draft")


def every(connection: Connection, _: str = "") -> Sequence[PolicyRow]:
    """Versions that are published, the oldest first, and then drafts."""
    drafts_last = case((POLICIES.c.state == "draft", 1), else_=0)
    found = connection.execute(select(POLICIES).order_by(drafts_last, POLICIES.c.published, POLICIES.c.drafted))
    return [_row(row) for row in found]


def of(connection: Connection, version: str) -> Sequence[PolicyRow]:
    """What there is under a name."""
    return [row for row in every(connection) if row.draft.version == version]


def accepted(connection: Connection, _: str = "") -> Mapping[tuple[str, str], int]:
    """How many references accepted each version, by version and way; none of it is a consent."""
    counted = select(ACCEPTANCES.c.policy, ACCEPTANCES.c.how, func.count()).group_by(
        ACCEPTANCES.c.policy, ACCEPTANCES.c.how
    )
    return {(version, how): n for version, how, n in connection.execute(counted)}


def consenting(connection: Connection, asked: tuple[Purpose, Sequence[str]]) -> int:
    """How many references said yes to a purpose, at all vendors or one of these, and have not said no since."""
    purpose, vendors = asked
    later = CONSENTS.alias()
    yes = [each.value for each in VALID_CONSENT]
    taken_back = exists().where(
        later.c.subject == CONSENTS.c.subject,
        later.c.purpose == CONSENTS.c.purpose,
        later.c.number > CONSENTS.c.number,
        later.c.state.not_in(yes),
    )
    found = select(func.count(CONSENTS.c.subject.distinct())).where(
        CONSENTS.c.purpose == purpose.value,
        CONSENTS.c.state.in_(yes),
        CONSENTS.c.vendor.is_(None) | CONSENTS.c.vendor.in_(vendors),
        ~taken_back,
    )
    return connection.scalar(found) or 0


def _row(row: Any) -> PolicyRow:
    return PolicyRow(
        state=row.state,
        id=row.id,
        draft=PolicyDraft.model_validate_json(row.draft),
        drafted_by=row.drafted_by,
        drafted=row.drafted.replace(tzinfo=UTC),
        published_by=row.published_by,
        published=row.published.replace(tzinfo=UTC) if row.published else None,
        source=row.source,
    )


def _stored(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)
