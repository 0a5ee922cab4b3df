"""The keys of subjects in a SQLite file."""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import apsw

from gateway.errors import StartError
from gateway.ledger.database import checkpoint, known_errors, readable, rows, truncate, writable
from gateway.ledger.residue import overwrite, residue
from gateway.ledger.vault import (
    Generation,
    OldGenerationError,
    Residue,
    SealedToken,
    WrappedKey,
    oldest_generation,
)

CHECKPOINT_PAGES = 2_000
_AT_ONCE = 1_000

_SCHEMA = """
CREATE TABLE IF NOT EXISTS kek(generation INTEGER PRIMARY KEY, wrapped BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS subject_key(
    dek BLOB PRIMARY KEY, generation INTEGER NOT NULL, wrapped BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS token(
    lookup BLOB PRIMARY KEY, digest BLOB NOT NULL UNIQUE, dek BLOB NOT NULL, sealed BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS token_dek ON token(dek);
CREATE TABLE IF NOT EXISTS erased(
    one INTEGER PRIMARY KEY CHECK (one = 1), count INTEGER NOT NULL
) STRICT;
"""
_BLINDED = "UPDATE token SET digest = CAST(x'00000000' || digest AS BLOB)"  # once: of no generation yet
_MADE_IN = """
ALTER TABLE subject_key ADD COLUMN epoch INTEGER;
CREATE INDEX subject_key_epoch ON subject_key(epoch) WHERE epoch IS NOT NULL;
"""
# Each brings a file to the next version.
_MIGRATIONS = (_BLINDED, _MADE_IN)
_EARLIER = "SELECT digest FROM token WHERE digest < ? ORDER BY digest LIMIT ?"
_TRACES = """
    SELECT wrapped FROM subject_key WHERE dek = ?1 UNION SELECT lookup FROM token WHERE dek = ?1
    UNION SELECT digest FROM token WHERE dek = ?1 UNION SELECT sealed FROM token WHERE dek = ?1
"""
_REPLACED = "UPDATE subject_key SET generation = ?, wrapped = ? WHERE dek = ? AND wrapped = ?"
_KEY = "SELECT dek, generation, wrapped FROM subject_key"
_TOKEN = "SELECT lookup, digest, dek, sealed FROM token"  # noqa: S105 - a query


