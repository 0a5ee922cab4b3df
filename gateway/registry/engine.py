"""The connections of the registry: to an SQLite file that only its owner can read, or to PostgreSQL."""

import os
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import sleep
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from gateway.bounded import SEEING, Bounded
from gateway.errors import StartError
from gateway.registry import schema

# Milliseconds. Whoever waits longer than these is let go, and a node that stopped in the middle holds nobody up.
LIMITS = {"lock_timeout": 2_000, "statement_timeout": 5_000, "idle_in_transaction_session_timeout": 2_000}
CONNECT = 2  # seconds
CONNECTIONS = 4
_TRIES = 100
_BETWEEN_TRIES = 0.05  # seconds
_TCP = {"keepalives_idle": 2, "keepalives_interval": 1, "keepalives_count": 3, "tcp_user_timeout": 2_000}
_PRAGMAS = ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "secure_delete = ON")


class Patient(Bounded):
    """Waits for longer than any change may take."""

    within = 20.0


def engine_of(database: Path | str) -> Engine:
    """An engine for a file, or for a `postgresql://` URL. Raises StartError for any other URL."""
    return _embedded(database) if isinstance(database, Path) else _shared(database)


def prepare(owner: str, role: str) -> None:
    """Makes the tables as the role of `owner`, an address, and lets another role use them. Raises StartError."""
    engine = engine_of(owner)
    try:
        with engine.begin() as connection:
            schema.prepare(connection, role)
    except SQLAlchemyError as error:
        raise StartError(f"the registry cannot be prepared ({type(error).__name__})") from None
    finally:
        engine.dispose()


def wipe(engine: Engine) -> None:
    """Leaves nothing in an SQLite file of what was deleted: rows that were moved are left where they stood before.

    It takes as long as writing the file anew. On PostgreSQL that is the server's to do, with its next vacuum. Raises
    SQLAlchemyError.
    """
    if engine.dialect.name != "sqlite":
        return
    connection = engine.raw_connection()
    try:
        cursor = connection.cursor()
        cursor.execute("VACUUM")
        for _ in range(_TRIES):
            [(busy, *_)] = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            if not busy:
                return
            # Whoever reads was waited for, but nobody who copies the same pages.
            sleep(_BETWEEN_TRIES)
    except sqlite3.Error as error:
        # `from None`: what is in the way is not said with values.
        raise SQLAlchemyError(type(error).__name__) from None
    finally:
        connection.close()
    raise SQLAlchemyError("somebody is in the way")


def _embedded(file: Path) -> Engine:
    # SQLite gives the WAL the mode of the file, so it is made before SQLite can make it readable for others.
    os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    engine = create_engine(f"sqlite:///{file}")
    event.listen(engine, "connect", _make_durable)
    event.listen(engine, "begin", _begin)
    return engine


def _shared(given: str) -> Engine:
    try:
        url = make_url(given)
    except (ArgumentError, ValueError):
        # `from None`: the error quotes the URL, and a password may stand in it.
        raise StartError("the database's address is not a URL") from None
    if url.drivername not in ("postgresql", "postgres", "postgresql+psycopg"):
        raise StartError("the database's address must begin with postgresql://")
    engine = _pooled(url)
    event.listen(engine, "do_connect", _connected)
    return engine


def _pooled(url: URL) -> Engine:
    settings = {"search_path": schema.SCHEMA, "timezone": "UTC", **SEEING, **LIMITS}
    return create_engine(
        url.set(drivername="postgresql+psycopg"),
        # One more, for whoever listens.
        pool_size=CONNECTIONS + 1,
        max_overflow=0,
        pool_timeout=CONNECT,
        # A connection that the server has dropped is noticed and replaced before something is asked over it.
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={
            "connect_timeout": CONNECT,
            **_TCP,
            "options": " ".join(f"-c {name}={value}" for name, value in settings.items()),
        },
    )


def _connected(_dialect: object, _record: object, given: Sequence[str], settings: Mapping[str, Any]) -> Patient:
    return Patient.connect(*given, **settings)


def _make_durable(connection: object, record: object) -> None:
    del record
    # Otherwise the driver sends BEGIN by rules of its own, and not before a CREATE TABLE.
    connection.isolation_level = None  # type: ignore[attr-defined]
    cursor = connection.cursor()  # type: ignore[attr-defined]
    for pragma in _PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")
