"""The time: asked for in one place, and handed to whoever needs it."""

import time
from datetime import UTC, datetime


def utc() -> datetime:
    return datetime.now(UTC)


def microseconds() -> int:
    return time.time_ns() // 1000


def moment(microseconds: int) -> str:
    """A time of the ledger for people to read, in UTC."""
    return datetime.fromtimestamp(microseconds / 1_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S")
