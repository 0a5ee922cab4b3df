"""The gateway as it is served, but that each request names its attempt, and that it can be built wrongly on purpose."""

import ctypes
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from stubborn import StubbornStore

from gateway import app, clock, listeners, stores
from gateway.cli.main import main
from gateway.errors import refuse
from gateway.frozen import changed
from gateway.ledger import postgres, session, sqlite
from gateway.ledger.database import StoreError
from gateway.ledger.entry import Intent
from gateway.ledger.ledger import Ledger
from gateway.ledger.scribe import Ticket
from gateway.ledger.sqlite import SqliteStore
from gateway.ledger.store import Row, Store
from gateway.ledger.writer import Item
from gateway.outbound.http1 import Http1
from gateway.outbound.send import Holds, Host, Outcome, Sending

ATTEMPT: ContextVar[str] = ContextVar("attempt", default="0" * 32)
_SET_PTRACER = 0x59616D61  # prctl(2): who may trace this process
_LATE = 0.15  # seconds


class Carrier(Http1):
    """The real way out; the attempt goes along, so that the vendor can look it up."""

    async def send(self, host: Host, sending: Sending, *, limit: int, holds: Holds = lambda: True) -> Outcome:
        marked = changed(sending, headers=(*sending.headers, ("x-attempt", ATTEMPT.get())))
        return await super().send(host, marked, limit=limit, holds=holds)


class Marking(Ledger):
    """The real ledger; says which thread writes, and remembers the attempt of a task."""

    store: Callable[[Path, str], Store] | None = None

    @classmethod
    def open(cls, folder: Path, **given: Any) -> Ledger:
        if cls.store:
            given["store"] = cls.store
        ledger = super().open(folder, **given)
        _say(f"writer {ledger._writer._thread.native_id}")
        return ledger

    async def intend(self, *arguments: Any, **named: Any) -> Ticket:
        ticket = await super().intend(*arguments, **named)
        ATTEMPT.set(ticket.intent)
        return ticket


class SlowStore(SqliteStore):
    """Takes so long that whoever does not wait for it is seen."""

    def append(self, rows: Sequence[Row]) -> int:
        time.sleep(_LATE)
        return super().append(rows)


class LyingStore(SqliteStore):
    """Acknowledges intents that it never writes."""

    def append(self, rows: Sequence[Row]) -> int:
        if any(row.kind == Intent.kind for row in rows):
            return self._size
        return super().append(rows)


class Hasty(Marking):
    """Lets a request go before its intent is durable."""

    store: Callable[[Path, str], Store] | None = SlowStore

    async def _durable(self, row: Row, within: float) -> int:
        if row.kind != Intent.kind:
            return await super()._durable(row, within)
        self._writer.put(Item(row))
        return 1


class ForgivingStore(SqliteStore):
    """Takes every failure of the disk for a passing one."""

    def append(self, rows: Sequence[Row]) -> int:
        try:
            return super().append(rows)
        except StoreError as error:
            raise StoreError(str(error)) from None


class Forgiving(Marking):
    store = ForgivingStore


class Lying(Marking):
    store = LyingStore


class Stubborn(Marking):
    store = StubbornStore


class HastyThere(Hasty):
    """The same on PostgreSQL, where a failpoint makes the commit slow."""

    store = None


class Patient(Marking):
    """Lets a session hold the head for as long as it likes."""

    @classmethod
    def open(cls, folder: Path, **given: Any) -> Ledger:
        vars(postgres).update(WRITING={**session.WRITING, "idle_in_transaction_session_timeout": "0"})
        return super().open(folder, **given)


class Unlocked(Marking):
    """Takes the folder although another process has it."""

    @classmethod
    def open(cls, folder: Path, **given: Any) -> Ledger:
        (folder / "ledger.lock").unlink(missing_ok=True)
        return super().open(folder, **given)


class Timed(Marking):
    """Measures a deadline by the clock that people set."""

    async def _durable(self, row: Row, within: float) -> int:
        until = row.ts + within * 1_000_000
        place = await super()._durable(row, within)
        if clock.microseconds() > until:
            raise refuse("ledger.unavailable", "too late by the clock on the wall")
        return place


BUILDS: Mapping[str, type[Marking]] = {
    "": Marking,
    "hasty": Hasty,
    "lying": Lying,
    "stubborn": Stubborn,
    "forgiving": Forgiving,
    "unlocked": Unlocked,
    "hasty there": HastyThere,
    "patient": Patient,
    "timed": Timed,
}


def serve(environment: Mapping[str, str], log: Path, built: str, *, checkpoints: bool) -> None:
    """Runs `gateway serve` in this process, with a folder of its own; `checkpoints` after every commit."""
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(output, 1)
    os.dup2(output, 2)
    ctypes.CDLL(None).prctl(_SET_PTRACER, ctypes.c_ulong(-1), 0, 0, 0)
    os.environ.update(environment)  # noqa: TID251  this is a process of its own
    if checkpoints:
        sqlite.CHECKPOINT_PAGES = 1
    _set_clocks(log.with_name("clock"))
    vars(stores).update(Ledger=BUILDS[built])
    vars(listeners).update(Http1=Carrier)
    sys.argv = ["gateway", "serve"]
    _say(f"process {os.getpid()} {threading.get_native_id()}")
    main()


def _set_clocks(offset: Path) -> None:
    """Clocks that go wrong by as many seconds as a file says."""

    def wrong() -> int:
        return int(offset.read_text()) if offset.exists() else 0

    def microseconds() -> int:
        return time.time_ns() // 1_000 + wrong() * 1_000_000

    def utc() -> datetime:
        return datetime.now(UTC) + timedelta(seconds=wrong())

    # Whoever took a clock by its name has it in its own place.
    for module in (clock, stores, app):
        vars(module).update(microseconds=microseconds, utc=utc)


def _say(what: str) -> None:
    sys.stderr.write(f"{what}\n")
    sys.stderr.flush()
