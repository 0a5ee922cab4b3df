"""Names that are taken, by one at a time: over nodes and restarts, until they are given back or their time is over."""

import asyncio
import contextlib
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, DateTime, bindparam, delete, exists, select, text, update

from gateway.errors import Refusal, refuse
from gateway.registry.registry import PATIENCE, Registry
from gateway.registry.tables import CLAIMS

HELD = timedelta(seconds=60)
"""For how long a name is taken by whoever is in the middle of something, and is no more where they are gone."""
_RENEWED = HELD.total_seconds() / 3
_AGAIN = 0.05  # seconds between two looks at whether a name is free
# Both databases read it alike. One whose time is over counts as given back.
_TAKEN = text(
    "INSERT INTO claim(name, holder, until) VALUES(:name, :holder, :until) ON CONFLICT (name) DO UPDATE "
    "SET holder = excluded.holder, until = excluded.until WHERE claim.until < :now"
).bindparams(bindparam("until", type_=DateTime), bindparam("now", type_=DateTime))


class Claims:
    """What is taken in a registry by one holder, which another process never is."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._holder = uuid.uuid4().hex
        self._here: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def take(self, name: str, until: datetime) -> bool:
        """Whether the name was free; then it is taken. Raises Refusal `gateway.failed`."""
        found: list[int] = []
        asked = {"name": name, "holder": self._holder, "until": _stored(until), "now": _stored(self._registry.now())}

        def taking(connection: Connection) -> tuple[()]:
            found.append(connection.execute(_TAKEN, asked).rowcount)
            return ()

        await self._registry.write(taking)
        return found == [1]

    async def is_taken(self, name: str) -> bool:
        """Whether a name is taken, by whomever. Raises Refusal `gateway.failed`."""
        taken = exists().where(CLAIMS.c.name == name, CLAIMS.c.until >= _stored(self._registry.now()))
        return await self._registry.read(lambda connection, _: bool(connection.scalar(select(taken))), name)

    async def keep(self, name: str, until: datetime) -> bool:
        """That a name which is taken here stays so until a moment; False where it is another's by now."""
        mine = (CLAIMS.c.name == name) & (CLAIMS.c.holder == self._holder)
        return await self._registry.changed(update(CLAIMS).where(mine).values(until=_stored(until)))

    async def give_back(self, name: str) -> None:
        mine = (CLAIMS.c.name == name) & (CLAIMS.c.holder == self._holder)
        await self._registry.changed(delete(CLAIMS).where(mine))

    async def prune(self) -> None:
        """Lets go of names whose time is over. Raises Refusal."""
        over = CLAIMS.c.until < _stored(self._registry.now())
        await self._registry.changed(delete(CLAIMS).where(over))

    @contextlib.asynccontextmanager
    async def alone(self, name: str) -> AsyncIterator[None]:
        """Nobody else is in a block of this name, on any node, and what those before did is known here.

        Raises Refusal `gateway.overloaded` where somebody stays in it for too long.
        """
        async with self._here[name]:
            if not self._registry.is_shared:
                yield
                return
            await self._waited(name)
            renewing = asyncio.get_running_loop().create_task(self._renew(name))
            try:
                await self._registry.follow()
                yield
            finally:
                renewing.cancel()
                # What was done under it is done; a name that is not given back is free when its time is over.
                with contextlib.suppress(asyncio.CancelledError, Refusal):
                    await renewing
                with contextlib.suppress(Refusal):
                    await self.give_back(name)

    async def _waited(self, name: str) -> None:
        loop = asyncio.get_running_loop()
        late = loop.time() + PATIENCE
        while not await self.take(name, self._registry.now() + HELD):
            if loop.time() > late:
                raise refuse("gateway.overloaded", "another node is in the middle of this")
            await asyncio.sleep(_AGAIN)

    async def _renew(self, name: str) -> None:
        while True:
            await asyncio.sleep(_RENEWED)
            with contextlib.suppress(Refusal):
                await self.keep(name, self._registry.now() + HELD)


def _stored(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)
