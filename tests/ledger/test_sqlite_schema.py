"""Nobody takes away unseen what keeps the tables of the file from being altered."""

from pathlib import Path

import apsw
import pytest
from ledger_fakes import Shop, shipment

from gateway.errors import StartError
from gateway.ledger import Subject
from gateway.stores import guarded

ABOUT = Subject("customer-48151623", "purchaser", "DE")
ALL = [
    f"{table}_{act}"
    for table in ("leaf", "leaf_body", "checkpoint", "subtree", "purged", "erased")
    for act in ("UPDATE", "DELETE")
]


def done(folder: Path, statement: str) -> None:
    database = apsw.Connection(str(folder / "ledger.db"))
    database.execute(statement)
    database.close()


async def left(shop: Shop) -> None:
    ledger = shop.open()
    await ledger.intend(shipment(), [ABOUT], b"{}", within=20)
    await ledger.close()


@pytest.mark.parametrize("name", [*ALL, "purged_INSERT"])
async def test_a_start_is_refused_where_a_guard_is_gone_until_it_is_put_back(shop: Shop, name: str) -> None:
    await left(shop)
    done(shop.folder, f"DROP TRIGGER {name}")

    with pytest.raises(StartError, match=rf"not guarded as they were made: {name}\. .*`gateway ledger prepare`"):
        shop.open()
    put_back = guarded(shop.folder)
    ledger = shop.open()

    assert ledger.healthy
    assert (list(put_back), list(shop.store.unguarded())) == ([name], [])


async def test_a_guard_that_stops_nothing_is_none(shop: Shop) -> None:
    await left(shop)
    done(shop.folder, "DROP TRIGGER leaf_UPDATE; CREATE TRIGGER leaf_UPDATE BEFORE UPDATE ON leaf BEGIN SELECT 1; END")

    with pytest.raises(StartError, match="leaf_UPDATE"):
        shop.open()


async def test_beside_a_running_gateway_nothing_is_put_back(shop: Shop) -> None:
    ledger = shop.open()

    with pytest.raises(StartError, match="another process uses the ledger"):
        guarded(shop.folder)

    assert ledger.healthy
