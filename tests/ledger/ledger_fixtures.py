"""A ledger in a folder of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from ledger_fakes import Shop

from gateway.ledger import Ledger


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
