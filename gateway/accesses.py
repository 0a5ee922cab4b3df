"""Looks of staff at the record: each is written down before anything is shown, what is shown says under which, and who
takes out more in a day than one person may alone needs the grant of another.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import cast

from gateway.errors import refuse
from gateway.ledger.entry import Subject
from gateway.ledger.housekeeping import Access
from gateway.ledger.ledger import Ledger
from gateway.ledger.store import Filter
from gateway.registry import granted
from gateway.registry.claims import Claims
from gateway.registry.registry import Registry
from gateway.registry.stored import BulkLookRow

A_DAY = 10_000
LASTS = 24
"""Hours that a bulk look lasts at most: so far back the record is read to tell what was taken."""
TAKING = frozenset({"list", "show", "prove", "report", "export"})
"""Looks that hand out as many entries, or rows of a report, as they found."""
TOO_MUCH = "access.bulk"
_DAY = timedelta(days=1) // timedelta(microseconds=1)
_LONGEST = timedelta(hours=LASTS) // timedelta(microseconds=1)
_PAGE = 1_000


@dataclass(frozen=True, slots=True)
class Watermark:
    """Under which entry something was handed out, to whom and when: a copy that turns up elsewhere leads there."""

    look: str
    by: str
    at: str

    def members(self) -> dict[str, str]:
        return asdict(self)


class Accesses:
    """Where looks at entries and reports are written down. `most` is what one takes out in a day of UTC alone, over all
    nodes.
    """

    def __init__(self, ledger: Ledger, registry: Registry, *, most: int = A_DAY) -> None:
        self._ledger = ledger
        self._registry = registry
        self._most = most
        self._taken = Taken(ledger)
        # Between counting and writing down the same person takes nothing else out.
        self._claims = Claims(registry)

    async def record(self, access: Access, subjects: Sequence[Subject] = ()) -> Watermark:
        """On record when it returns. Raises Refusal, and then nothing may be shown: `access.bulk`, which is on record
        itself, where it takes too much out.
        """
        if access.action not in TAKING or not access.found:
            return await self._recorded(access, subjects)
        async with self._claims.alone(f"looks of {access.reviewer}"):
            now = int(self._registry.now().timestamp() * 1_000_000)
            await self._taken.read(now)
            left = self._most - self._taken.alone[access.reviewer, now // _DAY]
            if access.found <= left:
                return await self._recorded(access, subjects)
            in_force = await self._in_force(access.reviewer)
            for row, room in in_force:
                if access.found <= room:
                    return await self._recorded(replace(access, grant=row.id, why=row.reason), subjects)
            await self._ledger.record(replace(access, found=0, refused=TOO_MUCH), subjects)
        beside = f", and {max(room for _, room in in_force)} of a bulk look" if in_force else ""
        left_over = f"{max(left, 0)} of {self._most} are left today{beside}"
        raise refuse(TOO_MUCH, f"this takes {access.found} in the name of {access.reviewer}; {left_over}")

    async def _recorded(self, access: Access, subjects: Sequence[Subject]) -> Watermark:
        look = await self._ledger.record(access, subjects)
        return Watermark(look, access.reviewer, self._registry.now().strftime("%Y-%m-%dT%H:%M:%SZ"))

    async def _in_force(self, who: str) -> list[tuple[BulkLookRow, int]]:
        """The bulk looks of somebody, the oldest first, each with what is left of it."""
        now = self._registry.now()
        return [
            (row, row.entries - self._taken.under[row.id])
            for row in await self._registry.read(granted.bulk_looks, who)
            if row.state == "granted" and row.until is not None and row.until > now
        ]


class Taken:
    """What was taken out on any node, as the record says: by whom alone on which day, and under which bulk look."""

    def __init__(self, ledger: Ledger) -> None:
        self.alone: Counter[tuple[str, int]] = Counter()
        self.under: Counter[str] = Counter()
        self._ledger = ledger
        self._seen = -1
        self._reading = asyncio.Lock()

    async def read(self, now: int) -> None:
        """Counts what came on record since the last time, as far back as a bulk look lasts; `now` in µs.

        Raises Refusal.
        """
        alone, under, before = Counter[tuple[str, int]](), Counter[str](), None
        async with self._reading:
            seen = self._seen
            while page := await self._ledger.entries(
                Filter(kind=Access.kind, after=self._seen, before=before, limit=_PAGE)
            ):
                seen, before = max(seen, page[0].seq), page[-1].seq
                for body in (each.body for each in page if each.body["action"] in TAKING):
                    found = cast("int", body["found"])
                    if grant := body.get("grant"):
                        under[str(grant)] += found
                    else:
                        alone[str(body["reviewer"]), cast("int", body["ts"]) // _DAY] += found
                if len(page) < _PAGE or cast("int", page[-1].body["ts"]) < now - _LONGEST:
                    break
            self._seen = seen
            self.under.update(under)
            self.alone.update(alone)
            for key in [key for key in self.alone if key[1] < now // _DAY]:
                del self.alone[key]
