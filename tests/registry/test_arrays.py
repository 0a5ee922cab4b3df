"""Many rows at once are the same rows on SQLite and on PostgreSQL, of every type, in their order, and of any text."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Boolean, Column, Connection, DateTime, Integer, MetaData, String, Table, delete, select

from gateway.registry import arrays
from gateway.registry.engine import engine_of

THINGS = Table(
    "thing",
    MetaData(),
    Column("number", Integer, primary_key=True),
    Column("name", String, nullable=False),
    Column("of", String),
    Column("is_set", Boolean, nullable=False),
    Column("at", DateTime),
)
text = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
things = st.fixed_dictionaries(
    {
        "name": text,
        "of": st.none() | text,
        "is_set": st.booleans(),
        "at": st.none() | st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)),  # noqa: DTZ001  as rows keep it
    }
)


@pytest.fixture(params=["sqlite", "postgresql"])
def connection(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Connection]:
    at = tmp_path / "rows.db" if request.param == "sqlite" else request.getfixturevalue("emptied")
    engine = engine_of(at)
    with engine.connect() as connection:
        if request.param == "postgresql":
            connection.exec_driver_sql("SET search_path TO pg_temp")
            # One transaction of many examples, between which a busy machine may take its time.
            connection.exec_driver_sql("SET idle_in_transaction_session_timeout TO 0")
        THINGS.create(connection)
        yield connection
    engine.dispose()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(things, min_size=1, max_size=8))
def test_rows_come_back_as_they_went_in_and_keys_find_their_own(
    connection: Connection, rows: list[dict[str, Any]]
) -> None:
    connection.execute(delete(THINGS))
    arrays.insert(connection, THINGS, rows)

    columns = [THINGS.c[name] for name in rows[0]]
    found = [dict(row._mapping) for row in connection.execute(select(*columns).order_by(THINGS.c.number))]
    assert found == rows
    one, both = {"name": rows[0]["name"]}, {name: rows[0][name] for name in ("name", "is_set")}
    for key in (one, both):
        which = arrays.among(connection, THINGS, [key, key | {"name": "somebody who is in no row"}])
        same = [row for row in rows if {name: row[name] for name in key} == key]
        assert len(connection.execute(select(THINGS.c.number).where(which)).all()) == len(same)
