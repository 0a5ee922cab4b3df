"""Nobody takes away unseen what keeps the tables of the database from being altered."""

import asyncio
import time
from functools import partial
from pathlib import Path

import pytest
from postgres_stores import Prepared, prepared

from gateway.errors import StartError
from gateway.ledger import Ledger
from gateway.ledger.postgres import PostgresStore
from gateway.ledger.postgres_guards import GUARDS
from gateway.ledger.postgres_schema import prepare


@pytest.fixture
def log(emptied: str) -> Prepared:
    return prepared(emptied)


def started(log: Prepared, folder: Path) -> Ledger:
    def store(_: Path, name: str) -> PostgresStore:
        return PostgresStore(log.url, name)

    now = partial(int, time.time() * 1e6)
    return Ledger.open(folder, node="n1", now=now, loop=asyncio.get_running_loop(), store=store)


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TRIGGER {name} ON {table}",
        "ALTER TABLE {table} DISABLE TRIGGER {name}",
        "ALTER TABLE {table} ENABLE REPLICA TRIGGER {name}",
    ],
    ids=["dropped", "disabled", "for replicas alone"],
)
async def test_a_start_is_refused_where_a_guard_is_gone_until_it_is_put_back(
    log: Prepared, tmp_path: Path, statement: str
) -> None:
    for table, name in GUARDS:
        log.does(statement.format(name=name, table=table))
        with pytest.raises(StartError, match=rf"{name} of {table}\. .*`gateway ledger prepare`"):
            started(log, tmp_path)
        prepare(log.owner, log.url, "main")

    ledger = started(log, tmp_path)
    assert ledger.healthy
    await ledger.close()


def test_every_trigger_of_a_prepared_database_is_looked_for(log: Prepared) -> None:
    found = log.does("SELECT tgrelid::regclass::text, tgname::text FROM pg_trigger WHERE NOT tgisinternal")

    assert {(str(table).removeprefix("ledger."), name) for table, name in found} >= GUARDS.keys()
    ledgers = log.does(
        "SELECT relname::text, tgname::text FROM pg_trigger JOIN pg_class c ON c.oid = tgrelid "
        "WHERE relnamespace = 'ledger'::regnamespace AND NOT tgisinternal"
    )
    assert set(ledgers) == GUARDS.keys()
