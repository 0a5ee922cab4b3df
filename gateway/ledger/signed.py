"""What is signed of a log, and what that proves."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Protocol, TypeVar

from gateway.errors import Refusal, refuse
from gateway.ledger.database import or_refused
from gateway.ledger.notary import AlteredError, Notary
from gateway.ledger.proof import continued, included
from gateway.ledger.store import Head, Store
from gateway.ledger.writer import Writer

T = TypeVar("T")

PAGE = 1_000
TRIES = 250
BETWEEN_TRIES = 0.02  # seconds


class Reads(Protocol):
    """Reads a store on a thread of its own."""

    def __call__(self, reading: Callable[[], T]) -> Awaitable[T]: ...


class Signed:
    """Checkpoints of a log, and the proofs that rest on them."""

    def __init__(self, store: Store, notary: Notary, writer: Writer, read: Reads) -> None:
        self._store = store
        self._notary = notary
        self._writer = writer
        self._read = read

    @property
    def vkey(self) -> str:
        """The public half of the key that signs the log, under the name of the log."""
        return self._notary.verifier.vkey

    async def head(self, covering: int = 1) -> Head:
        """A checkpoint over so many entries at least; signs one where there is none yet. Raises Refusal."""
        for _ in range(TRIES):
            with or_refused():
                found = await self._read(self._store.last_head)
            if found and found.size >= covering:
                return found
            if self._notary.altered:
                break
            self._notary.hurry()
            await self._writer.caught_up()
            await asyncio.sleep(BETWEEN_TRIES)
        raise refuse("ledger.unavailable", "the log is not signed that far")

    async def count(self) -> int | None:
        """How many entries are signed; None where the log was altered, and nobody vouches for any. Raises Refusal."""
        return None if self._notary.altered else (await self.head()).size

    async def extent(self) -> Head | None:
        """A checkpoint over all that was put in before; of a log that is not signed any more, the last. Or Refusal."""
        await self._writer.caught_up()
        with suppress(Refusal):
            return await self.head(self._store.tree.size)
        if not self._notary.altered:
            raise refuse("ledger.unavailable", "the log is not signed that far")
        with or_refused():
            return await self._read(self._store.last_head)

    async def heads(self, size: int, limit: int) -> Sequence[Head]:
        """Checkpoints from a size on, the smallest first, at most a page. Raises Refusal."""
        with or_refused():
            return await self._read(lambda: self._store.heads(size, min(limit, PAGE)))

    async def proved(self, seq: int) -> str:
        """That an entry is in the log, and the entry. Raises Refusal where it was altered or is not signed."""
        head = await self.head(seq + 1)
        return await self._proof(lambda: included(self._store, self._notary.verifier, seq, head))

    async def continued(self, old: int, head: Head) -> str:
        """That the log of a checkpoint begins with the log of an old size, 1 up to its own. Raises Refusal."""
        return await self._proof(lambda: continued(self._store, self._notary.verifier, old, head))

    async def _proof(self, proving: Callable[[], str]) -> str:
        try:
            with or_refused():
                return await self._read(proving)
        except AlteredError as error:
            self._notary.stop(error)
            raise refuse("ledger.unavailable", str(error)) from None
