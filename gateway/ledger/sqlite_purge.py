"""What a purge does to the SQLite file: bodies go, one way only, and what they were stays provable."""

import apsw

from gateway.failpoints import failpoint
from gateway.ledger import purgeable
from gateway.ledger.database import rows
from gateway.ledger.purgeable import AT_FIRST, COVERING, HELD, MAY_GO, Body, Ranges, demand_due, listed
from gateway.ledger.store import NotPurged

_GUARD = f"""
DROP TRIGGER leaf_body_DELETE;
CREATE TRIGGER leaf_body_DELETE BEFORE DELETE ON leaf_body
WHEN {COVERING.format("OLD.seq")} < OLD.seq
    OR NOT EXISTS (SELECT 1 FROM leaf WHERE seq = OLD.seq AND kind IN ({{kinds}}))
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;"""  # noqa: S608 - made of literals of this module

SCHEMA = f"""
CREATE TABLE purged(first INTEGER PRIMARY KEY, last INTEGER NOT NULL, purge INTEGER NOT NULL) STRICT;
CREATE TRIGGER purged_INSERT BEFORE INSERT ON purged
WHEN NEW.first > NEW.last OR NEW.last >= NEW.purge OR {COVERING.format("NEW.last")} >= NEW.first
    OR NOT EXISTS (SELECT 1 FROM leaf WHERE seq = NEW.purge AND kind = 'purge')
BEGIN SELECT RAISE(ABORT, 'a purge covers what stands before it, and once'); END;{_GUARD.format(kinds=listed(AT_FIRST))}
CREATE INDEX earlier_seq ON earlier(seq);
CREATE TABLE loose(tok BLOB NOT NULL, dek BLOB NOT NULL, PRIMARY KEY (tok, dek)) STRICT, WITHOUT ROWID;
"""  # noqa: S608 - made of literals of this module
WITH_RESOLVE = _GUARD.format(kinds=listed(purgeable.WITH_RESOLVE))
WITH_RECEIVED = _GUARD.format(kinds=listed(MAY_GO))


def purge(database: apsw.Connection, place: int, ranges: Ranges, as_of: int) -> None:
    """Takes the bodies of these places away in the transaction of the purge that stands at `place`.

    It was decided when the log had `as_of` entries.

    The keys of people who have no other link are noted as loose, to be destroyed after it. Raises NotPurged.
    """
    if rows(database, HELD.format("?"), as_of):
        raise NotPurged("somebody was held in the meantime")
    _demand_due(database, ranges)
    links = {link for each in ranges for link in rows(database, f"SELECT tok, dek {_of('link')}", *each)}
    database.executemany("INSERT INTO purged VALUES(?, ?, ?)", [(*each, place) for each in ranges])
    failpoint("after-insert-purged")
    for table in ("leaf_body", "link", "earlier"):
        database.executemany(f"DELETE {_of(table)}", ranges)
        failpoint("after-delete")
    loose = "INSERT OR IGNORE INTO loose SELECT ?1, ?2 WHERE NOT EXISTS (SELECT 1 FROM link WHERE tok = ?1)"
    database.executemany(loose, links)


def _of(table: str) -> str:
    return f"FROM {table} WHERE seq BETWEEN ? AND ?"


def _demand_due(database: apsw.Connection, ranges: Ranges) -> None:
    [(signed,)] = rows(database, "SELECT coalesce(max(size), 0) FROM checkpoint")
    there = "SELECT seq, kind, intent FROM leaf JOIN leaf_body USING (seq) WHERE seq BETWEEN ? AND ?"
    bodies: list[Body] = [body for each in ranges for body in rows(database, there, *each)]
    after = "SELECT seq FROM leaf WHERE intent BETWEEN ? AND ?"
    followers = [seq for each in ranges for (seq,) in rows(database, after, *each)]
    demand_due(ranges, bodies, followers, signed)
