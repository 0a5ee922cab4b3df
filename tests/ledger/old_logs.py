"""Ledgers whose clocks a test sets, so that years go by."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ledger_fakes import SENT, shipment

from gateway.ledger import Intent, Ledger, Retention, Subject
from gateway.ledger.sqlite import SqliteStore
from gateway.ledger.store import Store
from gateway.retention import RetentionClass, kept

YEAR = 366
KEEPS = kept({})
DAY = 24 * 60 * 60 * 1_000_000


@dataclass
class Times:
    """The clock that people set, and the one that nobody sets; both go on by a millisecond when they are read."""

    wall: int = 1_767_225_600_000_000
    boot: int = 10_000_000_000

    def now(self) -> int:
        self.wall += 1_000
        return self.wall

    def mono(self) -> int:
        return self.boot // 1_000

    def pass_days(self, days: int) -> None:
        self.wall += days * DAY
        self.boot += days * DAY

    def set_clock(self, days: int) -> None:
        self.wall += days * DAY


def opened(folder: Path, times: Times, store: Callable[[Path, str], Store] = SqliteStore) -> Ledger:
    loop = asyncio.get_running_loop()
    return Ledger.open(folder, node="n1", now=times.now, mono=times.mono, loop=loop, store=store)


def disclosure(of: str = RetentionClass.ROUTINE) -> Intent:
    return shipment(retention=Retention("P30D", of))


async def sent(ledger: Ledger, *subjects: Subject, of: str = RetentionClass.ROUTINE) -> int:
    """Where an intent stands that has its outcome, and is signed with it."""
    ticket = await ledger.intend(disclosure(of), subjects, b"{}", within=20)
    ledger.settle(ticket, SENT)
    await signed(ledger)
    return ticket.seq


async def signed(ledger: Ledger) -> None:
    """Returns when all that is there is signed."""
    await ledger._writer.drained()
    await ledger.head(ledger._store.tree.size)


def bodies(ledger: Ledger) -> set[int]:
    return {leaf.seq for leaf in ledger._store.leaves(0, 1_000_000)}
