"""The ledger in a PostgreSQL, which any number of gateways write into."""

import logging
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import msgspec
import psycopg
from psycopg import sql

from gateway.errors import StartError
from gateway.failpoints import failpoint
from gateway.ledger.blinding import Blinding
from gateway.ledger.canonical import Json, epoch_of
from gateway.ledger.database import StoreError
from gateway.ledger.entry import Index
from gateway.ledger.hours import Hours, OverLimitError
from gateway.ledger.lease import ABANDONED, GRACE, HEAD, OWN, Lease, lost
from gateway.ledger.oblivion import NotErased
from gateway.ledger.postgres_append import APPENDED, HASHES, TOGETHER, continued, values
from gateway.ledger.postgres_attic import PostgresAttic
from gateway.ledger.postgres_blinding import keep_together, reblind
from gateway.ledger.postgres_guards import missing
from gateway.ledger.postgres_oblivion import PostgresOblivion, forget, unspoiled
from gateway.ledger.postgres_purge import purge
from gateway.ledger.postgres_readers import Readers
from gateway.ledger.postgres_schema import demand_prepared, demand_weak
from gateway.ledger.sealing import Link
from gateway.ledger.search import conditions
from gateway.ledger.session import DURABLE, WRITING, connected, doubt, known_errors, reached
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
    StaleFactsError,
    Stored,
    demand_current,
)
from gateway.ledger.stored import SUBTREES, gathered, stored_query
from gateway.ledger.tallies import Count, TooOftenError, add, counts, demand_seldom
from gateway.ledger.tree import Span, Tree
from gateway.registry.basis import Later
from gateway.registry.shared import SINCE

log = logging.getLogger(__name__)

CHECKED = 10.0  # seconds between two looks at all of the settings

# In one go, and each a statement of its own: what follows a lock sees what there is now, not what there was before.
_LOCKED = f"""
    BEGIN; {HEAD}; {OWN}; SELECT {", ".join(f"current_setting('{name}')" for name in DURABLE)}
"""
_INSERTED = ("leaf", "leaf_body", "link", "earlier")
_OPEN = """
    SELECT l.seq, l.id, b.body, b.vendor, b.operation, b.caller FROM leaf l JOIN leaf_body b USING (seq)
    WHERE l.seq = ANY(%s::bigint[]) ORDER BY l.seq
"""


