"""The tables are those that the code is written for, whichever way they came to be, or nothing starts."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from clusters import Cluster
from registries import NOON
from sqlalchemy import Column, Engine, MetaData, String, Table, event, inspect, text
from sqlalchemy.exc import ProgrammingError

from gateway.errors import StartError
from gateway.registry.engine import engine_of
from gateway.registry.entered import ROWS
from gateway.registry.rows import statements
from gateway.registry.schema import MIGRATIONS, NEWEST, bring_up, prepare, revision, upgrade
from gateway.registry.tables import CHANGES, METADATA

LINGERING = "idle_in_transaction_session_timeout"
SAID = {"kind": "consent", "subject": "c-1", "purpose": "delivery", "state": "given"}
_CONFIG = Config()
_CONFIG.set_main_option("script_location", str(MIGRATIONS))
REVISIONS = [each.revision for each in reversed(list(ScriptDirectory.from_config(_CONFIG).walk_revisions()))]


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    if request.param == "sqlite":
        engine = engine_of(tmp_path / "registry.db")
    else:
        engine = engine_of(url := request.getfixturevalue("emptied"))
        with psycopg.connect(url, autocommit=True) as session:
            session.execute("CREATE SCHEMA registry")
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
        for name in sorted(found.get_table_names())
    }


def differences(engine: Engine, metadata: MetaData = METADATA) -> list[object]:
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            # Between two questions nobody may have had a turn for longer than a gateway has.
            connection.execute(text(f"SET LOCAL {LINGERING} = 0"))
        return list(compare_metadata(MigrationContext.configure(connection), metadata))


def emptied(engine: Engine) -> None:
    with engine.begin() as connection:
        for name in inspect(connection).get_table_names():
            connection.execute(text(f"DROP TABLE {name}"))


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


def test_a_new_registry_has_what_the_revisions_make(engine: Engine) -> None:
    brought_up(engine)
    made = tables(engine)
    emptied(engine)

    at(engine, NEWEST)

    assert tables(engine) == made


def test_every_revision_is_reached_from_the_one_before_it(engine: Engine) -> None:
    for each in REVISIONS:
        at(engine, each)
        with engine.connect() as connection:
            assert revision(connection) == each

    assert differences(engine) == []


@pytest.mark.parametrize("earlier", ["base", *REVISIONS])
def test_a_start_brings_the_tables_up_from_every_earlier_revision(engine: Engine, earlier: str) -> None:
    if earlier != "base":
        at(engine, earlier)

    assert brought_up(engine) == NEWEST
    assert differences(engine) == []


def test_revisions_take_as_long_as_there_are_rows(emptied: str) -> None:
    engine = engine_of(emptied)
    with engine.begin() as connection:
        connection.execute(text("CREATE SCHEMA registry"))
        upgrade(connection, REVISIONS[0])

        limits = [connection.scalar(text(f"SHOW {each}")) for each in ("statement_timeout", LINGERING)]

    assert limits == ["0", "0"]
    with engine.begin() as connection:
        assert connection.scalar(text(f"SHOW {LINGERING}")) == "2s"
    engine.dispose()


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


@pytest.fixture
def weak(postgres: Cluster, database: str) -> Iterator[str]:
    """The same database for a role that may not make tables in it."""
    name = psycopg.conninfo.conninfo_to_dict(database)["dbname"]
    with psycopg.connect(database, autocommit=True) as session:
        session.execute('CREATE ROLE "shop\'s" LOGIN')
    yield postgres.url(str(name), role="shop's")
    with psycopg.connect(database, autocommit=True) as session:
        session.execute('DROP OWNED BY "shop\'s"')
        session.execute('DROP ROLE "shop\'s"')


def test_a_role_that_makes_no_tables_starts_with_those_that_their_owner_prepared(database: str, weak: str) -> None:
    owner, mine = engine_of(database), engine_of(weak)
    with owner.begin() as connection:
        prepare(connection, "shop's")
        prepare(connection, "shop's")

    assert brought_up(mine) == NEWEST
    with mine.begin() as connection:
        for statement in statements(ROWS.validate_python([SAID])[0], NOON):
            connection.execute(statement)
        connection.execute(CHANGES.delete())
    with pytest.raises(ProgrammingError), mine.begin() as connection:
        connection.execute(text("DROP TABLE consent"))
    mine.dispose()
    owner.dispose()


def test_a_role_that_makes_no_tables_and_finds_none_is_told_what_to_do(weak: str) -> None:
    mine = engine_of(weak)

    with pytest.raises(StartError, match="gateway ledger prepare"):
        brought_up(mine)

    mine.dispose()


def test_nodes_that_start_at_the_same_moment_make_the_tables_once(emptied: str) -> None:
    engines = [engine_of(emptied) for _ in range(4)]

    with ThreadPoolExecutor(4) as pool:
        reached = list(pool.map(brought_up, engines))

    assert reached == [NEWEST] * 4
    for each in engines:
        each.dispose()
