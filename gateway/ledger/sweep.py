"""Takes away what is over, part by part beside the calls: bodies first, then keys, then the room on the disk."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Protocol, TypeVar

from gateway.failpoints import failpoint
from gateway.ledger.attic import Moment
from gateway.ledger.database import or_refused
from gateway.ledger.holds import in_force
from gateway.ledger.keeping import Purge
from gateway.ledger.purging import Choice, lived
from gateway.ledger.scribe import Scribe
from gateway.ledger.store import Row, Store
from gateway.retention import RetentionClass

log = logging.getLogger(__name__)

T = TypeVar("T")

WITHIN = 30.0  # seconds for one part
KEYS = 500  # that are destroyed in one commit
PAGES = 128  # that go back to the disk at once: a mebibyte, so that no call waits long


class Write(Protocol):
    """Makes a row durable, and tells its place; raises Refusal where it is not within so many seconds."""

    async def __call__(self, row: Row, within: float) -> int: ...


class Read(Protocol):
    """What something on another thread returns."""

    async def __call__(self, reading: Callable[[], T]) -> T: ...


class Sweep:
    """One at a time; each part is whole in itself, so that one which was killed goes on with the next."""

    def __init__(
        self,
        store: Store,
        scribe: Scribe,
        write: Write,
        do: Callable[[Callable[[], int]], Awaitable[int]],
        read: Read,
    ) -> None:
        self._store = store
        self._scribe = scribe
        self._write = write
        self._do = do
        self._read = read
        self._running = asyncio.Lock()

    async def run(self, keeps: Mapping[RetentionClass, str], *, by: str, rehearsed: bool = False) -> Sequence[Purge]:
        """Purges what `keeps` says is over, and returns what was; `rehearsed`, what would be, and nothing goes.

        Raises Refusal `ledger.unavailable`.
        """
        with or_refused():
            return await self._run(keeps, by, rehearsed=rehearsed)

    async def _run(self, keeps: Mapping[RetentionClass, str], by: str, *, rehearsed: bool) -> Sequence[Purge]:
        async with self._running:
            # Before it is read who is held: a hold that comes later stops what was decided without it.
            as_of = self._store.tree.size
            choice = await self._read(lambda: self._choice(keeps, by))
            done: list[Purge] = []
            while (purge := await self._read(choice.purge)) is not None:
                if not rehearsed:
                    await self._write(self._scribe.purge(purge, as_of), WITHIN)
                done.append(purge)
            if not rehearsed:
                await self._tidy()
        return done

    def _choice(self, keeps: Mapping[RetentionClass, str], by: str) -> Choice:
        attic, head = self._store.attic, self._store.last_head()
        here = Moment(self._scribe.node, self._scribe.boot, self._scribe.now(), self._scribe.mono())
        now = lived(attic.moments(), here)
        if now != here.ts:
            log.info("the clock is %d s ahead of what the ledger lived through", (here.ts - now) // 1_000_000)
        held = in_force(self._store.oblivion, now)
        return Choice(attic, keeps, now=now, signed=head.size if head else 0, by=by, held=held.keys())

    async def _tidy(self) -> None:
        attic, keys = self._store.attic, self._scribe.keys
        while loose := await self._read(lambda: attic.loose(KEYS)):
            # Before the thread that writes looks again: what is sealed from here on is not sealed under these.
            keys.forget(each.tok for each in loose)
            await self._do(self._destroy)
        await self._destroy_unused()
        while await self._do(lambda: attic.shrink(PAGES)):
            pass

    async def _destroy_unused(self) -> None:
        """Keys that were made before a process ended and that nothing in the log is sealed under, with their tokens.

        Whoever they were meant for has another key since, so no erasure would ever find them.
        """
        attic, vault, over = self._store.attic, self._scribe.keys.vault, set[int]()

        def look() -> int:
            over.update(self._store.over(vault.unsure()))
            return len(over)

        if not await self._do(look):
            return
        after = (await self._read(lambda: attic.begun(min(over))), -1)
        while named := await self._read(partial(attic.named, after, KEYS)):
            after = named[-1][:2]
            await self._do(partial(self._used, [each.dek for each in named]))
        while await self._do(partial(self._destroyed, over)):
            pass

    def _used(self, deks: Sequence[bytes]) -> int:
        self._scribe.keys.vault.used(deks)
        return len(deks)

    def _destroyed(self, epochs: Collection[int]) -> int:
        keys = self._scribe.keys
        unused = keys.vault.unused(epochs, KEYS)
        keys.destroy(unused)
        return len(unused)

    def _destroy(self) -> int:
        """How many keys are dealt with, on the thread that writes: all that was sealed before stands in the ledger."""
        loose = self._store.attic.loose(KEYS)
        self._scribe.keys.destroy([each.dek for each in loose if not each.linked])
        failpoint("after-destroy-loose")
        self._store.attic.tighten(loose)
        return len(loose)
