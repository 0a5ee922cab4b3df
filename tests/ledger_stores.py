"""Stores of the ledger as bad disks make them."""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from gateway.ledger import StoreError
from gateway.ledger.sqlite import SqliteStore
from gateway.ledger.store import Row

Where = Literal["before", "after"]


class Stalling(SqliteStore):
    """A real store that commits, or says so, only while it may; `full` fails each commit, and mending it too."""

    def __init__(self, path: Path, log: str) -> None:
        super().__init__(path, log)
        self.going = threading.Event()
        self.going.set()
        self.reached = threading.Event()
        self.full = False
        self.stalls: Where = "before"

    def append(self, rows: Sequence[Row]) -> int:
        if self.stalls == "after":
            first = super().append(rows)
            self._stall()
            return first
        self._stall()
        if self.full:
            raise StoreError("FullError")
        return super().append(rows)

    def _stall(self) -> None:
        self.reached.set()
        self.going.wait(20)

    def reopen(self) -> None:
        if self.full:
            raise StoreError("FullError")
        super().reopen()
