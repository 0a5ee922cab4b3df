"""Signs the log every few seconds, and only what it has read again from the database and hashed anew."""

import logging
import time
from collections.abc import Callable, Sequence
from itertools import zip_longest

from gateway.errors import GatewayError
from gateway.ledger.canonical import leaf_hash
from gateway.ledger.checkpoint import PREVIOUS, Checkpoint, opened, signed
from gateway.ledger.database import StoreError
from gateway.ledger.highwater import HighWater
from gateway.ledger.note import NoteError, Signer
from gateway.ledger.store import Head, Leaf, Store
from gateway.ledger.tree import Span, Tree

log = logging.getLogger(__name__)

PERIOD = 5.0  # seconds between two checkpoints of a log that grows
LAST = 5.0  # seconds for the checkpoint of an orderly end
PART = 256  # entries that are read again between two batches: about as long as a commit takes


class AlteredError(GatewayError):
    """The database does not hold what was written into it."""


class Notary:
    """Works on the thread of the writer, a part at a time; `hurry` and what is read may be used on any.

    Where something was altered it never signs again, and no new intent is taken: that is for people to look into.
    """

    def __init__(self, store: Store, signer: Signer, mark: HighWater, now: Callable[[], int]) -> None:
        self._store = store
        self._mark = mark
        self._signer = signer
        self._now = now
        self._due = 0.0
        self._goal: Tree | None = None
        self._read = Tree()
        self._complete: dict[Span, bytes] = {}
        self._signed = Tree()
        self.altered = False
        self.verifier = signer.verifier

    def hurry(self) -> None:
        """The next checkpoint is due now."""
        self._due = 0.0

    @property
    def is_busy(self) -> bool:
        """Whether there is more to read before the checkpoint that is due can be signed."""
        return self._goal is not None

    def close(self) -> None:
        """Marks how far the log was written in the end; the thread of the writer has ended."""
        try:
            self._mark.mark(self._store.tree)
        except StoreError as error:
            log.error("the end of the ledger could not be marked: %s", error)  # noqa: TRY400 - the name is all there is
        self._mark.close()

    def stop(self, error: GatewayError) -> None:
        """Nothing is signed any more."""
        # Said first: whoever sees that it is altered finds the reason in the log.
        log.error("the ledger was altered and is not signed any more: %s", error)
        self._goal, self.altered = None, True

    def step(self) -> None:
        """Reads a part, and signs once all is read that was there when the checkpoint fell due.

        Raises StoreError where the disk failed.
        """
        self._mark.step(self._store.tree)
        if not self.altered and (self._goal is not None or time.monotonic() >= self._due):
            self._tried()

    def finish(self) -> None:
        """Signs what is not signed when nothing more is written, and says where it cannot.

        Raises StoreError where the disk failed.
        """
        until = time.monotonic() + LAST
        while not self.altered and self._signed.size < self._store.tree.size:
            if time.monotonic() >= until or not self._tried():
                log.error("the last entries of the ledger are not signed: the next start signs them")
                return

    def _tried(self) -> bool:
        """Whether a part was read, or signed. Raises StoreError where the disk failed."""
        try:
            self._step()
        except StoreError as error:
            if error.lasting:
                raise
            self._goal = None
            log.error("the ledger could not be signed: %s", error)  # noqa: TRY400 - the name is all there is
            return False
        except (AlteredError, NoteError) as error:
            self.stop(error)
            return False
        return True

    def _step(self) -> None:
        if self._goal is None:
            self._due = time.monotonic() + PERIOD
            self._begin()
        elif self._read.size < self._goal.size:
            first, missing = self._read.size, min(PART, self._goal.size - self._read.size)
            self._read = self._read.plus(_hashed(self._store.leaves(first, missing), first, missing), self._complete)
        else:
            self._sign(self._goal)

    def _begin(self) -> None:
        """Goes on from the last checkpoint, as it stands in the database, so that the next one continues it."""
        # In this order: while it is read, other nodes write and sign on.
        head, goal = self._store.last_head(), self._store.newest()
        last = head_tree(head, self._signer) if head else Tree()
        if last.size < self._signed.size or (last.size == self._signed.size and last != self._signed):
            raise AlteredError("the last checkpoint is gone")
        if goal.size < last.size:
            raise AlteredError(f"it has {goal.size} entries and was signed with {last.size}")
        self._signed = self._read = last
        self._complete = {}
        self._goal = goal if goal.size > last.size else None

    def _sign(self, goal: Tree) -> None:
        self._goal = None
        if self._read != goal:
            raise AlteredError(f"entries {self._signed.size} to {goal.size - 1} are not those that were written")
        # So that nobody can take a checkpoint out of the middle of the history unseen.
        before = (f"{PREVIOUS} {self._signed.size}",)
        note = signed(Checkpoint(self._signer.verifier.name, goal.size, goal.root, before), self._signer)
        head = Head(goal.size, goal.root, self._now(), note, b"".join(goal.peaks))
        if self._store.keep(head, self._complete, after=self._signed.size):
            self._signed = goal


def head_tree(head: Head, signer: Signer) -> Tree:
    """The tree that a checkpoint of the database is about. Raises AlteredError or NoteError."""
    checkpoint = opened(head.note, signer.verifier)
    tree = head.tree
    if tree is None or (tree.size, tree.root) != (checkpoint.size, checkpoint.root):
        raise AlteredError(f"the checkpoint of size {head.size} is not the one that was signed")
    return tree


def _hashed(leaves: Sequence[Leaf], first: int, count: int) -> list[bytes]:
    """The hashes of entries, made anew of their bodies. Raises AlteredError."""
    hashes = []
    for seq, leaf in zip_longest(range(first, first + count), leaves):
        if leaf is None or leaf.seq != seq:
            raise AlteredError(f"entry {seq} is gone")
        if leaf_hash(leaf.body) != leaf.hash:
            raise AlteredError(f"entry {seq} does not fit its hash")
        hashes.append(leaf.hash)
    return hashes
