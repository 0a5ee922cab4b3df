"""The keys of subjects in a PostgreSQL, for every node of it."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from gateway.ledger.session import ASIDE, READING, WRITING, Bounded, known_errors, reached
from gateway.ledger.vault import Generation, OldGenerationError, Residue, SealedToken, WrappedKey, oldest_generation

_AT_ONCE = 1_000

SCHEMA = """
CREATE SCHEMA keys;
CREATE TABLE keys.kek(
    one integer PRIMARY KEY DEFAULT 1 CHECK (one = 1), generation bigint NOT NULL, wrapped bytea NOT NULL
);
CREATE TABLE keys.subject_key(dek bytea PRIMARY KEY, generation bigint NOT NULL, wrapped bytea NOT NULL);
CREATE INDEX subject_key_generation ON keys.subject_key(generation);
CREATE TABLE keys.token(
    lookup bytea PRIMARY KEY, digest bytea NOT NULL UNIQUE, dek bytea NOT NULL, sealed bytea NOT NULL
);
CREATE INDEX token_dek ON keys.token(dek);
CREATE TABLE keys.erased(one integer PRIMARY KEY DEFAULT 1 CHECK (one = 1), count bigint NOT NULL);
"""
# Once: of no generation yet.
BLINDED = r"UPDATE keys.token SET digest = '\x00000000'::bytea || digest;"
MADE_IN = """
ALTER TABLE keys.subject_key ADD COLUMN epoch bigint;
CREATE INDEX subject_key_epoch ON keys.subject_key(epoch) WHERE epoch IS NOT NULL;
"""
GRANTS: Mapping[str, str] = {
    "kek": "SELECT, INSERT, UPDATE",
    "subject_key": "SELECT, INSERT, UPDATE, DELETE",
    "token": "SELECT, INSERT, DELETE, UPDATE (digest)",
    "erased": "SELECT, INSERT, UPDATE",
}
_KEY = "SELECT dek, generation, wrapped FROM keys.subject_key"
_TOKEN = "SELECT lookup, digest, dek, sealed FROM keys.token"  # noqa: S105 - a query
# While this row is shared nobody begins another generation.
_NEWEST = "SELECT generation FROM keys.kek FOR SHARE"
_KEYS = """
    INSERT INTO keys.subject_key(dek, generation, wrapped, epoch)
    SELECT u.*, %s::bigint FROM unnest(%b::bytea[], %s::bigint[], %b::bytea[]) u ON CONFLICT DO NOTHING
"""
_TOKENS = """
    INSERT INTO keys.token SELECT * FROM unnest(%b::bytea[], %b::bytea[], %b::bytea[], %b::bytea[])
    ON CONFLICT DO NOTHING
"""
# Of two nodes that begin at one time, one does: the generation that it follows is there for one alone.
_BEGUN = """
    INSERT INTO keys.kek(generation, wrapped) VALUES(%(number)s, %(sealed)s)
    ON CONFLICT (one) DO UPDATE SET generation = excluded.generation, wrapped = excluded.wrapped
    WHERE kek.generation = excluded.generation - 1
"""
_REWRAPPED = """
    UPDATE keys.subject_key k SET generation = n.generation, wrapped = n.wrapped
    FROM unnest(%b::bytea[], %s::bigint[], %b::bytea[]) n(dek, generation, wrapped)
    WHERE k.dek = n.dek AND k.generation < n.generation
"""
_REPLACED = "UPDATE keys.subject_key SET generation = %s, wrapped = %b WHERE dek = %b AND wrapped = %b"
_EARLIER = "SELECT digest FROM keys.token WHERE digest < %b ORDER BY digest LIMIT %s"
_REBLINDED = """
    UPDATE keys.token t SET digest = n.now FROM unnest(%b::bytea[], %b::bytea[]) n(was, now) WHERE t.digest = n.was
"""
_ERASED = """
    INSERT INTO keys.erased(count) VALUES(%s)
    ON CONFLICT (one) DO UPDATE SET count = greatest(erased.count, excluded.count)
