"""An erasure from beginning to end: restricted at once, vendors told, and the link destroyed when its time has come."""

import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from gateway.asked import Erase, demand_nobody
from gateway.errors import GatewayError
from gateway.intake import Intake
from gateway.ledger.housekeeping import Access
from gateway.ledger.ledger import Ledger
from gateway.registry import notices as rows
from gateway.registry.entered import FlagRow
from gateway.registry.notices import Notice, Telling, Wanted
from gateway.registry.registry import Registry
from gateway.registry.stored import TellingRow
from gateway.retention import RetentionClass, days, kept
from gateway.rights.notices import Notices
from gateway.vocabulary import Flag, Purpose
from gateway.vocabulary.notices import Cause

log = logging.getLogger(__name__)

Until = Literal["retention", "confirmed"]
Destroy = Callable[[Mapping[str, Any]], Awaitable[object]]
"""Destroys what links a person to entries, as the desk does it."""


class Erasures:
    """What is asked stands until nothing links the person to an entry any more; until then a breach still finds them.

    `until` says when that is: at the end of the retention of all that is recorded about them, or as soon as every
    vendor has answered.
    """

    def __init__(
        self,
        notices: Notices,
        intake: Intake,
        registry: Registry,
        ledger: Ledger,
        *,
        until: Until,
        now: Callable[[], datetime],
    ) -> None:
        self._notices = notices
        self._intake = intake
        self._registry = registry
        self._ledger = ledger
        self._until = until
        self._now = now

    async def begin(self, asked: Mapping[str, Any], *, by: str) -> dict[str, Any]:
        """Restricts the person, and has every vendor told that received something; how it stands then.

        One that is under way is gone on with, unless something went to a vendor since. Raises UnfitReason and Refusal.
        """
        wanted = Erase.model_validate(asked)
        demand_nobody(wanted.reason, wanted.subject)
        if (earlier := await self._earlier(wanted.subject)) is not None:
            return await self._shown(earlier)
        id_, source = self._ledger.new_id(), f"erasure, {wanted.reason}"
        restricted = FlagRow(kind="flag", source=source, subject=wanted.subject, flag=Flag.RESTRICTED)
        telling = TellingRow(id=id_, source=source, cause=Cause.ERASURE, subject=wanted.subject)
        # Together: nobody is told whose data may still be used, and nobody is restricted for nothing.
        await self._intake.put([restricted, telling], by=by)
        await self._notices.plan(by=by)
        [begun] = [each for each in await self._under_way() if each.id == id_]
        return await self._shown(begun)

    async def listed(self, *, by: str) -> Sequence[dict[str, Any]]:
        """Erasures that are under way. That somebody looked is written down. Raises Refusal."""
        found = await self._under_way()
        await self._ledger.record(Access(by, "erasures", found=len(found)))
        return [await self._shown(each) for each in found]

    async def finish(self, destroy: Destroy) -> int:
        """Destroys the links of those whose time has come, all of a person's references; how many people that were.

        What cannot be done now, as while a hold is in force, is done another time. Raises Refusal.
        """
        count = 0
        for each in await self._under_way():
            if each.subject is None or not await self._is_due(each):
                continue
            refs = await self._registry.same_person(each.subject)
            try:
                # A hold on one of them keeps them all.
                self._ledger.erasing.demand_free(*refs)
                # Last the reference under which it is known that something is left to do.
                for ref in (*(ref for ref in refs if ref != each.subject), each.subject):
                    await destroy({"subject": ref, "reason": "erasure", "force": self._until == "retention"})
            except GatewayError as error:
                # Without a traceback, which would show whose it is.
                log.warning("an erasure is finished later: %s", error)
                continue
            count += 1
        return count

    async def _under_way(self) -> Sequence[Telling]:
        return await self._registry.read(rows.erasures, "")

    async def _earlier(self, subject: str) -> Telling | None:
        """The erasure of the same person after which nothing left but notices."""
        refs = await self._registry.same_person(subject)
        found = [each for each in await self._under_way() if each.subject in refs]
        since = max((each.at for each in found), default=None)
        if since is None or await self._has_left(refs, since):
            return None
        return found[-1]

    async def _has_left(self, refs: Collection[str], since: datetime) -> bool:
        for ref in refs:
            for each in await self._ledger.persons.about(ref):
                body: Any = each.entry.body
                if body.get("purpose") not in (None, Purpose.RIGHTS_FULFILMENT.value) and _moment(body["ts"]) > since:
                    return True
        return False

    async def _is_due(self, erasure: Telling) -> bool:
        if self._until == "confirmed":
            return erasure.is_planned and not any(each.is_open for each in await self._of(erasure))
        return await self._ends(erasure) <= self._now()

    async def _of(self, erasure: Telling) -> Sequence[Notice]:
        """What vendors are told of it, also those of which somebody heard only since."""
        refs = await self._registry.same_person(erasure.subject or "")
        found = await self._registry.read(rows.listed, Wanted(subjects=refs))
        return [each for each in found if each.cause is Cause.ERASURE and each.at >= erasure.at]

    async def _ends(self, erasure: Telling) -> datetime:
        """When nothing that is recorded about a person is to be kept any longer, nor that they were erased."""
        keeps = kept(self._notices.contracts().policy.retention)
        ends = [erasure.at + timedelta(days=days(keeps[RetentionClass.RIGHTS_REQUEST]))]
        for ref in await self._registry.same_person(erasure.subject or ""):
            for each in await self._ledger.persons.about(ref):
                stated: Any = each.entry.body.get("retention", {})
                of = RetentionClass(stated.get("class", RetentionClass.ROUTINE))
                ends.append(_moment(each.entry.body["ts"]) + timedelta(days=days(keeps[of])))
        return max(ends)

    async def _shown(self, erasure: Telling) -> dict[str, Any]:
        notices = await self._of(erasure)
        waiting = sorted({each.vendor for each in notices if each.is_open})
        ends = {"ends": (await self._ends(erasure)).isoformat()} if self._until == "retention" else {}
        return {
            "id": erasure.id,
            "subject": erasure.subject,
            "since": erasure.at.isoformat(),
            "state": "held" if await self._notices.is_held(erasure.subject) else _state(erasure, notices, self._now()),
            "told": len(notices),
            "waiting": waiting,
            "until": self._until,
            **ends,
        }


def _moment(microseconds: Any) -> datetime:
    return datetime.fromtimestamp(microseconds / 1_000_000, UTC)


def _state(erasure: Telling, notices: Sequence[Notice], now: datetime) -> str:
    """How far it has come, in a word."""
    if not erasure.is_planned:
        return "restricted"
    if any(each.is_overdue(now) for each in notices):
        return "overdue"
    return "telling" if any(each.is_open for each in notices) else "confirmed"
