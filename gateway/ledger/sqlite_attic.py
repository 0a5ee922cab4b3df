"""Old entries in the SQLite file: which there are, and how the room that they took is given back."""

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager

import apsw

from gateway.failpoints import failpoint
from gateway.ledger.attic import Loose, Moment, Named, Old, begun, moments_of, olds, parsed
from gateway.ledger.blinding import Blinding
from gateway.ledger.canonical import Json
from gateway.ledger.database import known_errors, rows, truncate

log = logging.getLogger(__name__)

Reading = Callable[[], AbstractContextManager[apsw.Connection]]

# Intents are nearly all there is, so their bodies are gone through; of rare kinds there is an index.
_OLD = "SELECT seq, ts, hash, body FROM {} WHERE kind = ? AND seq >= ? AND seq < ? ORDER BY seq LIMIT ?"
_INTENTS = _OLD.format("leaf_body CROSS JOIN leaf USING (seq)")
_RARE = _OLD.format("leaf JOIN leaf_body USING (seq)").replace("WHERE", "WHERE kind NOT IN ('intent', 'outcome') AND")
_WITH = "SELECT intent, seq, ts, hash FROM leaf JOIN leaf_body USING (seq) WHERE intent BETWEEN ? AND ? ORDER BY seq"
_TOKS = "SELECT seq, tok FROM link WHERE seq BETWEEN ? AND ?"
_LATER = """
    SELECT DISTINCT n.seq, body FROM link k JOIN link n ON n.tok = k.tok AND n.seq > k.seq
    JOIN leaf l ON l.seq = n.seq JOIN leaf_body b ON b.seq = n.seq
    WHERE k.seq = ?1 AND n.seq < ?2 AND l.kind = (SELECT kind FROM leaf WHERE seq = ?1)
"""
_MOMENTS = """
    SELECT body FROM leaf_body WHERE seq IN (
        SELECT seq - back FROM leaf, (SELECT 0 AS back UNION SELECT 1)
        WHERE kind = 'epoch' AND kind NOT IN ('intent', 'outcome')
    ) ORDER BY seq
"""
_EPOCHS = """
    SELECT seq, body FROM leaf JOIN leaf_body USING (seq)
    WHERE kind = 'epoch' AND kind NOT IN ('intent', 'outcome') ORDER BY seq
"""
_NAMED = "SELECT seq, ord, dek FROM link WHERE (seq, ord) > (?, ?) ORDER BY seq, ord LIMIT ?"
_LOOSE = """
    SELECT tok, dek, EXISTS (SELECT 1 FROM link k WHERE k.tok = loose.tok AND k.dek = loose.dek) FROM loose LIMIT ?
"""


class SqliteAttic:
    """Reads by connections of its own; `writing` gives the one that writes, which is another after an error."""

    def __init__(
        self, reading: Reading, writing: Callable[[], apsw.Connection], blinding: Callable[[], Blinding]
    ) -> None:
        self._reading = reading
        self._writing = writing
        self._blinding = blinding

    def old(self, kind: str, first: int, below: int, limit: int) -> Sequence[Old]:
        with self._reading() as database:
            found = rows(database, _INTENTS if kind == "intent" else _RARE, kind, first, below, limit)
            among = (found[0][0], found[-1][0]) if found else (0, -1)
            toks, with_it = rows(database, _TOKS, *among), rows(database, _WITH, *among)
        return olds(
            found, ((seq, self._blinding().bare(tok)) for seq, tok in toks), with_it if kind == "intent" else ()
        )

    def first_after(self, ts: int, first: int) -> int:
        query = """
            SELECT coalesce((SELECT seq FROM leaf WHERE seq >= ? AND ts > ? ORDER BY seq LIMIT 1),
                (SELECT coalesce(max(seq), -1) + 1 FROM leaf))
        """
        with self._reading() as database:
            [(seq,)] = rows(database, query, first, ts)
        return int(seq)

    def later(self, seq: int, below: int) -> Sequence[Mapping[str, Json]] | None:
        with self._reading() as database:
            if not rows(database, "SELECT 1 FROM link WHERE seq = ? LIMIT 1", seq):
                return None
            return [parsed(body) for _, body in rows(database, _LATER, seq, below)]

    def moments(self) -> Sequence[Moment]:
        with self._reading() as database:
            return moments_of(body for (body,) in rows(database, _MOMENTS))

    def begun(self, epoch: int) -> int:
        with self._reading() as database:
            return begun(rows(database, _EPOCHS), epoch)

    def named(self, after: tuple[int, int], limit: int) -> Sequence[Named]:
        with self._reading() as database:
            return list(map(Named._make, rows(database, _NAMED, *after, limit)))

    def loose(self, limit: int) -> Sequence[Loose]:
        with self._reading() as database:
            found = rows(database, _LOOSE, limit)
        return [Loose(self._blinding().bare(tok), dek, bool(linked)) for tok, dek, linked in found]

    def tighten(self, done: Sequence[Loose]) -> None:
        with known_errors(), self._writing() as database:
            # A key is of one person, whatever their token is by now.
            database.executemany("DELETE FROM loose WHERE dek = ?", [(each.dek,) for each in done])

    def shrink(self, pages: int) -> bool:
        with known_errors():
            database = self._writing()
            database.execute(f"PRAGMA incremental_vacuum({pages:d})").fetchall()
            failpoint("after-shrink")
            if database.pragma("freelist_count"):
                return True
            try:
                truncate(database)
            except apsw.BusyError:
                # Somebody reads; what is in the WAL goes with the next checkpoint.
                log.info("the file of the ledger shrinks later: it is being read")
        return False
