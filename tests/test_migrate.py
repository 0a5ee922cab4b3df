"""What one gateway wrote into its folder goes on in a database of several, as the same log."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import psycopg
import pytest
from ledger_fakes import Ticking
from postgres_stores import WRITER
from pydantic import SecretStr
from running import running

from gateway import failpoints, stores
from gateway.errors import Distrusted, StartError
from gateway.failpoints import InjectedError
from gateway.ledger.canonical import leaf_hash
from gateway.ledger.migrate import KEY_TABLES, LOG_TABLES
from gateway.ledger.tree import Tree
from gateway.migrate import FILES, moved

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]


@pytest.fixture
def prepared(emptied: str) -> str:
    url = emptied.replace("postgres@", f"{WRITER}@", 1)
    stores.prepare(emptied, url)
    return url


@pytest.fixture
def written(tmp_path: Path) -> dict[str, Any]:
    """What a gateway with files of its own wrote before it ended."""
    with running(tmp_path) as gateway:
        for _ in range(3):
            assert gateway.ship().status == 200
        token = gateway.token()
        note = gateway.do(lambda: gateway.stores.desk.checkpoint(by="a test"))
        return {"token": token, "note": note, "vkey": gateway.stores.ledger.vkey, "entries": gateway.record()}


def move(folder: Path, url: str) -> Any:
    return moved(folder / "data", None, url, Ticking())


@pytest.fixture(autouse=True)
def _harmless() -> Iterator[None]:
    yield
    failpoints.arm("")


def test_the_log_goes_on_under_its_origin(tmp_path: Path, prepared: str, written: dict[str, Any]) -> None:
    told = move(tmp_path, prepared)

    with running(tmp_path, facts=(), database=SecretStr(prepared)) as gateway:
        entries = gateway.record()
        reply = gateway.ship(token=written["token"])
        grown = gateway.do(lambda: gateway.stores.desk.growth({"old": told.entries}, by="a test"))
        vkey = gateway.stores.ledger.vkey

    assert reply.status == 200
    assert entries[-len(written["entries"]) :] == written["entries"]
    # After what the gateway wrote when it ended comes what the first node writes when it begins.
    since = entries[: len(entries) - len(written["entries"])]
    assert [entry["state"] for entry in since if entry["kind"] == "epoch"] == ["opened", "closed"]
    assert vkey == written["vkey"]
    assert told.checkpoint.splitlines()[0] == written["note"].splitlines()[0]
    assert grown.startswith("c2sp.org/tlog-proof@v1") or f"old {told.entries}" in grown


def test_the_files_are_laid_aside_and_nothing_goes_on_in_them(
    tmp_path: Path, prepared: str, written: dict[str, Any]
) -> None:
    environment = {"GATEWAY_DATA": str(tmp_path / "data"), "GATEWAY_DATABASE": prepared, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "gateway", "ledger", "migrate"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert "entries came over, and hash to the root that is signed:\ngateway/" in done.stdout
    assert {file.name for file in (tmp_path / "data" / "migrated").iterdir()} >= set(FILES)
    with pytest.raises(Distrusted, match="ROLLBACK_DETECTED"), running(tmp_path):
        pass


def test_a_gateway_whose_record_was_not_brought_over_does_not_begin_another_one(
    tmp_path: Path, prepared: str, written: dict[str, Any]
) -> None:
    (tmp_path / "data" / "high-water").unlink()

    with pytest.raises(StartError, match="gateway ledger migrate"), running(tmp_path, database=SecretStr(prepared)):
        pass

    assert move(tmp_path, prepared).entries >= len(written["entries"])


def test_a_gateway_of_a_database_that_was_not_prepared_says_how(tmp_path: Path, emptied: str) -> None:
    with pytest.raises(StartError, match="gateway ledger prepare"), running(tmp_path, database=SecretStr(emptied)):
        pass


@pytest.mark.parametrize("step", ["registry-moved", "ledger-moved"])
def test_what_broke_off_is_done_again_or_was_done(
    tmp_path: Path, prepared: str, written: dict[str, Any], step: str
) -> None:
    failpoints.arm(f"{step}=raise")
    with pytest.raises(InjectedError):
        move(tmp_path, prepared)
    failpoints.arm("")

    told = move(tmp_path, prepared)

    with psycopg.connect(prepared) as session:
        bodies = [body for (body,) in session.execute("SELECT body FROM ledger.leaf_body ORDER BY seq")]
        people = session.execute("SELECT count(*) FROM registry.order_person").fetchone()
    assert Tree().plus(map(leaf_hash, bodies)).size == told.entries
    assert people
    assert people[0] > 0


def test_where_some_of_the_files_are_laid_aside_the_others_follow(
    tmp_path: Path, prepared: str, written: dict[str, Any]
) -> None:
    told = move(tmp_path, prepared)
    data = tmp_path / "data"
    (data / "migrated" / FILES[-1]).rename(data / FILES[-1])

    again = move(tmp_path, prepared)

    assert again.entries == told.entries
    assert not any((data / name).exists() for name in FILES)


def test_a_database_that_holds_a_record_is_left_alone(tmp_path: Path, prepared: str, written: dict[str, Any]) -> None:
    with running(tmp_path / "other", database=SecretStr(prepared)):
        pass

    with pytest.raises(StartError, match="another record in the database"):
        move(tmp_path, prepared)

    assert (tmp_path / "data" / "ledger.db").exists()


def test_what_was_altered_does_not_come_over(tmp_path: Path, prepared: str, written: dict[str, Any]) -> None:
    database = apsw.Connection(str(tmp_path / "data" / "ledger.db"))
    database.execute("DROP TRIGGER leaf_body_UPDATE")
    database.execute("UPDATE leaf_body SET body = CAST(CAST(body AS TEXT) || ' ' AS BLOB) WHERE seq = 5")
    database.close()

    with pytest.raises(Distrusted, match="CORRUPT"):
        move(tmp_path, prepared)

    with psycopg.connect(prepared) as session:
        assert session.execute("SELECT count(*) FROM ledger.leaf").fetchone() == (0,)


def test_what_is_lost_on_the_way_is_found(tmp_path: Path, prepared: str, emptied: str, written: dict[str, Any]) -> None:
    with psycopg.connect(emptied) as session:
        session.execute("""
            CREATE FUNCTION ledger.flip() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF NEW.seq = 4 THEN NEW.body := NEW.body || '\\x20'::bytea; END IF; RETURN NEW; END $$;
            CREATE TRIGGER flips BEFORE INSERT ON ledger.leaf_body FOR EACH ROW EXECUTE FUNCTION ledger.flip();
        """)

    with pytest.raises(Distrusted, match="entry 4 did not come over as it was"):
        move(tmp_path, prepared)

    with psycopg.connect(prepared) as session:
        assert session.execute("SELECT count(*) FROM ledger.leaf").fetchone() == (0,)
    assert (tmp_path / "data" / "ledger.db").exists()


def test_a_folder_in_which_there_is_nothing_is_not_brought_over(tmp_path: Path, prepared: str) -> None:
    with pytest.raises(StartError, match="there is nothing to bring over"):
        move(tmp_path, prepared)


def test_no_table_is_left_behind(tmp_path: Path, prepared: str, emptied: str, written: dict[str, Any]) -> None:
    for schema, file, tables in (("ledger", "ledger.db", LOG_TABLES), ("keys", "keys.db", KEY_TABLES)):
        database = apsw.Connection(str(tmp_path / "data" / file))
        names = {str(name) for (name,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        database.close()
        with psycopg.connect(emptied) as session:
            there = {
                name
                for (name,) in session.execute(
                    "SELECT tablename FROM pg_tables WHERE schemaname = %s", [schema]
                ).fetchall()
            }

        # What is open and who writes is of the node that begins; the log's own row is made with the tables.
        assert names - {"log", "settled"} == tables.keys()
        assert there - {"log", "head", "version", "open_intent", "lease"} == tables.keys()
