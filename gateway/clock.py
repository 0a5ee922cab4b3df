"""The time: asked for in one place, and handed to whoever needs it."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def utc() -> datetime:
    return datetime.now(UTC)


def microseconds() -> int:
    return time.time_ns() // 1000


def since_boot() -> int:
    """Milliseconds on the machine's own clock, which nobody sets."""
    return time.clock_gettime_ns(_CLOCK) // 1_000_000


def boot(randomness: Callable[[int], bytes]) -> str:
    """Which boot of the machine this is; where the system does not say, which process."""
    return _BOOT_ID.read_text().replace("-", "")[:12] if _BOOT_ID.exists() else randomness(6).hex()


def moment(microseconds: int) -> str:
    """A time of the ledger for people to read, in UTC."""
    return datetime.fromtimestamp(microseconds / 1_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S")
