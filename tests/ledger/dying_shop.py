"""A process that uses a ledger and says how far it got, so that it can be killed there."""

import asyncio
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from ledger_fakes import PURCHASER, SENT, shipment

from gateway.ledger import Ledger
from gateway.ledger.sqlite import SqliteStore
from gateway.ledger.store import Row


class LyingStore(SqliteStore):
    """Acknowledges what it has not written; what the kill tests must find out."""

    def append(self, rows: Sequence[Row]) -> int:
        return super().append(rows) if rows[-1].kind == "epoch" else 10


async def main(folder: Path, until: str) -> None:
    loop = asyncio.get_running_loop()
    store = LyingStore if until == "lied to" else SqliteStore
    ledger = Ledger.open(folder, node="n1", now=lambda: time.time_ns() // 1_000, loop=loop, store=store)
    say("opened")
    if until == "opened":
        await asyncio.sleep(60)
    while True:
        ticket = await ledger.intend(shipment(), [PURCHASER], b"{}", within=20)
        if until != "kept back":
            ledger.release(ticket)
        say(ticket.intent)
        if until != "killed":
            await asyncio.sleep(60)
        ledger.settle(ticket, SENT)


def say(what: str) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
