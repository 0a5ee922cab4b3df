"""What forgetting a person does to the SQLite file."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import apsw
import msgspec

from gateway.failpoints import failpoint
from gateway.ledger.blinding import Blinding
from gateway.ledger.canonical import Json
from gateway.ledger.database import known_errors, rows, truncate
from gateway.ledger.oblivion import Forgotten, Known, NotErased, Pending, tombstone
from gateway.ledger.residue import overwrite, residue
from gateway.ledger.vault import Residue

SCHEMA = """
CREATE TABLE erased(number INTEGER PRIMARY KEY, tombstone BLOB NOT NULL UNIQUE, erasure INTEGER NOT NULL) STRICT;
CREATE TABLE erasing(seq INTEGER PRIMARY KEY, tok BLOB NOT NULL) STRICT;
"""
_KNOWN = "SELECT dek FROM link WHERE tok = ?1 UNION SELECT dek FROM loose WHERE tok = ?1"
_TRACES = """
    SELECT dek FROM link WHERE tok = ?1 UNION SELECT dek FROM loose WHERE tok = ?1
    UNION SELECT sealed FROM link WHERE tok = ?1
    UNION SELECT digest FROM earlier WHERE seq IN (SELECT seq FROM link WHERE tok = ?1)
"""
_BACK = """
    SELECT 1 FROM link WHERE tok = ?1 UNION SELECT 1 FROM loose WHERE tok = ?1
    UNION SELECT 1 FROM erasing WHERE tok = ?1 UNION SELECT 1 FROM earlier WHERE digest = ?1
"""
_WHOLE = """
    SELECT count(*) = (SELECT json_extract(CAST(body AS TEXT), '$.subjects.n') FROM leaf_body WHERE seq = ?1)
    FROM link WHERE seq = ?1
"""

Reading = Callable[[], AbstractContextManager[apsw.Connection]]


class SqliteOblivion:
    """Reads by connections of its own; `writing` gives the one that writes, which is another after an error."""

    def __init__(
        self,
        path: Path,
        reading: Reading,
        writing: Callable[[], apsw.Connection],
        blinding: Callable[[], Blinding],
    ) -> None:
        self._path = path
        self._reading = reading
        self._writing = writing
        self._blinding = blinding

    def known(self, tok: bytes) -> Known:
        with self._reading() as database:
            return _known(database, self._blinding().found(tok))

    def count(self) -> int:
        with self._reading() as database:
            [(count,)] = rows(database, "SELECT coalesce(max(number), 0) FROM erased")
        return int(count)

    def tombstones(self, after: int) -> Sequence[bytes]:
        with self._reading() as database:
            found = rows(database, "SELECT tombstone FROM erased WHERE number > ? ORDER BY number", after)
        return [each for (each,) in found]

    def pending(self) -> Sequence[Pending]:
        with self._reading() as database:
            found = rows(database, "SELECT seq, tok FROM erasing ORDER BY seq")
        return [Pending(seq, self._blinding().bare(tok)) for seq, tok in found]

    def told(self, seq: int) -> None:
        with known_errors(), self._writing() as database:
            database.execute("DELETE FROM erasing WHERE seq = ?", (seq,))

    def about(self, kind: str) -> Sequence[tuple[bytes, Mapping[str, Json]]]:
        query = """
            SELECT tok, body FROM leaf JOIN leaf_body USING (seq) JOIN link USING (seq)
            WHERE kind = ? AND kind NOT IN ('intent', 'outcome') ORDER BY seq
        """
        with self._reading() as database:
            found = rows(database, query, kind)
        return [(self._blinding().bare(tok), msgspec.json.decode(body)) for tok, body in found]

    def wipe(self) -> None:
        with known_errors():
            truncate(self._writing())

    def traces(self, tok: bytes) -> Collection[bytes]:
        stored = self._blinding().found(tok)
        with self._reading() as database:
            found = [each for one in stored for (each,) in rows(database, _TRACES, one)]
        return {*stored, *found}

    def residue(self, deleted: Collection[bytes]) -> Sequence[Residue]:
        with known_errors():
            return residue(self._path, deleted)

    def overwrite(self, found: Sequence[Residue]) -> None:
        database = self._writing()
        with known_errors():
            # Somebody new may be known under the same token by now, and a vendor may call them the same.
            back = {each.bytes for each in found if rows(database, _BACK, each.bytes)}
            overwrite(database, self._path, [each for each in found if each.bytes not in back])


def forget(database: apsw.Connection, place: int, who: Forgotten, blinding: Blinding) -> None:
    """Deletes what links a person to entries, in the transaction of the erasure at `place`. Raises NotErased."""
    toks = blinding.found(who.tok)
    known = _known(database, toks)
    if known.links != who.links or not {tombstone(dek) for dek in known.deks} <= set(who.tombstones):
        raise NotErased("something was written about the person meanwhile")
    values = [(each, place) for each in who.tombstones]
    database.executemany("INSERT OR IGNORE INTO erased(tombstone, erasure) VALUES(?, ?)", values)
    database.execute("INSERT INTO erasing VALUES(?, ?)", (place, toks[-1]))
    for tok in toks:
        database.execute("DELETE FROM earlier WHERE seq IN (SELECT seq FROM link WHERE tok = ?)", (tok,))
        for table in ("link", "loose", "tallied"):
            database.execute(f"DELETE FROM {table} WHERE tok = ?", (tok,))  # noqa: S608 - one of three names
    failpoint("after-forget")


def is_whole(database: apsw.Connection, intent: int) -> bool:
    """Whether nobody whom an intent is about was erased: what a vendor calls them is not remembered then."""
    [(whole,)] = rows(database, _WHOLE, intent)
    return bool(whole)


def _known(database: apsw.Connection, toks: Sequence[bytes]) -> Known:
    links = sum(count for tok in toks for (count,) in rows(database, "SELECT count(*) FROM link WHERE tok = ?", tok))
    return Known(links, sorted(dek for tok in toks for (dek,) in rows(database, _KNOWN, tok)))
