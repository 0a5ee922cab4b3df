"""What makes the record forget: people that are erased, and generations of the key over their keys."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from gateway.errors import Distrusted, Refusal, refuse
from gateway.failpoints import failpoint
from gateway.frozen import changed
from gateway.ledger.canonical import base64, leaf_hash
from gateway.ledger.database import StoreError, or_refused
from gateway.ledger.entry import Event, Subject
from gateway.ledger.holds import InForce, in_force
from gateway.ledger.keeping import Erased, ErasureDone, Hold, HoldReleased, KeyMade
from gateway.ledger.keys import Keys
from gateway.ledger.oblivion import Forgotten, NotErased, Oblivion, tombstone
from gateway.ledger.scribe import Scribe
from gateway.ledger.store import Filter, Store
from gateway.ledger.tree import root
from gateway.ledger.vault import Residue, Vault

NEWEST = 1_000  # entries of a kind, among which those are looked for that something is missing of
TRIES = 100  # to empty the files of what was deleted, which waits for whoever reads
BETWEEN_TRIES = 0.05  # seconds
_HELD, _CHANGED = -1, -2  # instead of a place

Do = Callable[[Callable[[], int]], Awaitable[int]]
"""Has the writer do something between two commits, after all that was put in before."""


class Record(Protocol):
    def __call__(self, event: Event, subjects: Sequence[Subject] = ()) -> Awaitable[str]: ...


class People(Protocol):
    """What knows people by their references beside the ledger."""

    async def known(self) -> Collection[str]:
        """Everybody who is known."""

    async def erase(self, ref: str) -> None:
        """Nobody is known by this reference any more; also where nobody was."""


@dataclass(frozen=True, slots=True)
class Done:
    """What an erasure found, and the id of its entry."""

    entry: str
    links: int
    keys: int


class Erasing:
    """Stays on the thread of the loop, and hands to the writer what changes the stores."""

    def __init__(self, store: Store, scribe: Scribe, do: Do, record: Record) -> None:
        self._store = store
        # What the writer's thread writes draws its random bytes from the system: those of the loop are for its own.
        self._scribe = replace(scribe, randomness=os.urandom)
        self._keys = scribe.keys
        self._do = do
        self._record = record
        self._moves = moves(store, scribe.keys)
        self._turning = asyncio.Lock()
        self._erasing = asyncio.Lock()

    async def turnover(self, by: str) -> int:
        """Brings all keys and tokens of people under a new generation and destroys the one before; tells its number.

        Copies that were made before open nothing from then on, and nobody is found in them. Raises Refusal; then it
        goes on where it is asked for again, or at the next start.
        """
        hierarchy = self._keys.hierarchy
        async with self._turning:
            generation = await self._do(hierarchy.begin)
            await self._record(KeyMade(generation, "created", by))
            await self._end()
            await self._record(KeyMade(generation - 1, "destroyed", by))
        return generation

    async def keep_up(self) -> None:
        """Goes on with a turnover that another node has begun, to its end, so that this one forgets as well.

        Raises Refusal; then it goes on the next time.
        """
        if self._turning.locked():
            return
        async with self._turning:
            if await self._do(self._followed):
                await self._end()

    def _followed(self) -> int:
        hierarchy = self._keys.hierarchy
        hierarchy.follow()
        # What another node has erased no copy of the vault can make this one forget either.
        hierarchy.count(self._keys.vault.erased())
        return hierarchy.is_turning

    async def _end(self) -> None:
        for move in self._moves:
            while await self._do(move):
                pass
        await self._do(self._keys.hierarchy.end)

    async def erase(self, ref: str, people: People, *, reason: str, by: str, forced: bool) -> Done:
        """Leaves nothing that links the person to an entry. What comes later is about somebody new.

        Raises Refusal `erasure.held`, or `ledger.unavailable`: then it goes on where it is asked for again, or at the
        next start.
        """
        tok, told = self._keys.token(ref), list[Done]()
        # By which it can be seen that nothing is left.
        traces = set[bytes]()

        def enter() -> int:
            return self._enter(tok, used, told, traces, reason=reason, by=by, forced=forced)

        async with self._erasing:
            with self._keys.erasing(tok) as used:
                place = _CHANGED
                while place == _CHANGED:
                    place = await self._do(enter)
            if place == _HELD:
                raise _held()
            await people.erase(ref)
            failpoint("registry-erased")
            await self._do(lambda: self._told({tok}))
            await self._finish(traces)
        return told[-1]

    def holds(self, *refs: str) -> Sequence[str]:
        """The ids of the holds that are in force on one of these, each once. Raises Refusal."""
        with or_refused():
            holds = in_force(self._store.oblivion, self._scribe.now())
        toks = [self._keys.token(ref) for ref in refs] if holds else []
        return list(dict.fromkeys(hold.id for tok in toks for hold in holds.get(tok, ())))

    def every_hold(self) -> Sequence[InForce]:
        """All that are in force. Raises Refusal."""
        with or_refused():
            holds = in_force(self._store.oblivion, self._scribe.now())
        return list({hold.id: hold for several in holds.values() for hold in several}.values())

    def is_held(self, *refs: str) -> bool:
        """Whether a hold is in force on one of these. Raises Refusal `ledger.unavailable`."""
        return bool(self.holds(*refs))

    def demand_free(self, *refs: str) -> None:
        """Raises Refusal `erasure.held` where a hold is in force on one of these, or `ledger.unavailable`."""
        if self.is_held(*refs):
            raise _held()

    async def hold(self, *refs: str, reason: str, by: str, until: str = "") -> str:
        """Nothing of the person who has these references is erased or purged until it is released; the id of its entry.

        Raises Refusal.
        """
        return await self._record(Hold(reason, by, until), _as_held(refs))

    async def release(self, *refs: str, by: str) -> int:
        """Ends every hold on the person who has these references, and tells how many there were. Raises Refusal."""
        holds = self.holds(*refs)
        for hold in holds:
            await self._record(HoldReleased(hold, by), _as_held(refs))
        return len(holds)

    async def resume(self, people: People) -> None:
        """Finishes what a process that ended could not: people whom the ledger forgot are forgotten elsewhere too.

        Raises Refusal; then it goes on where somebody is erased, or at the next start.
        """
        with or_refused():
            await self._resume(people)

    async def _resume(self, people: People) -> None:
        toks = {each.tok for each in self._store.oblivion.pending()}
        if toks:
            for ref in await people.known():
                if self._keys.token(ref) in toks:
                    await people.erase(ref)
            await self._do(lambda: self._told(toks))
        if self._undone():
            await self._finish({stored for tok in toks for stored in self._keys.blinding.found(tok)})

    def _enter(
        self,
        tok: bytes,
        used: Sequence[bytes],
        told: list[Done],
        traces: set[bytes],
        *,
        reason: str,
        by: str,
        forced: bool,
    ) -> int:
        """The entry, and with it everything that links the person to others; then the keys."""
        if self._holds(tok):
            return _HELD
        oblivion = self._store.oblivion
        known = oblivion.known(tok)
        deks = sorted({*known.deks, *used})
        stones = tuple(sorted(map(tombstone, deks)))
        traces |= {*oblivion.traces(tok), *self._keys.vault.traces(deks)}
        event = Erased(
            reason=reason, by=by, forced=forced, links=known.links, keys=len(deks),
            root=base64(root(map(leaf_hash, stones))), generation=self._keys.hierarchy.generation,
        )  # fmt: skip
        row = changed(self._scribe.row(event), forgets=Forgotten(tok, known.links, stones))
        try:
            place = self._store.append([row])
        except NotErased:
            return _CHANGED
        failpoint("erasure-entered")
        self._keys.erase(oblivion.tombstones, deks)
        told.append(Done(row.id, known.links, len(deks)))
        return place

    def _told(self, toks: Collection[bytes]) -> int:
        """Nobody else knows these any more, whichever erasure it was."""
        for each in self._store.oblivion.pending():
            if each.tok in toks:
                self._store.oblivion.told(each.seq)
        failpoint("erasure-told")
        return len(toks)

    async def _finish(self, traces: Collection[bytes]) -> None:
        """Empties the files of what was deleted, and says of each erasure that it is done."""
        await self._until(self._wiped)
        failpoint("erasure-wiped")
        for each in (self._store.oblivion, self._keys.vault):
            with or_refused():
                found = await asyncio.to_thread(each.residue, traces)
            if found:
                await self._until(partial(_overwritten, each, found))
        with or_refused():
            undone = self._undone()
        for entry in undone:
            await self._record(ErasureDone(entry))

    async def _until(self, done: Callable[[], int]) -> None:
        for _ in range(TRIES):
            if await self._do(done):
                return
            await asyncio.sleep(BETWEEN_TRIES)
        raise refuse("ledger.unavailable", "somebody reads the files, so what was erased still stands in them")

    def _wiped(self) -> int:
        def wipe() -> None:
            self._keys.wipe()
            self._store.oblivion.wipe()

        return _tried(wipe)

    def _undone(self) -> Sequence[str]:
        """Erasures that are not done, of those of which nobody else has to be told."""
        found = self._store.entries(Filter(kind=Erased.kind, limit=NEWEST), None)
        pending = {each.seq for each in self._store.oblivion.pending()}
        done = {entry.body.get("erase") for entry in found}
        begun = (entry for entry in found if entry.body.get("state") == "pending" and entry.seq not in pending)
        return [str(entry.body["id"]) for entry in begun if entry.body["id"] not in done]

    def _holds(self, tok: bytes) -> Sequence[InForce]:
        return in_force(self._store.oblivion, self._scribe.now()).get(tok, [])


def _as_held(refs: Collection[str]) -> Sequence[Subject]:
    return [Subject(ref, "held", "") for ref in refs]


def _held() -> Refusal:
    return refuse("erasure.held", "a hold is in force; `gateway subject release` ends it")


def _overwritten(files: Oblivion | Vault, found: Sequence[Residue]) -> int:
    return _tried(lambda: files.overwrite(found))


def _tried(deed: Callable[[], None]) -> int:
    """0 where somebody who reads is in the way. Raises StoreError for anything that lasts."""
    try:
        deed()
    except StoreError as error:
        if error.lasting:
            raise
        return 0
    return 1


def demand_newest(store: Store, keys: Keys) -> None:
    """Raises Distrusted where the keys know of erasures that the ledger does not."""
    if store.oblivion.count() < keys.erased:
        raise Distrusted(
            "ROLLBACK_DETECTED",
            "the ledger is older than an erasure that the keys remember; nothing was opened and nothing is sent. "
            "Restore a ledger that was copied after it",
        )


def moves(store: Store, keys: Keys) -> Sequence[Callable[[], int]]:
    """What a turnover does between its beginning and its end: each as long as it moves anything."""
    return keys.hierarchy.rewrap, store.reblind


def resume(store: Store, scribe: Scribe) -> None:
    """Destroys again what was erased, before anything is opened, and ends a turnover that broke off.

    Puts on record what nobody could write down.
    """
    scribe.keys.erase(store.oblivion.tombstones)
    scribe.keys.hierarchy.count(scribe.keys.erased)
    for move in moves(store, scribe.keys):
        while move():
            pass
    if scribe.keys.hierarchy.is_turning:
        scribe.keys.hierarchy.end()
    if missing := list(_unrecorded(store, scribe.keys.hierarchy.generation)):
        store.append([scribe.row(event) for event in missing])


def _unrecorded(store: Store, generation: int) -> Iterator[KeyMade]:
    """What the log must say of the newest generation and of the one before, and does not."""
    found = store.entries(Filter(kind=KeyMade.kind, limit=NEWEST), None)
    told = {(entry.body.get("generation"), entry.body.get("state")) for entry in found}
    for number, state in ((generation, "created"), (generation - 1, "destroyed")):
        if number and (number, state) not in told:
            yield KeyMade(number, state)
