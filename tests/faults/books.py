"""A ledger as somebody else reads it: rows as the database has them now, through a connection of one's own."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import apsw
import psycopg

PATIENCE_MS = 5_000


class Leaf(NamedTuple):
    """A leaf as it is stored; `body` is None where it was purged."""

    seq: int
    hash: bytes
    body: bytes | None

    @property
    def said(self) -> Mapping[str, Any]:
        """The members of a body that is there."""
        members: Mapping[str, Any] = json.loads(self.body or b"{}")
        return members


class Head(NamedTuple):
    """A checkpoint as it is kept."""

    size: int
    root: bytes


class Book(Protocol):
    """Reads; never writes, and never through the code that is tested."""

    def place(self, intent: str) -> tuple[int, bytes] | None:
        """Where an entry with this id stands, and its hash."""

    def intents(self) -> int:
        """How many there are."""

    def leaves(self) -> list[Leaf]:
        """All of them, in their order."""

    def heads(self) -> list[Head]: ...

    def copied(self, file: Path) -> None:
        """A copy of its own, in one file that nobody writes to."""


@dataclass(frozen=True, slots=True)
class SqliteBook:
    """The file of the embedded ledger."""

    path: Path

    def place(self, intent: str) -> tuple[int, bytes] | None:
        with self._open() as database:
            found = list(database.execute("SELECT seq, hash FROM leaf WHERE id = ?", (bytes.fromhex(intent),)))
        return found[0] if found else None

    def intents(self) -> int:
        with self._open() as database:
            [[count]] = database.execute("SELECT count(*) FROM leaf WHERE kind = 'intent'")
        return int(count)

    def leaves(self) -> list[Leaf]:
        query = "SELECT seq, hash, body FROM leaf LEFT JOIN leaf_body USING (seq) ORDER BY seq"
        with self._open() as database:
            return [Leaf(*row) for row in database.execute(query)]

    def heads(self) -> list[Head]:
        with self._open() as database:
            return [Head(*row) for row in database.execute("SELECT size, root FROM checkpoint ORDER BY size")]

    def copied(self, file: Path) -> None:
        with self._open() as database:
            database.execute("VACUUM INTO ?", (str(file),))

    @contextmanager
    def _open(self) -> Iterator[apsw.Connection]:
        with closing(apsw.Connection(str(self.path), flags=apsw.SQLITE_OPEN_READONLY)) as database:
            database.set_busy_timeout(PATIENCE_MS)
            yield database


@dataclass(frozen=True, slots=True)
class PostgresBook:
    """The tables of the shared ledger, as their owner."""

    url: str

    def place(self, intent: str) -> tuple[int, bytes] | None:
        found = self._asked("SELECT seq, hash FROM ledger.leaf WHERE id = %s", bytes.fromhex(intent))
        return found[0] if found else None

    def intents(self) -> int:
        [(count,)] = self._asked("SELECT count(*) FROM ledger.leaf WHERE kind = 'intent'")
        return int(count)

    def leaves(self) -> list[Leaf]:
        query = "SELECT seq, hash, body FROM ledger.leaf LEFT JOIN ledger.leaf_body USING (seq) ORDER BY seq"
        return [Leaf(*row) for row in self._asked(query)]

    def heads(self) -> list[Head]:
        kept = [Head(*row) for row in self._asked("SELECT size, root FROM ledger.checkpoint ORDER BY size")]
        # What the next batch goes on from is the root of all there is.
        return [*kept, *(Head(*row) for row in self._asked("SELECT size, root FROM ledger.head"))]

    def copied(self, file: Path) -> None:
        raise NotImplementedError

    def _asked(self, query: str, *values: object) -> list[Any]:
        with psycopg.connect(self.url, autocommit=True, connect_timeout=5) as session:
            return session.execute(query.encode(), values).fetchall()


def book_at(where: str) -> Book:
    """The ledger behind a path or an address."""
    return PostgresBook(where) if where.startswith("postgresql:") else SqliteBook(Path(where))


def root_of(hashes: list[bytes]) -> bytes:
    """The root of RFC 9162, 2.1.1, by its recursive definition."""
    if len(hashes) < 2:
        return hashes[0] if hashes else hashlib.sha256(b"").digest()
    middle = 1 << (len(hashes) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + root_of(hashes[:middle]) + root_of(hashes[middle:])).digest()
