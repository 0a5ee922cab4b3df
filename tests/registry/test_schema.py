"""The tables are those that the code is written for, whichever way they came to be, or nothing starts."""

from collections.abc import Iterator, Mapping
from itertools import combinations
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Column, Engine, MetaData, String, Table, event, inspect, text

from gateway.errors import StartError
from gateway.registry.engine import engine_of
from gateway.registry.schema import MIGRATIONS, NEWEST, bring_up, revision, upgrade
from gateway.registry.tables import METADATA

_CONFIG = Config()
_CONFIG.set_main_option("script_location", str(MIGRATIONS))
REVISIONS = [each.revision for each in reversed(list(ScriptDirectory.from_config(_CONFIG).walk_revisions()))]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = engine_of(tmp_path / "registry.db")
    yield engine
    engine.dispose()


def tables(engine: Engine) -> Mapping[str, object]:
    """What each table has: columns with their types, keys, what is unique, and indexes."""
    found = inspect(engine)
    return {
        name: (
            [(each["name"], str(each["type"]), each["nullable"]) for each in found.get_columns(name)],
            found.get_pk_constraint(name)["constrained_columns"],
            sorted(str(each["column_names"]) for each in found.get_unique_constraints(name)),
            sorted((str(each["name"]), each["column_names"], each["unique"]) for each in found.get_indexes(name)),
        )
        for name in found.get_table_names()
    }


def differences(engine: Engine, metadata: MetaData = METADATA) -> list[object]:
    with engine.connect() as connection:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))


def at(engine: Engine, reached: str) -> None:
    with engine.begin() as connection:
        upgrade(connection, reached)


def brought_up(engine: Engine) -> str | None:
    with engine.begin() as connection:
        bring_up(connection)
        return revision(connection)


def test_the_newest_revision_is_the_one_that_the_code_is_written_for() -> None:
    assert REVISIONS[-1] == NEWEST


def test_the_revisions_make_what_the_models_say(engine: Engine) -> None:
    at(engine, NEWEST)

    assert differences(engine) == []


def test_a_model_that_no_revision_makes_is_noticed(engine: Engine) -> None:
    at(engine, NEWEST)
    wider = MetaData()
    for each in METADATA.tables.values():
        each.to_metadata(wider)
    Table("consent", wider, Column("channel", String), extend_existing=True)

    assert len(differences(engine, wider)) == 1


def test_a_new_registry_has_what_the_revisions_make(engine: Engine, tmp_path: Path) -> None:
    stepwise = engine_of(tmp_path / "stepwise.db")

    brought_up(engine)
    at(stepwise, NEWEST)

    assert tables(engine) == tables(stepwise)
    stepwise.dispose()


@pytest.mark.parametrize(("earlier", "later"), list(combinations(["base", *REVISIONS], 2)))
def test_every_revision_is_reached_from_every_earlier_one(engine: Engine, earlier: str, later: str) -> None:
    if earlier != "base":
        at(engine, earlier)

    at(engine, later)
    with engine.connect() as connection:
        reached = revision(connection)

    assert reached == later
    assert brought_up(engine) == NEWEST
    assert differences(engine) == []


def test_what_was_made_before_there_were_revisions_is_taken_over_with_what_it_holds(engine: Engine) -> None:
    at(engine, REVISIONS[0])
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE alembic_version"))
        connection.execute(text("INSERT INTO revoked_token VALUES ('0', NULL)"))

    assert brought_up(engine) == NEWEST

    assert differences(engine) == []
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT token FROM revoked_token")) == "0"


def test_a_newer_registry_is_left_alone_and_the_start_says_so(engine: Engine) -> None:
    brought_up(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(StartError, match=r"newer gateway \(revision 9999\)"):
        brought_up(engine)


def test_a_migration_that_is_broken_off_leaves_nothing_half_made(engine: Engine) -> None:
    def full(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "CREATE TABLE suspension" in statement:
            raise OSError("disk full")

    event.listen(engine, "before_cursor_execute", full)
    with pytest.raises(OSError, match="disk full"):
        at(engine, REVISIONS[0])
    event.remove(engine, "before_cursor_execute", full)

    assert tables(engine) == {}
    assert brought_up(engine) == NEWEST
