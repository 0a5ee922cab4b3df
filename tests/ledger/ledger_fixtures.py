"""A ledger in a folder of its own, and what writes its rows."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from ledger_fakes import Opening, Repeating, Shop, Ticking
from postgres_stores import prepared

from gateway.ledger import Ledger
from gateway.ledger.keys import Keys
from gateway.ledger.scribe import Scribe
from gateway.ledger.sqlite import SqliteStore
from gateway.ledger.store import Store


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    shop = Shop(tmp_path)
    yield shop
    for store in shop.stores:
        store.going.set()
    for ledger in shop.opened:
        if not ledger._closing:
            await ledger.close()


@pytest.fixture
async def ledger(shop: Shop) -> Ledger:
    return shop.open()


@pytest.fixture
def scribe(tmp_path: Path) -> Iterator[Scribe]:
    (tmp_path / "keys").mkdir()
    keys = Keys.open(tmp_path / "keys", Repeating())
    yield Scribe("main", "n1", "b0", 1, keys, Ticking(), lambda: 7, Repeating())
    keys.close()


@pytest.fixture(params=["sqlite", "postgres"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opening]:
    """Opens the same store as one node or another; of SQLite there is one."""
    stores: list[Store] = []
    database = prepared(request.getfixturevalue("emptied")) if request.param == "postgres" else None

    def as_node(node: str) -> Store:
        store: Store = database.open() if database else SqliteStore(tmp_path / "ledger.db", "main")
        store.claim(node)
        stores.append(store)
        return store

    yield as_node
    for store in stores:
        store.close()
