"""The report of who received somebody's data, with how far it is complete; that it was made is on record first."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal, cast
from zoneinfo import ZoneInfo

from pydantic import model_validator

from gateway.clearance import version_in_force
from gateway.contract.load import ContractSet
from gateway.identity import Caller
from gateway.ledger.ledger import Ledger
from gateway.ledger.personal import Personal
from gateway.ledger.store import Filter
from gateway.misfit import Day
from gateway.registry import notices as notice_rows
from gateway.registry.lookups import companions_of
from gateway.registry.notices import Notice
from gateway.registry.registry import Registry
from gateway.retention import RetentionClass
from gateway.rights.acting import Acting, acting
from gateway.rights.asked import Personal as AskedPersonal
from gateway.rights.asked import Told, Word
from gateway.rights.disclosures import Disclosure, disclosures, summed
from gateway.vocabulary.notices import Cause

_MOST = 1_000  # entries of a rare kind
OWN_TOKEN = "token"  # noqa: S105 - how it was checked who asks


class WantReport(AskedPersonal):
    """Of which days, both inclusive, in the policy's time zone; what is alike as one line; and in which form."""

    since: Day | None = None
    until: Day | None = None
    summary: bool = False
    form: Literal["json", "csv", "html"] = "json"
    language: Literal["en", "zh"] = "en"

    @model_validator(mode="after")
    def _is_a_period(self) -> "WantReport":
        if self.since and self.until and self.until < self.since:
            raise ValueError("until is before since")
        return self


class Channel(Told):
    """Since when the report has everything that went a way; None for a way that it knows of single cases only."""

    channel: str
    complete_since: datetime | None
    said: Word


class Report(Told):
    """Who received somebody's data. `report` is the id of the entry that says that it was made."""

    report: str
    made: datetime
    identity: str
    since: date | None
    until: date | None
    policy: str | None
    signed_entries: int | None
    channels: tuple[Channel, ...]
    disclosures: tuple[Disclosure, ...]
    copies: Word
    complaint: Word


_COPIES = Word(
    code="copies",
    en="A copy of the safeguards is to be had from the contact of the company that disclosed.",
    zh="可向披露方联系人索取保障措施副本。",
)
_COMPLAINT = Word(
    code="complaint",
    en="You may complain to a supervisory authority at any time.",
    zh="您可随时向监管机构投诉。",
)
_WHOLE = Word(
    code="gateway",
    en="Everything that went through our gateway since then.",
    zh="自该时间起经由本网关的全部披露。",
)
_EXCEPTIONAL = Word(
    code="exceptional",
    en="Everything that was disclosed to authorities, for rights or in emergencies since then, but for what the law "
    "keeps us from telling.",
    zh="自该时间起的全部例外披露 依法不得告知的除外。",
)
_NO_INQUIRIES = Word(
    code="exceptional",
    en="Everything that was disclosed for rights, in emergencies or to authorities since then, but for what "
    "these got in inquiries of their own, in which the law does not call them recipients (GDPR 4(9)), and what it "
    "keeps us from telling.",
    zh="自该时间起的全部例外披露 主管机关依法调查取得者 (GDPR 4(9)) 及依法不得告知的除外。",
)
_BESIDE = Word(
    code="direct",
    en="Not through our gateway: only what was entered here.",
    zh="未经本网关 仅含已登记的披露。",
)


