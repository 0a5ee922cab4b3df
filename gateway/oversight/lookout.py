"""Watches calls and answers for canaries: one that comes from or goes to another vendor than its own was lost there."""

import asyncio
import logging
from typing import Final

from gateway.errors import Refusal
from gateway.outbound.send import Answer, Sending
from gateway.oversight.canaries import Canaries, Canary, tags_in

BY: Final = "gateway"
"""By whom an incident is opened that nobody asked for."""
MOST: Final = 256 * 1024
"""Bytes of a message that are looked at."""

log = logging.getLogger(__name__)


class Lookout:
    """Looks at nothing as long as there is no canary. Stays on the thread of its loop."""

    def __init__(self, canaries: Canaries) -> None:
        self._canaries = canaries
        self._telling: dict[bytes, asyncio.Task[None]] = {}

    async def refresh(self) -> None:
        """Follows what was made, here and on other nodes; what turned up before is told again. Raises Refusal."""
        await self._canaries.tags()
        for tag in [tag for tag, task in self._telling.items() if task.done()]:
            del self._telling[tag]

    def look(self, vendor: str, sending: Sending, answer: Answer | None) -> None:
        """At what went to a vendor and what came back. A canary of another vendor was given to that one alone."""
        if not (known := self._canaries.known):
            return
        texts = [sending.target.encode(), *(each for each in (sending.body,) if isinstance(each, bytes))]
        texts += [answer.payload] if answer else []
        for tag in frozenset[bytes]().union(*(tags_in(text[:MOST]) for text in texts)):
            canary = known.get(tag)
            if canary is not None and canary.vendor != vendor and tag not in self._telling:
                self._telling[tag] = asyncio.get_running_loop().create_task(self._told(canary, vendor))

    async def _told(self, canary: Canary, vendor: str) -> None:
        try:
            await self._canaries.lost(canary, by=BY)
        except Refusal as refusal:
            # The next time somebody looks for new ones it is forgotten that it was told, and it is told again.
            log.error("a canary of %s at %s, and no incident: %s", canary.vendor, vendor, refusal)  # noqa: TRY400
