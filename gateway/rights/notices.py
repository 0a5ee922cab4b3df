"""Telling vendors what people asked: one notice for each that really received the data, until each has answered."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, time, timedelta
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
from gateway.misfit import Asked
from gateway.registry import lookups
from gateway.registry import notices as rows
from gateway.registry.entered import Ref
from gateway.registry.notices import Notice, Telling, Wanted
from gateway.registry.registry import Registry
from gateway.registry.stored import NoticeRow, NoticeStepRow, StoredRow, TellingRow
from gateway.rights.recipients import Concern, Received, merged, received
from gateway.vocabulary import Category, Purpose
from gateway.vocabulary.notices import DELETIONS, Cause, Duty, NoticeState, NoticeWay

PLANNED = 100  # tellings at a time
PLANNING = timedelta(minutes=2)  # within which a node that plans one has done so, or ended

Id = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
# The number under which a vendor answers; as plain as the id of something.
Receipt = Annotated[str, StringConstraints(pattern=r"^([A-Za-z0-9][A-Za-z0-9._:/#-]{0,99})?$")]


class UnknownNotice(GatewayError):
    """There is no such notice."""


class NoticeEnded(GatewayError):
    """A notice that is confirmed or excused stays so."""


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
    """One for a node. `contracts` gives those in force, `within` how long vendors have to answer."""

    def __init__(
        self,
        ledger: Ledger,
        registry: Registry,
        intake: Intake,
        contracts: Callable[[], ContractSet],
        *,
        now: Callable[[], datetime],
        within: timedelta,
    ) -> None:
        self._ledger = ledger
        self._registry = registry
        self._intake = intake
        self._now = now
        self._within = within
        self.contracts = contracts

    async def tell(self, asked: Mapping[str, Any], *, by: str) -> Sequence[dict[str, Any]]:
        """Has every vendor told that received what is asked about; the notices, each open. Raises Refusal."""
        wanted = Tell.model_validate(asked)
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
                if await self._registry.changed(rows.taken(each, now, now + PLANNING)):
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
            raise UnknownNotice("there is no notice with this id")
        if found[0].state in (NoticeState.CONFIRMED, NoticeState.EXCUSED):
            raise NoticeEnded(f"this notice is {found[0].state} already")
        await self.advance(found[0], NoticeState(wanted.state), by=by, receipt=wanted.receipt, reason=wanted.reason)
        [after] = await self._registry.read(rows.listed, Wanted(id=wanted.notice))
        return self._shown(after)

    async def advance(
        self, notice: Notice, state: NoticeState, *, by: str, receipt: str = "", reason: str = ""
    ) -> None:
        """Puts a step on record and in force. Raises Refusal."""
        row = NoticeStepRow(
            notice=notice.id,
            cause=notice.cause,
            vendor=notice.vendor,
            subject=notice.subject,
            state=state,
            receipt=receipt or notice.receipt,
            reason=reason,
        )
        await self._intake.put([row], by=by)

    async def received(self, subject: str, concern: Concern) -> Mapping[str, Received]:
        """Vendor → what of a person reached it, as far as it is of this concern. Raises Refusal.

        A person has the references that are linked to theirs.
        """
        # What left before is on record before it is looked for.
        await self._ledger.passed()
        refs = await self._registry.same_person(subject)
        told = [each for ref in refs for each in await self._ledger.persons.about(ref)]
        told.sort(key=lambda each: each.entry.seq, reverse=True)
        return received(told, concern, self.contracts())

    async def _planned(self, telling: Telling, by: str) -> int:
        concern = Concern(telling.cause, telling.order, telling.purpose, telling.vendor, telling.categories)
        people = [telling.subject] if telling.subject else await self._people(telling.order)
        found: dict[str, tuple[str, Received]] = {}
        for ref in people:
            for vendor, what in (await self.received(ref, concern)).items():
                first, before = found.get(vendor, (ref, None))
                found[vendor] = first, merged(what, before) if before else what
        meant = [self._notice(telling, vendor, *found[vendor]) for vendor in sorted(found)]
        opened: list[StoredRow] = [each for each in meant if not await self._is_told_anyway(each)]
        if opened:
            await self._intake.put(opened, by=by)
        await self._registry.write(lambda _: [rows.planned(telling.id, self._now())])
        return len(opened)

    async def _is_told_anyway(self, row: NoticeRow) -> bool:
        """Whether a notice that the vendor has yet to get says all that this one would."""
        which = Wanted(vendor=row.vendor, subjects=[row.subject], is_open=True)
        waiting = await self._registry.read(rows.listed, which)
        return any(
            each.id != row.id
            and (each.cause, each.order) == (row.cause, row.order)
            and each.state in (NoticeState.QUEUED, NoticeState.TASK)
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
        asked = max(telling.at, until) if until else telling.at
        return NoticeRow(
            id=sha256(f"{telling.id}|{name}".encode()).hexdigest()[:32],
            telling=telling.id,
            cause=telling.cause,
            vendor=name,
            subject=subject,
            order=telling.order,
            entity=what.entity,
            categories=tuple(sorted(what.categories)),
            way=NoticeWay(vendor.notices.how) if vendor else NoticeWay.TASK,
            duty=duty,
            law=law,
            until=asked.date() if until else None,
            due=asked + self._within,
            not_before=tomorrow(telling.at) if vendor and vendor.notices.daily else None,
        )

    def _shown(self, notice: Notice) -> dict[str, Any]:
        """A notice as people and machines read it, times in ISO 8601."""
        shown = {name: value for name, value in asdict(notice).items() if value not in (None, "")}
        moments = {name: value.isoformat() for name, value in shown.items() if hasattr(value, "isoformat")}
        return shown | moments | {"open": notice.is_open, "overdue": notice.is_overdue(self._now())}


def _duty(vendor: Vendor | None, cause: Cause) -> tuple[Duty, str]:
    """How a vendor answers, and the law by which it keeps what it got; whoever left is held to confirm."""
    deletion = vendor.deletion if vendor and cause in DELETIONS else "confirms"
    if isinstance(deletion, KeepsByLaw):
        return Duty.KEEPS_BY_LAW, deletion.keeps_by_law
    return (Duty.CONFIRMS if isinstance(deletion, str) else Duty.ATTESTS), ""


def tomorrow(at: datetime) -> datetime:
    """When the list of a day is sent: after its end, in UTC."""
    return datetime.combine(at.astimezone(UTC).date() + timedelta(days=1), time(), UTC)


def _searched(subject: str | None) -> tuple[Subject, ...]:
    return (Subject(subject, "searched", ""),) if subject else ()
