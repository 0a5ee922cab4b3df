"""The real ledger over a store whose every operation can fail, fail although it took effect, or hang; and a model."""

import asyncio
import gc
import logging
import os
import tempfile
import threading
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

import psycopg
from faults.books import Book, PostgresBook, SqliteBook
from faults.invariants import Arrival, breaches, canaries, results
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from ledger_fakes import SENT
from ledger_futures import Futures
from old_logs import KEEPS, YEAR, Times, disclosure
from postgres_stores import prepared

from gateway.errors import Refusal, StartError
from gateway.frozen import changed
from gateway.ledger import Filter, Ledger, Refused, StoreError, Subject, erasing, signed, writer
from gateway.ledger.attic import Attic
from gateway.ledger.oblivion import Oblivion
from gateway.ledger.postgres import PostgresStore
from gateway.ledger.postgres_vault import PostgresVault
from gateway.ledger.scribe import Ticket
from gateway.ledger.sqlite import SqliteStore
from gateway.ledger.sqlite_vault import SqliteVault
from gateway.ledger.store import Store

Fault: TypeAlias = Literal["not persisted", "but persisted", "hang"]

LAST_YEARS = 2**52  # µs
FAULTS: tuple[Fault, ...] = ("not persisted", "but persisted", "hang")
NEVER_RAISES = frozenset(("checkpoint", "close", "shrink"))


def _operations(protocol: type) -> tuple[str, ...]:
    return tuple(name for name, member in vars(protocol).items() if callable(member) and not name.startswith("_"))


OPERATIONS = (*_operations(Store), *_operations(Oblivion), *_operations(Attic))
OFTEN = ("append", "append", "append", "reopen", "find", "keep")
PEOPLE = tuple(f"customer-{number}-canary" for number in range(3))
WITHIN = 0.5  # seconds for an intent
PATIENCE = 10.0
TRIES = 50
_MOMENT = 0.02
_SHM = Path("/dev/shm")  # what a disk costs is not what is tested here
_IN_MEMORY = _SHM if _SHM.is_dir() else None


@dataclass
class Plan:
    """What befalls the next call of each operation; everything ends with `dead`."""

    next: dict[str, list[Fault]] = field(default_factory=dict)
    going: threading.Event = field(default_factory=threading.Event)
    dead: bool = False
    patient: bool = True
    hung: int = 0

    def ends(self) -> None:
        """From now on nothing fails and nothing hangs."""
        self.next.clear()
        self.patient = False

    def taken(self, name: str) -> Fault | None:
        waiting = self.next.get(name)
        return waiting.pop(0) if waiting else None

    def hang(self) -> None:
        # On the loop nobody could let it go on.
        on_loop = threading.current_thread() is threading.main_thread()
        until = time.monotonic() + (_MOMENT if on_loop else PATIENCE)
        self.hung += 1
        self.going.clear()
        while self.patient and time.monotonic() < until and not self.going.wait(0.005):
            pass
        self.hung -= 1


PLAN = Plan()


