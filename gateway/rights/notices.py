"""Telling vendors what people asked: one notice for each that really received the data, until each has answered."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, model_validator

from gateway.contract.load import ContractSet
from gateway.contract.model import KeepsByLaw, Vendor
from gateway.contract.words import Name
from gateway.errors import GatewayError
from gateway.intake import Intake
from gateway.ledger.entry import Subject
from gateway.ledger.housekeeping import Access
from gateway.ledger.ledger import Ledger
from gateway.misfit import Asked, Id
from gateway.registry import lookups
from gateway.registry import notices as rows
from gateway.registry.claims import Claims
from gateway.registry.entered import Ref
from gateway.registry.notices import Notice, Telling, Wanted
from gateway.registry.registry import Registry
from gateway.registry.stored import NoticeRow, NoticeStepRow, TellingRow
from gateway.rights.recipients import Concern, Received, merged, received
from gateway.vocabulary import Category, OrderState, Purpose
from gateway.vocabulary.notices import DELETIONS, Cause, Duty, NoticeState, NoticeWay

PLANNED = 100  # tellings at a time
PLANNING = timedelta(minutes=2)  # within which a node that plans one has done so, or ended
AT_ONCE = timedelta(days=1)  # within which a vendor is to be asked to keep what it was told to delete
DELIVERING = "notice"
"""The name under which a vendor is told, so that nobody stops that in the middle of it."""

# The number under which a vendor answers; as plain as the id of something.
Receipt = Annotated[str, StringConstraints(pattern=r"^([A-Za-z0-9][A-Za-z0-9._:/#-]{0,99})?$")]


class UnknownNotice(GatewayError):
    """There is no such notice."""


class NoticeEnded(GatewayError):
    """A notice that is confirmed or excused stays so."""


class OrderGoesOn(GatewayError):
    """Nobody deletes anything of an order that goes on."""


class Tell(Asked):
    """What vendors are to be told: about a person, or about an order that is closed."""

    cause: Cause
    subject: Ref | None = None
    order: Ref | None = None
    purpose: Purpose | None = None
    vendor: Name | None = None
    categories: tuple[Category, ...] = ()

    @model_validator(mode="after")
    def _is_about_somebody(self) -> "Tell":
        if (self.order is None) is (self.cause is Cause.ORDER_CLOSED) or (self.order is None) is (self.subject is None):
            raise ValueError("name an order for order_closed, and a subject for every other cause")
        return self


class Step(Asked):
    """What somebody did or heard: a vendor was told, or confirmed, or cannot be told for a reason."""

    notice: Id
    state: Literal["sent", "confirmed", "excused"]
    receipt: Receipt = ""
    reason: Literal["", "impossible", "disproportionate"] = ""

    @model_validator(mode="after")
    def _is_excused_for_a_reason(self) -> "Step":
        if bool(self.reason) is not (self.state == "excused"):
            raise ValueError("to excuse a notice takes a reason: impossible or disproportionate")
        return self


class Listed(Asked):
    """Which notices: all that is given holds at once."""

    id: Id | None = None
    vendor: Name | None = None
    subject: Ref | None = None
    open: bool = False
    limit: int = Field(default=200, ge=1, le=1000)


class Notices:
    """One for a node. `contracts` gives those in force, `within` how long vendors have to answer.

    Of an order that was closed they are told `after` so long, if it is closed then.
    """

    def __init__(
        self,
        ledger: Ledger,
        registry: Registry,
        intake: Intake,
        contracts: Callable[[], ContractSet],
        *,
        now: Callable[[], datetime],
        within: timedelta,
        after: timedelta = timedelta(),
    ) -> None:
        self._ledger = ledger
        self._registry = registry
        self._intake = intake
        self._now = now
        self._within = within
        self._after = after
        # Whoever tells vendors and whoever stops that do so one at a time.
        self.claims = Claims(registry)
        self.contracts = contracts

    async def tell(self, asked: Mapping[str, Any], *, by: str) -> Sequence[dict[str, Any]]:
        """Has every vendor told that received what is asked about; the notices, each open.

        Raises OrderGoesOn and Refusal.
        """
        wanted = Tell.model_validate(asked)
        if wanted.order is not None and await self.goes_on(wanted.order):
            raise OrderGoesOn("the order is not closed: put it in as closed, and vendors are told by that")
        telling = TellingRow(id=self._ledger.new_id(), **wanted.model_dump())
        await self._intake.put([telling], by=by)
        await self.plan(by=by)
        found = await self._registry.read(rows.listed, Wanted(telling=telling.id))
        return [self._shown(each) for each in found]

    async def plan(self, *, by: str) -> int:
        """Opens the notices of everything that is asked and not planned yet; how many that was. Raises Refusal."""
        count, now = 0, self._now()
        while waiting := await self._registry.read(rows.unplanned, (now, PLANNED)):
            for each in waiting:
                later = each.at + self._after if each.cause is Cause.ORDER_CLOSED else now
                if await self._registry.changed(rows.taken(each, now, max(later, now + PLANNING))) and later <= now:
                    count += await self._planned(each, by)
        return count

    async def still_open(self, subject: str) -> Sequence[str]:
        """The vendors that are still to be told something about a person, or to confirm it. Raises Refusal.

        Where no vendor was ever told to erase, those are all that received something.
        """
        found = await self._registry.read(rows.listed, Wanted(subjects=await self._registry.same_person(subject)))
        names = {each.vendor for each in found if each.is_open}
        if not any(each.cause is Cause.ERASURE for each in found):
            names |= set(await self.received(subject, Concern(Cause.ERASURE)))
        return sorted(names)

    async def listed(self, asked: Mapping[str, Any], *, by: str) -> Sequence[dict[str, Any]]:
        """Notices, those first that are due first. That somebody looked is written down."""
        wanted = Listed.model_validate(asked)
        subjects = await self._registry.same_person(wanted.subject) if wanted.subject else None
        which = Wanted(wanted.id, None, wanted.vendor, subjects, wanted.open, wanted.limit)
        found = await self._registry.read(rows.listed, which)
        filters = wanted.model_dump(exclude_defaults=True, exclude={"subject", "limit"})
        told = tuple((name, str(value)) for name, value in sorted(filters.items()))
        await self._ledger.record(Access(by, "notices", told, len(found)), _searched(wanted.subject))
        return [self._shown(each) for each in found]

    async def step(self, asked: Mapping[str, Any], *, by: str) -> dict[str, Any]:
        """The notice after the step. Raises UnknownNotice, NoticeEnded and Refusal."""
        wanted = Step.model_validate(asked)
        found = await self._registry.read(rows.listed, Wanted(id=wanted.notice))
        if not found:
            raise UnknownNotice("there is no notice with this id; `gateway notice list` has them")
        if found[0].has_ended:
            raise NoticeEnded(f"this notice is {found[0].state} already")
        await self.advance(found[0], NoticeState(wanted.state), by=by, receipt=wanted.receipt, reason=wanted.reason)
        [after] = await self._registry.read(rows.listed, Wanted(id=wanted.notice))
        return self._shown(after)

    async def advance(
        self, notice: Notice, state: NoticeState, *, by: str, receipt: str = "", reason: str = ""
    ) -> None:
        """Puts a step on record and in force. Raises Refusal."""
        await self._intake.put([step_of(notice, state, receipt=receipt or notice.receipt, reason=reason)], by=by)

    async def is_held(self, subject: str | None, order: str | None = None) -> bool:
        """Whether a hold is in force on a person, or on anybody in an order. Raises Refusal."""
        return self._ledger.erasing.is_held(*await self._meant(subject, order))

    async def keeping(self, subject: str | None, order: str | None) -> Sequence[Notice]:
        """What vendors are still to be asked to keep, of a person or of an order. Raises Refusal."""
        refs, orders = await self._meant(subject, order), [order] if order else []
        wanted = Wanted(subjects=refs, state=NoticeState.TASK), Wanted(orders=orders, state=NoticeState.TASK)
        found = {each.id: each for one in wanted for each in await self._registry.read(rows.listed, one)}
        return [each for each in found.values() if each.cause is Cause.KEEP]

    async def _meant(self, subject: str | None, order: str | None) -> Sequence[str]:
        """Every reference of a person, and of everybody in an order."""
        people = [*([subject] if subject else []), *(await self._people(order) if order else ())]
        return [ref for each in people for ref in await self._registry.same_person(each)]

    async def goes_on(self, order: str) -> bool:
        """Whether an order is known not to be closed. Raises Refusal."""
        known, _ = await self._registry.read(lookups.order_of, order)
        return known.state not in (None, OrderState.CLOSED)

    async def is_kept(self, notice: Notice) -> bool:
        """Whether a hold keeps what a vendor would be told to delete. Raises Refusal."""
        return notice.cause in DELETIONS and await self.is_held(notice.subject, notice.order)

    async def received(self, subject: str, concern: Concern) -> Mapping[str, Received]:
        """Vendor → what of a person reached it, as far as it is of this concern. Raises Refusal.

        A person has the references that are linked to theirs.
        """
        # What left before is on record before it is looked for.
        await self._ledger.passed()
        refs = await self._registry.same_person(subject)
        told = [each for ref in refs for each in await self._ledger.persons.about(ref)]
        told.sort(key=lambda each: each.entry.seq, reverse=True)
        return received(told, concern)

    async def _planned(self, telling: Telling, by: str) -> int:
        if telling.cause is Cause.UNRESTRICTED and telling.subject:
            return await self._unrestricted(telling, telling.subject, by)
        if telling.order is None:
            return await self._told(telling, by)
        return await (self._taken_back if telling.cause is Cause.KEEP else self._closed)(telling, telling.order, by)

    async def _unrestricted(self, telling: Telling, subject: str, by: str) -> int:
        """Vendors that keep to a restriction hear that it ended; what has not left of it does not."""
        stand = await self._about_restriction(subject)
        over = [each for each in stand if each.cause is Cause.RESTRICTION and not each.told]
        last = {each.vendor: each for each in stand if each.cause is Cause.UNRESTRICTED or each.told}
        ended = [each for each in last.values() if each.cause is Cause.RESTRICTION]
        opened = [self._notice(telling, each.vendor, subject, _of(each)) for each in ended]
        if over or opened:
            await self._intake.put([*(step_of(each, NoticeState.TAKEN_BACK) for each in over), *opened], by=by)
        await self._registry.write(lambda _: [rows.planned(telling.id, self._now())])
        return len(opened)

    async def _about_restriction(self, subject: str | None) -> Sequence[Notice]:
        """What vendors are told of a person's restriction and of its end, as far as it stands, oldest first."""
        refs = await self._registry.same_person(subject) if subject else ()
        found = sorted(await self._registry.read(rows.listed, Wanted(subjects=refs)), key=lambda each: each.at)
        gone, about = (NoticeState.EXCUSED, NoticeState.TAKEN_BACK), (Cause.RESTRICTION, Cause.UNRESTRICTED)
        return [each for each in found if each.cause in about and each.state not in gone]

    async def _closed(self, telling: Telling, order: str, by: str) -> int:
        """What vendors have of an order is to be deleted; nothing where it goes on."""
        if await self.goes_on(order):
            await self._registry.write(lambda _: [rows.planned(telling.id, self._now())])
            return 0
        return await self._told(telling, by)

    async def _taken_back(self, telling: Telling, order: str, by: str) -> int:
        """An order goes on: what has not left does not, and of whoever heard somebody asks to keep what they have."""
        await self._registry.write(lambda _: [rows.dropped(order, telling.at)])
        found = await self._registry.read(rows.listed, Wanted(orders=[order])) if await self.goes_on(order) else ()
        over = [each for each in found if each.cause is Cause.ORDER_CLOSED and is_stopped(each, self._now())]
        keeping = [
            self._notice(telling, each.vendor, each.subject, _of(each)) for each in over if each.told and each.subject
        ]
        if over:
            await self._intake.put([*(step_of(each, NoticeState.TAKEN_BACK) for each in over), *keeping], by=by)
        await self._registry.write(lambda _: [rows.planned(telling.id, self._now())])
        return len(keeping)

    async def _told(self, telling: Telling, by: str) -> int:
        concern = Concern(telling.cause, telling.order, telling.purpose, telling.vendor, telling.categories)
        people = [telling.subject] if telling.subject else await self._people(telling.order)
        found: dict[str, tuple[str, Received]] = {}
        for ref in people:
            for vendor, what in (await self.received(ref, concern)).items():
                first, before = found.get(vendor, (ref, None))
                found[vendor] = first, merged(what, before) if before else what
        meant = [self._notice(telling, vendor, *found[vendor]) for vendor in sorted(found)]
        opened = [each for each in meant if not await self._is_told_anyway(each)]
        if opened:
            await self._open(telling, opened, by)
        await self._registry.write(lambda _: [rows.planned(telling.id, self._now())])
        return len(opened)

    async def _open(self, telling: Telling, opened: Sequence[NoticeRow], by: str) -> None:
        """Opens notices; those that have something deleted of somebody who is held, to wait until that is over."""
        deletes = telling.cause in DELETIONS
        is_held = deletes and await self.is_held(telling.subject, telling.order)
        over = await self._overtaken(telling, () if is_held else {each.vendor for each in opened})
        held = [each.model_copy(update={"held": is_held}) for each in opened]
        await self._intake.put([*held, *(step_of(each, NoticeState.TAKEN_BACK) for each in over)], by=by)
        if deletes and not is_held and await self.is_held(telling.subject, telling.order):
            # A hold that came in between has not seen them.
            await self._intake.put([step_of(each, NoticeState.HELD) for each in opened], by=by)

    async def _overtaken(self, telling: Telling, vendors: Collection[str]) -> Sequence[Notice]:
        """Notices of before that say otherwise than these vendors are told now."""
        if telling.cause in DELETIONS:
            return [each for each in await self.keeping(telling.subject, telling.order) if each.vendor in vendors]
        if telling.cause is Cause.RESTRICTION:
            # Heard after this one, that an earlier restriction is over would end it.
            stand = await self._about_restriction(telling.subject)
            return [each for each in stand if each.cause is Cause.UNRESTRICTED and not each.told]
        return ()

    async def _is_told_anyway(self, row: NoticeRow) -> bool:
        """Whether a notice that the vendor has yet to get says all that this one would."""
        refs = await self._registry.same_person(row.subject)
        which = Wanted(vendor=row.vendor, subjects=refs, is_open=True)
        waiting = await self._registry.read(rows.listed, which)
        return any(
            each.id != row.id
            and (each.cause, each.order) == (row.cause, row.order)
            and each.state in (NoticeState.QUEUED, NoticeState.TASK, NoticeState.HELD)
            and set(row.categories) <= set(each.categories)
            for each in waiting
        )

    async def _people(self, order: str | None) -> Sequence[str]:
        _, people = await self._registry.read(lookups.order_of, order or "")
        return list(dict.fromkeys(each.ref for each in people))

    def _notice(self, telling: Telling, name: str, subject: str, what: Received) -> NoticeRow:
        vendor = self.contracts().vendors.get(name)
        duty, law = _duty(vendor, telling.cause)
        until = datetime.fromtimestamp(what.until / 1_000_000, UTC) if telling.cause is Cause.ORDER_CLOSED else None
        asked = max(telling.at + self._after, until) if until else telling.at
        is_to_keep = telling.cause is Cause.KEEP
        return NoticeRow(
            id=sha256(f"{telling.id}|{name}".encode()).hexdigest()[:32],
            telling=telling.id,
            cause=telling.cause,
            vendor=name,
            subject=subject,
            order=telling.order,
            entity=what.entity,
            categories=tuple(sorted(what.categories)),
            # By the address at which it hears of deletions nothing is sent that is none.
            way=NoticeWay(vendor.notices.how) if vendor and not is_to_keep else NoticeWay.TASK,
            duty=duty,
            law=law,
            until=asked.date() if until else None,
            due=asked + (AT_ONCE if is_to_keep else self._within),
            not_before=self.list_of(name, telling.at),
        )

    def list_of(self, name: str, at: datetime) -> datetime | None:
        """When the list of a day is sent, after its end in UTC, to a vendor that wants one."""
        vendor = self.contracts().vendors.get(name)
        tomorrow = at.astimezone(UTC).date() + timedelta(days=1)
        return datetime.combine(tomorrow, time(), UTC) if vendor and vendor.notices.daily else None

    def _shown(self, notice: Notice) -> dict[str, Any]:
        """A notice as people and machines read it, times in ISO 8601."""
        shown = {name: value for name, value in asdict(notice).items() if value not in (None, "")}
        moments = {name: value.isoformat() for name, value in shown.items() if hasattr(value, "isoformat")}
        return shown | moments | {"open": notice.is_open, "overdue": notice.is_overdue(self._now())}


