"""Folders of stores as a gateway leaves them, for what is done with their files."""

import shutil
from pathlib import Path

from histories import CONTRACT
from ledger_fakes import PURCHASER, SENT, Shop, shipment

from gateway.backup import NOT_IN_IT
from gateway.ledger import Ledger
from gateway.registry.engine import engine_of
from gateway.registry.schema import bring_up


def with_registry(folder: Path) -> None:
    engine = engine_of(folder / "registry.db")
    with engine.begin() as connection:
        bring_up(connection)
    engine.dispose()


async def grown(folder: Path, disclosures: int = 1) -> str:
    """Opens the stores of a folder, lets some calls go, and closes them; the newest checkpoint."""
    ledger = Shop(folder).open()
    await ledger.record(CONTRACT)
    for _ in range(disclosures):
        ledger.settle(await ledger.intend(shipment(), [PURCHASER], b"{}", within=20), SENT)
    note = await signed(ledger)
    await ledger.close()
    return note


class Nobody:
    """Whatever else would know people, and does not."""

    async def known(self) -> frozenset[str]:
        return frozenset()

    async def erase(self, ref: str) -> None:
        del ref


async def forgotten(ledger: Ledger, ref: str) -> None:
    await ledger.erasing.erase(ref, Nobody(), reason="request", by="anna", forced=False)


async def signed(ledger: Ledger) -> str:
    await ledger._writer.drained()
    return (await ledger.head(ledger._store.tree.size)).note


def with_keys(folder: Path, source: Path, *more: str) -> Path:
    """A new folder with the keys of another one, as somebody keeps them apart."""
    folder.mkdir(mode=0o700)
    for name in (*NOT_IN_IT, *more):
        shutil.copy(source / name, folder / name)
    return folder
