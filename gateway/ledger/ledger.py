"""The record of what left: intents that are durable before anything leaves, outcomes, and everything beside them."""

import asyncio
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from gateway.clock import boot, since_boot
from gateway.deadlines import Deadlines
from gateway.errors import refuse
from gateway.failpoints import failpoint
from gateway.ledger.aftercare import Aftercare
from gateway.ledger.archive import Archive
from gateway.ledger.canonical import Noise, Randomness
from gateway.ledger.checkpoint import signer_of
from gateway.ledger.database import StoreError, known_errors, locked, or_refused
from gateway.ledger.dormant import Dormant
from gateway.ledger.entry import Event, Index, Intent, Outcome, Subject
from gateway.ledger.erasing import Erasing, demand_newest, resume
from gateway.ledger.fetching import Fetching
from gateway.ledger.highwater import HighWater
from gateway.ledger.housekeeping import Epoch, Resolved
from gateway.ledger.keys import Keys
from gateway.ledger.notary import Notary
from gateway.ledger.personal import Persons
from gateway.ledger.recovery import (
    begin,
    demand_guarded,
    demand_reached,
    demand_unaltered,
    origin_of,
    signing_seed,
    unusable,
)
from gateway.ledger.releases import Releases
from gateway.ledger.scribe import LIMITED, REPEATED, UNWRITTEN, Scribe, Ticket
from gateway.ledger.sealing import Payload, committed, opened
from gateway.ledger.signed import PAGE, Signed
from gateway.ledger.sqlite import SqliteStore
from gateway.ledger.sqlite_vault import SqliteVault
from gateway.ledger.store import Cap, Entry, Filter, Linked, Purged, Row, Store
from gateway.ledger.subject_key import SubjectKey
from gateway.ledger.sweep import Sweep
from gateway.ledger.tallies import Count, Tally
from gateway.ledger.unready import Unready
from gateway.ledger.vault import Vault
from gateway.ledger.writer import OVER_LIMIT, OVERTAKEN, QUEUED, TOO_OFTEN, Item, Writer
from gateway.pieces import Pieces
from gateway.registry.basis import Basis

log = logging.getLogger(__name__)

T = TypeVar("T")
LOG = "main"
READERS = 2
_TURNED_DOWN: Mapping[int, Ticket] = {OVERTAKEN: UNWRITTEN, OVER_LIMIT: LIMITED, TOO_OFTEN: REPEATED}
_NOTHING_FAR = nullcontext()


