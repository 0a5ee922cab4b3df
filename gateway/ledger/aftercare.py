"""What other nodes left open, or have begun, is brought to its end by those that run."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor

from gateway.errors import GatewayError
from gateway.ledger.database import StoreError
from gateway.ledger.entry import Outcome
from gateway.ledger.recovery import TOGETHER, ended
from gateway.ledger.releases import Releases
from gateway.ledger.scribe import Ticket
from gateway.ledger.store import OpenIntent, Store

log = logging.getLogger(__name__)

LOOKED_AFTER = 5.0  # seconds


class Aftercare:
    """Looks every few seconds, on the thread of the loop and those of `readers`, until it is cancelled."""

    def __init__(
        self,
        store: Store,
        releases: Releases,
        loop: asyncio.AbstractEventLoop,
        readers: Executor,
        settle: Callable[[Ticket, Outcome], None],
        keep_up: Callable[[], Awaitable[None]],
        is_able: Callable[[], bool],
    ) -> None:
        self._store = store
        self._releases = releases
        self._loop = loop
        self._readers = readers
        self._settle = settle
        self._keep_up = keep_up
        self._is_able = is_able
        self._next = loop.call_later(LOOKED_AFTER, self._look)

    def cancel(self) -> None:
        self._next.cancel()

    def _look(self) -> None:
        self._next = self._loop.call_later(LOOKED_AFTER, self._look)
        if self._is_able():
            self._loop.run_in_executor(self._readers, self._abandoned).add_done_callback(self._settle_abandoned)
            self._keeping_up = self._loop.create_task(self._kept_up())

    async def _kept_up(self) -> None:
        try:
            await self._keep_up()
        except GatewayError as error:
            log.warning("this node turns its keys over later: %s", error)

    def _abandoned(self) -> Sequence[OpenIntent]:
        try:
            return self._store.abandoned(TOGETHER)
        except StoreError as error:
            log.warning("what other nodes left open is settled later: %s", error)
            return ()

    def _settle_abandoned(self, found: "asyncio.Future[Sequence[OpenIntent]]") -> None:
        for each in found.result():
            self._settle(Ticket(each.id, each.seq, each.index), ended(each, self._releases, self._store.tree.size))
