"""The register of disclosures outside contracts: what was asked, on what, by whom it was decided, and what went."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from gateway.report.registers import bases_of, words
from gateway.report.seen import Known, Seen, instant
from gateway.report.table import Cell, Row, Table, cell_of

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
        "crossing": "on what it crosses a border",
        "stored_in": "where the data stands",
        "dated": "date of the instrument",
        "instrument": "what the instrument is: written, reasoned, about all, standing",
        "urgency": "what makes it an emergency",
        "danger": "what is in danger",
        "named": "what the case itself names in words",
        "data_since": "data from",
        "data_until": "data to",
        "deadline": "to be answered by",
        "asked_people": "people asked about",
        "subjects": "people found",
        "categories": "categories asked for",
        "asked_fields": "fields asked for",
        "opinion_by": "opinion by",
        "opinion": "what it is, and of which day",
        "approved_by": "approved by",
        "approved": "categories approved",
        "outcome": "outcome",
        "extent": "of what was asked",
        "decided": "decided",
        "decided_by": "by whom",
        "legal_bases": "legal bases",
        "handover": "how it was handed over",
        "fields": "fields handed over",
        "withheld": "fields that stayed",
        "disclosure": "disclosure",
        "suppressed_until": "the person is not told until",
        "told": "person told",
        "review": "review of an emergency",
        "escalated": "review overdue",
        "closed": "nothing is left to do since",
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
_OUTCOMES = {"send": "sent", "refuse": "refused", "preserve": "preserved"}
_EACH = (
    "recipient", "country", "demand", "crossing", "stored_in", "dated", "instrument", "urgency", "danger", "named",
    "data_since", "data_until", "deadline", "asked_people", "subjects", "categories", "asked_fields",
)  # fmt: skip


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
            row = self._cases.get(outside["case"], {})
            row |= {"recipient_name": seen.body["recipient"]["name"], "legal_bases": words(bases_of(seen))}
        return ()

    def rest(self) -> Iterator[Row]:
        yield from (row | {"closed": _closed(row)} for row in self._cases.values())


def _nothing(row: dict[str, Any], body: Any, at: str) -> None:
    del row, body, at


def _requested(row: dict[str, Any], body: Any, at: str) -> None:
    row |= {"opened": at, "requested_by": body["by"], "outcome": "open"}
    row |= {name: cell_of(body.get(name)) for name in _EACH}
    row["suppressed_until"] = instant(body["suppressed_until"]) if "suppressed_until" in body else None


def _opined(row: dict[str, Any], body: Any, at: str) -> None:
    del at
    stated = {"yes": "in favour", "no": "against it"}.get(body.get("favourable"))
    row |= {"opinion_by": body["by"], "opinion": ", ".join(filter(None, (stated, body.get("dated")))) or None}


def _approved(row: dict[str, Any], body: Any, at: str) -> None:
    del at
    row["approved_by"] = (*(row["approved_by"] or ()), body["by"])
    row["approved"] = cell_of(body.get("categories"))
    fields = body.get("approved_fields")
    row["extent"] = None if fields is None else "all of it" if fields == row["asked_fields"] else "a part"


def _decided(row: dict[str, Any], body: Any, at: str) -> None:
    row |= {"outcome": _OUTCOMES[body["step"]], "decided": at, "decided_by": body["by"]}
    row |= {name: cell_of(body.get(name)) for name in ("handover", "fields", "withheld", "disclosure")}


def _closed(row: Row) -> Cell:
    """When the last thing was done: a refusal, or that the person was told and an emergency was reviewed."""
    if row["outcome"] == "refused":
        return row["decided"]
    if row["outcome"] != "sent" or (row["scenario"] == "emergency" and not row["review"]):
        return None
    told, review = row["told"], str(row["review"] or "").rpartition(" ")[2]
    return max(str(told), review) if told else None


_STEPS: Mapping[str, Callable[[dict[str, Any], Any, str], None]] = {
    "request": _requested,
    "approve": _approved,
    "opinion": _opined,
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
