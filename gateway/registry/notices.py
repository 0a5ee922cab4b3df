"""The rows of what vendors are told: why, whom, how far it has come, and what is to be done next."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Date,
    DateTime,
    Integer,
    String,
    Table,
    exists,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.sql.dml import Insert, Update
from sqlalchemy.sql.elements import ColumnElement

from gateway.registry.stored import NoticeRow, NoticeStepRow, TellingRow
from gateway.registry.tables import METADATA
from gateway.vocabulary import Category, Purpose
from gateway.vocabulary.notices import DELETIONS, Cause, Duty, NoticeState, NoticeWay

TELLINGS = Table(
    "telling",
    METADATA,
    Column("id", String, primary_key=True),
    Column("cause", String, nullable=False),
    Column("subject", String, index=True),
    Column("order", String),
    Column("purpose", String),
    Column("vendor", String),
    Column("categories", String, nullable=False),
    Column("next", DateTime, nullable=False),
    Column("planned", DateTime, index=True),
    Column("source", String, nullable=False),
    Column("at", DateTime, nullable=False),
    Column("entry", String),
)
NOTICES = Table(
    "notice",
    METADATA,
    Column("id", String, primary_key=True),
    Column("telling", String, nullable=False, index=True),
    Column("cause", String, nullable=False),
    Column("vendor", String, nullable=False),
    Column("subject", String, index=True),
    Column("order", String),
    Column("entity", String, nullable=False),
    Column("categories", String, nullable=False),
    Column("way", String, nullable=False),
    Column("duty", String, nullable=False),
    Column("law", String, nullable=False),
    Column("until", Date),
    Column("due", DateTime, nullable=False),
    Column("state", String, nullable=False, index=True),
    Column("attempts", Integer, nullable=False),
    Column("next", DateTime, nullable=False),
    Column("code", String, nullable=False),
    Column("receipt", String, nullable=False),
    Column("told", DateTime),
    Column("ended", DateTime),
    Column("source", String, nullable=False),
    Column("at", DateTime, nullable=False),
    Column("entry", String),
)

Row = TellingRow | NoticeRow | NoticeStepRow
AFTERWARDS = "entered afterwards"
"""The source of tellings that came of a disclosure which had happened before somebody asked."""
_ALL = "[]"  # no category is named, so it is about every one
_ENDED = (NoticeState.CONFIRMED, NoticeState.EXCUSED, NoticeState.TAKEN_BACK)
_UNTOLD = (NoticeState.QUEUED, NoticeState.TASK, NoticeState.HELD)


@dataclass(frozen=True, slots=True, repr=False)
class Telling:
    """A reason for which vendors are to be told. Holds references of people, so it has no `repr`."""

    id: str
    cause: Cause
    subject: str | None
    order: str | None
    purpose: Purpose | None
    vendor: str | None
    categories: frozenset[Category]
    at: datetime
    is_planned: bool


@dataclass(frozen=True, slots=True, repr=False)
class Notice:
    """What one vendor is told. `subject` is None once nobody knows any more whom it was about.

    `code` says why the last attempt came to nothing, `told` when it reached the vendor.
    """

    id: str
    telling: str
    cause: Cause
    vendor: str
    subject: str | None
    order: str | None
    entity: str
    categories: tuple[str, ...]
    way: NoticeWay
    duty: Duty
    law: str
    until: date | None
    due: datetime
    state: NoticeState
    attempts: int
    code: str
    receipt: str
    told: datetime | None
    ended: datetime | None
    at: datetime

    @property
    def is_open(self) -> bool:
        """Whether the vendor is still to be told, or to confirm."""
        waits = self.state is NoticeState.SENT and self.duty is Duty.CONFIRMS
        return waits or self.state in _UNTOLD

    @property
    def has_ended(self) -> bool:
        """Whether it stays as it is."""
        return self.state in _ENDED

    def is_overdue(self, now: datetime) -> bool:
        """Only of a vendor that confirms; the others owe no answer by a day, and nobody does while there is a hold."""
        is_due = self.is_open and self.state is not NoticeState.HELD
        return self.duty is Duty.CONFIRMS and is_due and self.due < now


def statements(row: Row, at: datetime, entry: str | None) -> Iterator[Insert | Update]:
    """What writes one down; `at` is when it was put in, `entry` the id of its entry."""
    if isinstance(row, NoticeStepRow):
        yield _step(row, _stored(at))
        return
    table, values = (TELLINGS, _telling(row, at)) if isinstance(row, TellingRow) else (NOTICES, _notice(row, at))
    values |= {"categories": json.dumps(sorted(row.categories)), "source": row.source, "at": _stored(at)}
    yield _once(table, values | {"entry": entry})


def asked(
    entry: str,
    cause: Cause,
    at: datetime,
    source: str,
    *,
    subject: str | None = None,
    order: str | None = None,
    purpose: str | None = None,
    vendor: str | None = None,
) -> dict[str, Any]:
    """The row that has vendors told of a fact with this entry, in the transaction that puts the fact in."""
    about = {"id": entry, "cause": cause.value, "subject": subject, "order": order, "purpose": purpose}
    moments = {"at": _stored(at), "next": _stored(at)}
    return about | {"vendor": vendor, "categories": _ALL, "source": source, "entry": entry} | moments


def asking(values: Mapping[str, Any], where: ColumnElement[bool] | None = None) -> Insert:
    """What puts such a row in, once; if `where` holds."""
    return _once(TELLINGS, values, where=where)


def _once(table: Table, values: Mapping[str, Any], *, where: ColumnElement[bool] | None = None) -> Insert:
    """What inserts a row unless it is there: a node that ended in between, or another one, was faster."""
    there = exists().where(table.c.id == values["id"])
    row = select(*(literal(value, table.c[name].type) for name, value in values.items())).where(~there)
    row = row if where is None else row.where(where)
    return insert(table).from_select(list(values), row)


def _telling(row: TellingRow, at: datetime) -> dict[str, Any]:
    named = row.model_dump(include={"id", "cause", "subject", "order", "purpose", "vendor"}, mode="json")
    return named | {"next": _stored(at)}


def _notice(row: NoticeRow, at: datetime) -> dict[str, Any]:
    fields = {"id", "telling", "cause", "vendor", "subject", "order", "entity", "way", "duty", "law", "until"}
    state = NoticeState.HELD if row.held else waiting(row.way)
    start = _stored(row.not_before or at)
    fresh = {"state": state.value, "attempts": 0, "next": start, "code": "", "receipt": ""}
    return row.model_dump(include=fields) | {"due": _stored(row.due)} | fresh


def waiting(way: NoticeWay) -> NoticeState:
    """How a notice waits that is to be told in a way."""
    return NoticeState.TASK if way is NoticeWay.TASK else NoticeState.QUEUED


def _step(row: NoticeStepRow, at: datetime) -> Update:
    changed: dict[str, Any] = {"state": row.state.value, "receipt": row.receipt}
    if row.due is not None:
        start = _stored(row.not_before) if row.not_before else at
        changed |= {"due": _stored(row.due), "next": start, "attempts": 0, "told": null()}
    if row.state in (NoticeState.SENT, NoticeState.CONFIRMED):
        # Heard when it was told first; an answer does not move that.
        changed |= {"told": func.coalesce(NOTICES.c.told, at), "code": ""}
    if row.state in _ENDED:
        changed["ended"] = at
    step = update(NOTICES).where(NOTICES.c.id == row.notice, NOTICES.c.state.not_in(_ENDED))
    return step.values(changed)


def planned(telling: str, at: datetime) -> Update:
    """What says that every vendor that is meant has its notice."""
    return update(TELLINGS).where(TELLINGS.c.id == telling).values(planned=_stored(at))


def dropped(order: str, before: datetime) -> Update:
    """What says that nobody is told any more that an order was closed, if it was before a moment."""
    closed = (TELLINGS.c.order == order) & (TELLINGS.c.cause == Cause.ORDER_CLOSED.value)
    waits = TELLINGS.c.planned.is_(None) & (TELLINGS.c.at < _stored(before))
    return update(TELLINGS).where(closed, waits).values(planned=_stored(before))


def claimed(notice: Notice, until: datetime) -> Update:
    """What takes a notice for an attempt, so that no other node makes one before `until`; of one row or none."""
    same = (NOTICES.c.id == notice.id) & (NOTICES.c.attempts == notice.attempts)
    return update(NOTICES).where(same).values(attempts=notice.attempts + 1, next=_stored(until))


def put_off(notice: str, code: str, until: datetime) -> Update:
    """What says why an attempt came to nothing, and when the next one is made."""
    return update(NOTICES).where(NOTICES.c.id == notice).values(code=code, next=_stored(until))


def erasing(subject: str) -> Iterator[Update]:
    """What leaves nothing by which a person is known; that vendors were told stays."""
    for table in (TELLINGS, NOTICES):
        yield update(table).where(table.c.subject == subject).values(subject=null(), order=null())


def everybody(connection: Connection, _: str) -> frozenset[str]:
    """Every reference of a person."""
    return frozenset(
        ref
        for table in (TELLINGS, NOTICES)
        for ref in connection.scalars(select(table.c.subject).where(table.c.subject.is_not(None)))
    )


def taken(telling: Telling, now: datetime, until: datetime) -> Update:
    """What takes a telling to be planned, so that no other node does it before `until`; of one row or none."""
    same = (TELLINGS.c.id == telling.id) & TELLINGS.c.planned.is_(None) & (TELLINGS.c.next <= _stored(now))
    return update(TELLINGS).where(same).values(next=_stored(until))


def unplanned(connection: Connection, asked: tuple[datetime, int]) -> Sequence[Telling]:
    """Tellings of which some vendor may have no notice yet, at most so many, oldest first."""
    now, limit = asked
    due = TELLINGS.c.planned.is_(None) & (TELLINGS.c.next <= _stored(now))
    waiting = select(TELLINGS).where(due).order_by(TELLINGS.c.at).limit(limit)
    return [_telling_of(row) for row in connection.execute(waiting)]


def erasures(connection: Connection, _: str = "") -> Sequence[Telling]:
    """Erasures of a person as a whole of whom something is still known, oldest first."""
    whole = (TELLINGS.c.cause == Cause.ERASURE.value) & (TELLINGS.c.categories == _ALL) & TELLINGS.c.vendor.is_(None)
    found = select(TELLINGS).where(whole, TELLINGS.c.subject.is_not(None)).order_by(TELLINGS.c.at)
    return [_telling_of(row) for row in connection.execute(found)]


def since(connection: Connection, asked: tuple[Collection[str], Collection[str], str, datetime]) -> Sequence[Telling]:
    """Tellings about people or orders that concern a vendor, from a moment on and oldest first, but for those that came
    of disclosures entered afterwards.
    """
    subjects, orders, vendor, at = asked
    about = TELLINGS.c.subject.in_(subjects) | TELLINGS.c.order.in_(orders)
    concerns = TELLINGS.c.vendor.is_(None) | (TELLINGS.c.vendor == vendor)
    found = select(TELLINGS).where(about, concerns, TELLINGS.c.at >= _stored(at), TELLINGS.c.source != AFTERWARDS)
    return [_telling_of(row) for row in connection.execute(found.order_by(TELLINGS.c.at))]


def known(connection: Connection, ids: Collection[str]) -> frozenset[str]:
    """Which of these tellings there are."""
    return frozenset(connection.scalars(select(TELLINGS.c.id).where(TELLINGS.c.id.in_(ids))))


def answers_due(connection: Connection, _: str = "") -> frozenset[tuple[str, Cause]]:
    """About whom, and why, some vendor is still to be told or to confirm."""
    found = [
        *connection.execute(select(TELLINGS.c.subject, TELLINGS.c.cause).where(TELLINGS.c.planned.is_(None))),
        *connection.execute(select(NOTICES.c.subject, NOTICES.c.cause).where(_is_open())),
    ]
    return frozenset((subject, Cause(cause)) for subject, cause in found if subject is not None)


def _telling_of(row: Any) -> Telling:
    return Telling(
        row.id,
        Cause(row.cause),
        row.subject,
        row.order,
        Purpose(row.purpose) if row.purpose else None,
        row.vendor,
        frozenset(map(Category, json.loads(row.categories))),
        row.at.replace(tzinfo=UTC),
        row.planned is not None,
    )


def to_deliver(connection: Connection, asked: tuple[datetime, int]) -> Sequence[Notice]:
    """Notices whose next attempt is due, at most so many, oldest first."""
    now, limit = asked
    due = (NOTICES.c.state == NoticeState.QUEUED.value) & (NOTICES.c.next <= _stored(now))
    return [_read(row) for row in connection.execute(select(NOTICES).where(due).order_by(NOTICES.c.at).limit(limit))]


@dataclass(frozen=True, slots=True, repr=False)
class Wanted:
    """Which notices are asked for; all of it holds at once. `is_open`: those that wait for somebody."""

    id: str | None = None
    telling: str | None = None
    vendor: str | None = None
    subjects: Collection[str] | None = None
    is_open: bool = False
    limit: int | None = None
    orders: Collection[str] | None = None
    state: NoticeState | None = None


def overdue_from(connection: Connection, _: str = "") -> Mapping[str, datetime]:
    """Vendor → when the first deletion is overdue that it is still to confirm."""
    deletions = NOTICES.c.cause.in_([each.value for each in DELETIONS]) & (NOTICES.c.duty == Duty.CONFIRMS.value)
    is_due = _is_open() & (NOTICES.c.state != NoticeState.HELD.value)
    found = select(NOTICES.c.vendor, func.min(NOTICES.c.due)).where(deletions, is_due).group_by(NOTICES.c.vendor)
    return {vendor: due.replace(tzinfo=UTC) for vendor, due in connection.execute(found)}


def listed(connection: Connection, wanted: Wanted) -> Sequence[Notice]:
    """Notices, those that are due first."""
    given = {"id": wanted.id, "telling": wanted.telling, "vendor": wanted.vendor, "state": wanted.state}
    stated: list[ColumnElement[bool]] = [NOTICES.c[name] == value for name, value in given.items() if value is not None]
    if wanted.subjects is not None:
        stated.append(NOTICES.c.subject.in_(wanted.subjects))
    if wanted.orders is not None:
        stated.append(NOTICES.c.order.in_(wanted.orders))
    if wanted.is_open:
        stated.append(_is_open())
    query = select(NOTICES).where(*stated).order_by(NOTICES.c.due, NOTICES.c.id).limit(wanted.limit)
    return [_read(row) for row in connection.execute(query)]


def _is_open() -> ColumnElement[bool]:
    waits = (NOTICES.c.state == NoticeState.SENT.value) & (NOTICES.c.duty == Duty.CONFIRMS.value)
    return or_(waits, NOTICES.c.state.in_([each.value for each in _UNTOLD]))


def _read(row: Any) -> Notice:
    return Notice(
        row.id,
        row.telling,
        Cause(row.cause),
        row.vendor,
        row.subject,
        row.order,
        row.entity,
        tuple(json.loads(row.categories)),
        NoticeWay(row.way),
        Duty(row.duty),
        row.law,
        row.until,
        row.due.replace(tzinfo=UTC),
        NoticeState(row.state),
        row.attempts,
        row.code,
        row.receipt,
        _moment(row.told),
        _moment(row.ended),
        row.at.replace(tzinfo=UTC),
    )


def _moment(stored: datetime | None) -> datetime | None:
    return stored.replace(tzinfo=UTC) if stored else None


def _stored(moment: datetime) -> datetime:
    """UTC without an offset: SQLite keeps none."""
    return moment.astimezone(UTC).replace(tzinfo=None)
