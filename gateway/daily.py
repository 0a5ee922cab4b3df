"""What a serving gateway does by itself and beside the calls, once a day or every few seconds."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

from gateway.errors import GatewayError

log = logging.getLogger(__name__)

FIRST = 60.0  # seconds after the start: calls come first
EVERY = 24 * 60 * 60.0
SOON = 5.0  # seconds between two looks at what is to be told
MINUTE = 60.0
AGAIN = (MINUTE, 5 * MINUTE, 30 * MINUTE, 120 * MINUTE, 360 * MINUTE)
"""Seconds until each next attempt to tell somebody who could not be reached."""


Deed: TypeAlias = Callable[[], Awaitable[object]]


async def daily(deed: Deed, *, again: Sequence[float] = (), what: str = "what is done once a day") -> None:
    """Until it is cancelled. What could not be done is tried again after so many seconds each, and then tomorrow; the
    log says so each time.
    """
    await asyncio.sleep(FIRST)
    while True:
        for pause in again:
            if await _is_done(deed, f"{what} will be tried again in {pause:.0f} s"):
                break
            await asyncio.sleep(pause)
        else:
            await _is_done(deed, f"{what} will be tried again tomorrow")
        await asyncio.sleep(EVERY)


async def often(deed: Deed, *, every: float | None = None) -> None:
    """The same every few seconds, or every so many."""
    while True:
        await _is_done(deed, "what is to be told will be tried again soon")
        await asyncio.sleep(SOON if every is None else every)


async def _is_done(deed: Deed, otherwise: str) -> bool:
    try:
        await deed()
    except GatewayError as error:
        log.error("%s: %s", otherwise, error)  # noqa: TRY400 - the name is all there is
        return False
    return True