class PostgresStore:
    """One log in the schema `ledger`: a session that writes, and others for everything else.

    What it knows of the tree grows by what it wrote, and by what it read and saw to lead to the head.
    """

    def __init__(self, url: str, log: str, *, guarded: bool = True) -> None:
        """Raises StartError where the database is not prepared, not durable, or its role could alter the record."""
        self._url = url
        self._log = log
        self._lease = Lease(log)
        self._tree = Tree()
        self._warned = False
        self._checked = 0.0
        self.blinding = Blinding()
        self._readers = Readers(url, log, lambda: self.blinding)
        self._asked, self._about = self._readers.asked, self._readers.about
        self.attic = PostgresAttic(self._asked, lambda: self._session, lambda: self.blinding)
        self.oblivion = PostgresOblivion(self._asked, self._about, lambda: self._session, lambda: self.blinding)
        self._session = reached(url, WRITING)
        with ExitStack() as undo:
            undo.callback(self.close)
            self._begin(guarded=guarded)
            undo.pop_all()

    def claim(self, node: str) -> int:
        with known_errors():
            epoch = self._lease.claim(self._session, node)
            # Between the look at the size and now somebody else can have begun it.
            self._advance()
        self._demand_replicated()
        return epoch

    def demand_alone(self) -> None:
        """Raises StartError where another gateway uses the database."""
        with known_errors():
            self._lease.demand_alone(self._session)

    def append(self, rows: Sequence[Row]) -> int:
        demand_current(rows)
        with known_errors():
            tree = self._locked(rows)
            rows = self._current(rows, tree.size)
            grown = tree.plus(row.hash for row in rows)
            self._keep_together(rows)
            self._session.execute(APPENDED, values(self._log, self._lease.epoch, rows, grown, self.blinding))
            for table in _INSERTED:
                failpoint(f"after-insert-{table}", rows)
            add([tally for row in rows for tally in row.tallies], self._in_order, self.blinding.stored)
            self._take_away(rows, tree.size)
            failpoint("before-commit", rows)
            commit = self._session.execute("COMMIT")
        if commit.statusmessage != "COMMIT":
            raise StoreError("the transaction was rolled back")
        self._demand_replicated()
        failpoint("after-commit", rows)
        # Only now: after a COMMIT that raised, nobody knows how many there are.
        self._tree = grown
        self._hours.written(rows, tree.size)
        return tree.size

    def reopen(self) -> None:
        with known_errors():
            self._session.close()
            self._session = connected(self._url, WRITING)
            self._begin_session()
            if found := doubt(self._session):
                raise StoreError(found)
            with self._session.transaction():
                # An earlier session that still commits holds the head. After this lock it is known what came of it.
                self._session.execute(sql.SQL(HEAD).format(log=self._log))
                self._lease.renew(self._session)
            self._advance()
        self._demand_replicated()

    def find(self, ids: Sequence[str]) -> Mapping[str, int]:
        query = "SELECT id, seq FROM leaf WHERE id = ANY(%b::bytea[])"
        with known_errors():
            found = self._session.execute(query, [list(map(bytes.fromhex, ids))]).fetchall()
        return {each.hex(): seq for each, seq in found}

    def check(self) -> None:
        with known_errors():
            if self._lease.is_due:
                self._lease.renew(self._session)
            if (now := time.monotonic()) >= self._checked + CHECKED:
                self._checked = now
                if found := doubt(self._session):
                    raise StoreError(found)

    @property
    def has_room(self) -> bool:
        """The server's disk is the server's business: a full one fails the commit."""
        return True

    def checkpoint(self) -> None:
        """Nothing: the server does it."""

    @property
    def tree(self) -> Tree:
        return self._tree

    def newest(self) -> Tree:
        with known_errors():
            self._advance()
        return self._tree

    def keep(self, head: Head, complete: Mapping[Span, bytes], *, after: int) -> bool:
        kept = (head.size, head.root, head.ts, head.note, head.peaks)
        with known_errors(), self._session.transaction():
            self._session.execute("SELECT pg_advisory_xact_lock(hashtext('gateway.checkpoint'))")
            if self._session.execute("SELECT coalesce(max(size), 0) FROM checkpoint").fetchall() != [(after,)]:
                return False
            self._session.execute("INSERT INTO checkpoint VALUES(%s, %s, %s, %s, %s)", kept)
            for span, each in complete.items():
                self._session.execute("INSERT INTO subtree VALUES(%s, %s, %s)", (*span, each))
        self._demand_replicated()
        return True

    def reblind(self) -> int:
        with known_errors(), self._session.transaction():
            return reblind(self._session, self._log, self.blinding)

    def close(self) -> None:
        try:
            with known_errors():
                if self._lease.epoch:
                    self._lease.release(self._session)
        except StoreError as error:
            log.warning("the lease of this node is left to end by itself: %s", error)
        self._session.close()
        self._readers.close()

    def toks(self) -> None:
        return None

    def dek_of(self, tok: bytes) -> bytes | None:
        return self.deks_of([tok]).get(tok)

    def deks_of(self, toks: Sequence[bytes]) -> Mapping[bytes, bytes]:
        return self._readers.deks_of(toks)

    def open_intents(self, limit: int, over: Sequence[int] = ()) -> Sequence[OpenIntent]:
        if self._asked(ABANDONED, GRACE, list(over)) == [(False,)]:
            return []
        with known_errors(), connected(self._url, WRITING) as session:
            taken = self._lease.take_over(session, limit, over)
        found = self._asked(_OPEN, taken)
        return [OpenIntent(seq, id_.hex(), Index(*index), epoch_of(body)) for seq, id_, body, *index in found]

    def over(self, epochs: Collection[int]) -> Collection[int]:
        with known_errors():
            return self._lease.over(self._session, epochs)

    def abandoned(self, limit: int) -> Sequence[OpenIntent]:
        return self.open_intents(limit)

    def all_settled(self) -> None:
        """Nothing: which are open stands in a table of its own."""

    def entries(self, wanted: Filter, tok: bytes | None) -> Sequence[Entry]:
        found = self._page(wanted, None) if tok is None else self._about(tok, lambda toks: self._page(wanted, toks))
        return [Entry(seq, _parsed(body), self._outcome(seq, kind)) for seq, kind, body in found]

    def earlier(self, digest: bytes) -> Linked | None:
        query = """
            SELECT id, tok, dek, sealed FROM earlier JOIN leaf USING (seq) JOIN link USING (seq)
            WHERE digest = ANY(%b::bytea[]) ORDER BY ord
        """
        found = self._about(digest, lambda digests: self._asked(query, digests))
        return Linked(found[0][0].hex(), tuple(Link(*link) for _, *link in found)) if found else None

    def leaves(self, first: int, limit: int) -> Sequence[Leaf]:
        query = "SELECT seq, body, hash FROM leaf JOIN leaf_body USING (seq) WHERE seq >= %s ORDER BY seq LIMIT %s"
        return list(map(Leaf._make, self._asked(query, first, limit)))

    def purged(self, named: int | str) -> Purged | None:
        column, value = ("id", bytes.fromhex(named)) if isinstance(named, str) else ("seq", named)
        query = f"""
            SELECT seq, id, kind, ts, hash, (
                SELECT CASE WHEN last >= seq THEN purge END FROM purged WHERE first <= seq ORDER BY first DESC LIMIT 1
            ) FROM leaf WHERE {column} = %s AND NOT EXISTS (SELECT 1 FROM leaf_body b WHERE b.seq = leaf.seq)
        """  # noqa: S608 - one of two names
        [(seq, id_, *rest)] = self._asked(query, value) or [(0, b"", None)]
        return Purged(seq, id_.hex(), *rest) if rest[-1] is not None else None

    def stored(self, first: int, limit: int, *, links: bool) -> Sequence[Stored]:
        return gathered(self._asked(stored_query(links=links).replace("?", "%s"), first, limit))

    def tallies(self) -> Sequence[Count]:
        return counts(self._asked)

    def subtrees(self, first: int, last: int) -> Sequence[tuple[int, int, bytes]]:
        return [(low, high, digest) for low, high, digest in self._asked(SUBTREES.replace("?", "%s"), first, last)]

    def hashes(self, first: int, last: int) -> Iterator[bytes]:
        for at in range(first, last, TOGETHER):
            yield from (each for (each,) in self._asked(HASHES, at, min(at + TOGETHER, last)))

    def subtree(self, span: Span) -> bytes | None:
        found = self._asked("SELECT hash FROM subtree WHERE first = %s AND last = %s", *span)
        return found[0][0] if found else None

    def last_head(self) -> Head | None:
        found = self._asked("SELECT * FROM checkpoint ORDER BY size DESC LIMIT 1")
        return Head(*found[0]) if found else None

    def heads(self, size: int, limit: int) -> Sequence[Head]:
        found = self._asked("SELECT * FROM checkpoint WHERE size >= %s ORDER BY size LIMIT %s", size, limit)
        return [Head(*each) for each in found]

    def newest_heads(self, limit: int) -> Sequence[Head]:
        found = self._asked("SELECT * FROM checkpoint ORDER BY size DESC LIMIT %s", limit)
        return [Head(*each) for each in reversed(found)]

    def damage(self) -> str:
        query = "SELECT coalesce(min(seq), 0), coalesce(max(seq), -1), (SELECT size FROM head) FROM {}"
        for table in ("leaf", "leaf_body"):
            [(first, last, size)] = self._asked(query.format(table))
            if first < 0 or last >= size:
                return f"entries after {size - 1} have lost their place"
        return ""

    def unguarded(self) -> Sequence[str]:
        with known_errors():
            return [f"{name} of {table}" for table, name in missing(self._session)]

    def _begin(self, *, guarded: bool) -> None:
        demand_prepared(self._session)
        if guarded:
            demand_weak(self._session)
        with known_errors():
            if found := doubt(self._session):
                raise StartError(f"the database could lose what it acknowledged: {found}")
            self._begin_session()
            self._load()

    def _begin_session(self) -> None:
        self._warned = False
        self._checked = time.monotonic()
        self._session.add_notice_handler(self._noticed)

    def _noticed(self, notice: psycopg.errors.Diagnostic) -> None:
        self._warned = self._warned or notice.severity_nonlocalized == "WARNING"

    def _demand_replicated(self) -> None:
        """A commit that was not waited for until the standby had it is told as done, and only a warning says so."""
        if self._warned:
            raise StoreError("it is perhaps on no other machine")

    def _load(self) -> None:
        """What is kept in memory of the database, made anew from the last checkpoint on."""
        self._hours = Hours(self._in_order, lambda tok: self.blinding.bare(tok))  # noqa: PLW0108  it is set later
        head = self.last_head()
        # A checkpoint that does not hold is found by whoever signs the next one.
        self._tree = (head.tree if head else None) or Tree()
        self._advance()

    def _in_order(self, query: str, *values: Any) -> Sequence[Sequence[Any]]:
        """Asked by whoever writes, who sees what every node has written before."""
        cursor = self._session.execute(query.replace("?", "%s"), values)
        return cursor.fetchall() if cursor.description else []

    def _advance(self) -> None:
        [(size, root)] = self._session.execute("SELECT size, root FROM head WHERE log = %s", [self._log]).fetchall()
        self._tree = continued(self._session, self._tree, size, root)

    def _locked(self, rows: Sequence[Row]) -> Tree:
        """Begins a transaction beside which nobody appends; the tree that it continues."""
        query = sql.SQL(_LOCKED).format(log=self._log, node=self._lease.node)
        cursor = self._session.execute(query, prepare=False)
        failpoint("after-begin", rows)
        head, lease, settings = (cursor.fetchall() for _ in range(3) if cursor.nextset())
        if lease != [(self._lease.epoch,)]:
            raise lost()
        for value, (name, accepted) in zip(settings[0], DURABLE.items(), strict=True):
            if value not in accepted:
                raise StoreError(f"{name} is {value}")
        [(size, root, generation)] = head
        if generation > self.blinding.generation:
            # Nothing may be written any more that is found by what an earlier one made.
            self.blinding.follow()
        return continued(self._session, self._tree, size, root)

    def _keep_together(self, rows: Sequence[Row]) -> None:
        toks = [link.tok for row in rows for link in row.links]
        toks += [mark for row in rows for tally in row.tallies for mark in tally.marks]
        keep_together(self._session, self.blinding, toks, [digest for row in rows for digest in row.earlier])

    def _current(self, rows: Sequence[Row], size: int) -> Sequence[Row]:
        """What was changed on any node before the lock overtakes; what is changed after it waits for this commit."""
        versions = [row.basis.version for row in rows if row.basis is not None]
        try:
            if versions:
                demand_current(rows, Later.of(self._session.execute(SINCE, [min(versions)])))
            self._hours.demand_within(rows, size)
            demand_seldom(((row.id, row.tallies) for row in rows if row.tallies), self._in_order, self.blinding.found)
            return unspoiled(self._session, rows)
        except (StaleFactsError, OverLimitError, TooOftenError):
            self._session.execute("ROLLBACK")
            raise

    def _take_away(self, new: Sequence[Row], first: int) -> None:
        try:
            for place, row in enumerate(new, first):
                if row.purges:
                    purge(self._session, place, row.purges, row.as_of)
                if row.forgets:
                    forget(self._session, place, row.forgets, self.blinding)
        except (NotErased, NotPurged):
            self._session.execute("ROLLBACK")
            raise

    def _outcome(self, seq: int, kind: str) -> Mapping[str, Json] | None:
        if kind != "intent":
            return None
        query = "SELECT body FROM leaf JOIN leaf_body USING (seq) WHERE intent = %s ORDER BY seq DESC LIMIT 1"
        found = self._asked(query, seq)
        return _parsed(found[0][0]) if found else None

    def _page(self, wanted: Filter, toks: Sequence[bytes] | None) -> list[tuple[Any, ...]]:
        where, bound = conditions(wanted, toks)
        query = f"""
            SELECT l.seq, l.kind, b.body FROM leaf l JOIN leaf_body b USING (seq)
            WHERE {where} ORDER BY l.seq DESC LIMIT ?
        """  # noqa: S608 - made of literals of our own; values are bound
        return self._asked(query.replace("?", "%s"), *bound, wanted.limit)


def _parsed(body: bytes) -> Mapping[str, Json]:
    parsed: Mapping[str, Json] = msgspec.json.decode(body)
    return parsed
