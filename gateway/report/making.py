"""Makes reports: reads the record, checks what it reads, puts the look on record, and hands the table out in pieces."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from gateway.accesses import Accesses, Watermark
from gateway.clearance import version_in_force
from gateway.contract.load import ContractSet
from gateway.ledger.canonical import leaf_hash
from gateway.ledger.database import or_refused
from gateway.ledger.housekeeping import Access
from gateway.ledger.ledger import Ledger
from gateway.ledger.store import Filter, Head, Stored
from gateway.report.seen import Fold, Joined, Known, Seen
from gateway.report.table import WRITERS, Row, Table, Writer
from gateway.report.wanted import Report, UnknownReport, Wanted, is_row_wanted, is_wanted, narrowed, report_of

PAGE = 1_000  # entries that are read at a time
_AHEAD = 64  # frames that wait for whoever reads them
_FAILED = "FAILED"  # how the line begins that says that what was read is not what was written
_NOTHING = Head(0, b"", 0, "", b"")


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


@dataclass(slots=True)
class Span:
    """Which places are read, and how far that has come. `broken` is the first that is not what was hashed."""

    first: int
    last: int
    read: int = 0
    broken: int | None = None


Progress = Callable[[int, int], None]


class Reports:
    """`contracts` gives those in force with the papers that were entered, `accepted` who accepted which version of the
    policy, `now` the time.
    """

    def __init__(
        self,
        ledger: Ledger,
        accesses: Accesses,
        contracts: Callable[[], Awaitable[ContractSet]],
        accepted: Callable[[], Awaitable[Mapping[tuple[str, str], int]]],
        now: Callable[[], datetime],
    ) -> None:
        self._ledger = ledger
        self._accesses = accesses
        self._contracts = contracts
        self._accepted = accepted
        self._now = now

    async def made(
        self, asked: Mapping[str, Any], *, by: str, role: str, told: Progress = lambda _read, _all: None
    ) -> Made:
        """A report. `told` hears how many entries of how many are read.

        That somebody looked is written down before the first piece. Raises ValidationError, UnknownReport, Refusal.
        """
        wanted = Wanted.model_validate(asked)
        report = report_of(wanted)
        contracts = await self._contracts()
        await self._demand_known(contracts, wanted)
        begins = _begins(wanted.since, ZoneInfo(contracts.policy.time_zone)) if wanted.since else None
        known = Known(
            narrowed(contracts, wanted), self._now(), await self._ledger.tallies(), await self._accepted(), begins or 0
        )
        span = await self._span(None if report.whole_past else begins, wanted.until, known)
        tally, whole = Tally(), list[Row]()
        async for row in self._rows(report, known, wanted, span, told):
            tally.rows += 1
            tally.wrong += report.is_wrong is not None and report.is_wrong(row)
            # What can be as long as the record itself is read twice, since how it was checked is said above it.
            if not report.streams:
                whole.append(row)
        filters = {name: str(value) for name, value in wanted.model_dump(exclude_none=True).items()}
        mark = await self._accesses.record(Access(by, "report", tuple(sorted(filters.items())), tally.rows))
        header = await self._header(wanted, known, span, role, mark) | {"row_count": tally.rows}
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
            for row in await asyncio.to_thread(_folded, page, fold, joined, wanted, report):
                yield row
        for seen in joined.rest():
            for row in fold.take(seen) if is_wanted(seen, wanted, report) else ():
                yield row
        for row in fold.rest():
            if is_row_wanted(row, wanted, report):
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

    async def _span(self, since: int | None, last_day: date | None, known: Known) -> Span:
        """The places of a time to the end of a day, found by halves: later entries stand further on."""
        size = (await self._ledger.extent() or _NOTHING).size
        zone = ZoneInfo(known.contracts.policy.time_zone)
        until = _begins(last_day + timedelta(days=1), zone) if last_day else None
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

    async def _header(self, wanted: Wanted, known: Known, span: Span, role: str, mark: Watermark) -> dict[str, Any]:
        """Who made it stands in the entry of the look alone: reports are handed on (C-579/21)."""
        signed, version = await self._ledger.signed(), version_in_force(known.contracts.policy, known.now)
        return {
            "generated_at": known.now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "generated_by": role,
            "look": mark.look,
            "since": wanted.since.isoformat() if wanted.since else None,
            "until": wanted.until.isoformat() if wanted.until else None,
            "days_of": known.contracts.policy.time_zone,
            "times_of": "UTC",
            "entity": wanted.entity or "all",
            "vendor": wanted.vendor or "all",
            "purpose": wanted.purpose or "all",
            "jurisdiction": wanted.jurisdiction or "all",
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


def _folded(page: Sequence[Stored], fold: Fold, joined: Joined, wanted: Wanted, report: Report) -> list[Row]:
    return [
        row
        for stored in page
        if stored.body is not None
        for seen in joined.take(_seen(stored, stored.body))
        if is_wanted(seen, wanted, report)
        for row in fold.take(seen)
    ]


def _seen(stored: Stored, body: bytes) -> Seen:
    return Seen(stored.seq, json.loads(body), toks=tuple(link.tok for link in stored.links))


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
