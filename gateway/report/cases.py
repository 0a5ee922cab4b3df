"""The registers of what is done beside calls: incidents, notices and waivers."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from gateway.ledger.steps import CLOCK
from gateway.report.seen import Known, Seen, days_after, instant, moment
from gateway.report.table import Cell, Row, Table, cell_of
from gateway.vocabulary.notices import Duty, NoticeState

_OWED = frozenset({NoticeState.QUEUED, NoticeState.TASK, NoticeState.SENT, NoticeState.CONFIRMED})

INCIDENTS = Table(
    "Incidents",
    "GDPR 33, 34; PIPL 57",
    {
        "incident": "incident",
        "vendor": "vendor",
        "reference": "reference",
        "nature": "nature",
        "operations": "operations, all where none is named",
        "began": "began",
        "ended": "ended",
        "vendor_told": "the vendor told us",
        "aware": "we were aware",
        "authority_due": "authority to be told by",
        "authority_told": "authority told",
        "hours_late": "hours too late",
        "why": "why so late",
        "people_told": "people told",
        "opened": "opened",
        "steps": "steps, and when",
        "closed": "closed",
    },
)
NOTICES = Table(
    "Notices to vendors",
    "GDPR 17(2), 19; PIPL 47",
    {
        "notice": "notice",
        "cause": "cause",
        "vendor": "vendor",
        "opened": "opened",
        "way": "way",
        "duty": "how the vendor answers for it",
        "law": "law by which it keeps",
        "categories": "categories",
        "due": "due",
        "state": "state",
        "since": "since",
        "days_late": "days by which the answer is late, or came late",
        "reason": "reason",
    },
)
WAIVERS = Table(
    "Waivers",
    "policy, supervision: what passed although a ground was missing",
    {
        "waiver": "waiver",
        "steps": "steps, and when",
        "by": "by",
        "disclosures": "disclosures that passed by it",
        "operations": "operations",
    },
)
_MOMENTS = ("began", "ended", "vendor_told", "aware")
_TOLD = {"authority": "authority_told", "people": "people_told", "closed": "closed"}


class Incidents:
    """One row for each incident; of one from before the days that are asked for only if something was done about it in
    them, or it is not closed.
    """

    def __init__(self, known: Known) -> None:
        self._now, self._since = known.now, known.since
        self._rows: dict[str, dict[str, Any]] = {}
        self._last: dict[str, int] = {}

    def take(self, seen: Seen) -> Iterable[Row]:
        if seen.kind == "incident":
            body, step = seen.body, seen.body["step"]
            row = self._rows.setdefault(body["incident"], dict.fromkeys(INCIDENTS.columns) | {"steps": ()})
            if step == "opened":
                row |= {name: cell_of(body[name]) for name in INCIDENTS.columns if name in body} | {"opened": seen.at}
                row |= {name: instant(row[name]) for name in _MOMENTS if row[name]}
            row["steps"] = (*row["steps"], f"{step} {seen.at}")
            self._last[body["incident"]] = body["ts"]
            if (told := _TOLD.get(step)) is not None:
                row |= {told: instant(body.get("at", seen.at)), "why": body.get("why", row["why"])}
        return ()

    def rest(self) -> Iterator[Row]:
        for incident, row in self._rows.items():
            if self._since <= self._last[incident] or not row["closed"]:
                yield row | self._clock(row)

    def _clock(self, row: Row) -> dict[str, Cell]:
        """Its hours run until it is closed; nothing where the opening is on record no more."""
        if row["aware"] is None:
            return {}
        due, told = datetime.fromisoformat(str(row["aware"])) + CLOCK, row["authority_told"]
        late = (datetime.fromisoformat(str(told)) if told else self._now) - due
        hours = max(late // timedelta(hours=1), 0) if told or not row["closed"] else None
        return {"authority_due": instant(due.isoformat()), "hours_late": hours}


class Notices:
    """One row for each notice, with the state that it has come to; of one from before the days that are asked for only
    if something became of it in them, or it is still open.
    """

    def __init__(self, known: Known) -> None:
        self._now, self._since = known.now, known.since
        self._rows: dict[str, dict[str, Any]] = {}
        self._told: dict[str, Mapping[str, Any]] = {}

    def take(self, seen: Seen) -> Iterable[Row]:
        body = seen.body
        if seen.kind == "fact" and "notice" in body:
            row = self._rows.setdefault(body["notice"], dict.fromkeys(NOTICES.columns))
            # The step that opens it says how it is told.
            row["opened"] = seen.at if "way" in body else row["opened"]
            stated = {name: cell_of(body[name]) for name in NOTICES.columns if name in body}
            row["cause"] = body["fact"].partition(":")[2]
            row |= stated | {"since": seen.at, "due": moment(body["due"]) if "due" in body else row["due"]}
            self._told[body["notice"]] = {**self._told.get(body["notice"], {}), **body}
        return ()

    def rest(self) -> Iterator[Row]:
        for name, row in self._rows.items():
            told = self._told[name]
            if self._since <= told["ts"] or is_open(told):
                yield row | {"days_late": days_late(told, self._now)}


def is_open(told: Mapping[str, Any]) -> bool:
    """Whether somebody is still to tell the vendor, or it is to confirm."""
    is_owed = told["state"] == NoticeState.SENT and told.get("duty") == Duty.CONFIRMS
    return is_owed or told["state"] in (NoticeState.QUEUED, NoticeState.TASK, NoticeState.HELD)


def days_late(told: Mapping[str, Any], now: datetime) -> int:
    """By what its entries say of a notice, the newest last: days, begun ones too, by which the vendor's answer is late
    or came late. Only of who confirms one is owed by a day, and of nobody while there is a hold.
    """
    if told.get("duty") != Duty.CONFIRMS or told["state"] not in _OWED:
        return 0
    ended: int = told["ts"] if told["state"] == NoticeState.CONFIRMED else int(now.timestamp() * 1_000_000)
    return days_after(told["due"], ended)


class Waivers:
    """One row for each waiver, with what passed by it."""

    def __init__(self, _: Known) -> None:
        self._rows: dict[str, dict[str, Any]] = {}

    def take(self, seen: Seen) -> Iterable[Row]:
        named, _, waiver = str(seen.body.get("fact", "")).partition(":")
        if seen.kind == "fact" and named == "waiver":
            row = self._row(waiver)
            row["steps"] = (*row["steps"], f"{seen.body.get('state')} {seen.at}")
            row["by"] = (*row["by"], str(seen.body.get("by")))
        for waiver in seen.body.get("waivers", ()) if seen.is_disclosed else ():
            row = self._row(waiver)
            row["disclosures"] += 1
            row["operations"] = tuple(sorted({*row["operations"], seen.operation}))
        return ()

    def rest(self) -> Iterator[Row]:
        yield from self._rows.values()

    def _row(self, waiver: str) -> dict[str, Any]:
        first = {"waiver": waiver, "steps": (), "by": (), "disclosures": 0, "operations": ()}
        return self._rows.setdefault(waiver, first)
