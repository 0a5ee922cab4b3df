"""The tables of the SQLite file, what brings an older file up to them, and the triggers that keep them from being
altered.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import apsw

from gateway.errors import StartError
from gateway.ledger.database import rows
from gateway.ledger.sqlite_blinding import SCHEMA as BLINDED
from gateway.ledger.sqlite_oblivion import SCHEMA as ERASED
from gateway.ledger.sqlite_purge import SCHEMA as PURGED
from gateway.ledger.sqlite_purge import WITH_RECEIVED, WITH_RESOLVE
from gateway.ledger.tallies import SQLITE as COUNTED

_TRIGGERS = "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'"
_TABLES = """
CREATE TABLE log(id TEXT PRIMARY KEY, state TEXT NOT NULL) STRICT;
CREATE TABLE leaf(
    seq INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, kind TEXT NOT NULL, ts INTEGER NOT NULL,
    intent INTEGER, hash BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;
CREATE INDEX leaf_kind ON leaf(kind) WHERE kind NOT IN ('intent', 'outcome');
CREATE INDEX leaf_intent ON leaf(intent) WHERE intent IS NOT NULL;
CREATE TABLE leaf_body(
    seq INTEGER PRIMARY KEY, body BLOB NOT NULL,
    vendor TEXT, operation TEXT, caller TEXT, code TEXT, result TEXT
) STRICT;
CREATE INDEX body_vendor ON leaf_body(vendor) WHERE vendor IS NOT NULL;
CREATE INDEX body_code ON leaf_body(code) WHERE code IS NOT NULL;
CREATE TABLE link(
    seq INTEGER NOT NULL, ord INTEGER NOT NULL, tok BLOB NOT NULL, dek BLOB NOT NULL, sealed BLOB NOT NULL,
    PRIMARY KEY (seq, ord)
) STRICT, WITHOUT ROWID;
CREATE INDEX link_tok ON link(tok, seq);
CREATE TABLE settled(below INTEGER NOT NULL) STRICT;
INSERT INTO settled VALUES(0);
CREATE TABLE earlier(digest BLOB PRIMARY KEY, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID;
"""
_GUARD = """
CREATE TRIGGER {table}_{act} BEFORE {act} ON {table} BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
"""
_CHECKPOINT = """
CREATE TABLE checkpoint(
    size INTEGER PRIMARY KEY, root BLOB NOT NULL CHECK (length(root) = 32), ts INTEGER NOT NULL, note TEXT NOT NULL,
    peaks BLOB NOT NULL
) STRICT;
"""
_SUBTREE = """
CREATE TABLE subtree(
    first INTEGER NOT NULL, last INTEGER NOT NULL, hash BLOB NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (first, last)
) STRICT, WITHOUT ROWID;
"""


def _guards(*tables: str) -> str:
    return "".join(_GUARD.format(table=table, act=act) for table in tables for act in ("UPDATE", "DELETE"))


# Each brings a file to the next version; what stands here never changes, and the next one stands below.
MIGRATIONS: Sequence[str] = (
    _TABLES + _guards("leaf", "leaf_body"),
    _CHECKPOINT + _guards("checkpoint"),
    _SUBTREE + _guards("subtree"),
    PURGED + _guards("purged"),
    ERASED + _guards("erased"),
    WITH_RESOLVE,
    BLINDED,
    COUNTED,
    WITH_RECEIVED,
)


def bring_up(database: apsw.Connection, path: Path, log: str) -> None:
    """Makes the tables in a new file, and those of today in one that an older gateway wrote; StartError for a newer."""
    version = database.pragma("user_version")
    if not 0 <= version <= len(MIGRATIONS):
        raise StartError(f"{path} was written by a newer gateway (version {version}); use that one")
    with database:
        for statements in MIGRATIONS[version:]:
            database.execute(statements)
        database.execute("INSERT OR IGNORE INTO log VALUES(?, 'active')", (log,))
        database.pragma("user_version", len(MIGRATIONS))


def missing(database: apsw.Connection) -> Mapping[str, str]:
    """The guards that a file lacks, or has otherwise than the migrations make them: by name, what makes each."""
    made = apsw.Connection(":memory:")
    for statements in MIGRATIONS:
        made.execute(statements)
    wanted, found = dict(rows(made, _TRIGGERS)), dict(rows(database, _TRIGGERS))
    return {name: statement for name, statement in wanted.items() if found.get(name) != statement}


def put_back(database: apsw.Connection) -> Sequence[str]:
    """Makes the guards that are missing, in one transaction, and returns which these are."""
    lacking = missing(database)
    with database:
        for name, statement in lacking.items():
            database.execute(f"DROP TRIGGER IF EXISTS {name}")
            database.execute(statement)
    return sorted(lacking)
