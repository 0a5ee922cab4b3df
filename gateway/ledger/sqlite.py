"""The ledger in a SQLite file."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, lru_cache
from itertools import chain
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import apsw
import msgspec

from gateway.failpoints import failpoint
from gateway.ledger.blinding import Blinding
from gateway.ledger.canonical import Json, epoch_of
from gateway.ledger.database import checkpoint, known_errors, readable, rows, writable
from gateway.ledger.entry import Index
from gateway.ledger.hours import Hours
from gateway.ledger.oblivion import NotErased, Oblivion
from gateway.ledger.room import Room
from gateway.ledger.sealing import Link
from gateway.ledger.search import conditions
from gateway.ledger.sqlite_attic import SqliteAttic
from gateway.ledger.sqlite_blinding import keep_together, reblind
from gateway.ledger.sqlite_oblivion import SqliteOblivion, forget, is_whole
from gateway.ledger.sqlite_purge import purge
from gateway.ledger.sqlite_schema import bring_up, missing, put_back
from gateway.ledger.store import (
    Entry,
    Filter,
    Head,
    Leaf,
    Linked,
    NotPurged,
    OpenIntent,
    Purged,
    Row,
    Stored,
    demand_current,
)
from gateway.ledger.stored import SUBTREES, gathered, stored_query
from gateway.ledger.tallies import Count, add, counts, demand_seldom
from gateway.ledger.tree import Span, Tree

CHECKPOINT_PAGES = 4_000
RESTART_PAGES = 16_384  # 64 MiB
CHECKED_PAGES = 65_536  # 512 MiB: a larger file is not looked through as a whole at a start
_AT_ONCE = 64  # rows per statement: each statement gives the interpreter's lock away and has to get it back


class SqliteStore:
    """One log in `ledger.db`: one connection that writes, and read-only ones for everything else."""

    def __init__(self, path: Path, log: str, room: Room | None = None) -> None:
        self._path = path
        self._room = room
        self._pages = 0
        self._restart_at = RESTART_PAGES
        self._size = 0
        self._epoch = 0
        self._tree = Tree()
        self._readers: SimpleQueue[apsw.Connection] = SimpleQueue()
        self.blinding = Blinding()
        self.attic = SqliteAttic(self._reading, lambda: self._database, lambda: self.blinding)
        self.oblivion: Oblivion = SqliteOblivion(path, self._reading, lambda: self._database, lambda: self.blinding)
        with known_errors():
            self._connect()
            bring_up(self._database, path, log)
            self._load()

    def claim(self, node: str) -> int:
        del node  # Whoever has the lock of the folder is the only one who writes.
        query = "SELECT body FROM leaf JOIN leaf_body USING (seq) WHERE kind = 'epoch' ORDER BY seq DESC LIMIT 1"
        with self._reading() as database:
            found = rows(database, query)
        self._epoch = 1 + epoch_of(found[0][0]) if found else 1
        return self._epoch

    def append(self, rows: Sequence[Row]) -> int:
        demand_current(rows)
        self._hours.demand_within(rows, self._size)
        demand_seldom(((row.id, row.tallies) for row in rows if row.tallies), self._asked, self.blinding.found)
        with known_errors():
            self._cursor.execute("BEGIN IMMEDIATE")
            failpoint("after-begin", rows)
            try:
                self._insert(rows)
            except (NotErased, NotPurged):
                self._cursor.execute("ROLLBACK")
                raise
            failpoint("before-commit", rows)
            self._cursor.execute("COMMIT")
        failpoint("after-commit", rows)
        # Only now: after a COMMIT that raised, nobody knows how many there are.
        first, self._size = self._size, self._size + len(rows)
        self._tree = self._tree.plus(row.hash for row in rows)
        self._hours.written(rows, first)
        return first

    @property
    def tree(self) -> Tree:
        return self._tree

    def newest(self) -> Tree:
        return self._tree

    def reopen(self) -> None:
        if self._room is not None:
            self._room.relieve()
        with known_errors():
            self._database.close(True)
            self._connect()
            self._load()

    def find(self, ids: Sequence[str]) -> Mapping[str, int]:
        query = "SELECT seq FROM leaf WHERE id = ?"
        with known_errors():
            return {each: seq for each in ids for (seq,) in rows(self._database, query, bytes.fromhex(each))}

    def check(self) -> None:
        """Only whether there is room: what was set at the start is not changed by others."""
        if self._room is not None:
            self._room.step()

    @property
    def has_room(self) -> bool:
        return self._room is None or not self._room.is_low

    def checkpoint(self) -> None:
        if self._pages < CHECKPOINT_PAGES:
            self._restart_at = RESTART_PAGES
            return
        # Whoever reads for long, as a backup does, is waited for only now and then: entries wait with it.
        restart = self._pages >= self._restart_at
        self._restart_at += RESTART_PAGES if restart else 0
        checkpoint(self._database, restart=restart)

    def keep(self, head: Head, complete: Mapping[Span, bytes], *, after: int) -> bool:
        with known_errors(), self._database:
            if rows(self._database, "SELECT coalesce(max(size), 0) FROM checkpoint") != [(after,)]:
                return False
            values = (head.size, head.root, head.ts, head.note, head.peaks)
            self._database.execute("INSERT INTO checkpoint VALUES(?, ?, ?, ?, ?)", values)
            subtrees = [(*span, each) for span, each in complete.items()]
            self._database.executemany("INSERT INTO subtree VALUES(?, ?, ?)", subtrees)
        return True

    def close(self) -> None:
        while not self._readers.empty():
            self._readers.get().close()
        self._database.close()

    def toks(self) -> Iterator[bytes]:
        with self._reading() as database:
            for (tok,) in database.execute("SELECT DISTINCT tok FROM link"):
                yield self.blinding.bare(tok)

    def dek_of(self, tok: bytes) -> bytes | None:
        query = "SELECT dek FROM link WHERE tok = ? ORDER BY seq DESC LIMIT 1"
        with self._reading() as database:
            found = [dek for each in self.blinding.found(tok) for (dek,) in rows(database, query, each)]
        return found[0] if found else None

    def deks_of(self, toks: Sequence[bytes]) -> Mapping[bytes, bytes]:
        return {tok: dek for tok in toks if (dek := self.dek_of(tok))}

    def reblind(self) -> int:
        with known_errors():
            return reblind(self._database, self.blinding)

    def open_intents(self, limit: int, over: Sequence[int] = ()) -> Sequence[OpenIntent]:
        del over  # All are: nobody else writes.
        query = """
            SELECT l.seq, l.id, b.body, b.vendor, b.operation, b.caller FROM leaf l JOIN leaf_body b USING (seq)
            WHERE l.seq >= (SELECT below FROM settled) AND l.kind = 'intent'
            AND NOT EXISTS (SELECT 1 FROM leaf o WHERE o.intent = l.seq) ORDER BY l.seq LIMIT ?
        """
        with self._reading() as database:
            found = rows(database, query, limit)
        return [OpenIntent(seq, id_.hex(), Index(*index), epoch_of(body)) for seq, id_, body, *index in found]

    def over(self, epochs: Collection[int]) -> Collection[int]:
        return [epoch for epoch in epochs if epoch != self._epoch]

    def abandoned(self, limit: int) -> Sequence[OpenIntent]:
        """None: there is no other node."""
        del limit
        return ()

    def all_settled(self) -> None:
        with known_errors():
            self._database.execute("UPDATE settled SET below = ?", (self._size,))

    def entries(self, wanted: Filter, tok: bytes | None) -> Sequence[Entry]:
        where, values = conditions(wanted, self.blinding.found(tok) if tok is not None else None)
        query = f"""
            SELECT l.seq, l.kind, b.body FROM leaf l JOIN leaf_body b USING (seq)
            WHERE {where} ORDER BY l.seq DESC LIMIT ?
        """  # noqa: S608 - made of literals of this module; values are bound
        with self._reading() as database:
            found = rows(database, query, *values, wanted.limit)
            return [Entry(seq, _parsed(body), _outcome(database, seq, kind)) for seq, kind, body in found]

    def earlier(self, digest: bytes) -> Linked | None:
        query = """
            SELECT id, tok, dek, sealed FROM earlier JOIN leaf USING (seq) JOIN link USING (seq)
            WHERE digest = ? ORDER BY ord
        """
        with self._reading() as database:
            found = next(filter(None, (rows(database, query, each) for each in self.blinding.found(digest))), [])
        return Linked(found[0][0].hex(), tuple(Link(*link) for _, *link in found)) if found else None

    def leaves(self, first: int, limit: int) -> Sequence[Leaf]:
        query = "SELECT seq, body, hash FROM leaf JOIN leaf_body USING (seq) WHERE seq >= ? ORDER BY seq LIMIT ?"
        with self._reading() as database:
            return list(map(Leaf._make, rows(database, query, first, limit)))

    def purged(self, named: int | str) -> Purged | None:
        column, value = ("id", bytes.fromhex(named)) if isinstance(named, str) else ("seq", named)
        query = f"""
            SELECT seq, id, kind, ts, hash,
                (SELECT iif(last >= seq, purge, NULL) FROM purged WHERE first <= seq ORDER BY first DESC LIMIT 1)
            FROM leaf WHERE {column} = ? AND NOT EXISTS (SELECT 1 FROM leaf_body b WHERE b.seq = leaf.seq)
        """  # noqa: S608 - one of two names
        with self._reading() as database:
            found = rows(database, query, value)
        [(seq, id_, *rest)] = found or [(0, b"", "", 0, b"", None)]
        return Purged(seq, id_.hex(), *rest) if rest[-1] is not None else None

    def stored(self, first: int, limit: int, *, links: bool) -> Sequence[Stored]:
        with self._reading() as database:
            return gathered(rows(database, stored_query(links=links), first, limit))

    def tallies(self) -> Sequence[Count]:
        return counts(self._asked)

    def subtrees(self, first: int, last: int) -> Sequence[tuple[int, int, bytes]]:
        with self._reading() as database:
            return rows(database, SUBTREES, first, last)

    def hashes(self, first: int, last: int) -> Iterator[bytes]:
        query = "SELECT hash FROM leaf WHERE seq >= ? AND seq < ? ORDER BY seq"
        with self._reading() as database:
            for (each,) in database.execute(query, (first, last)):
                yield each

    def subtree(self, span: Span) -> bytes | None:
        with self._reading() as database:
            found = rows(database, "SELECT hash FROM subtree WHERE first = ? AND last = ?", *span)
        return found[0][0] if found else None

    def last_head(self) -> Head | None:
        with self._reading() as database:
            found = rows(database, "SELECT * FROM checkpoint ORDER BY size DESC LIMIT 1")
        return Head(*found[0]) if found else None

    def heads(self, size: int, limit: int) -> Sequence[Head]:
        with self._reading() as database:
            found = rows(database, "SELECT * FROM checkpoint WHERE size >= ? ORDER BY size LIMIT ?", size, limit)
        return [Head(*each) for each in found]

    def newest_heads(self, limit: int) -> Sequence[Head]:
        with self._reading() as database:
            found = rows(database, "SELECT * FROM checkpoint ORDER BY size DESC LIMIT ?", limit)
        return [Head(*each) for each in reversed(found)]

    def damage(self) -> str:
        edges = "SELECT coalesce(min(seq), 0), coalesce(max(seq), -1) FROM"
        with self._reading() as database:
            leaves, bodies = rows(database, f"{edges} leaf")[0], rows(database, f"{edges} leaf_body")[0]
            if min(leaves[0], bodies[0]) < 0 or bodies[1] > leaves[1]:
                return f"entries after {leaves[1]} have lost their place"
            if database.pragma("page_count") > CHECKED_PAGES:
                return ""
            [(found,)] = rows(database, "PRAGMA quick_check(1)")
        return "" if found == "ok" else str(found)

    def unguarded(self) -> Sequence[str]:
        with self._reading() as database:
            return sorted(missing(database))

    def guard(self) -> Sequence[str]:
        """Puts back what keeps the tables from being altered, and returns what was not as it was made."""
        with known_errors():
            return put_back(self._database)

    def _connect(self) -> None:
        self._database = writable(self._path)
        # One for all commits: each statement that is given to the connection makes another.
        self._cursor = self._database.cursor()
        self._database.set_wal_hook(self._committed)

    def _committed(self, _database: apsw.Connection, _name: str, pages: int) -> int:
        self._pages = pages
        return apsw.SQLITE_OK

    def _load(self) -> None:
        """What is kept in memory of the database, made anew: after a commit that raised nobody knows what is true."""
        self._hours = Hours(self._asked, self._bare)
        [(self._size,)] = rows(self._database, "SELECT coalesce(max(seq), -1) + 1 FROM leaf")
        self._has_forgotten = self.oblivion.count() > 0
        head = self.last_head()
        last = head.tree if head and head.size <= self._size else None
        # A checkpoint that does not hold is found by whoever signs the next one.
        tree = last or Tree()
        self._tree = tree.plus(self.hashes(tree.size, self._size))

    def _insert(self, new: Sequence[Row]) -> None:
        places = list(enumerate(new, self._size))
        self._put("leaf", [(n, bytes.fromhex(r.id), r.kind, r.ts, r.intent, r.hash) for n, r in places])
        failpoint("after-insert-leaf", new)
        self._put("leaf_body", [(n, r.body, *_columns(r.index)) for n, r in places])
        failpoint("after-insert-leaf_body", new)
        self._insert_beside(new, [(n, o, link) for n, r in places for o, link in enumerate(r.links)])
        for n, r in places:
            if r.purges:
                purge(self._database, n, r.purges, r.as_of)
            if r.forgets:
                forget(self._database, n, r.forgets, self.blinding)
                self._has_forgotten = True

    def _insert_beside(self, new: Sequence[Row], links: Sequence[tuple[int, int, Link]]) -> None:
        """What stands blinded beside the leaves: who they are about, what is counted, and what vendors call it."""
        toks = [link.tok for _, _, link in links]
        remembered = [(digest, r.intent) for r in new if r.earlier and self._may_remember(r) for digest in r.earlier]
        digests = [digest for digest, _ in remembered]
        tallies = [tally for r in new for tally in r.tallies]
        if self.blinding.is_turning:
            marks = [mark for tally in tallies for mark in tally.marks]
            keep_together(self._database, self.blinding, toks + marks, digests)
        if tallies:
            add(tallies, self._changed, self.blinding.stored)
        if links:
            stored = zip(links, self.blinding.stored(toks), strict=True)
            self._put("link", [(n, o, tok, link.dek, link.sealed) for (n, o, link), tok in stored])
        failpoint("after-insert-link", new)
        if remembered:
            self._put("earlier", list(zip(self.blinding.stored(digests), (at for _, at in remembered), strict=True)))
        failpoint("after-insert-earlier", new)

    def _may_remember(self, row: Row) -> bool:
        if row.intent is None or not self._has_forgotten:
            return True
        return is_whole(self._database, row.intent)

    def _put(self, table: str, values: Sequence[tuple[str | bytes | int | None, ...]]) -> None:
        for part in _parts(len(values)):
            some = values[part]
            self._cursor.execute(_insertion(table, len(some[0]), len(some)), list(chain.from_iterable(some)))

    def _bare(self, tok: bytes) -> bytes:
        return self.blinding.bare(tok)

    def _changed(self, query: str, *values: Any) -> Sequence[Sequence[Any]]:
        return rows(self._database, query, *values)

    def _asked(self, query: str, *values: Any) -> Sequence[Sequence[Any]]:
        with self._reading() as database:
            return rows(database, query, *values)

    @contextmanager
    def _reading(self) -> Iterator[apsw.Connection]:
        with known_errors():
            try:
                database = self._readers.get_nowait()
            except Empty:
                database = readable(self._path)
            try:
                yield database
            finally:
                self._readers.put(database)


@cache
def _insertion(table: str, columns: int, count: int) -> str:
    # The first call that brings a digest keeps it.
    verb = "INSERT OR IGNORE INTO" if table == "earlier" else "INSERT INTO"
    one = f"({', '.join('?' * columns)})"
    return f"{verb} {table} VALUES {', '.join([one] * count)}"


@lru_cache
def _parts(count: int) -> tuple[slice, ...]:
    """So many rows in powers of two, so that few statements are ever prepared."""
    parts, at = list[slice](), 0
    while left := count - at:
        parts.append(slice(at, at := at + min(_AT_ONCE, 1 << left.bit_length() - 1)))
    return tuple(parts)


def _columns(index: Index) -> tuple[str | None, ...]:
    return index.vendor, index.operation, index.caller, index.code, index.result


def _parsed(body: bytes) -> Mapping[str, Json]:
    parsed: Mapping[str, Json] = msgspec.json.decode(body)
    return parsed


def _outcome(database: apsw.Connection, seq: int, kind: str) -> Mapping[str, Json] | None:
    if kind != "intent":
        return None
    query = "SELECT body FROM leaf JOIN leaf_body USING (seq) WHERE intent = ? ORDER BY seq DESC LIMIT 1"
    found = rows(database, query, seq)
    return _parsed(found[0][0]) if found else None
