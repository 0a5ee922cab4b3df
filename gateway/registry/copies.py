"""Copies of the registry's file, by the one library that opens it."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from gateway.errors import Distrusted, StartError
from gateway.registry.engine import engine_of
from gateway.registry.schema import revision


def copied(source: Path, target: Path) -> None:
    """A copy as the file was at one moment, in a new file that only its owner can read. Raises StartError."""
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    try:
        _alone(source, "VACUUM INTO ?", str(target))
    except sqlite3.Error as error:
        raise StartError(f"{source} cannot be copied ({type(error).__name__})") from None


def check(file: Path) -> str:
    """The revision of a copied registry, of which nothing is left beside the file. Raises Distrusted."""
    engine = engine_of(file)
    try:
        with engine.connect() as connection:
            held = revision(connection)
        found = _alone(file, "PRAGMA integrity_check(1)")
        _alone(file, "PRAGMA wal_checkpoint(TRUNCATE)")
    except (sqlite3.Error, SQLAlchemyError) as error:
        raise Distrusted("CORRUPT", f"{file} cannot be read ({type(error).__name__})") from None
    finally:
        engine.dispose()
    if held is None or found != ("ok",):
        raise Distrusted("CORRUPT", f"{file} is damaged, or no registry")
    return held


def _alone(file: Path, statement: str, *values: str) -> object:
    """Not through SQLAlchemy, which would begin a transaction that these statements cannot be in."""
    engine = engine_of(file)
    try:
        with closing(engine.raw_connection()) as connection:
            cursor = connection.cursor()
            cursor.execute(statement, values)
            return cursor.fetchone()
    finally:
        engine.dispose()
