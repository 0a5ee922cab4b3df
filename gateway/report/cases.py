"""The registers of what is done beside calls: demands of authorities, incidents, notices and waivers."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from gateway.ledger.steps import CLOCK
from gateway.report.seen import Known, Seen, days_after, instant, moment
from gateway.report.table import Cell, Row, Table
from gateway.vocabulary.notices import Duty, NoticeState

_OWED = frozenset({NoticeState.QUEUED, NoticeState.TASK, NoticeState.SENT, NoticeState.CONFIRMED})

DEMANDS = Table(
    "Register of disclosures outside contracts",
    "policy, exceptional disclosures; GDPR 48; PIPL 41",
    {
        "case": "case",
        "scenario": "scenario",
        "opened": "opened",
        "requested_by": "opened by",
        "recipient": "kind of recipient",
        "recipient_name": "which one, where something went",
        "country": "its country",
        "demand": "origin of the demand",
        "subjects": "people asked about",
        "categories": "categories asked for",
        "approved_by": "approved by",
        "opinion_by": "opinion by",
        "approved": "categories approved",
        "outcome": "outcome",
        "decided": "decided",
        "handover": "how it was handed over",
        "fields": "fields handed over",
        "withheld": "fields that stayed",
        "disclosure": "disclosure",
        "suppressed_until": "the person is not told until",
        "told": "person told",
        "review": "review of an emergency",
        "escalated": "review overdue",
    },
)
TOTALS = Table(
    "Yearly totals of disclosures outside contracts",
    "policy, exceptional disclosures: a report on how often",
    {
        "year": "year",
        "scenario": "scenario",
        "cases": "cases",
        "sent": "data was given",
        "refused": "refused",
        "preserved": "preserved",
        "open": "open",
        "subjects": "people",
    },
)
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
_OUTCOMES = {"send": "sent", "refuse": "refused", "preserve": "preserved"}
_EACH = ("recipient", "country", "demand")


def _words(value: object) -> Cell:
    """A member of an entry as a cell."""
    if isinstance(value, list | tuple):
        return tuple(map(str, value))
    return value if isinstance(value, int | str) else None


class Demands:
    """One row for each case, in the order in which they were opened."""

    def __init__(self, _: Known) -> None:
        self._cases: dict[str, dict[str, Any]] = {}

    def take(self, seen: Seen) -> Iterable[Row]:
        if seen.kind == "exceptional":
            body, at = seen.body, seen.at
            row = self._cases.setdefault(body["case"], dict.fromkeys(DEMANDS.columns) | {"case": body["case"]})
            row["scenario"] = body["scenario"]
            _STEPS.get(body["step"], _nothing)(row, body, at)
        elif outside := seen.body.get("exceptional"):
            # A private person stands there without their name. A case of before the days that are asked for has no row.
            self._cases.get(outside["case"], {})["recipient_name"] = seen.body["recipient"]["name"]
        return ()

    def rest(self) -> Iterator[Row]:
        yield from self._cases.values()


def _nothing(row: dict[str, Any], body: Any, at: str) -> None:
    del row, body, at


def _requested(row: dict[str, Any], body: Any, at: str) -> None:
    row |= {"opened": at, "requested_by": body["by"], "outcome": "open", "subjects": body["subjects"]}
    row |= {name: _words(body.get(name)) for name in (*_EACH, "categories")}
    row["suppressed_until"] = instant(body["suppressed_until"]) if "suppressed_until" in body else None


def _approved(row: dict[str, Any], body: Any, at: str) -> None:
    del at
    row["approved_by"] = (*(row["approved_by"] or ()), body["by"])
    row["approved"] = _words(body.get("categories"))


def _decided(row: dict[str, Any], body: Any, at: str) -> None:
    row |= {"outcome": _OUTCOMES[body["step"]], "decided": at}
    row |= {name: _words(body.get(name)) for name in ("handover", "fields", "withheld", "disclosure")}


_STEPS: Mapping[str, Callable[[dict[str, Any], Any, str], None]] = {
    "request": _requested,
    "approve": _approved,
    "opinion": lambda row, body, _: row.update(opinion_by=body["by"]),
    "send": _decided,
    "refuse": _decided,
    "preserve": _decided,
    "review": lambda row, body, at: row.update(review=f"{body.get('judgement', 'done')} by {body['by']} {at}"),
    "escalate": lambda row, _body, at: row.update(escalated=at),
    "told": lambda row, _body, at: row.update(told=at),
}


class Totals:
    """One row for each year and scenario."""

    def __init__(self, known: Known) -> None:
        self._demands = Demands(known)

    def take(self, seen: Seen) -> Iterable[Row]:
        return self._demands.take(seen)

    def rest(self) -> Iterator[Row]:
        counts: dict[tuple[str, str], Counter[str]] = {}
        for case in self._demands.rest():
            count = counts.setdefault((str(case["opened"])[:4], str(case["scenario"])), Counter())
            count.update({"cases": 1, str(case["outcome"]): 1, "subjects": int(str(case["subjects"] or 0))})
        for (year, scenario), count in sorted(counts.items()):
            named = {name: count[name] for name in ("cases", "sent", "refused", "preserved", "open", "subjects")}
            yield {"year": year, "scenario": scenario, **named}


_MOMENTS = ("began", "ended", "vendor_told", "aware")
_TOLD = {"authority": "authority_told", "people": "people_told", "closed": "closed"}


class Incidents:
    """One row for each incident."""

    def __init__(self, known: Known) -> None:
        self._now = known.now
        self._rows: dict[str, dict[str, Any]] = {}

    def take(self, seen: Seen) -> Iterable[Row]:
        if seen.kind == "incident":
            body, step = seen.body, seen.body["step"]
            row = self._rows.setdefault(body["incident"], dict.fromkeys(INCIDENTS.columns) | {"steps": ()})
            if step == "opened":
                row |= {name: _words(body[name]) for name in INCIDENTS.columns if name in body} | {"opened": seen.at}
                row |= {name: instant(row[name]) for name in _MOMENTS if row[name]}
            row["steps"] = (*row["steps"], f"{step} {seen.at}")
            if (told := _TOLD.get(step)) is not None:
                row |= {told: instant(body.get("at", seen.at)), "why": body.get("why", row["why"])}
        return ()

    def rest(self) -> Iterator[Row]:
        yield from (row | self._clock(row) for row in self._rows.values())

    def _clock(self, row: Row) -> dict[str, Cell]:
        """Nothing where it was opened before the days that are asked for; its hours run until it is closed."""
        if row["aware"] is None:
            return {}
        due, told = datetime.fromisoformat(str(row["aware"])) + CLOCK, row["authority_told"]
        late = (datetime.fromisoformat(str(told)) if told else self._now) - due
        hours = max(late // timedelta(hours=1), 0) if told or not row["closed"] else None
        return {"authority_due": instant(due.isoformat()), "hours_late": hours}


class Notices:
    """One row for each notice, with the state that it has come to."""

    def __init__(self, known: Known) -> None:
        self._now = known.now
        self._rows: dict[str, dict[str, Any]] = {}
        self._told: dict[str, Mapping[str, Any]] = {}

    def take(self, seen: Seen) -> Iterable[Row]:
        body = seen.body
        if seen.kind == "fact" and "notice" in body:
            row = self._rows.setdefault(body["notice"], dict.fromkeys(NOTICES.columns))
            # The step that opens it says how it is told; one of before the days that are asked for is not seen.
            row["opened"] = seen.at if "way" in body else row["opened"]
            stated = {name: _words(body[name]) for name in NOTICES.columns if name in body}
            row["cause"] = body["fact"].partition(":")[2]
            row |= stated | {"since": seen.at, "due": moment(body["due"]) if "due" in body else row["due"]}
            self._told[body["notice"]] = {**self._told.get(body["notice"], {}), **body}
        return ()

    def rest(self) -> Iterator[Row]:
        yield from (row | {"days_late": days_late(self._told[name], self._now)} for name, row in self._rows.items())


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
