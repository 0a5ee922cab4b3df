"""When the disk fills up, what became of calls is written after no new call is taken, and then all goes on."""

import asyncio
import errno
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from ledger_fakes import PURCHASER, SENT, BalkyStore, Ticking, shipment

from gateway.errors import Refusal
from gateway.ledger import Access, Filter, Ledger, Refused, StoreError
from gateway.ledger import room as module
from gateway.ledger.room import MIB, Room, Space, space
from gateway.ledger.unready import Unready

GIB = 1024 * MIB
LOOK = Access("uid:1000", "list")
REFUSED = Refused(caller="checkout", code="consent.missing")


@dataclass
class Disk:
    """As large as a test likes; what the ballast takes is taken from it."""

    folder: Path
    free: int = 10 * GIB
    total: int = 100 * GIB
    is_gone: bool = False

    def __call__(self, _: Path) -> Space:
        if self.is_gone:
            raise FileNotFoundError(errno.ENOENT, "gone")
        ballast = self.folder / "ballast"
        return Space(self.free - (ballast.stat().st_size if ballast.exists() else 0), self.total)


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Disk:
    monkeypatch.setattr(module, "PERIOD", 0.0)
    return Disk(tmp_path)


@pytest.mark.parametrize(
    ("total", "watermark"),
    [(GIB // 64, GIB // 256), (GIB, 256 * MIB), (10 * GIB, 512 * MIB), (100 * GIB, GIB), (100_000 * GIB, GIB)],
)
def test_the_watermark_fits_the_disk(disk: Disk, total: int, watermark: int) -> None:
    disk.total = total
    for free, is_low in ((watermark, False), (watermark - 1, True)):
        disk.free = free
        assert Room(disk.folder, ballast=0, look=disk).is_low == is_low


def test_the_ballast_takes_its_room_and_is_put_back_only_where_it_leaves_enough(disk: Disk) -> None:
    room = Room(disk.folder, watermark=100 * MIB, ballast=2 * MIB, look=disk)
    file = disk.folder / "ballast"
    assert file.stat().st_blocks * 512 >= file.stat().st_size == 2 * MIB

    disk.free = 50 * MIB
    room.relieve()
    assert (room.is_low, file.exists()) == (True, False)
    disk.free = 101 * MIB
    room.step()
    assert (room.is_low, file.exists()) == (False, False)
    disk.free = 102 * MIB
    room.step()
    assert (room.is_low, file.exists()) == (False, True)
    assert sorted(each.name for each in disk.folder.iterdir()) == ["ballast"]


def test_where_there_is_room_the_ballast_stays(disk: Disk) -> None:
    room = Room(disk.folder, watermark=100 * MIB, ballast=MIB, look=disk)

    room.relieve()

    assert (disk.folder / "ballast").exists()


def test_a_ballast_that_cannot_be_made_is_done_without(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)

    room = Room(disk.folder, watermark=100 * MIB, ballast=MIB, look=disk)

    assert not room.is_low
    assert list(disk.folder.iterdir()) == []


def test_where_nobody_can_tell_how_much_room_there_is_none_is_left(disk: Disk) -> None:
    room = Room(disk.folder, ballast=0, look=disk)
    was_low, disk.is_gone = room.is_low, True
    room.step()
    gone, disk.is_gone = room.is_low, False
    room.step()

    assert (was_low, gone, room.is_low) == (False, True, False)


def test_it_looks_at_most_once_a_second(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PERIOD", 600.0)
    room = Room(disk.folder, look=disk)
    disk.free = 0

    room.step()

    assert not room.is_low


def test_a_real_disk_has_some_of_its_room_left(tmp_path: Path) -> None:
    found = space(tmp_path)

    assert 0 < found.free <= found.total


@dataclass
class Filling:
    ledger: Ledger
    store: BalkyStore
    disk: Disk


@pytest.fixture
async def filling(disk: Disk) -> AsyncIterator[Filling]:
    stores: list[BalkyStore] = []

    def store(path: Path, log: str) -> BalkyStore:
        stores.append(BalkyStore(path, log))
        stores[0]._room = Room(disk.folder, watermark=100 * MIB, ballast=MIB, look=disk)
        return stores[0]

    opened = partial(Ledger.open, node="n1", now=Ticking(), loop=asyncio.get_running_loop())
    ledger = opened(disk.folder, store=store)
    yield Filling(ledger, stores[0], disk)
    await ledger.close()


async def looked(ledger: Ledger) -> None:
    """Returns once the disk was looked at, which comes after each commit."""
    for _ in range(2):
        await ledger.record(LOOK)


async def test_below_the_watermark_no_new_call_is_taken_and_what_became_of_others_is(filling: Filling) -> None:
    ledger = filling.ledger
    ticket = await ledger.intend(shipment(), [PURCHASER], b"{}", within=20)
    filling.disk.free = 50 * MIB
    await looked(ledger)

    with pytest.raises(Refusal) as refused:
        await ledger.intend(shipment(), [PURCHASER], b"{}", within=20)
    ledger.note(REFUSED)
    ledger.settle(ticket, SENT)
    await ledger._writer.drained()

    [entry] = await ledger.entries(Filter(kind="intent"))
    assert (refused.value.code, refused.value.failures[0].detail) == (
        "ledger.unavailable",
        "the disk of the ledger is nearly full",
    )
    assert ledger.unready == Unready.FULL
    assert entry.outcome
    assert entry.outcome["result"] == "sent"
    assert await ledger.entries(Filter(kind="refusal")) == []


async def test_once_there_is_room_again_calls_are_taken_without_a_restart(filling: Filling) -> None:
    ledger = filling.ledger
    filling.disk.free = 50 * MIB
    await looked(ledger)
    assert ledger.unready == Unready.FULL

    filling.disk.free = GIB
    await looked(ledger)

    assert (await ledger.intend(shipment(), [PURCHASER], b"{}", within=20)).seq
    assert ledger.healthy


async def test_where_even_an_outcome_does_not_fit_the_ballast_is_given_up_for_it(filling: Filling) -> None:
    ledger = filling.ledger
    ballast = filling.disk.folder / "ballast"
    ticket = await ledger.intend(shipment(), [PURCHASER], b"{}", within=20)
    filling.disk.free = MIB
    filling.store.before.append(StoreError("FullError"))
    assert ballast.exists()

    ledger.settle(ticket, SENT)
    await ledger._writer.drained()

    [entry] = await ledger.entries(Filter(kind="intent"))
    assert entry.outcome
    assert entry.outcome["result"] == "sent"
    assert not ballast.exists()
    filling.disk.free = GIB
    await looked(ledger)
    assert ballast.exists()
