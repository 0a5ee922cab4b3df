"""What people asked for about their data, as the rows have it."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from gateway.registry.stored import RequestRow
from gateway.registry.tables import FLAGS, REQUESTS
from gateway.vocabulary import CLOSED_REQUESTS, Flag


def request(connection: Connection, named: str) -> RequestRow | None:
    """The request with this id; None where there is none, or the person was erased."""
    row = connection.scalar(select(REQUESTS.c.row).where(REQUESTS.c.request == named))
    return RequestRow.model_validate_json(row) if row else None


def requests_of(connection: Connection, refs: Collection[str]) -> Sequence[RequestRow]:
    """What a person who has these references asked for, the newest first."""
    return _read(connection, REQUESTS.c.subject.in_(refs))


def flagged(connection: Connection, which: tuple[Collection[str], Flag]) -> Mapping[str, str]:
    """Under which of a person's references a flag stands for everything, and who put it there."""
    refs, flag = which
    whole = (FLAGS.c.purpose == "") & (FLAGS.c.vendor == "") & ~FLAGS.c.lifted
    found = select(FLAGS.c.subject, FLAGS.c.source).where(FLAGS.c.subject.in_(refs), FLAGS.c.flag == flag.value, whole)
    return {each.subject: each.source for each in connection.execute(found)}


def open_requests(connection: Connection, _: str = "") -> Sequence[RequestRow]:
    """What is not decided or not carried out yet, the newest first."""
    return _read(connection, REQUESTS.c.status.not_in([each.value for each in CLOSED_REQUESTS]))


def _read(connection: Connection, which: Any) -> Sequence[RequestRow]:
    rows = connection.scalars(
        select(REQUESTS.c.row)
        .where(which, REQUESTS.c.row != "")
        .order_by(REQUESTS.c.received.desc(), REQUESTS.c.request)
    )
    return [RequestRow.model_validate_json(row) for row in rows]
