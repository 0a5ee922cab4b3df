"""Who looked at the record, and by whose grant at much of it, and whether a withdrawal of consent did what it must."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from gateway.report.seen import Known, Seen
from gateway.report.table import Row, Table, counted
from gateway.vocabulary.notices import Cause

LOOKS = Table(
    "Access log",
    "policy, every access recorded; GDPR 5(2); NIST SP 800-53 AU-2",
    {
        "at": "when",
        "who": "who",
        "action": "what",
        "filters": "by which filters",
        "found": "found",
        "grant": "under which bulk look",
        "refused": "refused with",
        "entry": "entry",
    },
)
BULK = Table(
    "Bulk looks",
    "policy, access only as far as needed; GDPR 32(1)(b); NIST SP 800-53 AC-3(2)",
    {
        "look": "bulk look",
        "steps": "steps",
        "by": "by whom",
        "entries": "entries that may be taken",
        "why": "what for",
        "who": "who took them",
        "looks": "looks under it",
        "taken": "entries that were taken",
    },
)
WITHDRAWN = Table(
    "Effect of withdrawals",
    "GDPR 7(3); PIPL 15: nothing after one may rest on what was withdrawn",
    {
        "withdrawal": "withdrawal",
        "at": "when",
        "scope": "what for",
        "vendor": "at which vendor",
        "by": "who entered it; subject is the person",
        "ended": "consents that it ended",
        "disclosures_after": "disclosures after it on the withdrawn ground",
        "going_on": "disclosures since on another ground",
        "grounds": "which purposes, on which grounds",
        "dropped": "calls that were decided and then not sent since, and why",
        "stayed": "fields that have stayed since for want of what was withdrawn, and how often",
        "stopped_ms": "milliseconds until the first call of which something stayed for it",
        "told": "vendors that were told, and what they answered",
    },
)
_ENDED = frozenset({"withdrawn", "revoked"})
_GIVEN = frozenset({"given", "renewed"})
_CONSENTS = frozenset({"consent", "explicit_consent"})
_WITHDRAWN = "consent.withdrawn"
_TOLD = f"notice:{Cause.WITHDRAWAL.value}"
_MOST = 20  # fields that are named


class Looks:
    """One row for each look, the first one first. Whom somebody searched for stands in no row."""

    def __init__(self, _: Known) -> None:
        pass

    def take(self, seen: Seen) -> Iterator[Row]:
        if seen.kind == "access":
            body = seen.body
            yield {
                "at": seen.at,
                "who": body["reviewer"],
                "action": body["action"],
                "filters": tuple(f"{name}={value}" for name, value in body.get("filters", ())),
                "found": body["found"],
                "grant": body.get("grant"),
                "refused": body.get("refused"),
                "entry": body["id"],
            }

    def rest(self) -> Iterable[Row]:
        return ()


class BulkLooks:
    """One row for each bulk look, with what was taken under it."""

    def __init__(self, _: Known) -> None:
        self._rows: dict[str, dict[str, Any]] = {}

    def take(self, seen: Seen) -> Iterable[Row]:
        body = seen.body
        named, _, look = str(body.get("fact", "")).partition(":")
        if seen.kind == "fact" and named == "bulk_look":
            row = self._row(look)
            row["entries"] = body["count"]
            row["steps"] = (*row["steps"], f"{body['state']} {seen.at}")
            row["by"] = (*row["by"], str(body["by"]))
        elif seen.kind == "access" and "grant" in body:
            row = self._row(body["grant"])
            row["who"], row["why"] = body["reviewer"], body["why"]
            row["looks"] += 1
            row["taken"] += body["found"]
        return ()

    def rest(self) -> Iterator[Row]:
        yield from self._rows.values()

    def _row(self, look: str) -> dict[str, Any]:
        first = {"look": look, "steps": (), "by": (), "entries": None, "why": None, "who": None, "looks": 0, "taken": 0}
        return self._rows.setdefault(look, first)


@dataclass(slots=True)
class _Withdrawal:
    entry: str
    at: str
    purpose: str
    vendor: str
    by: str
    ts: int
    records: frozenset[str]
    after: int = 0
    going_on: int = 0
    grounds: frozenset[str] = frozenset()
    dropped: Counter[str] = field(default_factory=Counter)
    first: int | None = None
    """When something stayed for it for the first time, in µs."""
    stayed: Counter[str] = field(default_factory=Counter)
    told: dict[str, str] = field(default_factory=dict)
    """By notice: how far it has come."""

    def hear(self, seen: Seen) -> None:
        """Takes note of an entry about the person that was written since."""
        body = seen.body
        if self.vendor and seen.to != self.vendor:
            return
        if seen.is_disclosed:
            _count(self, seen)
            for path, why, count in seen.withheld():
                if why == _WITHDRAWN:
                    self.first = body["ts"] if self.first is None else self.first
                    self.stayed[f"{seen.operation} {path}"] += count
        elif seen.kind == "intent":
            self.dropped[str(seen.outcome.get("code") or "not_sent")] += 1
        elif body.get("fact") == _TOLD:
            self.told[body["notice"]] = body["state"]


class Withdrawals:
    """One row for each withdrawal. People are told apart by the token that links their entries, which is shown nowhere.

    What is held in memory grows with consents that were given and withdrawn, not with disclosures. Of one before the
    days that are asked for there is a row only if something rested on it in them.
    """

    def __init__(self, known: Known) -> None:
        self._since = known.since
        self._given: dict[bytes, dict[str, tuple[str, str]]] = {}
        self._withdrawn: dict[bytes, list[_Withdrawal]] = {}

    def take(self, seen: Seen) -> Iterable[Row]:
        if seen.kind == "fact" and str(seen.body["fact"]).startswith("consent:"):
            self._answered(seen)
            return ()
        for tok in seen.toks if self._since <= seen.body["ts"] else ():
            for withdrawal in self._withdrawn.get(tok, ()):
                withdrawal.hear(seen)
        return ()

    def rest(self) -> Iterator[Row]:
        found = [each for withdrawals in self._withdrawn.values() for each in withdrawals]
        meant = (each for each in found if self._since <= each.ts or each.after)
        for each in sorted(meant, key=lambda withdrawal: (withdrawal.at, withdrawal.entry)):
            yield {
                "withdrawal": each.entry,
                "at": each.at,
                "scope": each.purpose,
                "vendor": each.vendor or None,
                "by": each.by,
                "ended": len(each.records),
                "disclosures_after": each.after,
                "going_on": each.going_on,
                "grounds": tuple(sorted(each.grounds)),
                "dropped": counted(each.dropped),
                "stayed": counted(each.stayed, _MOST),
                "stopped_ms": None if each.first is None else (each.first - each.ts) // 1_000,
                "told": counted(Counter(each.told.values())),
            }

    def _answered(self, seen: Seen) -> None:
        purpose, vendor = str(seen.body["fact"]).partition(":")[2], str(seen.body.get("vendor", ""))
        for tok in seen.toks:
            given = self._given.setdefault(tok, {})
            if seen.body["state"] in _GIVEN:
                given[seen.body["id"]] = (purpose, vendor)
            elif seen.body["state"] in _ENDED:
                ended = {record for record, scope in given.items() if scope == (purpose, vendor)}
                for record in ended:
                    del given[record]
                body = seen.body
                withdrawal = _Withdrawal(
                    body["id"], seen.at, purpose, vendor, body.get("by", ""), body["ts"], frozenset(ended)
                )
                self._withdrawn.setdefault(tok, []).append(withdrawal)


def rested_on_it(row: Row) -> bool:
    """Whether something went on a consent after it was withdrawn."""
    return row["disclosures_after"] != 0


def _count(withdrawal: _Withdrawal, seen: Seen) -> None:
    grounds = list(seen.grounds())
    # What was told of beside the gateway names none.
    rests = {ground.get("evidence", {}).get("ref") for _, ground in grounds if ground["basis"] in _CONSENTS}
    withdrawal.after += bool(rests & withdrawal.records)
    if not rests & withdrawal.records:
        withdrawal.going_on += 1
        withdrawal.grounds |= {f"{purpose}: {ground['basis']}" for purpose, ground in grounds}