class ReportDesk:
    """`inquiries`: whether what authorities got in inquiries of their own is told."""

    def __init__(
        self,
        registry: Registry,
        ledger: Ledger,
        contracts: Callable[[], ContractSet],
        *,
        now: Callable[[], datetime],
        inquiries: bool,
    ) -> None:
        self._registry = registry
        self._ledger = ledger
        self._contracts = contracts
        self._now = now
        self._inquiries = inquiries

    async def made(self, caller: Caller, asked: WantReport) -> Report:
        """The report about whoever asks, or about whom somebody asks for. Raises Refusal and Unasked."""
        who = acting(caller, asked)
        contracts, now = self._contracts(), self._now()
        refs = sorted(await self._registry.same_person(who.subject))
        told = await self._about(refs, asked, ZoneInfo(contracts.policy.time_zone))
        notices = await self._notices(refs)
        # On a thread: thousands of lines take seconds, and calls have their turn meanwhile.
        lines = await asyncio.to_thread(disclosures, told, contracts, now, inquiries=self._inquiries, notices=notices)
        shown = await asyncio.to_thread(summed, lines) if asked.summary else lines
        report = await self._ledger.record(who.access("report", len(lines)), who.beside)
        version = version_in_force(contracts.policy, now, (await self._registry.papers()).versions)
        return Report(
            report=report,
            made=now,
            identity=_identity(who),
            since=asked.since,
            until=asked.until,
            policy=version.version if version else None,
            signed_entries=await self._ledger.signed(),
            channels=await self._channels(),
            disclosures=tuple(shown),
            copies=_COPIES,
            complaint=_COMPLAINT,
        )

    async def _about(self, refs: Sequence[str], asked: WantReport, zone: ZoneInfo) -> list[Personal]:
        """What left about the person under any of their references, in the period."""
        first = datetime.combine(asked.since, time.min, zone) if asked.since else datetime.min.replace(tzinfo=UTC)
        last = datetime.combine(asked.until + timedelta(1), time.min, zone) if asked.until else None
        found: dict[int, Personal] = {}
        for ref in refs:
            for each in await self._ledger.persons.about(ref):
                when = datetime.fromtimestamp(each.left_at / 1_000_000, UTC)
                if first <= when and (last is None or when < last):
                    known = found.get(each.entry.seq)
                    subjects = (*known.subjects, *each.subjects) if known else each.subjects
                    found[each.entry.seq] = Personal(each.entry, subjects)
        return list(found.values())

    async def _notices(self, refs: Sequence[str]) -> list[Notice]:
        """What vendors were told about the person, and of orders that are theirs too, under whomever that stands."""
        others = {each for ref in refs for each in await self._registry.read(companions_of, ref)}
        found = await self._registry.read(notice_rows.listed, notice_rows.Wanted(subjects={*refs, *others}))
        own = [each for each in found if each.subject in refs or each.cause is Cause.ORDER_CLOSED]
        return [each for each in own if each.cause is not Cause.KEEP]

    async def _channels(self) -> tuple[Channel, ...]:
        """Since when the record has everything: since it began, or since what was older has gone."""
        exceptional = _EXCEPTIONAL if self._inquiries else _NO_INQUIRIES
        return (
            Channel(channel="gateway", complete_since=await self._since(_ROUTINE), said=_WHOLE),
            Channel(channel="exceptional", complete_since=await self._since(_OTHERS), said=exceptional),
            Channel(channel="direct", complete_since=None, said=_BESIDE),
        )

    async def _since(self, classes: frozenset[str]) -> datetime:
        begun = await self._ledger.entries(Filter(kind="genesis", limit=_MOST))
        purges = await self._ledger.entries(Filter(kind="purge", limit=_MOST))
        gone = [
            kept["newest_ts"]
            for purge in purges
            for kept in cast("list[Any]", purge.body["classes"])
            if kept["class"] in classes
        ]
        # Where entries were lost, nothing is whole before the log went on.
        first = [entry.body["ts"] for entry in begun if entry.body.get("lost") or not entry.body.get("origin")]
        return datetime.fromtimestamp(max([*gone, *cast("list[int]", first)], default=0) / 1_000_000, UTC)


_ROUTINE = frozenset({RetentionClass.ROUTINE.value})
_OTHERS = frozenset({RetentionClass.EXCEPTIONAL.value, RetentionClass.LEGAL_REQUEST.value})


def _identity(who: Acting) -> str:
    return who.on_behalf.verified.value if who.on_behalf else OWN_TOKEN
