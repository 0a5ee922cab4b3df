"""What one of the staff proposes and another one grants, for some hours; each step is an entry."""

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from gateway.errors import GatewayError, refuse
from gateway.identity import Caller
from gateway.intake import Intake
from gateway.registry.claims import Claims
from gateway.registry.stored import BulkLookRow, WaiverRow

R = TypeVar("R", WaiverRow, BulkLookRow)


class UnknownGrant(GatewayError):
    """There is no such thing to grant or to end, or it is past the step that was asked for."""


class Granting(Generic[R]):
    """Two people, and a third step by whoever ends it. `every` reads the rows, the oldest first."""

    noun = "grant"

    def __init__(self, intake: Intake, every: Callable[[Any, str], Sequence[R]]) -> None:
        self._intake = intake
        self._every: Callable[[Any, str], Sequence[R]] = every
        self._claims = Claims(intake.registry)

    async def grant(self, id_: str, caller: Caller) -> dict[str, Any]:
        """In force from now on, for its hours. Raises Refusal `exceptional.same_approver`, and UnknownGrant."""
        async with self._claims.alone(self.noun):
            row = await self._found(id_, "proposed")
            if caller.service in row.whose:
                raise refuse("exceptional.same_approver", f"nobody grants a {self.noun} of their own")
            return await self._put(row.model_copy(update={"state": "granted", "granted_by": caller.service}), caller)

    async def end(self, id_: str, caller: Caller) -> dict[str, Any]:
        """In force no more. Raises UnknownGrant."""
        async with self._claims.alone(self.noun):
            row = await self._found(id_, "proposed", "granted")
            return await self._put(row.model_copy(update={"state": "ended"}), caller)

    async def listed(self) -> list[dict[str, Any]]:
        """Every one, the newest first."""
        return [self._shown(row) for row in reversed(await self._rows())]

    async def _rows(self) -> Sequence[R]:
        return await self._intake.registry.read(self._every, "")

    async def _found(self, id_: str, *states: str) -> R:
        row = next((row for row in await self._rows() if row.id == id_), None)
        if row is None or row.state not in states:
            listed = f"`gateway {self.noun.replace(' ', '-')} list` has them all"
            raise UnknownGrant(f"there is no {self.noun} with this id that is {' or '.join(states)}; {listed}")
        return row

    async def _put(self, row: R, caller: Caller) -> dict[str, Any]:
        await self._intake.put([row], by=caller.service)
        return self._shown(next(each for each in await self._rows() if each.id == row.id))

    def _shown(self, row: R) -> dict[str, Any]:
        is_over = row.state == "granted" and row.until is not None and row.until <= self._intake.registry.now()
        shown: dict[str, Any] = row.model_dump(mode="json", exclude={"kind", "source", "time"}, exclude_none=True)
        return shown | {"state": "over" if is_over else row.state}
