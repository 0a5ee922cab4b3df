"""Facts survive the way into rows and back."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine, select

from gateway.registry import lookups, rows, tables
from gateway.registry.entered import AcceptanceRow, ConsentRow, OrderRow, PersonRow
from gateway.vocabulary import COUNTRIES, AcceptanceKind, ConsentState, Purpose, SubjectRole

NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)
numbers = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=200)


@pytest.fixture(scope="module")
def database() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        tables.METADATA.create_all(connection)
        yield connection
    engine.dispose()


@given(
    order=numbers,
    people=st.dictionaries(
        st.sampled_from(SubjectRole), st.tuples(numbers, st.sampled_from(sorted(COUNTRIES))), min_size=1
    ),
)
def test_an_order_comes_back_with_its_people_as_they_were_put_in(
    database: Connection, order: str, people: dict[SubjectRole, tuple[str, str]]
) -> None:
    put = tuple(PersonRow(role=role, subject=ref, jurisdiction=law) for role, (ref, law) in people.items())

    for statement in rows.statements(OrderRow(kind="order", order=order, people=put), NOON):
        database.execute(statement)

    known, there = lookups.order_of(database, order)
    found = {person.role: person.ref for person in there}
    assert known.is_known
    assert found == {role: ref for role, (ref, _) in people.items()}
    last = dict(people.values())
    assert {ref: lookups.known_of(database, ref).jurisdiction for ref in last} == last


@given(
    subject=numbers,
    vendor=st.none() | st.sampled_from(["parcels", "payments"]),
    state=st.sampled_from(ConsentState),
    explicit=st.booleans(),
    expires=st.none() | st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_an_answer_comes_back_as_it_was_put_in(
    database: Connection,
    subject: str,
    vendor: str | None,
    state: ConsentState,
    explicit: bool,
    expires: datetime | None,
) -> None:
    row = ConsentRow(
        kind="consent", subject=subject, purpose=Purpose.DELIVERY, vendor=vendor, state=state, explicit=explicit,
        expires=expires,
    )  # fmt: skip

    for statement in rows.statements(row, NOON):
        database.execute(statement)

    newest = lookups.consents_of(database, subject)[0]
    assert (newest.purpose, newest.vendor, newest.state, newest.explicit, newest.expires) == (
        Purpose.DELIVERY, vendor, state, explicit, expires,
    )  # fmt: skip


def test_each_row_says_where_it_comes_from_and_when(database: Connection) -> None:
    row = OrderRow(
        kind="order",
        order="A-1",
        people=(PersonRow(role=SubjectRole.PAYER, subject="c-1", jurisdiction="DE"),),
        source="erp",
    )

    for statement in rows.statements(row, NOON):
        database.execute(statement)

    where = tables.PEOPLE.c.order == "A-1"
    assert database.execute(select(tables.PEOPLE.c.source, tables.PEOPLE.c.at).where(where)).all() == [
        ("erp", NOON.replace(tzinfo=None))
    ]


def said(state: ConsentState, time: datetime | None = None) -> ConsentRow:
    return ConsentRow(kind="consent", subject="c-7", purpose=Purpose.DELIVERY, state=state, time=time)


@pytest.fixture
def answered(database: Connection) -> Iterator[Callable[..., list[str]]]:
    """Puts answers in, each with when it was put in, and tells what they are, the newest first."""

    def answered(*put: tuple[ConsentRow, datetime]) -> list[str]:
        for row, at in put:
            for statement in rows.statements(row, at):
                database.execute(statement)
        return [each.state.value for each in lookups.consents_of(database, "c-7")]

    yield answered
    forget(database)


def forget(database: Connection) -> None:
    for statement in rows.erasing("c-7", (), NOON):
        database.execute(statement)


GIVEN, WITHDRAWN, RENEWED = ConsentState.GIVEN, ConsentState.WITHDRAWN, ConsentState.RENEWED


def test_what_is_imported_from_earlier_is_older_than_what_was_said_since(
    answered: Callable[..., list[str]],
) -> None:
    order = answered(
        (said(WITHDRAWN), NOON),
        (said(GIVEN, NOON - timedelta(days=400)), NOON + timedelta(hours=1)),
        (said(RENEWED, NOON - timedelta(days=500)), NOON + timedelta(hours=1)),
    )

    assert order == ["withdrawn", "given", "renewed"]


def test_what_comes_later_is_newer_whatever_the_clock_of_its_node_says(answered: Callable[..., list[str]]) -> None:
    order = answered((said(GIVEN), NOON), (said(WITHDRAWN), NOON - timedelta(seconds=30)))

    assert order == ["withdrawn", "given"]


def test_of_two_answers_of_one_moment_the_one_that_came_last_counts(answered: Callable[..., list[str]]) -> None:
    order = answered((said(GIVEN, NOON), NOON), (said(WITHDRAWN, NOON), NOON))

    assert order == ["withdrawn", "given"]


def test_an_answer_keeps_its_own_time_beside_that_of_its_import(database: Connection) -> None:
    for statement in rows.statements(said(GIVEN, NOON - timedelta(days=400)), NOON):
        database.execute(statement)

    columns = tables.CONSENTS.c
    found = database.execute(select(columns.happened, columns.at).where(columns.subject == "c-7")).one()
    [answer] = lookups.consents_of(database, "c-7")
    forget(database)

    assert (found.happened, found.at) == ((NOON - timedelta(days=400)).replace(tzinfo=None), NOON.replace(tzinfo=None))
    assert answer.given == NOON - timedelta(days=400)


def test_an_acceptance_is_kept_once_and_is_no_answer(database: Connection) -> None:
    row = AcceptanceRow(kind="acceptance", subject="c-8", policy="2", how=AcceptanceKind.DEEMED)

    for _ in range(2):
        for statement in rows.statements(row, NOON, "a" * 32):
            database.execute(statement)

    columns = tables.ACCEPTANCES.c
    assert database.execute(select(columns.subject, columns.how, columns.entry)).all() == [("c-8", "deemed", "a" * 32)]
    assert lookups.consents_of(database, "c-8") == ()
