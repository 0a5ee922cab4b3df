"""What a purge does to the SQLite file: bodies go, one way only, and what they were stays provable."""

from collections.abc import Iterator, Sequence

import apsw

from gateway.failpoints import failpoint
from gateway.ledger.database import rows
from gateway.ledger.store import NotPurged

AT_FIRST = ("intent", "outcome", "refusal", "access", "token", "fact")
MAY_GO = (*AT_FIRST, "resolve")
"""Kinds of entries that a time is set for. What tells how the others are to be read stays for good."""


def listed(kinds: Sequence[str]) -> str:
    """As SQL writes them."""
    return ", ".join(f"'{kind}'" for kind in kinds)


_COVERING = "coalesce((SELECT last FROM purged WHERE first <= {} ORDER BY first DESC LIMIT 1), -1)"

_GUARD = f"""
DROP TRIGGER leaf_body_DELETE;
CREATE TRIGGER leaf_body_DELETE BEFORE DELETE ON leaf_body
WHEN {_COVERING.format("OLD.seq")} < OLD.seq
    OR NOT EXISTS (SELECT 1 FROM leaf WHERE seq = OLD.seq AND kind IN ({{kinds}}))
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;"""  # noqa: S608 - made of literals of this module

SCHEMA = f"""
CREATE TABLE purged(first INTEGER PRIMARY KEY, last INTEGER NOT NULL, purge INTEGER NOT NULL) STRICT;
CREATE TRIGGER purged_INSERT BEFORE INSERT ON purged
WHEN NEW.first > NEW.last OR NEW.last >= NEW.purge OR {_COVERING.format("NEW.last")} >= NEW.first
    OR NOT EXISTS (SELECT 1 FROM leaf WHERE seq = NEW.purge AND kind = 'purge')
BEGIN SELECT RAISE(ABORT, 'a purge covers what stands before it, and once'); END;{_GUARD.format(kinds=listed(AT_FIRST))}
CREATE INDEX earlier_seq ON earlier(seq);
CREATE TABLE loose(tok BLOB NOT NULL, dek BLOB NOT NULL, PRIMARY KEY (tok, dek)) STRICT, WITHOUT ROWID;
"""  # noqa: S608 - made of literals of this module
WITH_RESOLVE = _GUARD.format(kinds=listed(MAY_GO))

_HELD = "SELECT 1 FROM leaf WHERE kind = 'hold' AND kind NOT IN ('intent', 'outcome') AND seq >= ?"

Ranges = Sequence[tuple[int, int]]


def purge(database: apsw.Connection, place: int, ranges: Ranges, as_of: int) -> None:
    """Takes the bodies of these places away in the transaction of the purge that stands at `place`.

    It was decided when the log had `as_of` entries.

    The keys of people who have no other link are noted as loose, to be destroyed after it. Raises NotPurged.
    """
    if rows(database, _HELD, as_of):
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
    """Whoever chose the places read them a moment ago, and something may have been written since."""
    [(signed,)] = rows(database, "SELECT coalesce(max(size), 0) FROM checkpoint")
    found = list(_there(database, ranges))
    places = {seq for seq, *_ in found}
    closed = {intent for *_, intent in found if intent is not None}
    if len(places) != sum(last + 1 - first for first, last in ranges):
        raise NotPurged("an entry has no body any more")
    if any(seq >= signed for seq in places):
        raise NotPurged("an entry is not signed yet")
    if any(kind not in MAY_GO for _, kind, _ in found):
        raise NotPurged("an entry is of a kind that stays")
    if not closed <= places or closed != {seq for seq, kind, _ in found if kind == "intent"}:
        raise NotPurged("an intent and its outcomes go together")
    if not {seq for each in ranges for seq in _followers(database, *each)} <= places:
        raise NotPurged("an intent has an outcome that is to stay")


def _there(database: apsw.Connection, ranges: Ranges) -> Iterator[tuple[int, str, int | None]]:
    query = "SELECT seq, kind, intent FROM leaf JOIN leaf_body USING (seq) WHERE seq BETWEEN ? AND ?"
    for each in ranges:
        yield from rows(database, query, *each)


def _followers(database: apsw.Connection, first: int, last: int) -> Iterator[int]:
    for (seq,) in rows(database, "SELECT seq FROM leaf WHERE intent BETWEEN ? AND ?", first, last):
        yield seq