class Ledger:
    """Stays on the thread of its loop; only the writer and the readers have threads of their own.

    `ended` gets the exit status of the process where nothing can be written any more, or not all of it was in the end;
    whoever waited was told before.
    """

    def __init__(
        self,
        store: Store,
        scribe: Scribe,
        lock: int,
        loop: asyncio.AbstractEventLoop,
        notary: Notary,
        releases: Releases,
    ) -> None:
        self._store = store
        self._scribe = scribe
        self._keys = scribe.keys
        self._lock = lock
        self._loop = loop
        self._closing = False
        self._recent: dict[bytes, tuple[Subject, ...]] = {}
        self._deadlines = Deadlines[asyncio.Future[int | None]](loop, self._late)
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="ledger-reader")
        # Of their own: an intent must not wait for somebody who reads all of the log.
        self._fetchers = ThreadPoolExecutor(1, thread_name_prefix="ledger-keys")
        self._fetching = Fetching(loop, self._fetchers, scribe.keys.fetch)
        self._notary = notary
        self._releases = releases
        self.ended: asyncio.Future[int] = loop.create_future()
        self._writer = Writer(store, scribe.keys, notary, loop, self._written, self.ended.set_result)
        self.purge = Sweep(store, scribe, self._durable, self._deed, self._read).run
        self.archive = Archive(store, scribe.keys, LOG, self._read)
        self.persons = Persons(store, scribe.keys, LOG, self._read)
        self.digest = scribe.keys.digest
        self.named = scribe.keys.named
        self.new_id = scribe.new_id
        self.erasing = Erasing(store, scribe, self._deed, self.record)
        self.dormant = Dormant(lambda ref, away: scribe.keys.sorted_away(ref, away=away), self._deed, self.record)
        signed = Signed(store, notary, self._writer, self._read)
        self.vkey = signed.vkey
        self.head, self.heads, self.extent, self.signed = signed.head, signed.heads, signed.extent, signed.count
        self.proved, self.continued = signed.proved, signed.continued
        self._writer.start()
        self._looking = Aftercare(
            store, releases, loop, self._readers, self.settle, self.erasing.keep_up, self._is_able
        )

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        node: str,
        now: Callable[[], int],
        loop: asyncio.AbstractEventLoop,
        mono: Callable[[], int] = since_boot,
        randomness: Randomness = os.urandom,
        store: Callable[[Path, str], Store] = SqliteStore,
        vault: Callable[[Path], Vault] = SqliteVault,
        high_water: Path | None = None,
        archive_key: Path | None = None,
    ) -> "Ledger":
        """Takes the folder for this process, settles what an earlier one left open, and begins an epoch.

        `now` in µs since 1970; `high_water` is a file, one in the folder where it is not given. Raises StartError where
        the folder is in use, incomplete or not durable, and Distrusted where the log is not the one that was written.
        """
        with ExitStack() as undo:
            undo.callback(os.close, lock := locked(folder))
            try:
                noise = Noise(randomness)
                with known_errors():
                    keys = Keys.open(folder, noise, vault, archive_key)
                undo.callback(keys.close)
                database = store(folder / "ledger.db", LOG)
                undo.callback(database.close)
                database.blinding = keys.blinding
                demand_newest(database, keys)
                keys.attach(database.toks(), database.dek_of, database.deks_of)
                signer = signer_of(origin_of(database, LOG), signing_seed(folder, database, noise))
                demand_unaltered(database, signer)
                mark = HighWater(high_water or folder / "high-water")
                undo.callback(mark.close)
                demand_reached(database, mark.last)
                demand_guarded(database)
                keys.epoch = epoch = database.claim(node)
                scribe = Scribe(LOG, node, boot(noise), epoch, keys, now, mono, noise)
                releases = Releases(folder / "releases", scribe.boot)
                undo.callback(releases.close)
                begin(database, scribe, signer.verifier.vkey, releases)
                resume(database, scribe)
            except StoreError as error:
                raise unusable(folder, error) from None
            undo.pop_all()
        return cls(database, scribe, lock, loop, Notary(database, signer, mark, now), releases)

    @property
    def healthy(self) -> bool:
        return self.unready is None

    @property
    def unready(self) -> Unready | None:
        """Why nothing may leave; also where the record was altered: then nobody vouches for it."""
        if self._closing:
            return Unready.STOPPING
        if self._notary.altered:
            return Unready.ALTERED
        return self._writer.unready or (None if self._store.has_room else Unready.FULL)

    async def intend(
        self,
        intent: Intent,
        subjects: Sequence[Subject],
        payload: bytes | Pieces,
        *,
        within: float,
        basis: Basis | None = None,
        cap: Cap | None = None,
        tallies: Sequence[Tally] = (),
    ) -> Ticket:
        """Durable when it returns, UNWRITTEN where what it rests on has changed, LIMITED where the cap does not let it,
        REPEATED where a tally does not.

        Raises Refusal `ledger.unavailable` after `within` seconds at the latest. An intent that becomes durable
        although nobody waits for it any more gets the outcome `not_sent`.
        """
        begun = self._scribe.mono()
        self._demand_ready()
        if self._notary.altered:
            raise refuse("ledger.unavailable", "the ledger was altered")
        if not self._store.has_room:
            raise refuse("ledger.unavailable", "the disk of the ledger is nearly full")
        deadline = self._loop.time() + within
        with or_refused():
            far = await self._fetched(subjects, within)
            data = payload if isinstance(payload, bytes) else await committed(payload, self._scribe.randomness)
            with self._keys.fetched(far) if far else _NOTHING_FAR:
                row = self._scribe.row(intent, subjects, Payload(data, intent.manner.media), basis, cap, tallies)
        place = await self._durable(row, deadline - self._loop.time())
        not_after = begun + (row.lasts or 0)
        if place in _TURNED_DOWN:
            return _TURNED_DOWN[place]
        return Ticket(row.id, place, row.index, tuple(subjects), not_after)

    def release(self, ticket: Ticket) -> bool:
        """Whether the bytes of an intent may leave, at once or not at all. From a yes on it may have been sent.

        Somebody who was stopped in between must not send what others have given up since.
        """
        if self._scribe.mono() >= ticket.not_after:
            return False
        self._releases.mark(ticket.seq)
        return True

    def settle(self, ticket: Ticket, outcome: Outcome, earlier: Sequence[bytes] = ()) -> None:
        """Writes the outcome down without waiting. Each digest of `earlier` leads to the intent's subjects now."""
        remembered = tuple(earlier) if ticket.subjects else ()
        for digest in remembered:
            self._recent.setdefault(digest, ticket.subjects)
        self._writer.put(Item(self._scribe.outcome(outcome, ticket, remembered)))

    async def resolve(self, entry: Entry, resolved: Resolved, *, within: float = 10.0) -> str:
        """The id of what was found out about an intent, durable when it returns. Raises Refusal."""
        self._demand_ready()
        said = {name: str(entry.body[name]) for name in ("vendor", "operation", "caller")}
        row = self._scribe.outcome(resolved, Ticket(str(entry.body["id"]), entry.seq, Index(**said)))
        await self._durable(row, within)
        return row.id

    async def earlier(self, digest: bytes) -> tuple[Subject, ...] | None:
        """The subjects of the call that first brought this digest; None where there is none, or one was erased."""
        # What is not in memory now is in the store: it goes from there only after its commit.
        recent = self._recent.get(digest)
        with or_refused():
            linked = await self._read(lambda: self._store.earlier(digest))
            return self._subjects(linked) if linked else recent

    def tokenise(self, subject: str, scope: str, value: str) -> str:
        """A random token for a value of a subject, durable before every intent that comes after it.

        Raises Refusal `ledger.unavailable`.
        """
        with or_refused():
            return self._keys.tokenise(subject, scope, value)

    def behind(self, scope: str, token: str) -> str | None:
        """What a token of this scope stands for, or None. Raises Refusal `ledger.unavailable`."""
        with or_refused():
            return self._keys.behind(scope, token)

    def note(self, event: Event, subjects: Sequence[Subject] = ()) -> None:
        """Writes an entry down without waiting. Where thousands wait or room is short it is lost, as the log says."""
        if self._writer.unfinished >= 2 * QUEUED or not self._store.has_room:
            log.error("an entry was not written: %s", event.kind)
            return
        with or_refused():
            self._writer.put(Item(self._scribe.row(event, subjects)))

    async def record(self, event: Event, subjects: Sequence[Subject] = (), *, within: float = 10.0) -> str:
        """The id of an entry that is durable when it returns. Raises Refusal `ledger.unavailable`."""
        self._demand_ready()
        with or_refused():
            far = await self._fetched(subjects, within)
            with self._keys.fetched(far) if far else _NOTHING_FAR:
                row = self._scribe.row(event, subjects)
        if await self._durable(row, within) == OVERTAKEN:
            raise refuse("ledger.unavailable", "somebody whom it is about was erased meanwhile; try again")
        return row.id

    async def passed(self, within: float = 10.0) -> None:
        """Returns when all that was on its way before is written or given up. Raises Refusal `ledger.unavailable`."""
        if not await self._writer.caught_up(within):
            raise refuse("ledger.unavailable", "what is on its way into the ledger takes too long")

    async def entries(self, wanted: Filter) -> Sequence[Entry]:
        """One page, newest first. Raises Refusal `ledger.unavailable`."""
        tok = self._keys.token(wanted.subject) if wanted.subject is not None else None
        page = replace(wanted, limit=min(wanted.limit, PAGE))
        await self._writer.caught_up()
        with or_refused():
            return await self._read(lambda: self._store.entries(page, tok))

    async def purged(self, named: int | str) -> Purged | None:
        """What is left of an entry, by its place or id, whose time was over. Raises Refusal."""
        with or_refused():
            return await self._read(lambda: self._store.purged(named))

    async def tallies(self) -> Sequence[Count]:
        """What was counted with intents, all told. Raises Refusal."""
        with or_refused():
            return await self._read(self._store.tallies)

    async def close(self, within: float = 10.0) -> None:
        """Writes what is queued and lets go of the folder; where the disk hangs, the process keeps it to its end."""
        if not self._closing:
            self._closing = True
            self._looking.cancel()
            self._writer.put(Item(self._scribe.row(Epoch("closed"))))
        try:
            async with asyncio.timeout(within):
                await self._writer.drained()
                await self._writer.stop()
        except TimeoutError:
            log.error("the ledger did not finish writing")  # noqa: TRY400 - the traceback says nothing
            if not self.ended.done():
                self.ended.set_result(os.EX_TEMPFAIL)
            return
        self._readers.shutdown()
        self._fetchers.shutdown()
        self._notary.close()
        self._releases.close()
        self._store.close()
        self._keys.close()
        os.close(self._lock)

    def _demand_ready(self) -> None:
        if self._closing:
            raise refuse("ledger.unavailable", "the gateway is stopping")
        self._writer.demand_ready()

    async def _fetched(self, subjects: Sequence[Subject], within: float) -> Mapping[bytes, SubjectKey | None]:
        """The keys of these that stand on another machine, for which the loop must not wait. Raises Refusal."""
        if not (toks := self._keys.far(subject.ref for subject in subjects)):
            return {}
        try:
            async with asyncio.timeout(within):
                return await self._fetching.of(toks)
        except TimeoutError:
            raise refuse("ledger.unavailable", "the keys of the people of this call cannot be had in time") from None

    async def _durable(self, row: Row, within: float) -> int:
        waiter: asyncio.Future[int | None] = self._loop.create_future()
        failpoint("before-enqueue", (row,))
        self._writer.put(Item(row, waiter))
        self._deadlines.set(waiter, self._loop.time() + within)
        try:
            place = await waiter
        except asyncio.CancelledError:
            # The commit came first, and the task was cancelled before it could go on.
            place = None if waiter.cancelled() else waiter.result()
            if place is not None and place not in _TURNED_DOWN:
                self._unsent(row, place, "")
            raise
        finally:
            self._deadlines.clear(waiter)
        if place is None:
            raise refuse("ledger.unavailable", "the entry could not be made durable in time")
        failpoint("after-ack", (row,))
        return place

    async def _deed(self, deed: Callable[[], int]) -> int:
        """Done by the writer between two commits, after all that was put in before."""
        self._demand_ready()
        waiter: asyncio.Future[int | None] = self._loop.create_future()
        self._writer.put(Item(None, waiter, deed))
        if (done := await waiter) is None:
            raise refuse("ledger.unavailable", "the ledger cannot be written")
        return done

    def _is_able(self) -> bool:
        return self._writer.healthy and not self._closing

    def _late(self, waiter: asyncio.Future[int | None]) -> None:
        if not waiter.done():
            waiter.set_result(None)
            self._writer.stalled()

    def _written(self, item: Item, place: int) -> None:
        """Called for every row that is durable, whether or not anybody still waits for it."""
        row, waiter = item.row, item.waiter
        if row is None:
            return
        for digest in row.earlier:
            self._recent.pop(digest, None)
        if row.links:
            self._keys.linked([link.tok for link in row.links])
        if waiter is None:
            return
        if not waiter.done():
            waiter.set_result(place)
        else:
            self._unsent(row, place, "" if waiter.cancelled() else "ledger.unavailable")

    def _unsent(self, row: Row, place: int, code: str) -> None:
        if row.kind == Intent.kind:
            self.settle(Ticket(row.id, place, row.index), Outcome("not_sent", code))

    def _subjects(self, linked: Linked) -> tuple[Subject, ...] | None:
        entry = f"{LOG}|{linked.id}"
        subjects = [opened(self._keys, entry, ordinal, link) for ordinal, link in enumerate(linked.links)]
        known = tuple(subject for subject in subjects if subject)
        return known if len(known) == len(subjects) else None

    async def _read(self, reading: Callable[[], T]) -> T:
        return await self._loop.run_in_executor(self._readers, reading)
