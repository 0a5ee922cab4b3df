"""Waiting for what comes about by itself."""

import asyncio
from collections.abc import Callable


async def until(holds: Callable[[], bool], within: float = 10.0) -> None:
    """Returns when it holds, and fails where it does not come to that."""
    async with asyncio.timeout(within):
        while not holds():  # noqa: ASYNC110 - what is waited for happens elsewhere
            await asyncio.sleep(0.01)
