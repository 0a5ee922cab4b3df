"""Connections to a PostgreSQL on which no answer is waited for without end: a server can stop without a word."""

from typing import Any, TypeVar

import psycopg
from psycopg import errors
from psycopg.abc import PQGen

RV = TypeVar("RV")

ANSWER = 8.0  # seconds for which an answer is waited for: longer than the database works on any statement
# Whoever waited for a lock must see what was committed meanwhile, whatever the database has for its default.
SEEING = {"default_transaction_isolation": r"read\ committed"}


class Bounded(psycopg.Connection[tuple[Any, ...]]):
    """Raises psycopg.OperationalError, and is closed, when an answer does not come `within` so many seconds."""

    within: float | None = None

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        if timeout is not None:
            return super().wait(gen, interval, timeout)
        try:
            return super().wait(gen, interval, self.within or ANSWER)
        except errors._WaitTimeout:  # noqa: SLF001 - it has no other name
            # An answer that came later would be taken for that to the next question.
            self.pgconn.finish()
            raise
