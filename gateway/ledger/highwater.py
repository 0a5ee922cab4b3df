"""How far the log was acknowledged, kept on this node's own disk: a database that falls behind it is an older copy."""

import hashlib
import os
import time
from dataclasses import dataclass
from pathlib import Path

from gateway.errors import StartError
from gateway.ledger.database import StoreError
from gateway.ledger.tree import Tree

PERIOD = 1.0  # seconds between two marks of a log that grows
SLOT = 512  # bytes: as much as a disk writes whole or not at all
_FORM = "gateway-high-water/1"


@dataclass(frozen=True, slots=True)
class Mark:
    """How many entries the log had, and their root, which no other log has."""

    size: int
    root: bytes


class HighWater:
    """A file of two slots that are written in turn, so that one is whole whenever the power goes.

    Raises StartError where the file holds neither nothing nor a mark.
    """

    def __init__(self, path: Path) -> None:
        self._due = 0.0
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        held = os.pread(self._descriptor, 2 * SLOT, 0)
        marks = [mark for at in (0, SLOT) if (mark := _read(held[at : at + SLOT]))]
        if held and not marks:
            os.close(self._descriptor)
            raise StartError(f"{path} is damaged; delete it once you are sure that the database is the newest one")
        self.last = max(marks, key=lambda mark: mark.size, default=Mark(0, Tree().root))
        self._slot = int(_read(held[:SLOT]) == self.last)

    def step(self, tree: Tree) -> None:
        """Marks a tree that is durable, at most once a second. Raises StoreError where the disk failed."""
        if tree.size != self.last.size and (now := time.monotonic()) >= self._due:
            self._due = now + PERIOD
            self.mark(tree)

    def mark(self, tree: Tree) -> None:
        """Marks a tree that is durable. Raises StoreError where the disk failed."""
        mark = Mark(tree.size, tree.root)
        try:
            os.pwrite(self._descriptor, _written(mark), self._slot * SLOT)
            os.fdatasync(self._descriptor)
        except OSError as error:
            raise StoreError(f"high-water {error.strerror}", lasting=True) from None
        self.last, self._slot = mark, 1 - self._slot

    def close(self) -> None:
        os.close(self._descriptor)


def _written(mark: Mark) -> bytes:
    text = f"{_FORM} {mark.size} {mark.root.hex()}"
    return f"{text} {hashlib.sha256(text.encode()).hexdigest()}".encode().ljust(SLOT)


def _read(slot: bytes) -> Mark | None:
    """The mark in a slot; None where it is empty, or was not written as a whole."""
    text, _, digest = slot.rstrip().decode("ascii", "replace").rpartition(" ")
    if hashlib.sha256(text.encode()).hexdigest() != digest:
        return None
    _, size, root = text.split(" ")
    return Mark(int(size), bytes.fromhex(root))
