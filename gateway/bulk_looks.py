"""Bulk looks: one proposes to take more of the record out than anybody may alone in a day, and another grants it."""

import uuid
from collections.abc import Mapping
from typing import Any

from pydantic import Field

from gateway.accesses import LASTS
from gateway.granting import Granting
from gateway.identity import Caller
from gateway.intake import Intake
from gateway.misfit import Asked, Reason, Word
from gateway.registry import granted
from gateway.registry.stored import BulkLookRow


class Proposal(Asked):
    """How many entries are to be taken out, for how many hours from the grant on, and why.

    `who` takes them out where that is not whoever proposes it: on the command line, the user of the operating system.
    """

    entries: int = Field(ge=1, lt=2**53)  # more no entry can say
    reason: Reason
    hours: int = Field(default=4, ge=1, le=LASTS)
    who: Word | None = None


class BulkLooks(Granting[BulkLookRow]):
    """In force for the next look of that person on every node; see `Accesses`."""

    noun = "bulk look"

    def __init__(self, intake: Intake) -> None:
        super().__init__(intake, granted.bulk_looks)

    async def propose(self, asked: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
        """Hands out nothing yet. Raises ValidationError."""
        wanted = Proposal.model_validate(asked)
        stated = wanted.model_dump() | {"who": wanted.who or caller.service}
        row = BulkLookRow(id=uuid.uuid4().hex, state="proposed", **stated, proposed_by=caller.service)
        return await self._put(row, caller)
