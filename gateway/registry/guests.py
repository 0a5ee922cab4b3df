"""Who gets what others bought, and is to be told that their data has gone to somebody (GDPR 14(3)(c))."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, exists, func, or_, select

from gateway.registry.rows import stored
from gateway.registry.tables import FLAGS, LINKS, PEOPLE
from gateway.vocabulary import Flag, SubjectRole

_AT_ONCE = 500


@dataclass(frozen=True, slots=True, repr=False)
class Guest:
    """Somebody who is to be told, since when, and the entry that says so, which was written at a time of its own; the
    orders in which they get something.
    """

    subject: str
    since: datetime
    noted: datetime
    entry: str
    orders: tuple[str, ...]


def waiting(connection: Connection, noted_after: datetime | None = None) -> Sequence[Guest]:
    """Those who wait longest, without those of whom the shop has said that they know, by whichever of their references;
    only those who came to wait after a moment, where one is given.

    Links of links are not followed: nobody is told too little by that.
    """
    told, link = FLAGS.alias(), LINKS.alias()
    theirs = select(link.c.other).where(link.c.subject == FLAGS.c.subject, ~link.c.lifted)
    is_told = exists().where(
        told.c.flag == Flag.INFORMED.value,
        ~told.c.lifted,
        or_(told.c.subject == FLAGS.c.subject, told.c.subject.in_(theirs)),
    )
    # What went beside the gateway was told of later than it went.
    since = func.coalesce(FLAGS.c.happened, FLAGS.c.at)
    is_due = [FLAGS.c.flag == Flag.NOTICE_DUE.value, ~FLAGS.c.lifted, ~is_told]
    is_due += [FLAGS.c.at > stored(noted_after)] if noted_after else []
    found = connection.execute(
        select(FLAGS.c.subject, since, FLAGS.c.at, FLAGS.c.entry)
        .where(*is_due)
        .order_by(since, FLAGS.c.subject)
        .limit(_AT_ONCE)
    ).all()
    return [
        Guest(subject, since.replace(tzinfo=UTC), at.replace(tzinfo=UTC), entry or "", _orders(connection, subject))
        for subject, since, at, entry in found
    ]


def _orders(connection: Connection, subject: str) -> tuple[str, ...]:
    own = PEOPLE.c.subject == subject, PEOPLE.c.role == SubjectRole.CONSIGNEE.value
    return tuple(connection.scalars(select(PEOPLE.c.order).where(*own).order_by(PEOPLE.c.order)))
