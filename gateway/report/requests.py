"""The register of what people asked for: when, in which manner, when and how it was answered, and why not."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from gateway.report.seen import Known, Seen, days_after, moment
from gateway.report.table import Cell, Row, Table
from gateway.vocabulary import CLOSED_REQUESTS, Right

REQUESTS = Table(
    "Requests of people",
    "GDPR 12(3); CCPA Regulations 7101",
    {
        "request": "request; of what was answered at once, its entry",
        "right": "right",
        "categories": "categories that were asked about, all where none is named",
        "received": "received",
        "by": "who asked",
        "requester": "for whom they ask",
        "status": "status",
        "due": "to be answered by",
        "extended": "why it takes longer",
        "answered": "answered",
        "answer": "what was decided",
        "refused_because": "why something was refused",
        "closed": "closed",
        "days_late": "days by which the answer is late, or came late",
        "steps": "steps, by whom, and when",
    },
)
_REPORT = "report"


class Requests:
    """One row for each request, and for each time that somebody was told who received their data; whose it is stands in
    none. A step that does not say of which request it is has a row of its own.
    """

    def __init__(self, known: Known) -> None:
        self._now = int(known.now.timestamp() * 1_000_000)
        self._rows: dict[str, dict[str, Any]] = {}
        self._due: dict[str, tuple[int, int]] = {}
        self._since = known.since
        self._last: dict[str, int] = {}

    def take(self, seen: Seen) -> Iterable[Row]:
        body = seen.body
        named, _, right = str(body.get("fact", "")).partition(":")
        if seen.kind == "fact" and named == "request":
            self._step(seen, right)
        elif seen.kind == "access" and body["action"] == _REPORT and "refused" not in body:
            filters = dict(body.get("filters", ()))
            # The reports of this module have their name among the filters, and are about nobody.
            if _REPORT not in filters:
                self._rows[body["id"]] = _at_once(seen, filters.get("requester"))
                self._last[body["id"]] = body["ts"]
        return ()

    def _step(self, seen: Seen, right: str) -> None:
        body, request = seen.body, str(seen.body.get("request", seen.body["id"]))
        first = dict.fromkeys(REQUESTS.columns) | {
            "request": request, "right": right, "steps": (),
        }  # fmt: skip
        row, self._last[request] = self._rows.setdefault(request, first), body["ts"]
        row["steps"] = (*row["steps"], f"{body.get('state')} by {body.get('by')} {seen.at}")
        row |= _stated(body)
        if row["answered"] is None and (body.get("rulings") or body.get("state") in CLOSED_REQUESTS):
            row["answered"] = seen.at
            self._due[request] = body.get("due", 0), body["ts"]
        elif row["answered"] is None:
            self._due[request] = body.get("due", 0), self._now
        if body.get("state") in CLOSED_REQUESTS:
            row["closed"] = row["closed"] or seen.at

    def rest(self) -> Iterator[Row]:
        for request, row in self._rows.items():
            due, ended = self._due.get(request, (0, 0))
            if self._last[request] < self._since and row["closed"]:
                continue
            yield row | {"days_late": days_after(due, ended) if due else None}


def _stated(body: Mapping[str, Any]) -> dict[str, Cell]:
    """What a step says of its request as a whole; the newest counts."""
    return {
        "received": moment(body.get("received", body["ts"])),
        "by": body.get("asked_by", body.get("by")),
        "status": body.get("state"),
        "categories": tuple(body.get("categories", ())),
        "requester": body.get("requester"),
        "due": moment(body["due"]) if "due" in body else None,
        "extended": body.get("extended"),
        "answer": tuple(body.get("rulings", ())),
        "refused_because": tuple(body.get("reasons", ())),
    }


def _at_once(seen: Seen, requester: str | None) -> dict[str, Any]:
    """Somebody asked who received their data, and was told."""
    return dict.fromkeys(REQUESTS.columns) | {
        "request": seen.body["id"],
        "right": Right.ACCESS.value,
        "received": seen.at,
        "by": seen.body["reviewer"],
        "requester": requester or "self",
        "status": "fulfilled",
        "answered": seen.at,
        "answer": (f"{seen.body['found']} lines",),
        "closed": seen.at,
        "steps": (),
    }
