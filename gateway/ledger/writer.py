"""The one thread that writes: whatever is queued goes into one commit, and is told about after it."""

import asyncio
import logging
import os
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from queue import SimpleQueue

from gateway.errors import refuse
from gateway.frozen import Frozen
from gateway.ledger.database import StoreError
from gateway.ledger.hours import OverLimitError
from gateway.ledger.keys import Keys
from gateway.ledger.notary import PERIOD, Notary
from gateway.ledger.store import ErasedKeysError, NotPurged, Row, StaleFactsError, Store
from gateway.ledger.tallies import TooOftenError
from gateway.ledger.unready import Unready

log = logging.getLogger(__name__)

QUEUED = 4_096
TOGETHER = 1_024
PAUSE = 0.1  # seconds between attempts to get the database back
LINGER = 0.01  # seconds for which entries that nobody waits for wait for one that somebody does
PATIENCE = 1.0  # seconds for which a reader waits for what was put in before it came
OVER_LIMIT = -2  # the same, where it is about more people than may be
TOO_OFTEN = -3  # the same, where something would have been done more often than it may be
OVERTAKEN = -1  # instead of a place: what the decision rested on has changed, and nothing was written


class Item(Frozen, frozen=True):
    """A row, and the future of whoever waits for it: its place once it is durable, None when it will not be, and
    OVERTAKEN when it must not be.

    An item without a row is a mark in the queue: all before it is done when its future is. A deed is done at its place
    in the queue, between two commits; the future gets what it returns, or None where it raised StoreError.
    """

    row: Row | None
    waiter: asyncio.Future[int | None] | None = None
    deed: Callable[[], int] | None = None

    @property
    def repeated(self) -> bool:
        """Whether it is written again after a failed commit: nobody waits, and nothing may be lost."""
        return self.row is not None and self.waiter is None


