"""Waiting for what comes about by itself."""

import asyncio
import time
from collections.abc import Callable


async def until(holds: Callable[[], bool], within: float = 60.0) -> None:
    """Returns when it holds, and fails where it does not come to that. Seconds, as everywhere here."""
    async with asyncio.timeout(within):
        while not holds():  # noqa: ASYNC110 - what is waited for happens elsewhere
            await asyncio.sleep(0.01)


def wait_until(holds: Callable[[], bool], within: float = 60.0) -> None:
    """The same of what happens in another thread or process."""
    ends = time.monotonic() + within
    while not holds():
        assert time.monotonic() < ends, "it did not come to that in time"
        time.sleep(0.005)
