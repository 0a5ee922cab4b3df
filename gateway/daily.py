"""What a serving gateway does by itself and beside the calls, once a day or every few seconds."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from gateway.errors import GatewayError

log = logging.getLogger(__name__)

FIRST = 60.0  # seconds after the start: calls come first
EVERY = 24 * 60 * 60.0
SOON = 5.0  # seconds between two looks at what is to be told
MINUTE = 60.0


async def daily(deed: Callable[[], Awaitable[object]]) -> None:
    """Until it is cancelled. What could not be done today is tried again tomorrow, and the log says so."""
    await asyncio.sleep(FIRST)
    await _repeated(deed, EVERY, "what is done once a day")


async def often(deed: Callable[[], Awaitable[object]], *, every: float | None = None) -> None:
    """The same every few seconds, or every so many."""
    await _repeated(deed, SOON if every is None else every, "what is to be told")


async def _repeated(deed: Callable[[], Awaitable[object]], every: float, what: str) -> None:
    while True:
        try:
            await deed()
        except GatewayError as error:
            log.error("%s was not done: %s", what, error)  # noqa: TRY400 - the name is all there is
        await asyncio.sleep(every)
