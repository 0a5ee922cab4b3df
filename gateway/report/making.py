"""Makes reports: reads the record, checks what it reads, puts the look on record, and hands the table out in pieces."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import StringConstraints, model_validator

from gateway.accesses import Accesses, Watermark
from gateway.clearance import version_in_force
from gateway.contract.load import ContractSet
from gateway.contract.words import Name
from gateway.errors import GatewayError
from gateway.ledger.canonical import leaf_hash
from gateway.ledger.database import or_refused
from gateway.ledger.housekeeping import Access
from gateway.ledger.ledger import Ledger
from gateway.ledger.store import Filter, Head, Stored
from gateway.misfit import Asked
from gateway.report.activities import ACTIVITIES, Activities
from gateway.report.cases import (
    DEMANDS,
    INCIDENTS,
    NOTICES,
    REQUESTS,
    TOTALS,
    WAIVERS,
    Demands,
    Incidents,
    Notices,
    Requests,
    Totals,
    Waivers,
)
from gateway.report.looks import BULK, LOOKS, WITHDRAWN, BulkLooks, Looks, Withdrawals, rested_on_it
from gateway.report.oversight import DRIFT, EXPIRING, MINIMISED, Drift, Expiring, Minimised, comes_apart
from gateway.report.registers import SALES, TRANSFER, Sales, Transfers
from gateway.report.seen import Fold, Joined, Known, Seen
from gateway.report.supervision import VENDORS, Vendors
from gateway.report.table import WRITERS, Form, Row, Table, Writer

PAGE = 1_000  # entries that are read at a time
_AHEAD = 64  # frames that wait for whoever reads them
_FAILED = "FAILED"  # how the line begins that says that what was read is not what was written
_NOTHING = Head(0, b"", 0, "", b"")


class UnknownReport(GatewayError):
    """There is no such report, or not of what is asked for."""


@dataclass(frozen=True, slots=True)
class Report:
    """A table and what fills it. `linked`: entries are told apart by people. `streams`: rows come with entries.

    `of` is what it can be about one of; of what its entries do not name, nobody could tell which they are about.
    `is_wrong` tells a row that should not be there; of most reports none is.
    """

    table: Table
    fold: Callable[[Known], Fold]
    of: frozenset[str] = frozenset()
    linked: bool = False
    streams: bool = False
    is_wrong: Callable[[Row], bool] | None = None


@dataclass(slots=True)
class Tally:
    """How many rows there are, how many of them should not be there, and whether what was read is what was written."""

    is_sound: bool = True
    rows: int = 0
    wrong: int = 0


@dataclass(frozen=True, slots=True)
class Made:
    """A report in pieces, its media type, and what became of its rows."""

    media: str
    pieces: AsyncIterator[str]
    tally: Tally


_VENDOR = frozenset({"vendor"})
_EITHER = frozenset({"vendor", "entity"})
REPORTS: Mapping[str, Report] = {
    "activities": Report(ACTIVITIES, Activities, _EITHER),
    "transfers": Report(TRANSFER, Transfers, _EITHER),
    "sales": Report(SALES, Sales, _EITHER, streams=True, is_wrong=bool),
    "vendors": Report(VENDORS, Vendors, _VENDOR),
    "minimisation": Report(MINIMISED, Minimised, _EITHER),
    "drift": Report(DRIFT, Drift, _EITHER, is_wrong=comes_apart),
    "expiring": Report(EXPIRING, Expiring, _VENDOR),
    "accesses": Report(LOOKS, Looks, streams=True),
    "bulk-looks": Report(BULK, BulkLooks),
    "demands": Report(DEMANDS, Demands),
    "demand-totals": Report(TOTALS, Totals),
    "incidents": Report(INCIDENTS, Incidents, _VENDOR),
    "notices": Report(NOTICES, Notices, _VENDOR),
    "requests": Report(REQUESTS, Requests, streams=True),
    "waivers": Report(WAIVERS, Waivers),
    "withdrawals": Report(WITHDRAWN, Withdrawals, _VENDOR, linked=True, is_wrong=rested_on_it),
}


class Wanted(Asked):
    """Which report, and of which days, both inclusive, in the policy's time zone; of one vendor or company only."""

    report: Annotated[str, StringConstraints(pattern=r"^[a-z-]{1,40}$")]
    form: Form = "json"
    since: date | None = None
    until: date | None = None
    vendor: Name | None = None
    entity: Name | None = None

    @model_validator(mode="after")
    def _is_in_order(self) -> "Wanted":
        if self.since is not None and self.until is not None and self.until < self.since:
            raise ValueError("it ends before it begins")
        return self


@dataclass(slots=True)
class Span:
    """Which places are read, and how far that has come. `broken` is the first that is not what was hashed."""

    first: int
    last: int
    read: int = 0
    broken: int | None = None


