"""Connections are durable, private and bounded, and no address of a database stands in an error."""

import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy.exc import SQLAlchemyError

from gateway.errors import StartError
from gateway.registry import engine as engine_module
from gateway.registry.engine import CONNECTIONS, LIMITS, Patient, engine_of, wipe

COPIES = """
import fcntl, sys
with open(sys.argv[1], "r+b") as shared:
    fcntl.lockf(shared, fcntl.LOCK_EX, 1, 121)
    print("it copies", flush=True)
    sys.stdin.read()
"""


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


@contextmanager
def copying(database: Path) -> Iterator[Callable[[], None]]:
    """Another process has the lock of whoever copies the WAL into the file (SQLite's `WAL_CKPT_LOCK`), until told."""
    process = subprocess.Popen(
        [sys.executable, "-c", COPIES, f"{database}-shm"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "it copies\n"

    def end() -> None:
        process.communicate()

    try:
        yield end
    finally:
        process.kill()
        process.communicate()


def test_whoever_copies_the_same_pages_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database, waited = tmp_path / "registry.db", list[float]()
    engine = engine_of(database)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE a(b)")
    with copying(database) as end:

        def slept(seconds: float) -> None:
            waited.append(seconds)
            end()

        monkeypatch.setattr(engine_module, "sleep", slept)
        wipe(engine)
    engine.dispose()

    assert len(waited) == 1
    assert not Path(f"{database}-wal").exists() or Path(f"{database}-wal").stat().st_size == 0


def test_it_is_said_where_somebody_is_in_the_way_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = tmp_path / "registry.db"
    engine = engine_of(database)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE a(b)")
    monkeypatch.setattr(engine_module, "sleep", lambda _: None)
    with copying(database), pytest.raises(SQLAlchemyError, match="in the way"):
        wipe(engine)
    engine.dispose()
