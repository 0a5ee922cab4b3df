"""What people asked before a disclosure was entered that had happened by then: its vendor is told of that as well."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from gateway.intake import Intake
from gateway.registry import notices as rows
from gateway.registry.notices import AFTERWARDS, Telling
from gateway.registry.registry import Registry
from gateway.registry.stored import TellingRow
from gateway.rights.notices import Notices
from gateway.vocabulary.notices import Cause


@dataclass(frozen=True, slots=True, repr=False)
class Entered:
    """A disclosure beside the gateway, by its entry: to whom, about whom and which orders, and when it happened."""

    entry: str
    vendor: str
    people: Sequence[str]
    orders: Sequence[str]
    happened: datetime


class Afterwards:
    """One for a node. A vendor of which nobody knew when people asked is told once it is known."""

    def __init__(self, notices: Notices, intake: Intake, registry: Registry) -> None:
        self._notices = notices
        self._intake = intake
        self._registry = registry

    async def tell(self, entered: Iterable[Entered], *, by: str) -> None:
        """Entered again, a disclosure has nobody told a second time. Raises Refusal."""
        asked = [row for each in entered for row in await self._asked(each)]
        known = await self._registry.read(rows.known, [row.id for row in asked])
        if new := [row for row in {row.id: row for row in asked}.values() if row.id not in known]:
            await self._intake.put(new, by=by)
            await self._notices.plan(by=by)

    async def _asked(self, entered: Entered) -> Sequence[TellingRow]:
        asked: list[TellingRow] = []
        for person in entered.people:
            refs = await self._registry.same_person(person)
            found = await self._registry.read(rows.since, (refs, entered.orders, entered.vendor, entered.happened))
            asked += [_row(each, entered) for each in _standing(found)]
        return asked


def _standing(tellings: Sequence[Telling]) -> Iterator[Telling]:
    """Without what is over: a restriction that ended, and what was to be kept. `tellings` are the oldest first."""
    ends = [number for number, each in enumerate(tellings) if each.cause is Cause.UNRESTRICTED]
    for number, each in enumerate(tellings):
        is_over = each.cause is Cause.RESTRICTION and number < max(ends, default=0)
        if not is_over and each.cause not in (Cause.UNRESTRICTED, Cause.KEEP):
            yield each


def _row(telling: Telling, entered: Entered) -> TellingRow:
    return TellingRow(
        id=sha256(f"{telling.id}|{entered.entry}".encode()).hexdigest()[:32],
        source=AFTERWARDS,
        cause=telling.cause,
        subject=telling.subject,
        order=telling.order,
        purpose=telling.purpose,
        vendor=entered.vendor,
        categories=tuple(sorted(telling.categories)),
    )
