"""Databases for the registry alone, as the ledger would have prepared them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import psycopg

from gateway.registry.registry import Registry

NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)
HEAD = "SELECT FROM ledger.head FOR UPDATE"


def fenced(url: str) -> str:
    """The same database with a head of a log in it, which whoever writes intents would lock."""
    with psycopg.connect(url, autocommit=True) as session:
        session.execute("CREATE SCHEMA ledger")
        session.execute("CREATE TABLE ledger.head(size bigint NOT NULL)")
        session.execute("INSERT INTO ledger.head VALUES(0)")
    return url


@contextmanager
def nodes(url: str, count: int, *, now: Callable[[], datetime] = lambda: NOON) -> Iterator[list[Registry]]:
    """As many registries on one database, which do not listen to one another yet."""
    opened = [Registry.open(url, now=now) for _ in range(count)]
    yield opened
    for each in opened:
        each.close()
