"""Registries on databases of their own, as the ledger would have prepared them, and rows put into them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from gateway.registry.entered import ROWS
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


@pytest.fixture(params=["sqlite", "postgresql"])
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Registry]:
    """One in a file, and one in a PostgreSQL."""
    shared = request.param == "postgresql"
    database = fenced(request.getfixturevalue("emptied")) if shared else tmp_path / "registry.db"
    registry = Registry.open(database, now=lambda: NOON)
    yield registry
    registry.close()


async def put(registry: Registry, *rows: dict[str, Any]) -> None:
    await registry.put(ROWS.validate_python(rows))
