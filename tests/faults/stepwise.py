"""Processes that are killed before the n-th statement, COPY or renaming of what they do."""

import multiprocessing
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import psycopg
from ledger_fakes import Ticking
from sqlalchemy import Engine, event

from gateway import stores
from gateway.ledger.sqlite import SqliteStore
from gateway.migrate import moved
from gateway.registry.engine import engine_of
from gateway.registry.schema import bring_up

KILLED = -9
_PATIENCE = 60.0

Deed = Callable[[str, str], object]


def opens_ledger(folder: str, _: str) -> None:
    """The file of a ledger is brought up to this version."""
    SqliteStore(Path(folder) / "ledger.db", "main").close()


def opens_registry(folder: str, url: str) -> None:
    """So are the tables of the registry, in a file or a database."""
    engine = engine_of(url or Path(folder) / "registry.db")
    with engine.begin() as connection:
        bring_up(connection)
    engine.dispose()


def prepares(owner: str, role: str) -> None:
    """So are all tables of a database."""
    stores.prepare(owner, role)


def moves(folder: str, url: str) -> None:
    """A folder is brought into a database."""
    moved(Path(folder), None, url, Ticking())


def killed(deed: Deed, *given: str, at: int) -> bool:
    """Whether the process that does it was killed before its step of this number; else it has done it to the end."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["faults.stepwise"])
    process = context.Process(target=_stepwise, args=(deed, given, at))
    process.start()
    process.join(_PATIENCE)
    status = process.exitcode
    if status is None:
        process.kill()
    assert status in (0, KILLED), status
    return status == KILLED


def _stepwise(deed: Deed, given: tuple[str, ...], at: int) -> None:
    done = 0

    def step(*_: object) -> bool:
        nonlocal done
        done += 1
        if done == at:
            os.kill(os.getpid(), signal.SIGKILL)
        return True

    def trace(connection: apsw.Connection) -> None:
        connection.exec_trace = step

    def stepping(original: Callable[..., Any]) -> Callable[..., Any]:
        def stepped(*arguments: Any, **named: Any) -> Any:
            step()
            return original(*arguments, **named)

        return stepped

    apsw.connection_hooks.append(trace)
    event.listen(Engine, "before_cursor_execute", step)
    event.listen(Engine, "commit", step)
    for name in ("execute", "executemany", "copy"):
        setattr(psycopg.Cursor, name, stepping(getattr(psycopg.Cursor, name)))
    psycopg.Connection.commit = stepping(psycopg.Connection.commit)  # type: ignore[method-assign]
    Path.rename = stepping(Path.rename)  # type: ignore[method-assign]
    deed(*given)
