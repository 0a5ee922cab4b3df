"""What several nodes of one PostgreSQL tell one another: which facts changed, in the order of the commits."""

import logging
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, delete, func, insert, select, text
from sqlalchemy.exc import SQLAlchemyError

from gateway.registry import arrays
from gateway.registry.basis import TOKEN, Key, Later
from gateway.registry.lookups import revoked
from gateway.registry.tables import CHANGES

log = logging.getLogger(__name__)

KEPT = timedelta(hours=1)
PRUNED = 600.0  # seconds between two looks at what is kept longer than that
PERIOD = 0.5  # seconds between two looks, where nobody says that there is something to see
SINCE = "SELECT version, kind, ref FROM registry.change WHERE version > %s"  # for whoever asks without SQLAlchemy

_LIMITS = ("SET LOCAL lock_timeout = '10s'", "SET LOCAL statement_timeout = '15s'")
_ONE_BY_ONE = "SELECT pg_advisory_xact_lock(hashtext('gateway.registry'))"
# Whoever writes intents holds this row from before it looks at what changed until it has committed.
_FENCE = "SELECT FROM ledger.head FOR UPDATE"
_CHANNEL = "gateway_registry"


def begin(connection: Connection) -> None:
    """From here to the end of the transaction no other node changes a fact."""
    for each in (*_LIMITS, _ONE_BY_ONE):
        connection.execute(text(each))


def publish(connection: Connection, keys: Collection[Key], at: datetime) -> None:
    """Says in a transaction that was so begun what it changed, as the last that it does before its commit.

    Every intent that becomes durable afterwards sees it, and every one before that is durable already.
    """
    version = newest(connection) + 1
    moment = at.replace(tzinfo=None)
    told = [{"version": version, "kind": kind, "ref": ref, "at": moment} for kind, ref in keys]
    arrays.insert(connection, CHANGES, told)
    connection.execute(select(func.pg_notify(_CHANNEL, "")))
    # Last: while it is held no intent is written, on any node.
    connection.execute(text(_FENCE))


def newest(connection: Connection) -> int:
    """The version of the last change; 0 before the first."""
    return connection.scalar(select(func.max(CHANGES.c.version))) or 0


def since(connection: Connection, version: int) -> Later:
    """What changed after a version."""
    columns = CHANGES.c.version, CHANGES.c.kind, CHANGES.c.ref
    found = connection.execute(select(*columns).where(CHANGES.c.version > version))
    later = Later.of((at, kind, ref) for at, kind, ref in found)
    if later.complete <= version:
        return later
    # What else is missing is looked up when it is asked for, but these are all in memory.
    return replace(later, last={**later.last, **{(TOKEN, token): later.version for token in revoked(connection)}})


def prune(connection: Connection, at: datetime) -> None:
    """Lets go of what every node has seen long ago, and with it of the people that it names.

    Not of the last change, from which the next one is counted: in its place comes one that changes nothing.
    """
    last, old = newest(connection), CHANGES.c.at < (at - KEPT).replace(tzinfo=None)
    if not connection.scalar(select(func.count()).where(old, CHANGES.c.ref != "")):
        return
    begin(connection)
    if connection.scalar(select(func.count()).where(old, CHANGES.c.version == newest(connection))):
        last = newest(connection) + 1
        connection.execute(insert(CHANGES).values(version=last, kind="", ref="", at=at.replace(tzinfo=None)))
    connection.execute(delete(CHANGES).where(old, CHANGES.c.version < last))


class Listener:
    """A thread with a connection of its own, which tells what changes as soon as it is said.

    `told` is called in that thread with what changed after `seen`, and at least once in each period.
    """

    def __init__(
        self, engine: Engine, now: Callable[[], datetime], seen: Callable[[], int], told: Callable[[Later], None]
    ) -> None:
        self._engine = engine
        self._now = now
        self._seen = seen
        self._told = told
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="registry-listener", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Returns when nothing more is told, or where the database does not answer after a few seconds."""
        self._stopping.set()
        self._thread.join(3 * PERIOD)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                with self._engine.connect() as connection:
                    self._listen(connection.execution_options(isolation_level="AUTOCOMMIT"))
            except (SQLAlchemyError, self._engine.dialect.loaded_dbapi.Error) as error:
                # What is in memory is old now, and the ledger refuses whatever rests on it.
                log.warning("changes of other nodes are not heard of: %s", type(error).__name__)
                self._stopping.wait(PERIOD)

    def _listen(self, connection: Connection) -> None:
        connection.execute(text(f"LISTEN {_CHANNEL}"))
        session: Any = connection.connection.driver_connection
        pruned = -PRUNED
        while not self._stopping.is_set():
            self._told(since(connection, self._seen()))
            if time.monotonic() >= pruned + PRUNED:
                pruned = time.monotonic()
                with session.transaction():
                    prune(connection, self._now())
            try:
                list(session.notifies(timeout=PERIOD, stop_after=1))
            except self._engine.dialect.loaded_dbapi.Error:
                connection.invalidate()
                raise
