"""No store takes an intent whose facts have changed, and what stands beside it goes in without it."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from ledger_fakes import PURCHASER, Shop, shipment
from postgres_stores import WRITER, prepared, rows
from psycopg.conninfo import conninfo_to_dict
from registries import NOON
from waiting import until

from gateway.frozen import changed
from gateway.ledger import Filter
from gateway.ledger.scribe import UNWRITTEN, Ticket
from gateway.ledger.sqlite import SqliteStore
from gateway.ledger.store import Row, StaleFactsError, Store
from gateway.registry.basis import Basis, Changes
from gateway.registry.engine import engine_of
from gateway.registry.entered import ROWS
from gateway.registry.registry import Registry
from gateway.registry.schema import prepare

ANSWER = ("consent", "c-1")
NO: list[dict[str, Any]] = [{"kind": "consent", "subject": "c-1", "purpose": "delivery", "state": "withdrawn"}]
SQLITE, POSTGRES = "sqlite", "postgresql"


@pytest.fixture
def registry(emptied: str) -> Iterator[Registry]:
    """That of another node than the one whose store is written."""
    url = prepared(emptied).url
    engine = engine_of(emptied)
    with engine.begin() as connection:
        prepare(connection, WRITER)
    engine.dispose()
    registry = Registry.open(url, now=lambda: NOON)
    yield registry
    registry.close()


@pytest.fixture(params=[SQLITE, POSTGRES])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    store: Store
    if request.param == SQLITE:
        store = SqliteStore(tmp_path / "ledger.db", "main")
        store.claim("n1")
    else:
        store = prepared(request.getfixturevalue("emptied")).open("n1")
    yield store
    store.close()


def resting(version: int = 0, changes: Changes | None = None) -> Row:
    """An intent that rests on what a person said."""
    changes = changes or Changes()
    return changed(rows(1, kind="intent")[0], basis=Basis((ANSWER,), changes.moment, version, changes))


def test_what_rests_on_what_this_process_knows_to_have_changed_is_not_appended(store: Store) -> None:
    changes = Changes()
    stale, beside = resting(changes=changes), rows(1)[0]
    changes.tell([ANSWER])

    with pytest.raises(StaleFactsError) as refused:
        store.append([beside, stale])

    assert refused.value.ids == [stale.id]
    assert store.find([stale.id, beside.id]) == {}
    assert store.append([beside]) == 0


async def test_what_rests_on_what_another_node_has_changed_is_not_appended(emptied: str, registry: Registry) -> None:
    store = prepared(emptied).open("n1")
    before = resting()
    assert store.append([before]) == 0
    await registry.put(ROWS.validate_python(NO))
    stale, later, beside = resting(), resting(version=1), rows(1)[0]

    with pytest.raises(StaleFactsError) as refused:
        store.append([stale, later, beside])

    assert refused.value.ids == [stale.id]
    assert store.find([stale.id, later.id, beside.id]) == {}
    assert store.append([later, beside]) == 1
    store.close()


async def test_the_others_of_a_batch_are_written_and_whoever_waited_for_the_stale_one_is_told(shop: Shop) -> None:
    ledger, changes = shop.open(), Changes()
    basis = Basis((ANSWER,), changes.moment, 0, changes)
    other = Basis((("consent", "c-2"),), changes.moment, 0, changes)

    async def intended(basis: Basis | None) -> Ticket:
        return await ledger.intend(shipment(), [PURCHASER], b"{}", within=10.0, basis=basis)

    shop.store.going.clear()
    waiting = [asyncio.ensure_future(intended(each)) for each in (None, basis, other, basis)]
    await until(shop.store.reached.is_set)
    changes.tell([ANSWER])
    shop.store.going.set()
    first, stale, last, again = await asyncio.gather(*waiting)

    assert stale is again is UNWRITTEN
    assert last.seq == first.seq + 1
    assert [entry.body["id"] for entry in await ledger.entries(Filter(kind="intent"))] == [last.intent, first.intent]
    assert ledger.healthy
    assert ledger._writer.unfinished == 0


def waiting(database: str) -> int:
    """How many sessions wait for a lock."""
    with psycopg.connect(database) as session:
        query = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        return session.execute(query).rowcount


@pytest.mark.parametrize("isolation", ["read committed", "repeatable read", "serializable"])
async def test_what_changes_while_an_append_waits_for_the_head_is_seen_by_it(database: str, isolation: str) -> None:
    name = conninfo_to_dict(database)["dbname"]
    with psycopg.connect(database, autocommit=True) as session:
        session.execute(f"ALTER DATABASE {name} SET default_transaction_isolation = '{isolation}'".encode())
    store = prepared(database).open("n1")
    registry = Registry.open(database, now=lambda: NOON)
    with psycopg.connect(database) as other:
        other.execute("SELECT FROM ledger.head FOR UPDATE")
        changing = asyncio.ensure_future(registry.put(ROWS.validate_python(NO)))
        await until(lambda: waiting(database) == 1)
        with psycopg.connect(database, autocommit=True) as owner:
            owner.execute("GRANT USAGE ON SCHEMA registry TO writer")
            owner.execute("GRANT SELECT ON registry.change TO writer")
        appending = asyncio.ensure_future(asyncio.to_thread(store.append, [resting()]))
        await until(lambda: waiting(database) == 2)
        other.commit()

    await changing
    with pytest.raises(StaleFactsError):
        await appending
    registry.close()
    store.close()
