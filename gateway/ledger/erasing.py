"""What makes the record forget: keys of people that are destroyed, and generations of the key over them."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Protocol

from gateway.ledger.entry import Event
from gateway.ledger.housekeeping import KeyMade
from gateway.ledger.scribe import Scribe
from gateway.ledger.store import Filter, Store

NEWEST = 1_000  # entries about keys, among which those of the newest generation are looked for

Do = Callable[[Callable[[], int]], Awaitable[int]]
"""Has the writer do something between two commits, after all that was put in before."""


class Record(Protocol):
    def __call__(self, event: Event) -> Awaitable[str]: ...


class Erasing:
    """Stays on the thread of the loop, and hands to the writer what changes the stores."""

    def __init__(self, store: Store, scribe: Scribe, do: Do, record: Record) -> None:
        self._store = store
        self._scribe = scribe
        self._hierarchy = scribe.keys.hierarchy
        self._do = do
        self._record = record
        self._turning = asyncio.Lock()

    async def turnover(self, by: str) -> int:
        """Wraps the keys of all subjects under a new generation and destroys the one before; tells its number.

        Copies of the keys that were made before open nothing from then on. Raises Refusal; then it goes on where it is
        asked for again, or at the next start.
        """
        async with self._turning:
            generation = await self._do(self._hierarchy.begin)
            await self._record(KeyMade(generation, "created", by))
            while await self._do(self._hierarchy.rewrap):
                pass
            await self._do(self._hierarchy.end)
            await self._record(KeyMade(generation - 1, "destroyed", by))
        return generation


def resume(store: Store, scribe: Scribe) -> None:
    """Puts on record what the keys did when nobody could write it down any more."""
    if missing := list(_unrecorded(store, scribe.keys.hierarchy.generation)):
        store.append([scribe.row(event) for event in missing])


def _unrecorded(store: Store, generation: int) -> Iterator[KeyMade]:
    """What the log must say of the newest generation and of the one before, and does not."""
    found = store.entries(Filter(kind=KeyMade.kind, limit=NEWEST), None)
    told = {(entry.body.get("generation"), entry.body.get("state")) for entry in found}
    for number, state in ((generation, "created"), (generation - 1, "destroyed")):
        if number and (number, state) not in told:
            yield KeyMade(number, state)
