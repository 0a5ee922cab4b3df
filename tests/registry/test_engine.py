"""Connections are durable, private and bounded, and no address of a database stands in an error."""

import stat
from pathlib import Path

import pytest

from gateway.errors import StartError
from gateway.registry.engine import CONNECTIONS, LIMITS, Patient, engine_of


def test_a_file_is_its_owners_alone_with_all_that_sqlite_puts_beside_it(tmp_path: Path) -> None:
    engine = engine_of(tmp_path / "registry.db")
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE a(b)")

        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    engine.dispose()

    assert modes == {"registry.db": 0o600, "registry.db-wal": 0o600, "registry.db-shm": 0o600}


def test_a_file_is_written_durably(tmp_path: Path) -> None:
    engine = engine_of(tmp_path / "registry.db")
    with engine.connect() as connection:
        names = ("journal_mode", "synchronous", "secure_delete", "foreign_keys")
        found = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names]
    engine.dispose()

    assert found == ["wal", 2, 1, 1]


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_on_postgresql_there_are_few_connections_and_every_wait_ends(scheme: str) -> None:
    engine = engine_of(f"{scheme}://shop:canary-word@db.test/shop")
    _, options = engine.dialect.create_connect_args(engine.url)

    assert engine.url.drivername == "postgresql+psycopg"
    assert engine.pool.size() == CONNECTIONS + 1  # type: ignore[attr-defined]
    assert "canary-word" not in repr(engine)
    assert options["password"] == "canary-word"


@pytest.mark.parametrize(
    "address", ["mysql://shop:canary-word@db.test/shop", "canary-word", "postgresql://db.test:canary-word/shop"]
)
def test_another_database_is_refused_without_showing_its_address(address: str) -> None:
    with pytest.raises(StartError) as refused:
        engine_of(address)

    assert "canary-word" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_connection_to_postgresql_waits_for_nobody_without_end(emptied: str) -> None:
    engine = engine_of(emptied)
    with engine.connect() as connection:
        found = {name: connection.exec_driver_sql(f"SHOW {name}").scalar() for name in (*LIMITS, "search_path")}
        driver = connection.connection.driver_connection
    engine.dispose()

    assert found == {
        "lock_timeout": "2s",
        "statement_timeout": "5s",
        "idle_in_transaction_session_timeout": "2s",
        "search_path": "registry",
    }
    assert isinstance(driver, Patient)
