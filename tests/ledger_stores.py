"""Stores of the ledger as bad disks make them."""

import threading
from collections.abc import Sequence
from pathlib import Path

from gateway.ledger import StoreError
from gateway.ledger.sqlite import SqliteStore
from gateway.ledger.store import Row


class Stalling(SqliteStore):
    """A real store that commits only while it may; `full` fails each commit, and the attempt to mend it."""

    def __init__(self, path: Path, log: str) -> None:
        super().__init__(path, log)
        self.going = threading.Event()
        self.going.set()
        self.reached = threading.Event()
        self.full = False

    def append(self, rows: Sequence[Row]) -> int:
        self.reached.set()
        self.going.wait(20)
        if self.full:
            raise StoreError("FullError")
        return super().append(rows)

    def reopen(self) -> None:
        if self.full:
            raise StoreError("FullError")
        super().reopen()
