"""Stores on the throw-away PostgreSQL: prepared by its superuser, written by a role that can only add."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

import psycopg
from clusters import SUPERUSER

from gateway.ledger.canonical import leaf_hash
from gateway.ledger.entry import Index
from gateway.ledger.postgres import PostgresStore
from gateway.ledger.postgres_schema import prepare
from gateway.ledger.store import Row

WRITER = "writer"
_IDS = count(1)


@dataclass
class Prepared:
    """A database with the tables of the ledger, and who owns it."""

    owner: str
    url: str

    def open(self, node: str = "", *, guarded: bool = True) -> PostgresStore:
        """A store, and with a node's name one that can be written."""
        store = PostgresStore(self.url, "main", guarded=guarded)
        if node:
            store.claim(node)
        return store

    def does(self, statement: str) -> list[tuple[object, ...]]:
        """What a statement of the owner gives back."""
        with psycopg.connect(self.owner, autocommit=True, options="-c search_path=ledger") as session:
            cursor = session.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []


def prepared(owner: str) -> Prepared:
    url = owner.replace(f"{SUPERUSER}@", f"{WRITER}@", 1)
    prepare(owner, url, "main")
    return Prepared(owner, url)


def rows(number: int, *, epoch: int = 1, kind: str = "refusal", lasts: int | None = None) -> Sequence[Row]:
    """Entries of which nothing counts but that each is another one."""
    made = []
    for _ in range(number):
        body = b'{"n":%d}' % next(_IDS)
        made.append(Row(leaf_hash(body).hex()[:32], kind, 0, epoch, body, leaf_hash(body), Index(), lasts=lasts))
    return made