class Writer:
    """Everything but `_run` and what it calls stays on the thread of the loop.

    `written` is called there for every row that is durable, with its place, also where its commit raised; `ended` with
    the exit status, where nothing can be written any more and everybody who waited was told.
    """

    def __init__(
        self,
        store: Store,
        keys: Keys,
        notary: Notary,
        loop: asyncio.AbstractEventLoop,
        written: Callable[[Item, int], None],
        ended: Callable[[int], None],
    ) -> None:
        self._store = store
        self._keys = keys
        self._notary = notary
        self._loop = loop
        self._written = written
        self._ended = ended
        self._queue: SimpleQueue[Sequence[Item]] = SimpleQueue()
        self._lingering: list[Item] = []
        self._linger: asyncio.TimerHandle | None = None
        self._since = 0.0
        self._soon = False
        self._batch: Sequence[Item] = ()
        self._again: list[Item] = []
        self._unfinished = 0
        self._broken = False
        self._dead = False
        self._stalled = False
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ledger-writer", daemon=True)

    def start(self) -> None:
        self._thread.start()
        self._wake()

    def _wake(self) -> None:
        self._queue.put(())
        self._signing = self._loop.call_later(PERIOD, self._wake)

    @property
    def healthy(self) -> bool:
        return self.unready is None

    @property
    def unready(self) -> Unready | None:
        """Why waiting for it is in vain."""
        if self._dead:
            return Unready.FAILED
        if self._broken:
            return Unready.UNWRITTEN
        return Unready.LATE if self._stalled else None

    @property
    def unfinished(self) -> int:
        return self._unfinished

    def demand_ready(self) -> None:
        """Raises a Refusal at once where waiting is in vain."""
        if not self.healthy:
            raise refuse("ledger.unavailable", "the ledger does not write")
        if self._unfinished >= QUEUED:
            raise refuse("ledger.unavailable", "too many entries wait for the ledger")

    def put(self, item: Item) -> None:
        """Hands an item to the thread. One that nobody waits for goes along with the next, or after a moment alone."""
        if self._dead:
            log.error("an entry was not written: %s", item.row.kind if item.row else "")
            _release([item])
            return
        self._unfinished += 1
        self._lingering.append(item)
        if item.waiter is not None or len(self._lingering) >= TOGETHER:
            self._hand_over_soon()
        elif len(self._lingering) == 1:
            self._since = self._loop.time()
            if self._linger is None:
                self._linger = self._loop.call_later(LINGER, self._lingered)

    def _hand_over_soon(self) -> None:
        """All that one turn of the loop puts in goes over together: waking the thread costs more than an entry."""
        if not self._soon:
            self._soon = True
            self._loop.call_soon(self._hand_over)

    def _lingered(self) -> None:
        """What was put in after the timer was set has its moment too; the timer is one for all of them."""
        self._linger = None
        if not self._lingering:
            return
        left = self._since + LINGER - self._loop.time()
        if left > 0:
            self._linger = self._loop.call_later(left, self._lingered)
        else:
            self._hand_over()

    def _hand_over(self) -> None:
        self._soon = False
        if self._lingering:
            self._queue.put(self._lingering)
            self._lingering = []

    async def caught_up(self, within: float = PATIENCE) -> bool:
        """Whether all that was put in before was written, or given up, within so many seconds."""
        mark: asyncio.Future[int | None] = self._loop.create_future()
        self.put(Item(None, mark))
        return bool((await asyncio.wait([mark], timeout=within))[0])

    def stalled(self) -> None:
        """Somebody waited in vain: until the commit under way returns, nobody else needs to wait."""
        self._stalled = True

    async def drained(self) -> None:
        """Returns when all that was put in is durable, also what was put in meanwhile."""
        while self._unfinished:
            mark: asyncio.Future[int | None] = self._loop.create_future()
            self.put(Item(None, mark))
            await mark

    async def stop(self) -> None:
        """Ends the thread, which signs what was written; what is still queued is not."""
        self._hand_over()
        self._signing.cancel()
        self._stopping.set()
        self._queue.put(())
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        """Ends only when it is told to, or for good: then no fsync is tried again, and the process ends."""
        status = os.EX_SOFTWARE
        try:
            while not self._stopping.is_set():
                self._batch = self._taken()
                for part in _apart(self._batch):
                    if (deed := part[0].deed) is not None:
                        self._do(part[0], deed)
                    else:
                        self._write(part)
                self._check()
                self._notary.step()
            self._notary.finish()
            status = os.EX_OK
        except StoreError as error:
            log.error("the disk of the ledger failed, and nobody knows what is on it: %s", error)  # noqa: TRY400
            status = os.EX_DATAERR if error.corrupt else os.EX_IOERR
        finally:
            if status != os.EX_OK:
                self._tell(self._die, status)

    def _taken(self) -> Sequence[Item]:
        """What is to be written now; nothing where signing comes first."""
        batch, self._again = self._again, []
        if not batch and not (self._notary.is_busy and self._queue.empty()):
            # Without a time-out, which costs more than the wait; the loop wakes the thread when signing is due.
            batch.extend(self._queue.get())
        while len(batch) < TOGETHER and self._queue.qsize():
            batch.extend(self._queue.get())
        return batch

    def _write(self, batch: Sequence[Item]) -> None:
        rows = [item.row for item in batch if item.row]
        try:
            self._keys.commit()
            first = self._store.append(rows) if rows else 0
        except StaleFactsError as stale:
            if isinstance(stale, ErasedKeysError):
                self._tell(self._keys.lost, stale.toks)
            self._without(batch, stale.ids, OVERTAKEN)
            return
        except OverLimitError as over:
            self._without(batch, over.ids, OVER_LIMIT)
            return
        except TooOftenError as over:
            self._without(batch, over.ids, TOO_OFTEN)
            return
        except StoreError as error:
            if error.lasting:
                raise
            self._failed(batch, error)
            return
        except NotPurged as error:
            log.warning("a purge was not written: %s", error)
            self._tell(self._dropped, batch)
            return
        self._tell(self._acknowledge, batch, first)
        self._store.checkpoint()
        self._keys.checkpoint()

    def _without(self, batch: Sequence[Item], ids: Collection[str], told: int) -> None:
        """Writes a batch without some of its rows, and tells those who wait for them why."""
        self._tell(self._dropped, [item for item in batch if item.row and item.row.id in ids], told)
        self._write([item for item in batch if item.row is None or item.row.id not in ids])

    def _do(self, item: Item, deed: Callable[[], int]) -> None:
        if self._again:
            # What was put in before comes first, also where it has to be written again.
            self._again.append(item)
            return
        try:
            self._keys.commit()
            done = deed()
        except StoreError as error:
            self._failed([item], error)
            return
        self._tell(self._finished, item, done)

    def _check(self) -> None:
        try:
            self._store.check()
        except StoreError as error:
            if error.lasting:
                raise
            self._failed((), error)

    def _failed(self, batch: Sequence[Item], error: StoreError) -> None:
        """The state of a commit that raised is unknown, so the database says what is there."""
        log.error("the ledger could not write: %s", error)
        self._tell(self._give_up, batch)
        found = self._recovered([item.row.id for item in batch if item.row])
        self._again += [item for item in batch if item.repeated and item.row and item.row.id not in found]
        self._tell(self._reconcile, batch, found)

    def _recovered(self, ids: Sequence[str]) -> dict[str, int]:
        while not self._stopping.wait(PAUSE):
            try:
                self._store.reopen()
                return dict(self._store.find(ids))
            except StoreError as error:
                if error.lasting:
                    raise
                log.error("the ledger cannot be opened again: %s", error)  # noqa: TRY400 - the name is all there is
        return {}

    def _tell(self, told: Callable[..., None], *arguments: object) -> None:
        self._loop.call_soon_threadsafe(told, *arguments)

    def _acknowledge(self, batch: Sequence[Item], first: int) -> None:
        self._stalled = False
        self._unfinished -= len(batch)
        entries = [item for item in batch if item.row]
        for place, item in enumerate(entries, first):
            self._written(item, place)
        _release(batch)

    def _finished(self, item: Item, done: int) -> None:
        self._stalled = False
        self._unfinished -= 1
        if item.waiter and not item.waiter.done():
            item.waiter.set_result(done)

    def _dropped(self, batch: Sequence[Item], told: int | None = None) -> None:
        self._unfinished -= len(batch)
        _release(batch, told)

    def _give_up(self, batch: Sequence[Item]) -> None:
        self._broken = True
        _release(item for item in batch if item.row)

    def _reconcile(self, batch: Sequence[Item], found: Mapping[str, int]) -> None:
        self._broken = self._stalled = False
        for item in batch:
            place = found.get(item.row.id) if item.row else None
            self._unfinished -= place is not None or not item.repeated
            if place is not None:
                self._written(item, place)
        _release(batch)

    def _die(self, status: int) -> None:
        """The thread ended, by a failed disk or by a fault of its own; the log says which."""
        self._dead = True
        self._unfinished = 0
        _release(self._batch)
        self._hand_over()
        while self._queue.qsize():
            _release(self._queue.get())
        self._ended(status)


def _apart(batch: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """In order, each deed and each purge by itself: it may be turned down, and nothing else goes with it."""
    start = 0
    for at, item in enumerate(batch):
        if item.deed or (item.row and item.row.purges):
            yield from filter(None, (batch[start:at], batch[at : at + 1]))
            start = at + 1
    if start < len(batch):
        yield batch[start:]


def _release(items: Iterable[Item], told: int | None = None) -> None:
    """Tells whoever still waits that it will not be."""
    for item in items:
        if item.waiter and not item.waiter.done():
            item.waiter.set_result(told)
