"""Holds: what is known of a person stays, here and at every vendor, until the last one is over."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from gateway.asked import Keep, Release, demand_nobody
from gateway.due import Due
from gateway.errors import GatewayError
from gateway.intake import Intake
from gateway.ledger.keeping import Hold
from gateway.ledger.ledger import Ledger
from gateway.ledger.store import Filter
from gateway.registry import lookups
from gateway.registry import notices as rows
from gateway.registry.notices import Notice, Wanted, waiting
from gateway.registry.registry import Registry
from gateway.registry.stored import NoticeStepRow, TellingRow
from gateway.rights.notices import DELIVERING, Notices, counted_from, is_stopped, step_of
from gateway.vocabulary import Role
from gateway.vocabulary.notices import DELETIONS, Cause, NoticeState

_HELD = Wanted(state=NoticeState.HELD)


class UnfitDay(GatewayError):
    """Something ends on a day that is over."""


class Holds:
    """One for a node. What a hold keeps from leaving goes on by itself once the hold is over (GDPR 17(3)(e)).

    `within` is how long vendors have to answer from then on.
    """

    def __init__(
        self, notices: Notices, intake: Intake, registry: Registry, ledger: Ledger, *, within: timedelta
    ) -> None:
        self._notices = notices
        self._intake = intake
        self._registry = registry
        self._ledger = ledger
        self._within = within

    async def hold(self, asked: Mapping[str, Any], *, by: str) -> dict[str, Any]:
        """From the answer on nothing of a person is erased or purged, and no vendor is told to delete it: the entry.

        `told` are vendors that heard before and may still have it; each is to be asked to keep it. Raises UnfitReason,
        UnfitDay and Refusal.
        """
        wanted = Keep.model_validate(asked)
        if wanted.until is not None and wanted.until < self._registry.now().date():
            raise UnfitDay("until: this day is over, and nothing would be held")
        demand_nobody(wanted.reason, wanted.subject)
        refs = sorted(await self._registry.same_person(wanted.subject))
        until = wanted.until.isoformat() if wanted.until else ""
        entry = await self._ledger.erasing.hold(*refs, reason=wanted.reason, by=by, until=until)
        return {"entry": entry, "told": [_heard(each) for each in await self._stop(refs, by)]}

    async def extend(self, *, by: str) -> int:
        """Holds are on references too that were linked to those of somebody who is held later on; how many these were.

        Raises Refusal.
        """
        count = 0
        async for each in self._ledger.persons.of(Filter(kind=Hold.kind)):
            held = {subject.ref for subject in each.subjects}
            every = {ref for known in held for ref in await self._registry.same_person(known)}
            later = sorted(ref for ref in every - held if not self._ledger.erasing.is_held(ref))
            if later and str(each.entry.body["id"]) in self._ledger.erasing.holds(*held):
                reason, until = str(each.entry.body["reason"]), str(each.entry.body.get("until", ""))
                await self._ledger.erasing.hold(*later, reason=reason, by=by, until=until)
                await self._stop(later, by)
                count += len(later)
        return count

    async def due(self) -> list[Due]:
        """When holds end, and what waited for them goes on. Raises Refusal."""
        days = {each.id: date.fromisoformat(each.until) for each in self._ledger.erasing.every_hold() if each.until}
        return [
            Due("hold.ends", id_, datetime.combine(day + timedelta(1), time(), UTC), Role.STEWARD)
            for id_, day in days.items()
        ]

    async def _stop(self, refs: Sequence[str], by: str) -> Collection[Notice]:
        """Has notices wait by which something would be deleted, and vendors asked to keep it that had heard: those."""
        # Once nobody is in the middle of telling a vendor.
        async with self._notices.claims.alone(DELIVERING):
            now = self._registry.now()
            stopped = [each for each in await self._deletions(refs) if is_stopped(each, now)]
            heard = {each.vendor: each for each in stopped if each.told}
            asking = [
                TellingRow(id=self._ledger.new_id(), source="hold", cause=Cause.KEEP, subject=refs[0], vendor=vendor)
                for vendor in sorted(heard)
            ]
            if stopped:
                await self._intake.put([*(step_of(each, NoticeState.HELD) for each in stopped), *asking], by=by)
        return heard.values()

    async def release(self, asked: Mapping[str, Any], *, by: str) -> int:
        """How many holds on a person were ended; what waited for that goes on. Raises Refusal."""
        refs = sorted(await self._registry.same_person(Release.model_validate(asked).subject))
        count = await self._ledger.erasing.release(*refs, by=by)
        await self.resume(by=by)
        return count

    async def resume(self, *, by: str) -> int:
        """Brings notices back on their way that wait for a hold which is over; how many. Raises Refusal."""
        if not await self._registry.read(rows.listed, _HELD):
            return 0
        async with self._notices.claims.alone(DELIVERING):
            held = await self._registry.read(rows.listed, _HELD)
            free = [each for each in held if not await self._notices.is_kept(each)]
            steps = [self._goes_on(each) for each in free]
            # What nobody has to ask any more.
            keeping = {one.id: one for each in free for one in await self._notices.keeping(each.subject, each.order)}
            steps += [step_of(each, NoticeState.TAKEN_BACK) for each in keeping.values()]
            if steps:
                await self._intake.put(steps, by=by)
        return len(free)

    async def _deletions(self, refs: Collection[str]) -> Sequence[Notice]:
        """What vendors are told to delete of a person, or of an order that the person is part of."""
        orders = [order for ref in refs for order in await self._registry.read(lookups.orders_of, ref)]
        wanted = Wanted(subjects=refs), Wanted(orders=orders)
        found = {each.id: each for one in wanted for each in await self._registry.read(rows.listed, one)}
        return [each for each in found.values() if each.cause in DELETIONS and each.state is not NoticeState.HELD]

    def _goes_on(self, notice: Notice) -> NoticeStepRow:
        now = self._registry.now()
        due, list_of = counted_from(now, notice.until) + self._within, self._notices.list_of(notice.vendor, now)
        return step_of(notice, waiting(notice.way), due=due, not_before=list_of)


def _heard(notice: Notice) -> dict[str, str]:
    told = notice.told.isoformat() if notice.told else ""
    return {"vendor": notice.vendor, "cause": notice.cause.value, "told": told}
