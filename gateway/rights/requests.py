"""Requests of people that somebody decides about: opened, decided, closed, each step an entry of the record."""

import calendar
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from gateway.errors import refuse
from gateway.identity import Caller
from gateway.intake import Intake
from gateway.ledger.ledger import Ledger
from gateway.registry import notices
from gateway.registry import requests as rows
from gateway.registry.claims import Claims
from gateway.registry.entered import FlagRow
from gateway.registry.registry import Registry
from gateway.registry.stored import Decided, RequestRow, StoredRow, TellingRow
from gateway.rights.acting import Acting, acting, noted
from gateway.rights.asked import (
    Close,
    Decide,
    Decision,
    Extend,
    Extension,
    Open,
    Personal,
    Request,
    Requester,
    Requests,
    Ruled,
    Waiting,
    WaitingRequest,
)
from gateway.vocabulary import CLOSED_REQUESTS, RULINGS, Category, Flag, RequestStatus, Right, Role, Ruling
from gateway.vocabulary.notices import Cause

REQUESTS: Final = "request"
"""The name under which what is decided about requests is decided one at a time."""
MONTHS = 1  # in which a request is to be answered (GDPR 12(3)), from its receipt on
EXTENDED = 3  # with the two that can be added
_AT_ONCE = frozenset({Right.RESTRICTION, Right.OBJECTION})
"""What is done with the decision itself; the others are done once vendors have answered."""
_RESTRICTING: Mapping[Right, frozenset[Ruling]] = {
    Right.RESTRICTION: frozenset({Ruling.RESTRICT}),
    Right.ERASURE: frozenset({Ruling.ERASE, Ruling.RESTRICT}),
    Right.OBJECTION: frozenset(),
}
"""Which requests restrict from their receipt until they are decided, and with which rulings they go on to."""
_TOLD: Mapping[Ruling, Cause] = {
    Ruling.RECTIFY: Cause.RECTIFICATION,
    Ruling.ERASE: Cause.ERASURE,
    Ruling.RESTRICT: Cause.RESTRICTION,
    Ruling.STOP: Cause.OBJECTION,
}


