"""What decisions ask of the rows, and how rows become facts again."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, DateTime, String, bindparam, cast, exists, func, literal, null, select, union_all

from gateway.contract.announcing import Announced
from gateway.contract.papers import Agreement
from gateway.registry import granted, policies
from gateway.registry.basis import Key
from gateway.registry.facts import Consent, Known, Mark, Order, Papers, Person, Review, Suspension
from gateway.registry.rows import ERASED
from gateway.registry.tables import (
    AGREEMENTS,
    ANNOUNCED,
    ATTESTED,
    CONSENTS,
    ENDED,
    FLAGS,
    LINKS,
    OF_PEOPLE,
    PEOPLE,
    REQUESTS,
    REVIEWS,
    REVOKED,
    STATES,
    SUBJECTS,
    SUSPENSIONS,
)
from gateway.vocabulary import Category, ConsentState, ExpressedBy, Flag, OrderState, Purpose, SubjectRole

# One question each, since an answer takes as long as the way to the database: what is known of an order, the state in
# a row without a subject, and what is known of a person, with which table a row is from.
_ORDER = union_all(
    select(PEOPLE.c.role, PEOPLE.c.subject).where(PEOPLE.c.order == bindparam("ref")),
    select(STATES.c.state, cast(null(), String)).where(STATES.c.order == bindparam("ref")),
)
_NONE, _NEVER = cast(null(), String), cast(null(), DateTime)
_SINCE = func.coalesce(FLAGS.c.happened, FLAGS.c.at)
_PERSON = union_all(
    select(literal("lives"), SUBJECTS.c.jurisdiction, _NONE, _NONE, _NEVER).where(
        SUBJECTS.c.subject == bindparam("ref")
    ),
    select(literal("flag"), FLAGS.c.flag, FLAGS.c.purpose, FLAGS.c.vendor, _SINCE).where(
        FLAGS.c.subject == bindparam("ref"), ~FLAGS.c.lifted
    ),
    select(literal("link"), LINKS.c.other, _NONE, _NONE, _NEVER).where(
        LINKS.c.subject == bindparam("ref"), ~LINKS.c.lifted
    ),
)


def order_of(connection: Connection, order: str) -> tuple[Order, tuple[Person, ...]]:
    """How far an order has come, and its people, in every role that it has."""
    rows = connection.execute(_ORDER, {"ref": order}).all()
    people = tuple(
        Person(subject, SubjectRole(role), "unknown", order) for role, subject in rows if subject is not None
    )
    state = next((OrderState(state) for state, subject in rows if subject is None), None)
    return Order(bool(rows), state), people


def known_of(connection: Connection, subject: str) -> Known:
    rows = connection.execute(_PERSON, {"ref": subject}).all()
    found = {table: [row for table_of, *row in rows if table_of == table] for table in ("lives", "flag", "link")}
    return Known(
        next((jurisdiction for jurisdiction, *_ in found["lives"]), "unknown"),
        tuple(
            Mark(Flag(flag), Purpose(purpose) if purpose else None, vendor or None, since.replace(tzinfo=UTC))
            for flag, purpose, vendor, since in found["flag"]
        ),
        tuple(sorted(other for other, *_ in found["link"])),
    )


def together(connection: Connection, _: None) -> dict[str, str]:
    """For every reference that is linked to others, the one among them by which their person is counted."""
    others: dict[str, list[str]] = {}
    for subject, other in connection.execute(select(LINKS.c.subject, LINKS.c.other).where(~LINKS.c.lifted)):
        others.setdefault(subject, []).append(other)
    found: dict[str, str] = {}
    for first in sorted(others):
        waiting = [] if first in found else [first]
        while waiting:
            if (ref := waiting.pop()) not in found:
                found[ref] = first
                waiting += others[ref]
    return found


def known_keys(connection: Connection) -> Iterator[Key]:
    """What there are rows of, by the keys under which decisions ask for them."""
    columns = {
        "order": (PEOPLE.c.order, STATES.c.order),
        "subject": (SUBJECTS.c.subject, FLAGS.c.subject, LINKS.c.subject),
        "consent": (CONSENTS.c.subject,),
    }
    for kind, several in columns.items():
        for column in several:
            yield from ((kind, ref) for ref in connection.scalars(select(column).distinct()))


UNKNOWN: Mapping[str, object] = {
    "order": (Order(is_known=False, state=None), ()),
    "subject": Known("unknown", (), ()),
    "consent": (),
}
"""What decisions find where there is no row."""


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
    details = json.loads(row.details)
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
        row.number,
        details.get("expressed_by") == ExpressedBy.GUARDIAN,
        frozenset(map(Category, details.get("categories", ()))),
    )


def papers(connection: Connection, _: str = "") -> Papers:
    """What was entered of papers, which of all papers somebody ended, by when the next reviews are due, what is waived,
    which versions of the policy were published, and what vendors have attested and announced.
    """
    entered: dict[str, tuple[Agreement, ...]] = {}
    for vendor, paper in connection.execute(select(AGREEMENTS.c.vendor, AGREEMENTS.c.paper).order_by(AGREEMENTS.c.id)):
        entered[vendor] = (*entered.get(vendor, ()), Agreement.model_validate_json(paper))
    ended = connection.execute(select(ENDED.c.vendor, ENDED.c.id, ENDED.c.last))
    # The last one of each vendor counts.
    reviews = connection.execute(select(REVIEWS.c.vendor, REVIEWS.c.held, REVIEWS.c.next).order_by(REVIEWS.c.number))
    attested = select(ATTESTED.c.vendor, ATTESTED.c.of, ATTESTED.c.given).order_by(ATTESTED.c.given)
    announced: dict[str, tuple[Announced, ...]] = {}
    companies = select(ANNOUNCED).order_by(ANNOUNCED.c.called, ANNOUNCED.c.country)
    for each in connection.execute(companies):
        company = Announced(each.name, each.country, each.since, each.state)
        announced[each.vendor] = (*announced.get(each.vendor, ()), company)
    return Papers(
        entered,
        {(vendor, id_): last for vendor, id_, last in ended},
        {vendor: Review(held, by) for vendor, held, by in reviews},
        granted.in_force(connection),
        policies.published(connection),
        {(vendor, of): given for vendor, of, given in connection.execute(attested)},
        announced,
    )


def names_vendor(connection: Connection, vendor: str) -> bool:
    """Whether something that people said, or a stop, is about a vendor."""
    tables = CONSENTS, FLAGS, SUSPENSIONS
    return any(connection.scalar(select(exists().where(table.c.vendor == vendor))) for table in tables)


def suspensions(connection: Connection, _: str = "") -> frozenset[Suspension]:
    """All that are in force."""
    rows = connection.execute(select(SUSPENSIONS.c.vendor, SUSPENSIONS.c.operation))
    return frozenset(Suspension(vendor, operation or None) for vendor, operation in rows)


def revoked(connection: Connection) -> frozenset[str]:
    """The ids of all tokens that were revoked."""
    return frozenset(connection.scalars(select(REVOKED.c.token)))


def orders_of(connection: Connection, subject: str) -> list[str]:
    return list(connection.scalars(select(PEOPLE.c.order).where(PEOPLE.c.subject == subject)))


def companions_of(connection: Connection, subject: str) -> frozenset[str]:
    """Everybody who has a part in an order of a person, with the person."""
    own = select(PEOPLE.c.order).where(PEOPLE.c.subject == subject)
    return frozenset(connection.scalars(select(PEOPLE.c.subject).where(PEOPLE.c.order.in_(own))))


def roles_of(connection: Connection, subject: str) -> frozenset[SubjectRole]:
    """As whom a person stands in orders."""
    return frozenset(map(SubjectRole, connection.scalars(select(PEOPLE.c.role).where(PEOPLE.c.subject == subject))))


def inactive(connection: Connection, _: str = "") -> tuple[frozenset[str], frozenset[str]]:
    """Whose account is long unused, and whose was and is used again."""
    flagged = select(FLAGS.c.subject, FLAGS.c.lifted).where(FLAGS.c.flag == Flag.INACTIVE.value)
    found = [(str(ref), bool(lifted)) for ref, lifted in connection.execute(flagged)]
    return frozenset(ref for ref, lifted in found if not lifted), frozenset(ref for ref, lifted in found if lifted)


def everybody(connection: Connection, _: str) -> frozenset[str]:
    """Every reference of a person."""
    return frozenset(ref for table in (*OF_PEOPLE, REQUESTS) for ref in connection.scalars(select(table.c.subject))) - {
        ERASED
    }
