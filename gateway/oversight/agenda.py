"""What has to be done by when, from every part that knows deadlines: as a list, and as a calendar."""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from gateway.clearance.papers import binds, day, last_day
from gateway.contract.announcing import undecided
from gateway.contract.attesting import owed
from gateway.contract.load import ContractSet
from gateway.contract.terms import Terms
from gateway.due import Due
from gateway.ledger.store import Entry, Filter
from gateway.ledger.tallies import Count
from gateway.registry import notices, requests
from gateway.registry.notices import Notice
from gateway.registry.registry import Registry
from gateway.vocabulary import Role, TransferMechanism
from gateway.vocabulary.china import CLOCK, THRESHOLDS
from gateway.vocabulary.notices import Cause, NoticeState

MEDIA = "text/calendar; charset=utf-8"
Source: TypeAlias = Callable[[], Awaitable[Sequence[Due]]]
"""A part that knows deadlines. Nothing of theirs says whom something is about."""

_ANSWERS = 500
_KEYS = 10  # entries of keys, of which at least one is of a key that was made
_MONTH = timedelta(days=31)
_EARLY = 10  # a tenth of what is allowed
# An assessment lets any number of people through.
_HELD = frozenset({TransferMechanism.CN_CERTIFICATION, TransferMechanism.CN_STANDARD_CONTRACT})


async def deadlines(sources: Iterable[Source]) -> list[Due]:
    """All of them, the next one first. Raises Refusal."""
    found = [due for source in sources for due in await source()]
    return sorted(found, key=lambda due: (due.at, due.what, due.ref))


def of_registry(registry: Registry) -> Source:
    """What vendors are to be told and to confirm, and what people are to be answered."""

    async def source() -> Sequence[Due]:
        told = await registry.read(notices.listed, notices.Wanted(is_open=True, limit=_ANSWERS))
        asked = await registry.read(requests.open_requests, "")
        return [
            # What waits for a hold, nobody does until it is over.
            *(_telling(each) for each in told if each.state is not NoticeState.HELD),
            *(Due(f"request.{each.right}", each.request, each.due, Role.STEWARD) for each in asked),
        ]

    return source


def _telling(notice: Notice) -> Due:
    """Somebody tells the vendor, or it confirms."""
    ref = f"{notice.vendor} {notice.id}"
    if notice.state is NoticeState.TASK and notice.cause is not Cause.KEEP:
        return Due(f"tell.{notice.cause}", ref, notice.due, Role.STEWARD)
    return Due(f"notice.{notice.cause}", ref, notice.due, Role.STEWARD)


def of_contracts(contracts: Callable[[], Awaitable[ContractSet]], now: Callable[[], datetime]) -> Source:
    """When papers and transfer mechanisms end and reviews are due, at the end of the day where the policy says.
    Also when versions of the policy come into force by themselves, and companies begin to work for a vendor about whom
    nobody has decided.

    `contracts` gives them with the papers that were entered.
    """

    async def source() -> Sequence[Due]:
        return list(_papers(await contracts(), now()))

    return source


def _papers(contracts: ContractSet, now: datetime) -> Iterator[Due]:
    zone = ZoneInfo(contracts.policy.time_zone)
    for name, vendor in contracts.vendors.items():
        yield Due("vendor.review", name, datetime.combine(vendor.review, time.max, zone), Role.REVIEWER)
        for each in owed(vendor, contracts.attested):
            ref = f"{name} {each.of}"
            yield Due("vendor.attestation", ref, datetime.combine(each.due, time.max, zone), Role.REVIEWER)
        for company in undecided(vendor, contracts.announced.get(name, ())):
            ref = f"{name} {company.name} ({company.country})"
            # Before that day begins: from then on data may be there.
            yield Due("vendor.sub_processor", ref, datetime.combine(company.since, time.min, zone), Role.REVIEWER)
    ends = dict(_agreements(contracts, day(contracts.policy, now))) | dict(_mechanisms(contracts.terms))
    for (what, ref), last in ends.items():
        yield Due(what, ref, datetime.combine(last, time.max, zone), Role.STEWARD)
    for version in (each for each in contracts.policy.versions if now < each.published):
        yield Due("policy.planned", version.version, version.published, Role.STEWARD)