def step_of(
    notice: Notice | NoticeRow,
    state: NoticeState,
    *,
    receipt: str = "",
    reason: str = "",
    due: datetime | None = None,
    not_before: datetime | None = None,
) -> NoticeStepRow:
    named = {"notice": notice.id, "cause": notice.cause, "vendor": notice.vendor, "subject": notice.subject}
    return NoticeStepRow(**named, state=state, receipt=receipt, reason=reason, due=due, not_before=not_before)


def _duty(vendor: Vendor | None, cause: Cause) -> tuple[Duty, str]:
    """How a vendor answers, and the law by which it keeps what it got; whoever left is held to confirm."""
    if cause is Cause.KEEP:
        return Duty.ATTESTS, ""
    deletion = vendor.deletion if vendor and cause in DELETIONS else "confirms"
    if isinstance(deletion, KeepsByLaw):
        return Duty.KEEPS_BY_LAW, deletion.keeps_by_law
    return (Duty.CONFIRMS if isinstance(deletion, str) else Duty.ATTESTS), ""


def counted_from(at: datetime, until: date | None) -> datetime:
    """From when a vendor has to answer that may keep what it has until a day."""
    return max(at, datetime.combine(until, time(), UTC)) if until else at


def is_stopped(notice: Notice, now: datetime) -> bool:
    """Whether what a vendor is told to delete can still be kept: it has not heard, or may not have done it yet."""
    may_come = notice.duty is not Duty.KEEPS_BY_LAW and (notice.is_open or notice.due >= now)
    return not notice.has_ended and (not notice.told or may_come)


def _of(notice: Notice) -> Received:
    return Received(notice.entity, frozenset(notice.categories), frozenset(), frozenset(), 0)


def _searched(subject: str | None) -> tuple[Subject, ...]:
    return (Subject(subject, "searched", ""),) if subject else ()
