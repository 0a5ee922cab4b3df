"""Waivers: one decider proposes that named operations pass named codes for some hours, and another one grants it."""

import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import Field, field_validator

from gateway.errors import CODES
from gateway.granting import Granting, UnknownGrant
from gateway.identity import Caller
from gateway.intake import Intake
from gateway.misfit import Asked, Reason
from gateway.registry import granted
from gateway.registry.stored import WaiverRow
from gateway.vocabulary.waivable import MOST_HOURS, is_waivable

_NAMES = re.compile(r"[a-z0-9][a-z0-9-]*/[a-z0-9][a-z0-9-]*")


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


class Waivers(Granting[WaiverRow]):
    """In force for the next decision of every node."""

    noun = "waiver"

    def __init__(self, intake: Intake, operations: Callable[[], Sequence[str]]) -> None:
        """`operations` are the names of those in force."""
        super().__init__(intake, granted.waivers)
        self._operations = operations

    async def propose(self, asked: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
        """Passes nothing yet. Raises ValidationError, and UnknownGrant for an operation that nobody has."""
        wanted = Proposal.model_validate(asked)
        known = sorted(self._operations())
        if unknown := sorted(set(wanted.operations) - set(known)):
            raise UnknownGrant(f"there is no operation {', '.join(unknown)}; there are {', '.join(known)}")
        row = WaiverRow(id=uuid.uuid4().hex, state="proposed", **wanted.model_dump(), proposed_by=caller.service)
        return await self._put(row, caller)
