"""What a serving gateway does by itself, once a day and beside the calls."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from gateway.errors import GatewayError

log = logging.getLogger(__name__)

FIRST = 60.0  # seconds after the start: calls come first
EVERY = 24 * 60 * 60.0


async def daily(deed: Callable[[], Awaitable[object]]) -> None:
    """Until it is cancelled. What could not be done today is tried again tomorrow, and the log says so."""
    await asyncio.sleep(FIRST)
    while True:
        try:
            await deed()
        except GatewayError as error:
            log.error("what is done once a day was not done: %s", error)  # noqa: TRY400 - the name is all there is
        await asyncio.sleep(EVERY)