"""


class PostgresVault:
    """One session that writes, and one that reads on the thread of the loop and is waited for only so long."""

    def __init__(self, url: str) -> None:
        """Raises StartError."""
        self._url = url
        self._writing = reached(url, WRITING)
        self._reading = reached(url, READING, ASIDE)

    def key(self, dek: bytes) -> WrappedKey | None:
        found = self._asked(f"{_KEY} WHERE dek = %s", dek)
        return WrappedKey(*found[0]) if found else None

    def keys(self, deks: Sequence[bytes]) -> Sequence[WrappedKey]:
        return [WrappedKey(*found) for found in self._asked(f"{_KEY} WHERE dek = ANY(%b::bytea[])", list(deks))]

    def token_of(self, lookup: bytes) -> SealedToken | None:
        return self._token("lookup = %s", lookup)

    def token_by(self, digest: bytes) -> SealedToken | None:
        return self._token("digest = %s", digest)

    def newest(self) -> int:
        [(number,)] = self._asked("SELECT coalesce(max(generation), 0) FROM keys.kek")
        return int(number)

    def commit(self, keys: Sequence[WrappedKey], tokens: Sequence[SealedToken], epoch: int | None = None) -> None:
        with known_errors(), self._session().transaction():
            self._demand_newest(oldest_generation(keys, tokens))
            if keys:
                self._writing.execute(_KEYS, [epoch, *_columns(keys)])
            if tokens:
                self._writing.execute(_TOKENS, _columns(tokens))

    def checkpoint(self) -> None:
        """Nothing: the server does it."""

    def generation(self) -> Generation | None:
        with known_errors():
            found = self._session().execute("SELECT generation, wrapped FROM keys.kek").fetchall()
        return Generation(*found[0]) if found else None

    def begin(self, generation: Generation) -> None:
        with known_errors():
            done = self._session().execute(_BEGUN, {"number": generation.number, "sealed": generation.sealed})
        if not done.rowcount:
            raise OldGenerationError

    def before(self, generation: int, limit: int) -> Sequence[WrappedKey]:
        with known_errors():
            found = self._session().execute(f"{_KEY} WHERE generation < %s LIMIT %s", [generation, limit]).fetchall()
        return list(map(WrappedKey._make, found))

    def rewrap(self, keys: Sequence[WrappedKey]) -> None:
        if keys:
            with known_errors():
                self._session().execute(_REWRAPPED, _columns(keys))

    def wrapped(self, deks: Sequence[bytes]) -> Sequence[WrappedKey]:
        with known_errors():
            found = self._session().execute(f"{_KEY} WHERE dek = ANY(%b::bytea[])", [list(deks)]).fetchall()
        return [WrappedKey(*each) for each in found]

    def replace(self, old: WrappedKey, new: WrappedKey) -> bool:
        with known_errors():
            done = self._session().execute(_REPLACED, [new.generation, new.wrapped, old.id, old.wrapped])
        return done.rowcount == 1

    def blinded_before(self, first: bytes, limit: int) -> Sequence[bytes]:
        with known_errors():
            found = self._session().execute(_EARLIER, [first, limit]).fetchall()
        return [each for (each,) in found]

    def reblind(self, anew: Sequence[tuple[bytes, bytes]]) -> None:
        if anew:
            with known_errors():
                self._session().execute(_REBLINDED, _columns(anew))

    def ids(self) -> Iterator[bytes]:
        last = b""
        while found := self._ids_after(last):
            yield from found
            last = found[-1]

    def unsure(self) -> Collection[int]:
        query = "SELECT DISTINCT epoch FROM keys.subject_key WHERE epoch IS NOT NULL"
        with known_errors():
            return [epoch for (epoch,) in self._session().execute(query).fetchall()]

    def unused(self, epochs: Collection[int], limit: int) -> Sequence[bytes]:
        query = "SELECT dek FROM keys.subject_key WHERE epoch = ANY(%s::bigint[]) LIMIT %s"
        with known_errors():
            return [dek for (dek,) in self._session().execute(query, [list(epochs), limit]).fetchall()]

    def used(self, deks: Collection[bytes]) -> None:
        query = "UPDATE keys.subject_key SET epoch = NULL WHERE dek = ANY(%b::bytea[]) AND epoch IS NOT NULL"
        with known_errors():
            self._session().execute(query, [list(deks)])

    def destroy(self, deks: Sequence[bytes], erased: int) -> None:
        with known_errors(), self._session().transaction():
            self._writing.execute("DELETE FROM keys.token WHERE dek = ANY(%b::bytea[])", [list(deks)])
            self._writing.execute("DELETE FROM keys.subject_key WHERE dek = ANY(%b::bytea[])", [list(deks)])
            self._writing.execute(_ERASED, [erased])

    def erased(self) -> int:
        with known_errors():
            found = self._session().execute("SELECT count FROM keys.erased").fetchall()
        return found[0][0] if found else 0

    def wipe(self) -> None:
        """Nothing that a gateway may do: dead rows go with the server's vacuum, and its WAL in time.

        What is left in them is of no use once the generation that it was wrapped under is destroyed.
        """

    def traces(self, deks: Collection[bytes]) -> Collection[bytes]:
        return deks

    def residue(self, deleted: Collection[bytes]) -> Sequence[Residue]:
        """None that a gateway could see."""
        del deleted
        return ()

    def overwrite(self, found: Sequence[Residue]) -> None:
        """Nothing."""

    def close(self) -> None:
        self._reading.close()
        self._writing.close()

    def _demand_newest(self, generation: int) -> None:
        if any(newest > generation for (newest,) in self._writing.execute(_NEWEST).fetchall()):
            raise OldGenerationError

    def _token(self, condition: str, digest: bytes) -> SealedToken | None:
        found = self._asked(f"{_TOKEN} WHERE {condition}", digest)
        return SealedToken(*found[0]) if found else None

    def _ids_after(self, last: bytes) -> Sequence[bytes]:
        query = "SELECT dek FROM keys.subject_key WHERE dek > %s ORDER BY dek LIMIT %s"
        with known_errors():
            return [dek for (dek,) in self._session().execute(query, [last, _AT_ONCE]).fetchall()]

    def _session(self) -> Bounded:
        """The one that writes; another after the server, or the way to it, was gone."""
        self._writing = self._writing.again(WRITING)
        return self._writing

    def _asked(self, query: str, *bound: bytes | list[bytes]) -> list[tuple[Any, ...]]:
        with known_errors():
            self._reading = self._reading.again(READING)
            return self._reading.execute(query.encode(), bound).fetchall()


def _columns(values: Sequence[tuple[object, ...]]) -> list[list[object]]:
    return list(map(list, zip(*values, strict=True)))