Progress = Callable[[int, int], None]


class Reports:
    """`contracts` gives those in force with the papers that were entered, `now` the time."""

    def __init__(
        self,
        ledger: Ledger,
        accesses: Accesses,
        contracts: Callable[[], Awaitable[ContractSet]],
        now: Callable[[], datetime],
    ) -> None:
        self._ledger = ledger
        self._accesses = accesses
        self._contracts = contracts
        self._now = now

    async def made(
        self, asked: Mapping[str, Any], *, by: str, role: str, told: Progress = lambda _read, _all: None
    ) -> Made:
        """A report. `told` hears how many entries of how many are read.

        That somebody looked is written down before the first piece. Raises ValidationError, UnknownReport, Refusal.
        """
        wanted = Wanted.model_validate(asked)
        report = _report(wanted)
        contracts = await self._contracts()
        await self._demand_known(contracts, wanted)
        known = Known(_narrowed(contracts, wanted), self._now(), await self._ledger.tallies())
        span = await self._span(wanted, known)
        tally, whole = Tally(), list[Row]()
        async for row in self._rows(report, known, wanted, span, told):
            tally.rows += 1
            tally.wrong += report.is_wrong is not None and report.is_wrong(row)
            # What can be as long as the record itself is read twice, since how it was checked is said above it.
            if not report.streams:
                whole.append(row)
        filters = {name: str(value) for name, value in wanted.model_dump(exclude_none=True).items()}
        mark = await self._accesses.record(Access(by, "report", tuple(sorted(filters.items())), tally.rows))
        header = await self._header(wanted, known, span, role, mark)
        rows = self._rows(report, known, wanted, span, told) if report.streams else _each(whole)
        tally.is_sound = not header["verification"].startswith(_FAILED)
        writer = WRITERS[wanted.form]
        return Made(writer.media, _text(writer, report.table, header, rows), tally)

    async def _demand_known(self, contracts: ContractSet, wanted: Wanted) -> None:
        """An empty report after a slip of the pen would look like a clean one. Vendors without a file are on record."""
        if wanted.vendor is not None and wanted.vendor not in contracts.vendors:
            with or_refused():
                found = await self._ledger.entries(Filter(vendor=wanted.vendor, limit=1))
            if not found:
                raise UnknownReport(f"there is no such vendor; there are {', '.join(sorted(contracts.vendors))}")
        companies = contracts.entities.entities
        if wanted.entity is not None and wanted.entity not in companies:
            raise UnknownReport(f"there is no such company; there are {', '.join(sorted(companies))}")

    async def frames(self, asked: Mapping[str, Any], *, by: str, role: str) -> AsyncIterator[Mapping[str, Any]]:
        """The same for who wants to see how far it is: `read` of `all` entries, `text` after `text`, and the tally.

        Raises what `made` raises.
        """
        frames: asyncio.Queue[Mapping[str, Any] | None] = asyncio.Queue(_AHEAD)

        def told(read: int, all_: int) -> None:
            with contextlib.suppress(asyncio.QueueFull):
                frames.put_nowait({"read": read, "all": all_})

        async def making() -> None:
            try:
                made = await self.made(asked, by=by, role=role, told=told)
                async for piece in made.pieces:
                    await frames.put({"text": piece})
                await frames.put(asdict(made.tally))
            finally:
                await frames.put(None)

        task = asyncio.ensure_future(making())
        try:
            while (frame := await frames.get()) is not None:
                yield frame
            await task
        finally:
            task.cancel()

    async def _rows(
        self, report: Report, known: Known, wanted: Wanted, span: Span, told: Progress
    ) -> AsyncIterator[Row]:
        fold, joined = report.fold(known), Joined()
        async for page in self._pages(span, told, links=report.linked):
            for row in await asyncio.to_thread(_folded, page, fold, joined, wanted):
                yield row
        for seen in joined.rest():
            for row in fold.take(seen) if _is_wanted(seen, wanted) else ():
                yield row
        for row in fold.rest():
            yield row

    async def _pages(self, span: Span, told: Progress, *, links: bool) -> AsyncIterator[Sequence[Stored]]:
        """What is read, each entry hashed again."""
        first, span.read = span.first, 0
        while first <= span.last:
            with or_refused():
                page = await self._ledger.archive.stored(first, PAGE, links=links)
            page = [each for each in page if each.seq <= span.last]
            if not page:
                return
            broken = await asyncio.to_thread(_broken, page)
            span.broken = broken if span.broken is None else span.broken
            span.read += len(page)
            first = page[-1].seq + 1
            told(first - span.first, span.last + 1 - span.first)
            yield page

    async def _span(self, wanted: Wanted, known: Known) -> Span:
        """The places of the days that are asked for, found by halves: later entries stand further on."""
        size = (await self._ledger.extent() or _NOTHING).size
        zone = ZoneInfo(known.contracts.policy.time_zone)
        since = _begins(wanted.since, zone) if wanted.since else None
        until = _begins(wanted.until + timedelta(days=1), zone) if wanted.until else None
        first = await self._place(since, size) if since is not None else 0
        last = (await self._place(until, size) if until is not None else size) - 1
        return Span(first, last)

    async def _place(self, moment: int, size: int) -> int:
        """The first place whose entry was written at a time or after it."""
        low, high = 0, size
        while low < high:
            middle = (low + high) // 2
            with or_refused():
                found = await self._ledger.archive.stored(middle, 1, links=False)
            low, high = (middle + 1, high) if found and found[0].ts < moment else (low, middle)
        return low

    async def _header(self, wanted: Wanted, known: Known, span: Span, role: str, mark: Watermark) -> Mapping[str, Any]:
        """Who made it stands in the entry of the look alone: reports are handed on (C-579/21)."""
        signed, version = await self._ledger.signed(), version_in_force(known.contracts.policy, known.now)
        return {
            "generated_at": known.now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "generated_by": role,
            "look": mark.look,
            "since": wanted.since.isoformat() if wanted.since else None,
            "until": wanted.until.isoformat() if wanted.until else None,
            "entity": wanted.entity or "all",
            "vendor": wanted.vendor or "all",
            "policy": version.version if version else None,
            "entries": [span.first, span.last],
            "verification": _verdict(span, signed),
        }


