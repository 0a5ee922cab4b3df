"""From the SQLite files of one node to a PostgreSQL: the log and the keys in one transaction, under one origin."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from psycopg import sql

from gateway.errors import Distrusted, StartError
from gateway.ledger.canonical import leaf_hash
from gateway.ledger.database import StoreError, readable
from gateway.ledger.highwater import HighWater
from gateway.ledger.lease import HEAD
from gateway.ledger.notary import Notary
from gateway.ledger.note import Signer
from gateway.ledger.postgres_schema import demand_prepared
from gateway.ledger.session import WRITING, Session, doubt, known_errors, reached
from gateway.ledger.sqlite import SqliteStore
from gateway.ledger.store import Head
from gateway.ledger.tree import Tree

# Columns that both databases have, in an order in which each row finds what it refers to.
LOG_TABLES: Mapping[str, tuple[str, ...]] = {
    "leaf": ("seq", "id", "kind", "ts", "intent", "hash"),
    "leaf_body": ("seq", "body", "vendor", "operation", "caller", "code", "result"),
    "link": ("seq", "ord", "tok", "dek", "sealed"),
    "earlier": ("digest", "seq"),
    "checkpoint": ("size", "root", "ts", "note", "peaks"),
    "subtree": ("first", "last", "hash"),
    "purged": ("first", "last", "purge"),
    "loose": ("tok", "dek"),
    "erased": ("number", "tombstone", "erasure"),
    "erasing": ("seq", "tok"),
    "tally": ("what", "period", "scope", "n"),
    "tallied": ("what", "period", "scope", "tok"),
}
KEY_TABLES: Mapping[str, tuple[str, ...]] = {
    "kek": ("generation", "wrapped"),
    "subject_key": ("dek", "generation", "wrapped", "epoch"),
    "token": ("lookup", "digest", "dek", "sealed"),
    "erased": ("count",),
}
_PART = 5_000
_LONG = 3_600.0  # seconds that one step may take: indexes of millions of rows
_PATIENT = {**WRITING, "statement_timeout": "0", "idle_in_transaction_session_timeout": "0"}
_LEAVES = """
    SELECT seq, hash, body, EXISTS (SELECT 1 FROM purged WHERE seq BETWEEN first AND last)
    FROM leaf LEFT JOIN leaf_body USING (seq) WHERE seq >= %s ORDER BY seq LIMIT %s
"""


def signed_to_the_end(store: SqliteStore, signer: Signer, mark: HighWater, now: Callable[[], int]) -> Head:
    """A checkpoint over all that is there. Raises Distrusted where the file does not hold what was written."""
    notary = Notary(store, signer, mark, now)
    while (head := store.last_head()) is None or head.size < store.tree.size:
        notary.hurry()
        notary.step()
        if notary.altered:
            raise Distrusted("CORRUPT", "the ledger was altered; nothing was copied")
    return head


def is_there(url: str, log: str, head: Head) -> bool:
    """Whether a log came over already, and nothing was written since.

    Raises StartError where there is anything else in the database.
    """
    with _transaction(url) as session:
        return _is_there(session, log, head)


def copied(folder: Path, url: str, log: str, head: Head, epoch: int) -> None:
    """Brings the log and the keys of a folder into an empty database, all or nothing.

    `head` is a checkpoint over all of the log, `epoch` the last one. Raises StartError, and Distrusted where what is in
    the database after the copy is not what was signed.
    """
    with _transaction(url) as session:
        if not _is_there(session, log, head):
            _copied(session, folder, log, head, epoch)


@contextmanager
def _transaction(url: str) -> Iterator[Session]:
    with reached(url, _PATIENT, _LONG) as session:
        demand_prepared(session)
        try:
            with known_errors():
                if found := doubt(session):
                    raise StartError(f"the database could lose what it acknowledged: {found}")
                with session.transaction():
                    yield session
        except StoreError as error:
            raise StartError(f"nothing was copied: {error}") from None


def _is_there(session: Session, log: str, head: Head) -> bool:
    [(size, root, _)] = session.execute(sql.SQL(HEAD).format(log=log)).fetchall()
    if (size, root) == (head.size, head.root):
        return True
    if size or any(_count(session, "keys", table) for table in KEY_TABLES):
        raise StartError("there is another record in the database; give this one a database of its own")
    return False


def _copied(session: Session, folder: Path, log: str, head: Head, epoch: int) -> None:
    for schema, file, tables in (("ledger", "ledger.db", LOG_TABLES), ("keys", "keys.db", KEY_TABLES)):
        for table, columns in tables.items():
            _copy(session, folder / file, schema, table, columns)
    grown = "UPDATE head SET size = %s, root = %s, epoch = %s WHERE log = %s"
    session.execute(grown, [head.size, head.root, epoch, log])
    # Of what is in the database now, not of what was sent there.
    if (tree := _hashed_anew(session)).size != head.size or tree.root != head.root:
        raise Distrusted("CORRUPT", "what came over is not what was signed; nothing was copied")


def _copy(session: Session, file: Path, schema: str, table: str, columns: tuple[str, ...]) -> None:
    into = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(schema, table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    count = 0
    with session.cursor().copy(into) as copy:
        for row in _rows(file, table, columns):
            copy.write_row(row)
            count += 1
    if _count(session, schema, table) != count:
        raise Distrusted("CORRUPT", f"not all rows of {table} came over; nothing was copied")


def _rows(file: Path, table: str, columns: tuple[str, ...]) -> Iterator[tuple[object, ...]]:
    named = ", ".join(f'"{column}"' for column in columns)
    database = readable(file)
    try:
        yield from database.execute(f"SELECT {named} FROM {table} ORDER BY 1")  # noqa: S608 - names of this module
    finally:
        database.close()


def _count(session: Session, schema: str, table: str) -> int:
    [(count,)] = session.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(schema, table))).fetchall()
    return int(count)


def _hashed_anew(session: Session) -> Tree:
    """The tree of the entries, by their bodies; of those that a purge took, by the hash that they left."""
    tree = Tree()
    while found := session.execute(_LEAVES, [tree.size, _PART]).fetchall():
        hashes = list[bytes]()
        for seq, digest, body, gone in found:
            if seq != tree.size + len(hashes) or (leaf_hash(body) != digest if body is not None else not gone):
                raise Distrusted("CORRUPT", f"entry {seq} did not come over as it was; nothing was copied")
            hashes.append(digest)
        tree = tree.plus(hashes)
    return tree
