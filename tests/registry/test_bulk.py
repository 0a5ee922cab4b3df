"""Many facts at once become the same rows as one at a time, and what of them is new is told apart."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, create_engine, select

from gateway.registry import bulk, lookups, notices, rows, tables
from gateway.registry.bulk import SHAPES, Verdict
from gateway.registry.engine import engine_of
from gateway.registry.entered import (
    ROWS,
    AgreementEndRow,
    AgreementRow,
    AnyRow,
    AttestationRow,
    ReviewRow,
    SubProcessorRow,
    SuspensionRow,
)
from gateway.registry.stored import StoredRow

NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)
BY_ITSELF = {AgreementEndRow, AgreementRow, AttestationRow, ReviewRow, SubProcessorRow, SuspensionRow}
"""Kinds that nobody has many of."""


def _role(person: Any) -> str:
    return str(person["role"])


refs = st.sampled_from(["c-1", "c-2", "c-3"])
times = st.integers(0, 3).map(lambda hours: (NOON - timedelta(hours=hours)).isoformat())
facts = st.lists(
    st.one_of(
        st.fixed_dictionaries(
            {
                "kind": st.just("order"),
                "order": st.sampled_from(["A-1", "A-2"]),
                "people": st.lists(
                    st.fixed_dictionaries(
                        {"role": st.sampled_from(["payer", "consignee"]), "subject": refs},
                        optional={"jurisdiction": st.sampled_from(["DE", "FR"])},
                    ),
                    min_size=1,
                    unique_by=_role,
                ),
                "time": times,
            }
        ),
        st.fixed_dictionaries(
            {
                "kind": st.just("subject"),
                "subject": refs,
                "jurisdiction": st.sampled_from(["DE", "FR"]),
                "time": times,
            }
        ),
        st.fixed_dictionaries(
            {
                "kind": st.just("consent"),
                "subject": refs,
                "purpose": st.just("delivery"),
                "state": st.sampled_from(["given", "withdrawn"]),
                "time": times,
            },
            optional={"vendor": st.just("parcels"), "method": st.just("paper")},
        ),
        st.fixed_dictionaries(
            {
                "kind": st.just("acceptance"),
                "subject": refs,
                "policy": st.just("2"),
                "how": st.sampled_from(["deemed", "express"]),
                "time": times,
            }
        ),
    ),
    max_size=12,
)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = engine_of(tmp_path / "registry.db")
    with engine.begin() as connection:
        tables.METADATA.create_all(connection)
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def shared() -> Iterator[Engine]:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        tables.METADATA.create_all(connection)
    yield engine
    engine.dispose()


def read(*stated: dict[str, Any]) -> list[StoredRow]:
    return [part for fact in ROWS.validate_python(stated) for part in bulk.parts(fact)]


def taken(connection: Connection, *stated: dict[str, Any]) -> list[Verdict]:
    """Puts what is new in, and says of each fact what it was."""
    judged = bulk.judged(connection, (ROWS.validate_python(stated), {}))
    changed = judged.written
    for statement in bulk.write(connection, changed, NOON, [f"{uuid.uuid4()}.{n}" for n in range(len(changed))]):
        connection.execute(statement)
    return list(judged.verdicts)


def content(connection: Connection) -> dict[str, list[tuple[Any, ...]]]:
    """What stands in the tables, without where it comes from and its numbers."""
    unnamed = {"record", "entry", "number", "at"}
    return {
        table.name: sorted(
            (
                tuple(row[c.name] for c in table.c if c.name not in unnamed)
                for row in connection.execute(select(table)).mappings()
            ),
            key=repr,
        )
        for table in tables.OF_PEOPLE
    }


def test_every_kind_of_fact_can_be_imported_or_is_one_of_which_nobody_has_many() -> None:
    union = get_args(get_args(AnyRow)[0])

    assert set(union) == set(SHAPES) | BY_ITSELF


def test_every_shape_has_the_columns_of_its_table() -> None:
    for shape in SHAPES.values():
        assert {*shape.key} <= {column.name for column in shape.table.columns}


@settings(max_examples=40, deadline=None)
@given(several=st.lists(facts, min_size=1, max_size=3))
def test_put_in_again_nothing_is_new_and_nothing_changes(shared: Engine, several: list[list[dict[str, Any]]]) -> None:
    with shared.connect() as connection, connection.begin() as begun:
        for each in several:
            taken(connection, *each)
        before = content(connection)
        again = [verdict for each in several for verdict in taken(connection, *each)]
        after = content(connection)
        begun.rollback()

    assert after == before
    assert set(again) <= {Verdict.SAME, Verdict.OLDER, Verdict.CHANGED}


ORDER = {"kind": "order", "order": "A-1", "people": [{"role": "payer", "subject": "c-1"}], "time": NOON}
YES = {"kind": "consent", "subject": "c-1", "purpose": "delivery", "state": "given", "time": NOON}


def test_what_is_known_decides_what_a_fact_is(engine: Engine) -> None:
    other = ORDER | {"people": [{"role": "payer", "subject": "c-2"}]}
    older = other | {"time": NOON - timedelta(days=1)}
    lives = ORDER | {"people": [{"role": "payer", "subject": "c-1", "jurisdiction": "DE"}]}
    with engine.begin() as connection:
        verdicts = [
            taken(connection, row)[0]
            for row in (ORDER, ORDER, older, lives, lives, other, YES, YES, YES | {"state": "withdrawn"})
        ]

        assert verdicts == ["new", "same", "older", "changed", "same", "changed", "new", "same", "changed"]
        assert [each.ref for each in lookups.order_of(connection, "A-1")[1]] == ["c-2"]
        assert [each.state.value for each in lookups.consents_of(connection, "c-1")] == ["withdrawn", "given"]


def test_of_facts_that_come_together_the_later_one_stays(engine: Engine) -> None:
    other = ORDER | {"people": [{"role": "payer", "subject": "c-2"}]}
    with engine.begin() as connection:
        assert taken(connection, ORDER, other, ORDER, YES, YES) == ["new", "changed", "changed", "new", "same"]
        assert [each.ref for each in lookups.order_of(connection, "A-1")[1]] == ["c-1"]
        assert len(lookups.consents_of(connection, "c-1")) == 1


def test_each_answer_has_the_entry_that_it_was_given(engine: Engine) -> None:
    with engine.begin() as connection:
        taken(connection, YES, YES | {"subject": "c-2"})

        records = [lookups.consents_of(connection, ref)[0].record for ref in ("c-1", "c-2")]
        assert [record[-2:] for record in records] == [".0", ".1"]


def test_an_order_that_ends_and_one_that_goes_on_after_its_end_cause_something_once(engine: Engine) -> None:
    reached = [("closed", 1), ("closed", 2), ("delivered", 3), ("after_sales", 4)]
    with engine.begin() as connection:
        for state, hour in reached:
            at = {"kind": "order_state", "state": state, "time": NOON + timedelta(hours=hour)}
            taken(connection, at | {"order": "A-1"}, at | {"order": "A-2", "state": "open"})

        told = notices.unplanned(connection, (NOON + timedelta(days=1), 100))
        assert sorted((each.cause.value, each.order) for each in told) == [("keep", "A-1"), ("order_closed", "A-1")]


@settings(max_examples=40, deadline=None)
@given(stated=facts)
def test_many_at_once_are_written_like_one_at_a_time(shared: Engine, stated: list[dict[str, Any]]) -> None:
    facts = read(*stated)
    with shared.connect() as connection, connection.begin() as begun:
        for statement in bulk.write(connection, facts, NOON, [f"e.{n}" for n in range(len(facts))]):
            connection.execute(statement)
        at_once = content(connection)
        begun.rollback()
    with shared.connect() as connection, connection.begin() as begun:
        for number, fact in enumerate(facts):
            for statement in rows.statements(fact, NOON, f"e.{number}"):
                connection.execute(statement)
        one_by_one = content(connection)
        begun.rollback()

    assert at_once == one_by_one