class RequestDesk:
    """Where requests come in, and where they are decided."""

    def __init__(self, intake: Intake, registry: Registry, ledger: Ledger, now: Callable[[], datetime]) -> None:
        self._intake = intake
        self._registry = registry
        self._ledger = ledger
        self._now = now
        # What is decided rests on how the request stood a moment before.
        self._claims = Claims(registry)

    async def open(self, caller: Caller, asked: Open) -> Request:
        """A new request, on record when it is answered. Raises Refusal and Unasked."""
        who = acting(caller, asked)
        await noted(self._ledger, who, f"request:{asked.right}")
        row = _opened(who, asked, self._now())
        async with self._claims.alone(REQUESTS):
            if restricts(row):
                # From here on nothing more leaves, until somebody has decided; a flag of somebody else's stays theirs.
                is_new = not await self._registry.read(rows.flagged, ([row.subject], Flag.RESTRICTED))
                await self._intake.put([row, *([_flagged(row, Flag.RESTRICTED)] if is_new else ())], by=who.by)
            else:
                await self._intake.put([row, *self._tellings(row)], by=who.by)
        return self._shown(row)

    async def of(self, caller: Caller, asked: Personal) -> Requests:
        """What a person asked for until now, the newest first. Raises Refusal and Unasked."""
        who = acting(caller, asked)
        found = await self._registry.read(rows.requests_of, await self._registry.same_person(who.subject))
        await self._ledger.record(who.access("requests", len(found)), who.beside)
        return Requests(requests=tuple(map(self._shown, found)))

    async def one(self, caller: Caller, request: str) -> Request:
        """One request, for whoever it is about and for stewards. Raises Refusal `subject.unknown`."""
        row = await self._found(request)
        if caller.role is Role.SUBJECT and row.subject not in await self._registry.same_person(caller.subject):
            raise refuse("subject.unknown")
        who = Acting(row.subject, caller.service or "subject")
        await self._ledger.record(who.access("request", 1), who.beside)
        return self._shown(row)

    async def waiting(self, caller: Caller) -> Waiting:
        """What is not decided, or not carried out, with whom it is about; first what is due first."""
        found = sorted(await self._registry.read(rows.open_requests, ""), key=lambda row: row.due)
        await self._ledger.record(Acting("", caller.service).access("requests:waiting", len(found)))
        return Waiting(requests=tuple([await self._shown_whole(row) for row in found]))

    async def decide(self, caller: Caller, request: str, asked: Decide) -> Request:
        """What becomes of a request. Raises Refusal `request.ruling`, `request.closed` and `subject.unknown`."""
        async with self._claims.alone(REQUESTS):
            row = await self._open(request)
            if row.decisions:
                raise refuse("request.closed")
            _demand_rulings(row, asked.decisions)
            done = RequestStatus.FULFILLED if row.right in _AT_ONCE else RequestStatus.ACCEPTED
            decided = {
                "decisions": tuple(Decided(**each.model_dump()) for each in asked.decisions),
                "status": RequestStatus.REJECTED if _is_refused(asked.decisions) else done,
                "decided": self._now(),
                "decided_by": caller.service,
            }
            return await self._put(row, decided, caller.service)

    async def extend(self, caller: Caller, request: str, asked: Extend) -> Request:
        """Two more months, once. Raises Refusal `request.closed` and `subject.unknown`."""
        async with self._claims.alone(REQUESTS):
            row = await self._open(request)
            if row.extended:
                raise refuse("request.closed", "it was extended already")
            due = months_after(row.received, EXTENDED)
            return await self._put(row, {"extended": asked.reason.value, "due": due}, caller.service)

    async def close(self, caller: Caller, request: str, asked: Close) -> Request:
        """That it was carried out, or could not be. Raises Refusal `request.closed` and `subject.unknown`."""
        async with self._claims.alone(REQUESTS):
            row = await self._open(request)
            if row.status is not RequestStatus.ACCEPTED:
                raise refuse("request.ruling", "it is not decided yet")
            status = RequestStatus.FULFILLED if asked.fulfilled else RequestStatus.UNFULFILLED
            return await self._put(row, {"status": status}, caller.service)

    async def close_answered(self, by: str) -> int:
        """Closes what was accepted and of which every vendor has been told and has answered; how many. Raises Refusal.

        It is carried out then: the shop has decided, and whoever else had the data knows.
        """
        accepted = [row for row in await self._registry.read(rows.open_requests, "") if row.decisions]
        due = await self._registry.read(notices.answers_due, "") if accepted else frozenset()
        done = [row for row in accepted if not any((row.subject, cause) in due for cause in _causes(row))]
        async with self._claims.alone(REQUESTS):
            for row in done:
                if (now := await self._registry.read(rows.request, row.request)) == row:
                    await self._put(now, {"status": RequestStatus.FULFILLED}, by)
        return len(done)

    async def lift(self, caller: Caller, request: str) -> Request:
        """Ends the restriction that a request brought; the person is told before (GDPR 18(3)). Raises Refusal."""
        async with self._claims.alone(REQUESTS):
            row = await self._found(request)
            if not row.decisions or not restricts(row):
                raise refuse("request.ruling", "it restricts nothing, or is not decided yet")
            return await self._put(row, {"lifted": self._now()}, caller.service)

    async def _put(self, row: RequestRow, changed: dict[str, object], by: str) -> Request:
        new = row.model_copy(update=changed)
        facts: list[StoredRow] = [new]
        if new.decisions and not row.decisions:
            facts += self._tellings(new)
            if new.right is Right.OBJECTION and not _is_refused(new.decisions):
                facts.append(_flagged(new, Flag.OBJECTED))
        if restricts(row) and not restricts(new):
            facts += await self._freed(new)
        await self._intake.put(facts, by=by)
        return self._shown(new)

    def _tellings(self, row: RequestRow) -> Iterator[TellingRow]:
        """What vendors are told of a decision (GDPR 19): of each ruling that is not a refusal, once."""
        for ruling in dict.fromkeys(each.ruling for each in row.decisions if each.ruling in _TOLD):
            named = {each.category for each in row.decisions if each.ruling is ruling}
            others = {each.category for each in row.decisions if each.ruling is not ruling}
            # One for all others names those that are left of the request; of a request about all, of everything.
            all_ = set(row.categories) or set(Category)
            categories = all_ - others if None in named else named & all_
            yield TellingRow(
                id=self._ledger.new_id(), source=_source(row), cause=_TOLD[ruling], subject=row.subject,
                categories=tuple(sorted(filter(None, categories))) if row.categories or others else (),
            )  # fmt: skip

    async def _freed(self, row: RequestRow) -> Sequence[StoredRow]:
        """What is over with the last request that restricted a person, under whichever of their references."""
        refs = await self._registry.same_person(row.subject)
        others = [each for each in await self._registry.read(rows.requests_of, refs) if each.request != row.request]
        if any(map(restricts, others)):
            return ()
        known = await self._registry.read(rows.flagged, (refs, Flag.RESTRICTED))
        ours = {_source(each) for each in (row, *others)}
        freed = [ref for ref, source in sorted(known.items()) if source in ours]
        lifted = [_flagged(row.model_copy(update={"subject": ref}), Flag.RESTRICTED, lifted=True) for ref in freed]
        if len(freed) < len(known):
            return lifted
        # Who was told to restrict it would keep to that.
        id_, source = self._ledger.new_id(), _source(row)
        return [*lifted, TellingRow(id=id_, source=source, cause=Cause.UNRESTRICTED, subject=row.subject)]

    async def _open(self, request: str) -> RequestRow:
        row = await self._found(request)
        if row.status in CLOSED_REQUESTS:
            raise refuse("request.closed")
        return row

    async def _found(self, request: str) -> RequestRow:
        row = await self._registry.read(rows.request, request)
        if row is None:
            raise refuse("subject.unknown")
        return row

    def _shown(self, row: RequestRow) -> Request:
        return Request(**self._members(row))

    async def _shown_whole(self, row: RequestRow) -> WaitingRequest:
        held = self._ledger.erasing.is_held(*await self._registry.same_person(row.subject))
        whole = {"subject": row.subject, "by": row.by, "case": row.case, "requester": row.requester}
        return WaitingRequest(**self._members(row), **whole, held=held)

    def _members(self, row: RequestRow) -> dict[str, object]:
        is_open = row.status not in CLOSED_REQUESTS
        return {
            "request": row.request,
            "right": row.right,
            "status": row.status,
            "received": row.received,
            "due": row.due,
            "overdue": is_open and row.due < self._now(),
            "extended": Extension(row.extended) if row.extended else None,
            "categories": row.categories,
            "decisions": tuple(Decision(**each.model_dump()) for each in row.decisions),
            "decided": row.decided,
        }