class SqliteVault:
    """One connection that writes, and one that reads on the thread of the loop."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._pages = 0
        with known_errors():
            self._writing = writable(path)
            self._writing.set_wal_hook(self._committed)
            with self._writing:
                self._migrate()
            self._reading = readable(path)

    def key(self, dek: bytes) -> WrappedKey | None:
        with known_errors():
            found = rows(self._reading, f"{_KEY} WHERE dek = ?", dek)
        return WrappedKey(*found[0]) if found else None

    def keys(self, deks: Sequence[bytes]) -> Sequence[WrappedKey]:
        return [key for dek in deks if (key := self.key(dek))]

    def token_of(self, lookup: bytes) -> SealedToken | None:
        return self._token("lookup = ?", lookup)

    def token_by(self, digest: bytes) -> SealedToken | None:
        return self._token("digest = ?", digest)

    def newest(self) -> int:
        with known_errors():
            [(number,)] = rows(self._reading, "SELECT coalesce(max(generation), 0) FROM kek")
        return int(number)

    def commit(self, keys: Sequence[WrappedKey], tokens: Sequence[SealedToken], epoch: int | None = None) -> None:
        with known_errors(), self._writing:
            self._demand_newest(keys, tokens)
            if keys:
                made = [(*key, epoch) for key in keys]
                self._writing.executemany("INSERT OR IGNORE INTO subject_key VALUES(?, ?, ?, ?)", made)
            if tokens:
                self._writing.executemany("INSERT OR IGNORE INTO token VALUES(?, ?, ?, ?)", tokens)

    def checkpoint(self) -> None:
        if self._pages >= CHECKPOINT_PAGES:
            checkpoint(self._writing)

    def generation(self) -> Generation | None:
        with known_errors():
            found = rows(self._writing, "SELECT generation, wrapped FROM kek ORDER BY generation DESC LIMIT 1")
        return Generation(*found[0]) if found else None

    def begin(self, generation: Generation) -> None:
        with known_errors(), self._writing:
            self._writing.execute("DELETE FROM kek")
            self._writing.execute("INSERT INTO kek VALUES(?, ?)", generation)

    def before(self, generation: int, limit: int) -> Sequence[WrappedKey]:
        with known_errors():
            found = rows(self._writing, f"{_KEY} WHERE generation < ? LIMIT ?", generation, limit)
        return list(map(WrappedKey._make, found))

    def rewrap(self, keys: Sequence[WrappedKey]) -> None:
        with known_errors(), self._writing:
            values = [(key.generation, key.wrapped, key.id) for key in keys]
            self._writing.executemany("UPDATE subject_key SET generation = ?, wrapped = ? WHERE dek = ?", values)

    def wrapped(self, deks: Sequence[bytes]) -> Sequence[WrappedKey]:
        with known_errors():
            found = [rows(self._writing, f"{_KEY} WHERE dek = ?", dek) for dek in deks]
        return [WrappedKey(*each) for part in found for each in part]

    def replace(self, old: WrappedKey, new: WrappedKey) -> bool:
        with known_errors(), self._writing:
            self._writing.execute(_REPLACED, (new.generation, new.wrapped, old.id, old.wrapped))
            changed = self._writing.changes()
        return changed == 1

    def blinded_before(self, first: bytes, limit: int) -> Sequence[bytes]:
        with known_errors():
            return [each for (each,) in rows(self._writing, _EARLIER, first, limit)]

    def reblind(self, anew: Sequence[tuple[bytes, bytes]]) -> None:
        with known_errors(), self._writing:
            self._writing.executemany("UPDATE token SET digest = ?2 WHERE digest = ?1", anew)

    def ids(self) -> Iterator[bytes]:
        last = b""
        while found := self._ids_after(last):
            yield from found
            last = found[-1]

    def unsure(self) -> Collection[int]:
        with known_errors():
            found = rows(self._writing, "SELECT DISTINCT epoch FROM subject_key WHERE epoch IS NOT NULL")
        return [epoch for (epoch,) in found]

    def unused(self, epochs: Collection[int], limit: int) -> Sequence[bytes]:
        among = ", ".join("?" * len(epochs))
        query = f"SELECT dek FROM subject_key WHERE epoch IN ({among}) LIMIT ?"  # noqa: S608 - question marks
        with known_errors():
            return [dek for (dek,) in rows(self._writing, query, *epochs, limit)]

    def used(self, deks: Collection[bytes]) -> None:
        query = "UPDATE subject_key SET epoch = NULL WHERE dek = ? AND epoch IS NOT NULL"
        with known_errors(), self._writing:
            self._writing.executemany(query, [(dek,) for dek in deks])

    def destroy(self, deks: Sequence[bytes], erased: int) -> None:
        with known_errors(), self._writing:
            values = [(dek,) for dek in deks]
            self._writing.executemany("DELETE FROM token WHERE dek = ?", values)
            self._writing.executemany("DELETE FROM subject_key WHERE dek = ?", values)
            self._writing.execute("INSERT OR REPLACE INTO erased VALUES(1, ?)", (erased,))

    def erased(self) -> int:
        with known_errors():
            found = rows(self._writing, "SELECT count FROM erased")
        return found[0][0] if found else 0

    def wipe(self) -> None:
        with known_errors():
            # Little at a time: it is asked for after each commit in which something went.
            self._writing.execute("PRAGMA incremental_vacuum").fetchall()
            truncate(self._writing)

    def traces(self, deks: Collection[bytes]) -> Collection[bytes]:
        with known_errors():
            found = [rows(self._writing, _TRACES, dek) for dek in deks]
        return {*deks, *(each for part in found for (each,) in part)}

    def residue(self, deleted: Collection[bytes]) -> Sequence[Residue]:
        with known_errors():
            return residue(self._path, deleted)

    def overwrite(self, found: Sequence[Residue]) -> None:
        with known_errors():
            overwrite(self._writing, self._path, found)

    def close(self) -> None:
        self._reading.close()
        self._writing.close()

    def _migrate(self) -> None:
        self._writing.execute(_SCHEMA)
        version = self._writing.pragma("user_version")
        if version > len(_MIGRATIONS):
            raise StartError(f"{self._path} was written by a newer gateway (version {version}); use that one")
        for statements in _MIGRATIONS[version:]:
            self._writing.execute(statements)
        self._writing.pragma("user_version", len(_MIGRATIONS))

    def _demand_newest(self, keys: Sequence[WrappedKey], tokens: Sequence[SealedToken]) -> None:
        oldest = oldest_generation(keys, tokens)
        if rows(self._writing, "SELECT 1 FROM kek WHERE generation > ?", oldest):
            raise OldGenerationError

    def _token(self, condition: str, digest: bytes) -> SealedToken | None:
        with known_errors():
            found = rows(self._reading, f"{_TOKEN} WHERE {condition}", digest)
        return SealedToken(*found[0]) if found else None

    def _ids_after(self, last: bytes) -> Sequence[bytes]:
        # In pages, so that no reader is open while something is written or wiped.
        query = "SELECT dek FROM subject_key WHERE dek > ? ORDER BY dek LIMIT ?"
        with known_errors():
            return [dek for (dek,) in rows(self._writing, query, last, _AT_ONCE)]

    def _committed(self, _database: apsw.Connection, _name: str, pages: int) -> int:
        self._pages = pages
        return apsw.SQLITE_OK
