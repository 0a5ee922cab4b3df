"""What has to be done by when, from every part that knows deadlines: as a list, and as a calendar."""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, time
from typing import TypeAlias
from zoneinfo import ZoneInfo

from gateway.clearance.papers import last_day
from gateway.contract.load import ContractSet
from gateway.due import Due
from gateway.registry import notices, requests
from gateway.registry.registry import Registry
from gateway.vocabulary import Role

MEDIA = "text/calendar; charset=utf-8"
Source: TypeAlias = Callable[[], Awaitable[Sequence[Due]]]
"""A part that knows deadlines. Nothing of theirs says whom something is about."""

_ANSWERS = 500


async def deadlines(sources: Iterable[Source]) -> list[Due]:
    """All of them, the next one first. Raises Refusal."""
    found = [due for source in sources for due in await source()]
    return sorted(found, key=lambda due: (due.at, due.what, due.ref))


def of_registry(registry: Registry) -> Source:
    """What vendors are to confirm, and what people are to be answered."""

    async def source() -> Sequence[Due]:
        told = await registry.read(notices.listed, notices.Wanted(is_open=True, limit=_ANSWERS))
        asked = await registry.read(requests.open_requests, "")
        return [
            *(Due(f"notice.{each.cause}", each.id, each.due, Role.STEWARD) for each in told),
            *(Due(f"request.{each.right}", each.request, each.due, Role.STEWARD) for each in asked),
        ]

    return source


def of_contracts(contracts: Callable[[], ContractSet]) -> Source:
    """When papers end and reviews are due, at the end of the day where the policy says."""

    async def source() -> Sequence[Due]:
        return list(_papers(contracts()))

    return source


def _papers(contracts: ContractSet) -> Iterator[Due]:
    zone = ZoneInfo(contracts.policy.time_zone)
    for name, vendor in contracts.vendors.items():
        yield Due("vendor.review", name, datetime.combine(vendor.review, time.max, zone), Role.REVIEWER)
        for paper in vendor.agreements:
            if (last := last_day(paper)) is not None:
                yield Due("agreement.ends", f"{name} {paper.id}", datetime.combine(last, time.max, zone), Role.STEWARD)


def calendar(found: Iterable[Due], now: datetime) -> str:
    """The same as an iCalendar object (RFC 5545): an event at each deadline, under a name that stays."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//data-sharing-gateway//deadlines//EN"]
    for due in found:
        lines += [
            "BEGIN:VEVENT",
            f"UID:{_text(due.what)}/{_text(due.ref)}@data-sharing-gateway",
            f"DTSTAMP:{_moment(now)}",
            f"DTSTART:{_moment(due.at)}",
            f"SUMMARY:{_text(due.what)}: {_text(due.ref)} ({due.role})",
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