def _faulty(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
    def operation(*arguments: Any, **named: Any) -> Any:
        plan = PLAN
        fault = plan.taken(name)
        if fault == "hang":
            plan.hang()
        if name not in NEVER_RAISES and (plan.dead or fault == "not persisted"):
            raise StoreError("FullError")
        result = real(*arguments, **named)
        if name not in NEVER_RAISES and fault == "but persisted":
            raise StoreError("FullError")
        return result

    return operation


class FaultyPart:
    """A part of a real store; each of its operations first asks the plan."""

    def __init__(self, part: object) -> None:
        self._part = part

    def __getattr__(self, name: str) -> Any:
        return _faulty(name, getattr(self._part, name))


class FaultyStore(SqliteStore):
    """A real store; each operation of the protocol first asks the plan."""

    def __init__(self, path: Path, log: str) -> None:
        super().__init__(path, log)
        _spoil(self)


class FaultyPostgresStore(PostgresStore):
    """The same of the other one."""

    def __init__(self, url: str, log: str) -> None:
        super().__init__(url, log)
        _spoil(self)


def _spoil(store: Any) -> None:
    # Parts of a store know the real ones of each other.
    store.attic, store.oblivion = FaultyPart(store.attic), FaultyPart(store.oblivion)


for _made in (FaultyStore, FaultyPostgresStore):
    for _name in _operations(Store):
        setattr(_made, _name, _faulty(_name, getattr(_made, _name)))


@dataclass
class Model:
    """What must be so, by the numbers of disclosures: whoever got a ticket sent, and nobody else did."""

    begun: dict[int, str] = field(default_factory=dict)  # and about whom each is
    sent: dict[int, Arrival] = field(default_factory=dict)
    settled: set[int] = field(default_factory=set)
    unwritten: set[int] = field(default_factory=set)  # outcomes that a crash may have taken
    futures: Futures = field(default_factory=Futures)

    def not_sent(self) -> set[int]:
        return self.begun.keys() - self.sent.keys()


class LedgerMachine(RuleBasedStateMachine):
    """Any order of calls, cancellations, erasures, holds, turnovers, purges, faults, crashes and restarts."""

    built: type[Ledger] = Ledger
    store: type[SqliteStore] = FaultyStore
    database: str = ""
    """The address of a database, as its superuser, in which it all is done instead of a folder."""

    def __init__(self) -> None:
        super().__init__()
        global PLAN  # noqa: PLW0603 - a store is made by the ledger, which hands it nothing of a test's
        PLAN = self.plan = Plan()
        self.model = Model()
        self._folder = tempfile.TemporaryDirectory(prefix="ledger-machine-", dir=_IN_MEMORY)
        self.folder = Path(self._folder.name)
        self.book: Book = SqliteBook(self.folder / "ledger.db")
        if self.database:
            with psycopg.connect(self.database, autocommit=True) as session:
                session.execute("DROP SCHEMA IF EXISTS ledger, keys, registry CASCADE")
            self.url = prepared(self.database).url
            self.book = PostgresBook(self.database)
        self.times = Times()
        self.opens = True
        self.loop = asyncio.new_event_loop()
        self.tasks: list[asyncio.Task[None]] = []
        self.tickets: list[tuple[int, Ticket]] = []
        self.shop = self._opened()

    def teardown(self) -> None:
        try:
            if self.opens:
                self.ends_in_good_order()
                self._looked_up()
        finally:
            self._crashed()
            self.loop.close()
            self._folder.cleanup()

    # What happens.

    @rule(operation=st.sampled_from(OFTEN) | st.sampled_from(OPERATIONS), fault=st.sampled_from(FAULTS))
    def fails_next(self, operation: str, fault: Fault) -> None:
        self.plan.next.setdefault(operation, []).append(fault)

    @rule(person=st.sampled_from(PEOPLE), count=st.integers(1, 3))
    def calls(self, person: str, count: int) -> None:
        for _ in range(count):
            number = len(self.model.begun) + 1
            self.model.begun[number] = person
            self.tasks.append(self.loop.create_task(self._called(self.shop, number, person)))

    @rule()
    def time_goes_on(self) -> None:
        self._turn()

    @rule()
    def what_hangs_goes_on(self) -> None:
        self.plan.going.set()
        self._turn()

    @rule(which=st.integers(0, 9))
    def a_call_is_cancelled(self, which: int) -> None:
        # How many there are depends on how fast this machine is, and what is drawn must not.
        if self.tasks:
            self.tasks[which % len(self.tasks)].cancel()

    @rule()
    def a_vendor_answers(self) -> None:
        if self.tickets:
            number, ticket = self.tickets.pop(0)
            self.shop.settle(ticket, SENT)
            self.model.settled.add(number)
            self.model.unwritten.add(number)

    @rule()
    def a_call_is_refused(self) -> None:
        self.shop.note(Refused(caller="checkout", code="consent.missing", vendor="parcels", operation="ship"))

    @rule()
    def the_log_is_to_be_signed(self) -> None:
        self.shop._notary.hurry()

    @rule(person=st.sampled_from(PEOPLE))
    def a_person_is_erased(self, person: str) -> None:
        self._begins(self.model.futures.erased(self.shop, self.book, person))

    @rule(person=st.sampled_from(PEOPLE))
    def a_person_is_held(self, person: str) -> None:
        self._begins(self.model.futures.held(self.shop, person))

    @rule(person=st.sampled_from(PEOPLE))
    def a_person_is_released(self, person: str) -> None:
        self._begins(self.model.futures.released(self.shop, person))

    @rule()
    def keys_are_turned_over(self) -> None:
        self._begins(self.model.futures.turned(self.shop))

    @rule()
    def years_go_by(self) -> None:
        self._turn()
        # In 2255 a microsecond is no number of an entry any more.
        if not self.tasks and not self.shop._writer.unfinished and self.times.wall < LAST_YEARS:
            self.times.pass_days(7 * YEAR)
            self.model.futures.young.clear()

    @rule()
    def what_is_over_is_purged(self) -> None:
        self._begins(self.model.futures.purged(self.shop, self.book, KEEPS, self.model.begun))

    @rule()
    def the_process_is_killed(self) -> None:
        self._crashed()
        self.shop = self._opened()

    @rule()
    def ends_in_good_order(self) -> None:
        self.plan.ends()
        self._turn()
        self._run(self.shop.close())
        self.tickets.clear()
        self.shop = self._opened()
        self.plan.patient = True

    @invariant()
    def nothing_is_broken_on_the_way(self) -> None:
        assert breaches(self.book, list(self.model.sent.values()), (), closed=False) == []

    # How it is done.

    async def _called(self, shop: Ledger, number: int, person: str) -> None:
        subjects = [Subject(person, "purchaser", "DE")]
        with suppress(Refusal):
            call = changed(disclosure(), disclosure=f"{number:032x}")
            ticket = await shop.intend(call, subjects, b"{}", within=WITHIN)
            assert shop.release(ticket)
            # The first byte would go now.
            place = self.book.place(ticket.intent)
            assert place is not None, "I1"
            self.model.sent[number] = Arrival(ticket.intent, place[0], place[1].hex())
            self.model.futures.young.add(place[0])
            self.tickets.append((number, ticket))

    def _opened(self) -> Ledger:
        """Tried again where the store fails at the start, as an operator would."""
        for _ in range(TRIES):
            with suppress(StartError):
                shop = self.built.open(
                    self.folder, node="n1", now=self.times.now, mono=self.times.mono, loop=self.loop,
                    store=self._store, vault=self._vault,
                )  # fmt: skip
                self._begins(self.model.futures.resumed(shop))
                return shop
            # A store that failed while it opened is a circle, and keeps its file open.
            gc.collect()
            time.sleep(_MOMENT if self.database else 0)
        self.opens = False
        raise AssertionError("the ledger does not start")

    def _store(self, path: Path, log: str) -> Store:
        return FaultyPostgresStore(self.url, log) if self.database else self.store(path, log)

    def _vault(self, path: Path) -> SqliteVault | PostgresVault:
        return PostgresVault(self.url) if self.database else SqliteVault(path)

    def _begins(self, doing: Coroutine[Any, Any, None]) -> None:
        self.tasks.append(self.loop.create_task(doing))

    def _turn(self) -> None:
        """Lets the loop run until all is done, or something hangs."""

        async def turning() -> None:
            until = self.loop.time() + PATIENCE
            while self.loop.time() < until:
                busy = self.shop._writer.unfinished or any(not task.done() for task in self.tasks)
                if not busy or (self.plan.hung and self.plan.patient):
                    break
                await asyncio.sleep(0.001)

        self._run(turning())
        for task in [task for task in self.tasks if task.done()]:
            self.tasks.remove(task)
            with suppress(asyncio.CancelledError):
                task.result()
        if not self.shop._writer.unfinished:
            self.model.unwritten.clear()

    def _run(self, doing: Any) -> None:
        self.loop.run_until_complete(doing)

    def _crashed(self) -> None:
        """As after SIGKILL: nothing more is written, nobody is told, the lock is gone."""
        self.plan.dead = True
        self.plan.ends()
        shop = self.shop
        shop._writer._stopping.set()
        shop._writer._queue.put(())
        self._run(self._abandoned())
        shop._writer._thread.join(PATIENCE)
        shop._writer._signing.cancel()
        was_closed, shop._closing = shop._closing, True
        with suppress(OSError):
            os.close(shop._lock)
        with suppress(StoreError):
            shop._store.close()
        shop._keys.close()
        if not was_closed:
            shop._notary._mark.close()
            shop._releases.close()
        shop._readers.shutdown()
        self.tasks.clear()
        self.tickets.clear()
        self.plan.dead, self.plan.patient = False, True
        self.model.settled -= self.model.unwritten
        self.model.unwritten.clear()

    async def _abandoned(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    def _looked_up(self) -> None:
        """I1 to I7, after everything ended in good order."""
        self._turn()
        leaves = self.book.leaves()
        current = results(leaves)
        said = [leaf.said for leaf in leaves if leaf.said.get("kind") == "intent"]
        ends = {int(intent["disclosure"], 16): current.get(intent["id"]) for intent in said}
        gone = {arrival.seq for arrival in self.model.sent.values() if leaves[arrival.seq or 0].body is None}
        places = {int(leaf.said["disclosure"], 16): leaf.seq for leaf in leaves if leaf.said.get("kind") == "intent"}
        assert breaches(self.book, list(self.model.sent.values()), ()) == []
        there = {number for number, arrival in self.model.sent.items() if arrival.seq not in gone}
        assert all(ends[number] == "sent" for number in self.model.settled & there), "I3"
        assert {ends.get(number, "not_sent") for number in self.model.not_sent()} <= {"not_sent"}, "I3"
        assert "not_sent" not in {ends[number] for number in there}, "I3"
        assert canaries(self.folder, PEOPLE) == [], "I5"
        erasures = self.model.futures.ended(self.shop, leaves)
        for person in PEOPLE:
            about = {number for number, whom in self.model.begun.items() if whom == person} & ends.keys()
            since = self.model.futures.since(person, erasures)
            assert self._found(person) in [{each for each in about if places[each] > seq} for seq in since], "I6, I7"

    def _found(self, person: str) -> set[int]:
        wanted = Filter(subject=person, kind="intent", limit=1_000)
        entries = self.loop.run_until_complete(self.shop.entries(wanted))
        return {int(str(entry.body["disclosure"]), 16) for entry in entries}


def quick(monkeypatch: Any) -> None:
    """Nothing waits longer than it must, and what is said on the way is not kept: each error holds a whole ledger."""
    monkeypatch.setattr(logging.getLogger("gateway"), "propagate", False)
    monkeypatch.setattr(writer, "PAUSE", 0.001)
    monkeypatch.setattr(writer, "LINGER", 0.001)
    monkeypatch.setattr(writer, "PATIENCE", 0.05)
    monkeypatch.setattr(signed, "BETWEEN_TRIES", 0.001)
    monkeypatch.setattr(erasing, "BETWEEN_TRIES", 0.001)
