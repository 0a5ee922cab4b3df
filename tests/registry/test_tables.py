"""Facts survive the way into rows and back."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine, select

from gateway.registry import tables
from gateway.registry.facts import ConsentRow, OrderRow, PersonRow
from gateway.vocabulary import COUNTRIES, ConsentState, Purpose, SubjectRole

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
    rows = tuple(PersonRow(role=role, subject=ref, jurisdiction=law) for role, (ref, law) in people.items())

    for statement in tables.statements(OrderRow(kind="order", order=order, people=rows), NOON):
        database.execute(statement)

    found = {person.role: person.ref for person in tables.people_of(database, order)}
    assert found == {role: ref for role, (ref, _) in people.items()}
    last = dict(people.values())
    assert {ref: tables.jurisdiction_of(database, ref) for ref in last} == last


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

    for statement in tables.statements(row, NOON):
        database.execute(statement)

    newest = tables.consents_of(database, subject)[0]
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

    for statement in tables.statements(row, NOON):
        database.execute(statement)

    where = tables.PEOPLE.c.order == "A-1"
    assert database.execute(select(tables.PEOPLE.c.source, tables.PEOPLE.c.at).where(where)).all() == [
        ("erp", NOON.replace(tzinfo=None))
    ]