def _agreements(contracts: ContractSet, today: date) -> Iterator[tuple[tuple[str, str], date]]:
    """The last day of each; one that has ended and was followed by another has nobody do anything."""
    entities = contracts.entities.entities
    for name, vendor in contracts.vendors.items():
        going_on = any(binds(paper, each, today) for paper in vendor.agreements for each in entities)
        for paper in vendor.agreements:
            last = last_day(paper)
            if last and not (last < today and going_on):
                yield ("agreement.ends", f"{name} {paper.id}"), last


def _mechanisms(terms: Iterable[Terms]) -> Iterator[tuple[tuple[str, str], date]]:
    """The last day of each mechanism by which data leaves the area of a law, however many operations it serves."""
    for each in terms:
        for law, lines in each.transfer.items():
            for line in lines:
                if line.until is not None:
                    yield ("transfer.ends", f"{each.vendor.vendor} {line.mechanism} for {law}"), line.until


def of_certificates(certificates: Callable[[], Mapping[str, datetime]]) -> Source:
    """When what we prove ourselves by to a vendor runs out, and nothing reaches it any more."""

    async def source() -> Sequence[Due]:
        return [Due("client_certificate.ends", each, at, Role.OPERATOR) for each, at in certificates().items()]

    return source


def of_keys(entries: Callable[[Filter], Awaitable[Sequence[Entry]]]) -> Source:
    """When the keys of people are to be turned over: a month after the last time, or after the log began."""

    async def source() -> Sequence[Due]:
        made = [each.body for each in await entries(Filter(kind="key", limit=_KEYS)) if each.body["state"] == "created"]
        began = [each.body for each in await entries(Filter(kind="genesis", limit=1))]
        return [
            Due("keys.turnover", f"generation {each.get('generation', 1)}", _month_after(each["ts"]), Role.OPERATOR)
            for each in (made or began)[:1]
        ]

    return source


def _month_after(microseconds: Any) -> datetime:
    return datetime.fromtimestamp(microseconds / 1_000_000, UTC) + _MONTH


def of_counts(
    counts: Callable[[], Awaitable[Sequence[Count]]],
    contracts: Callable[[], ContractSet],
    now: Callable[[], datetime],
) -> Source:
    """By when a company's transfers out of China reach what the law asks more for, at the pace of this year."""

    async def source() -> Sequence[Due]:
        return list(_nearing(await counts(), contracts(), now()))

    return source


def _nearing(counts: Iterable[Count], contracts: ContractSet, now: datetime) -> Iterator[Due]:
    local = now.astimezone(CLOCK)
    began, ends = datetime(local.year, 1, 1, tzinfo=CLOCK), datetime(local.year + 1, 1, 1, tzinfo=CLOCK)
    lines = {line.mechanism for terms in contracts.terms for each in terms.transfer.values() for line in each}
    if not lines & _HELD:
        return
    for count in counts:
        if count.period != str(local.year) or count.scope not in contracts.entities.entities:
            continue
        for threshold in THRESHOLDS:
            # At first the pace says nothing yet.
            if threshold.what != count.what or count.n * _EARLY < threshold.people:
                continue
            reached = began + (local - began) * (threshold.people / count.n)
            if reached < ends:
                ref = f"{count.scope} {threshold.people} {threshold.what}: {threshold.asks}"
                yield Due("transfer.people_in_china", ref, reached, Role.DPO)


def calendar(found: Iterable[Due], now: datetime) -> str:
    """The same as an iCalendar object (RFC 5545): an event at each deadline, under a name that stays."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//data-sharing-gateway//deadlines//EN"]
    for due in found:
        lines += [
            "BEGIN:VEVENT",
            f"UID:{_text(due.what)}/{_text(due.ref)}@data-sharing-gateway",
            f"DTSTAMP:{_moment(now)}",
            f"DTSTART:{_moment(due.at)}",
            f"SUMMARY:{_text(due.said)} ({due.role})",
            f"CATEGORIES:{_text(due.what)}",
            "END:VEVENT",
        ]
    return "".join(f"{part}\r\n" for line in [*lines, "END:VCALENDAR"] for part in _folded(line))


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def _text(text: str) -> str:
    """RFC 5545, section 3.3.11."""
    escaped = text.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    return escaped.replace("\r", " ").replace("\n", "\\n")


def _folded(line: str, most: int = 75) -> Iterator[str]:
    """Lines of at most 75 octets; those that go on begin with a space (section 3.1)."""
    part = ""
    for sign in line:
        if len((part + sign).encode()) > most:
            yield part
            part = " "
        part += sign
    yield part