def _verdict(span: Span, signed: int | None) -> str:
    if span.broken is not None:
        return f"{_FAILED}: entry {span.broken} is not what was written"
    if signed is None:
        return f"{_FAILED}: the log was altered, and nobody vouches for it"
    return f"{span.read} entries hashed again, under the checkpoint of {signed} entries"


def _folded(page: Sequence[Stored], fold: Fold, joined: Joined, wanted: Wanted) -> list[Row]:
    return [
        row
        for stored in page
        if stored.body is not None
        for seen in joined.take(_seen(stored, stored.body))
        if _is_wanted(seen, wanted)
        for row in fold.take(seen)
    ]


def _seen(stored: Stored, body: bytes) -> Seen:
    return Seen(stored.seq, json.loads(body), toks=tuple(link.tok for link in stored.links))


def _report(wanted: Wanted) -> Report:
    """Raises UnknownReport."""
    if (report := REPORTS.get(wanted.report)) is None:
        raise UnknownReport(f"there is no such report; there are {', '.join(sorted(REPORTS))}")
    asked = {name for name in sorted(_EITHER) if getattr(wanted, name) is not None}
    if unfit := sorted(asked - report.of):
        raise UnknownReport(f"{wanted.report} cannot be made of one {unfit[0]}; leave `{unfit[0]}` out")
    return report


def _narrowed(contracts: ContractSet, wanted: Wanted) -> ContractSet:
    """Those of the vendor and the company that are asked for: others have no row, also where they have nothing."""
    vendors = {name: each for name, each in contracts.vendors.items() if wanted.vendor in (None, name)}
    companies = contracts.entities.entities
    entities = {name: each for name, each in companies.items() if wanted.entity in (None, name)}
    return replace(
        contracts,
        vendors=vendors,
        terms=tuple(each for each in contracts.terms if each.vendor.vendor in vendors),
        entities=contracts.entities.model_copy(update={"entities": entities}),
    )


def _is_wanted(seen: Seen, wanted: Wanted) -> bool:
    """Disclosures of this vendor and company; of all else what does not name another."""
    for name, asked in (("vendor", wanted.vendor), ("entity", wanted.entity)):
        said = seen.body.get(name) or None
        if asked not in (None, said) and (said is not None or seen.kind == "intent"):
            return False
    return True


def _broken(page: Sequence[Stored]) -> int | None:
    """The first place whose body does not have the hash beside it (RFC 6962 section 2.1)."""
    for each in page:
        if each.body is not None and leaf_hash(each.body) != each.hash:
            return each.seq
    return None


def _begins(on: date, zone: ZoneInfo) -> int:
    """When a day begins, in µs."""
    return int(datetime.combine(on, time.min, zone).timestamp()) * 1_000_000


async def _each(rows: Sequence[Row]) -> AsyncIterator[Row]:
    for row in rows:
        yield row


async def _text(
    writer: Writer, table: Table, header: Mapping[str, Any], rows: AsyncIterator[Row]
) -> AsyncIterator[str]:
    yield writer.begin(table, header)
    between = ""
    async for row in rows:
        yield between + writer.row(table, row)
        between = writer.between
    yield writer.end
