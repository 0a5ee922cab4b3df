"""Entries with all that stands beside them, in the SQL that every database of the ledger understands."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from gateway.ledger.entry import Index
from gateway.ledger.sealing import Link
from gateway.ledger.store import Stored

_ENTRIES = "(SELECT seq, hash, id, kind, ts, intent FROM leaf WHERE seq >= ? ORDER BY seq LIMIT ?) l"
_COLUMNS = "l.seq, l.hash, b.body, l.id, l.kind, l.ts, l.intent, b.vendor, b.operation, b.caller, b.code, b.result"
_PLAIN = f"SELECT {_COLUMNS} FROM {_ENTRIES} LEFT JOIN leaf_body b ON b.seq = l.seq ORDER BY l.seq"  # noqa: S608 - literals
# One statement, so that an entry and its links are as they were at one time.
_LINKED = f"""
    SELECT {_COLUMNS}, k.tok, k.dek, k.sealed FROM {_ENTRIES} LEFT JOIN leaf_body b ON b.seq = l.seq
    LEFT JOIN link k ON k.seq = l.seq ORDER BY l.seq, k.ord
"""  # noqa: S608 - literals
_WIDE = 12
SUBTREES = "SELECT first, last, hash FROM subtree WHERE last > ? AND last <= ? ORDER BY last, first DESC"


def stored_query(*, links: bool) -> str:
    """What asks for entries from a place on, at most so many."""
    return _LINKED if links else _PLAIN


def gathered(found: Iterable[Sequence[Any]]) -> list[Stored]:
    """What the query found, an entry with all of its links."""
    together = (list(rows) for _, rows in groupby(found, key=lambda row: row[0]))
    return [_stored(rows) for rows in together]


def _stored(rows: Sequence[Sequence[Any]]) -> Stored:
    seq, digest, body, id_, kind, ts, intent, *index = rows[0][:_WIDE]
    links = tuple(Link(*row[_WIDE:]) for row in rows if len(row) > _WIDE and row[_WIDE] is not None)
    return Stored(seq, digest, body, id_.hex(), kind, ts, intent, Index(*index), links)
