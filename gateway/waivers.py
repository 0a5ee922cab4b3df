"""Waivers: one decider proposes that named operations pass named codes for some hours, and another one grants it."""

import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, StringConstraints, TypeAdapter, field_validator

from gateway.errors import CODES, GatewayError, refuse
from gateway.identity import Caller
from gateway.intake import Intake
from gateway.misfit import Asked
from gateway.registry import waivers as rows
from gateway.registry.claims import Claims
from gateway.registry.stored import WaiverRow
from gateway.vocabulary.waivable import MOST_HOURS, is_waivable

_NAMES = re.compile(r"[a-z0-9][a-z0-9-]*/[a-z0-9][a-z0-9-]*")
_LONG_NUMBER = re.compile(r"(?:\d[ .,:;/()'_-]*){9}")

# As plain as every reason that stands in the record: it names nobody.
Reason = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9 .,:;/#()'_-]{2,199}$")]


class UnknownWaiver(GatewayError):
    """There is no such waiver, or it is past the step that was asked for."""


class Proposal(Asked):
    """Which operations (`VENDOR/OPERATION`) are to pass which codes, for how many hours, and why."""

    operations: tuple[str, ...] = Field(min_length=1, max_length=50)
    codes: tuple[str, ...] = Field(min_length=1, max_length=10)
    reason: Reason
    hours: int = Field(default=24, ge=1, le=MOST_HOURS)

    @field_validator("operations")
    @classmethod
    def _are_named(cls, operations: tuple[str, ...]) -> tuple[str, ...]:
        if not all(_NAMES.fullmatch(each) for each in operations):
            raise ValueError("name each operation as VENDOR/OPERATION")
        return tuple(sorted(set(operations)))

    @field_validator("codes")
    @classmethod
    def _may_be_waived(cls, codes: tuple[str, ...]) -> tuple[str, ...]:
        if not all(code in CODES and is_waivable(code) for code in codes):
            waivable = ", ".join(code for code in CODES if is_waivable(code))
            raise ValueError(f"only these may be waived: {waivable}")
        return tuple(sorted(set(codes)))

    @field_validator("reason")
    @classmethod
    def _names_nobody(cls, reason: str) -> str:
        if _LONG_NUMBER.search(reason):
            raise ValueError("a reason has no numbers of people, accounts or telephones in it")
        return reason


_PROPOSAL: TypeAdapter[Proposal] = TypeAdapter(Proposal)


class Waivers:
    """Each step is an entry, and in force for the next decision of every node."""

    def __init__(self, intake: Intake, operations: Callable[[], Sequence[str]], now: Callable[[], datetime]) -> None:
        """`operations` are the names of those in force."""
        self._intake = intake
        self._operations = operations
        self._now = now
        self._claims = Claims(intake.registry)

    async def propose(self, asked: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
        """Passes nothing yet. Raises ValidationError, and UnknownWaiver for an operation that nobody has."""
        wanted = _PROPOSAL.validate_python(asked)
        if unknown := sorted(set(wanted.operations) - set(self._operations())):
            raise UnknownWaiver(f"there is no operation {', '.join(unknown)}")
        row = WaiverRow(
            id=uuid.uuid4().hex,
            state="proposed",
            **wanted.model_dump(),
            proposed_by=caller.service,
        )
        return await self._put(row, caller)

    async def grant(self, waiver: str, caller: Caller) -> dict[str, Any]:
        """From now on it passes, for its hours. Raises Refusal `exceptional.same_approver`, and UnknownWaiver."""
        async with self._claims.alone("waiver"):
            row = await self._found(waiver, "proposed")
            if row.proposed_by == caller.service:
                raise refuse("exceptional.same_approver", "whoever proposes a waiver does not grant it")
            return await self._put(row.model_copy(update={"state": "granted", "granted_by": caller.service}), caller)

    async def end(self, waiver: str, caller: Caller) -> dict[str, Any]:
        """From now on it passes nothing. Raises UnknownWaiver."""
        async with self._claims.alone("waiver"):
            row = await self._found(waiver, "proposed", "granted")
            return await self._put(row.model_copy(update={"state": "ended"}), caller)

    async def listed(self) -> list[dict[str, Any]]:
        """Every waiver, the newest first."""
        found = await self._intake.registry.read(rows.every, "")
        return [self._shown(row) for row in reversed(found)]

    async def _found(self, waiver: str, *states: str) -> WaiverRow:
        found = await self._intake.registry.read(rows.every, "")
        row = next((row for row in found if row.id == waiver), None)
        if row is None or row.state not in states:
            raise UnknownWaiver(f"there is no waiver with this id that is {' or '.join(states)}")
        return row

    async def _put(self, row: WaiverRow, caller: Caller) -> dict[str, Any]:
        await self._intake.put([row], by=caller.service)
        found = await self._intake.registry.read(rows.every, "")
        return self._shown(next(each for each in found if each.id == row.id))

    def _shown(self, row: WaiverRow) -> dict[str, Any]:
        is_over = row.state == "granted" and row.until is not None and row.until <= self._now()
        shown: dict[str, Any] = row.model_dump(mode="json", exclude={"kind", "source", "time"}, exclude_none=True)
        return shown | {"state": "over" if is_over else row.state}
