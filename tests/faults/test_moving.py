"""What brings tables up to a version, and a folder into a database, is killed before each of its statements."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw
import psycopg
import pytest
from clusters import Cluster
from ledger_fakes import Ticking
from running import running

from faults.stepwise import Deed, killed, moves, opens_ledger, opens_registry, prepares
from gateway.ledger import postgres_schema, sqlite_schema
from gateway.ledger.canonical import leaf_hash
from gateway.ledger.database import StoreError, writable
from gateway.ledger.postgres import PostgresStore
from gateway.ledger.sqlite import SqliteStore
from gateway.ledger.tree import Tree
from gateway.migrate import moved
from gateway.registry import schema
from gateway.registry.engine import engine_of
from gateway.stores import prepare

Told = Callable[[str, int, str, str], None]
Extent = Callable[[int, int], int]

MOST = 2_000
BODIES = [b'{"n":%d}' % number for number in range(5)]
ROOT = Tree().plus(map(leaf_hash, BODIES)).root


def steps(deed: Deed, again: Callable[[], tuple[str, ...]], holds: Callable[[], None], every: int) -> int:
    """Kills what `again` gives arguments for, at one of so many steps; `holds` is asked for after each."""
    for kills, at in enumerate(range(1, MOST, every)):
        if not killed(deed, *again(), at=at):
            return kills
        holds()
    pytest.fail("it has no end")


def old_ledger(folder: Path) -> None:
    """A file as the first version made it."""
    database = writable(folder / "ledger.db")
    database.execute(sqlite_schema.MIGRATIONS[0] + "INSERT INTO log VALUES('main', 'active')")
    for seq, body in enumerate(BODIES):
        database.execute("INSERT INTO leaf VALUES(?, ?, 'refusal', 0, NULL, ?)", (seq, bytes([seq]), leaf_hash(body)))
        database.execute("INSERT INTO leaf_body(seq, body) VALUES(?, ?)", (seq, body))
    database.pragma("user_version", 1)
    database.close()


def test_a_ledger_that_is_brought_up_is_as_it_was_or_whole(tmp_path: Path, told: Told, extent: Extent) -> None:
    numbers = iter(range(MOST))
    folder = tmp_path

    def again() -> tuple[str, str]:
        nonlocal folder
        folder = tmp_path / str(next(numbers))
        folder.mkdir()
        old_ledger(folder)
        return str(folder), ""

    def holds() -> None:
        database = apsw.Connection(str(folder / "ledger.db"))
        assert database.pragma("user_version") in (1, len(sqlite_schema.MIGRATIONS))
        database.close()
        store = SqliteStore(folder / "ledger.db", "main")
        assert store.tree.root == ROOT
        assert store.damage() == ""
        store.close()

    kills = steps(opens_ledger, again, holds, extent(9, 1))

    assert kills > 1
    told("SIGKILL at each statement of a new version: the ledger", kills, "the root is the same", half_way(tmp_path))


def half_way(folder: Path) -> str:
    """Without a transaction around them some of the tables are there, and no start makes the rest."""
    (folder / "half").mkdir()
    old_ledger(folder / "half")
    database = apsw.Connection(str(folder / "half" / "ledger.db"))
    database.execute(sqlite_schema.MIGRATIONS[1])
    database.close()
    with pytest.raises(StoreError):
        SqliteStore(folder / "half" / "ledger.db", "main")
    return "one by one: no start"


def test_a_registry_that_is_brought_up_is_as_it_was_or_whole(tmp_path: Path, told: Told, extent: Extent) -> None:
    file = tmp_path / "registry.db"

    def again() -> tuple[str, str]:
        for each in tmp_path.glob("registry.db*"):
            each.unlink()
        engine = engine_of(file)
        with engine.begin() as connection:
            schema.upgrade(connection, schema.FIRST)
        engine.dispose()
        return str(tmp_path), ""

    def holds() -> None:
        engine = engine_of(file)
        with engine.begin() as connection:
            assert schema.revision(connection) in (schema.FIRST, schema.NEWEST)
            schema.bring_up(connection)
            assert schema.revision(connection) == schema.NEWEST
        engine.dispose()

    kills = steps(opens_registry, again, holds, extent(9, 1))

    assert kills > 1
    told("SIGKILL at statements of a new version: the registry", kills, "old or new", "in make test: half made")


@pytest.fixture
def emptied_database(server: Cluster) -> Iterator[str]:
    with server.database() as owner:
        yield owner


def test_a_database_that_is_brought_up_is_as_it_was_or_whole(told: Told, extent: Extent, emptied_database: str) -> None:
    owner = emptied_database
    role = owner.replace("//postgres@", "//writer@")
    prepare(owner, role)

    def again() -> tuple[str, str]:
        with psycopg.connect(owner) as session:
            session.execute("DROP SCHEMA IF EXISTS ledger, keys, registry CASCADE; CREATE SCHEMA ledger")
            session.execute("SET LOCAL search_path = ledger")
            session.execute(postgres_schema.MIGRATIONS[0].encode())
            session.execute("CREATE TABLE version(number integer NOT NULL); INSERT INTO version VALUES(1)")
            session.execute("INSERT INTO log VALUES('main', 'active')")
            session.execute("INSERT INTO head VALUES('main', %s, %s, 0)", [len(BODIES), ROOT])
            for seq, body in enumerate(BODIES):
                leaf = (seq, bytes([seq]), leaf_hash(body))
                session.execute("INSERT INTO leaf VALUES(%s, %s, 'refusal', 0, NULL, %s)", leaf)
                session.execute("INSERT INTO leaf_body(seq, body) VALUES(%s, %s)", (seq, body))
        return owner, role

    def holds() -> None:
        with psycopg.connect(owner) as session:
            [(number,)] = session.execute("SELECT number FROM ledger.version").fetchall()
        assert number in (1, len(postgres_schema.MIGRATIONS))
        prepare(owner, role)
        store = PostgresStore(role, "main")
        assert store.tree.root == ROOT
        store.close()

    kills = steps(prepares, again, holds, extent(25, 2))

    assert kills > 1
    told("SIGKILL at statements of a new version: PostgreSQL", kills, "the root is the same", "in make test: half made")


@contextmanager
def written(folder: Path) -> Iterator[Path]:
    """The data folder of a gateway that ended in good order, and that a move has not touched yet."""
    with running(folder) as gateway:
        for _ in range(3):
            assert gateway.ship().status == 200
    yield folder / "data"


def test_a_move_that_is_killed_anywhere_is_done_again_or_was_done(
    tmp_path: Path, told: Told, extent: Extent, emptied_database: str
) -> None:
    owner, folder = emptied_database, tmp_path / "moved"
    role = owner.replace("//postgres@", "//writer@")
    prepare(owner, role)
    with written(tmp_path / "shop") as data:

        def again() -> tuple[str, str]:
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(data, folder, ignore=shutil.ignore_patterns("*.sock"))
            with psycopg.connect(owner) as session:
                session.execute("DROP SCHEMA IF EXISTS ledger, keys, registry CASCADE")
            prepare(owner, role)
            return str(folder), role

        def holds() -> None:
            entries = moved(folder, None, role, Ticking()).entries
            store = PostgresStore(role, "main")
            assert Tree().plus(store.hashes(0, entries)).root == store.tree.root
            assert store.tree.size == entries
            store.close()

        kills = steps(moves, again, holds, extent(60, 3))

    assert kills > 1
    told("SIGKILL while a folder is brought over", kills, "the root is the same", "in make test-slow: lost rows")