def restricts(row: RequestRow) -> bool:
    """Whether a request keeps the person's data from being used: from its receipt on, and after what was decided."""
    if row.right not in _RESTRICTING or row.lifted is not None:
        return False
    return not row.decisions or any(each.ruling in _RESTRICTING[row.right] for each in row.decisions)


def _causes(row: RequestRow) -> frozenset[Cause]:
    """For what vendors were told of a decision."""
    return frozenset(_TOLD[each.ruling] for each in row.decisions if each.ruling in _TOLD)


def _is_refused(decisions: Sequence[Ruled | Decided]) -> bool:
    return all(each.ruling is Ruling.REFUSE for each in decisions)


def _source(row: RequestRow) -> str:
    """What a request brought comes from it."""
    return f"request {row.request}"


def _flagged(row: RequestRow, flag: Flag, *, lifted: bool = False) -> FlagRow:
    return FlagRow(kind="flag", source=_source(row), subject=row.subject, flag=flag, lifted=lifted)


def months_after(moment: datetime, months: int) -> datetime:
    """The same day of a later month, or its last where it is shorter (Regulation 1182/71, article 3)."""
    number = moment.month - 1 + months
    year, month = moment.year + number // 12, number % 12 + 1
    return moment.replace(year=year, month=month, day=min(moment.day, calendar.monthrange(year, month)[1]))


def _opened(who: Acting, asked: Open, now: datetime) -> RequestRow:
    case = who.on_behalf
    row = RequestRow(
        request=uuid.uuid4().hex,
        source=who.by,
        subject=who.subject,
        right=asked.right,
        status=RequestStatus.ACKNOWLEDGED,
        received=now,
        due=months_after(now, MONTHS),
        by=who.by,
        case=case.case if case else "",
        why=case.reason if case else "",
        verified=case.verified if case else "",
        requester=case.requester if case else Requester.SELF,
        categories=tuple(dict.fromkeys(asked.categories)),
    )
    if asked.right is not Right.RECTIFICATION:
        return row
    # The shop has put its own data right; what is left is to tell those who have the wrong ones.
    decided = Decided(category=None, ruling=Ruling.RECTIFY)
    return row.model_copy(update={"status": RequestStatus.ACCEPTED, "decisions": (decided,), "decided": now})


def _demand_rulings(row: RequestRow, decisions: Sequence[Ruled]) -> None:
    """Raises Refusal `request.ruling` unless each category of the request is decided about, once, as it can be."""
    stated = [each.category for each in decisions]
    possible = RULINGS[row.right]
    if len(set(stated)) < len(stated):
        raise refuse("request.ruling", "a category is decided about twice")
    if row.categories and not set(stated) - {None} <= set(row.categories):
        raise refuse("request.ruling", "a category is not part of the request")
    if None not in stated and not (row.categories and set(row.categories) <= set(stated)):
        raise refuse("request.ruling", "not every category is decided about; leave `category` out for all others")
    for each in decisions:
        if each.ruling not in possible:
            raise refuse("request.ruling", f"{row.right} can be decided as {', '.join(possible)}")
        if (each.ruling is possible[0]) is (each.reason is not None):
            raise refuse(
                "request.ruling", "what is not done as it was asked for has a reason, and nothing else has one"
            )
