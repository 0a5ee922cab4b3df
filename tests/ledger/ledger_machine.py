"""The real ledger over a store whose every operation can fail, fail although it took effect, or hang; and a model."""

import asyncio
import gc
import os
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

from faults.books import SqliteBook
from faults.invariants import Arrival, breaches, canaries, results
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from ledger_fakes import SENT, Ticking, shipment

from gateway.errors import Refusal, StartError
from gateway.ledger import Filter, Ledger, Refused, StoreError, Subject, ledger, writer
from gateway.ledger.scribe import Ticket
from gateway.ledger.sqlite import SqliteStore
from gateway.ledger.store import Store

Fault: TypeAlias = Literal["not persisted", "but persisted", "hang"]

FAULTS: tuple[Fault, ...] = ("not persisted", "but persisted", "hang")
NEVER_RAISES = frozenset(("checkpoint", "close"))
OPERATIONS = tuple(name for name, member in vars(Store).items() if callable(member) and not name.startswith("_"))
OFTEN = ("append", "append", "append", "reopen", "find", "keep")
PEOPLE = tuple(f"customer-{number}-canary" for number in range(3))
WITHIN = 0.5  # seconds for an intent
PATIENCE = 10.0
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


class FaultyStore(SqliteStore):
    """A real store; each operation of the protocol first asks the plan."""


def _faulty(name: str) -> Callable[..., Any]:
    real = getattr(SqliteStore, name)

    def operation(self: FaultyStore, *arguments: Any, **named: Any) -> Any:
        plan = PLAN
        fault = plan.taken(name)
        if fault == "hang":
            plan.hang()
        if name not in NEVER_RAISES and (plan.dead or fault == "not persisted"):
            raise StoreError("FullError")
        result = real(self, *arguments, **named)
        if name not in NEVER_RAISES and fault == "but persisted":
            raise StoreError("FullError")
        return result

    return operation


for _name in OPERATIONS:
    setattr(FaultyStore, _name, _faulty(_name))


@dataclass
class Model:
    """What must be so, by the numbers of disclosures: whoever got a ticket sent, and nobody else did."""

    begun: dict[int, str] = field(default_factory=dict)  # and about whom each is
    sent: dict[int, Arrival] = field(default_factory=dict)
    settled: set[int] = field(default_factory=set)
    unwritten: set[int] = field(default_factory=set)  # outcomes that a crash may have taken

    def not_sent(self) -> set[int]:
        return self.begun.keys() - self.sent.keys()


class LedgerMachine(RuleBasedStateMachine):
    """Any order of calls, cancellations, faults, crashes and restarts."""

    built: type[Ledger] = Ledger
    store: type[SqliteStore] = FaultyStore

    def __init__(self) -> None:
        super().__init__()
        global PLAN  # noqa: PLW0603 - a store is made by the ledger, which hands it nothing of a test's
        PLAN = self.plan = Plan()
        self.model = Model()
        self._folder = tempfile.TemporaryDirectory(prefix="ledger-machine-", dir=_IN_MEMORY)
        self.folder = Path(self._folder.name)
        self.book = SqliteBook(self.folder / "ledger.db")
        self.now = Ticking()
        self.loop = asyncio.new_event_loop()
        self.tasks: list[asyncio.Task[None]] = []
        self.tickets: list[tuple[int, Ticket]] = []
        self.shop = self._opened()

    def teardown(self) -> None:
        try:
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
            ticket = await shop.intend(shipment(f"{number:032x}"), subjects, b"{}", within=WITHIN)
            assert shop.release(ticket)
            # The first byte would go now.
            place = self.book.place(ticket.intent)
            assert place is not None, "I1"
            self.model.sent[number] = Arrival(ticket.intent, place[0], place[1].hex())
            self.tickets.append((number, ticket))

    def _opened(self) -> Ledger:
        """Tried again where the store fails at the start, as an operator would."""
        for _ in range(50):
            with suppress(StartError):
                return self.built.open(self.folder, node="n1", now=self.now, loop=self.loop, store=self.store)
            # A store that failed while it opened is a circle, and keeps its file open.
            gc.collect()
        raise AssertionError("the ledger does not start")

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
        shop._closing = True
        with suppress(OSError):
            os.close(shop._lock)
        with suppress(StoreError):
            shop._store.close()
        shop._keys.close()
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
        """I1 to I5 and I7, after everything ended in good order."""
        leaves = self.book.leaves()
        current = results(leaves)
        said = [leaf.said for leaf in leaves if leaf.said["kind"] == "intent"]
        ends = {int(intent["disclosure"], 16): current.get(intent["id"]) for intent in said}
        assert breaches(self.book, list(self.model.sent.values()), ()) == []
        assert all(ends[number] == "sent" for number in self.model.settled), "I3"
        assert {ends.get(number, "not_sent") for number in self.model.not_sent()} <= {"not_sent"}, "I3"
        assert "not_sent" not in {ends[number] for number in self.model.sent}, "I3"
        assert canaries(self.folder, PEOPLE) == [], "I5"
        for person in PEOPLE:
            about = {number for number, whom in self.model.begun.items() if whom == person} & ends.keys()
            assert self._found(person) == about, "I7"

    def _found(self, person: str) -> set[int]:
        wanted = Filter(subject=person, kind="intent", limit=1_000)
        entries = self.loop.run_until_complete(self.shop.entries(wanted))
        return {int(str(entry.body["disclosure"]), 16) for entry in entries}


def quick(monkeypatch: Any) -> None:
    """Nothing waits longer than it must."""
    monkeypatch.setattr(writer, "PAUSE", 0.001)
    monkeypatch.setattr(writer, "LINGER", 0.001)
    monkeypatch.setattr(writer, "PATIENCE", 0.05)
    monkeypatch.setattr(ledger, "BETWEEN_TRIES", 0.001)
