"""Who looked at the record, and whether a withdrawal of consent did what it must."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gateway.report.seen import Known, Seen
from gateway.report.table import Row, Table

LOOKS = Table(
    "Access log",
    "policy, every access recorded; GDPR 5(2); NIST SP 800-53 AU-2",
    {"at": "when", "who": "who", "action": "what", "filters": "by which filters", "found": "found", "entry": "entry"},
)
WITHDRAWN = Table(
    "Effect of withdrawals",
    "GDPR 7(3); PIPL 15: nothing after one may rest on what was withdrawn",
    {
        "withdrawal": "withdrawal",
        "at": "when",
        "scope": "what for",
        "vendor": "at which vendor",
        "disclosures_after": "disclosures after it on the withdrawn ground",
        "going_on": "disclosures since on another ground",
        "grounds": "which grounds",
    },
)
_ENDED = frozenset({"withdrawn", "revoked"})
_GIVEN = frozenset({"given", "renewed"})
_CONSENTS = frozenset({"consent", "explicit_consent"})


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
                "entry": body["id"],
            }

    def rest(self) -> Iterable[Row]:
        return ()


@dataclass(slots=True)
class _Withdrawal:
    entry: str
    at: str
    purpose: str
    vendor: str
    records: frozenset[str]
    after: int = 0
    going_on: int = 0
    grounds: frozenset[str] = frozenset()


class Withdrawals:
    """One row for each withdrawal. People are told apart by the token that links their entries, which is shown nowhere.

    What is held in memory grows with consents that were given and withdrawn, not with disclosures.
    """

    def __init__(self, _: Known) -> None:
        self._given: dict[bytes, dict[str, tuple[str, str]]] = {}
        self._withdrawn: dict[bytes, list[_Withdrawal]] = {}

    def take(self, seen: Seen) -> Iterable[Row]:
        if seen.kind == "fact" and str(seen.body["fact"]).startswith("consent:"):
            self._answered(seen)
        elif seen.is_disclosed:
            for tok in seen.toks:
                for withdrawal in self._withdrawn.get(tok, ()):
                    _count(withdrawal, seen)
        return ()

    def rest(self) -> Iterator[Row]:
        found = [each for withdrawals in self._withdrawn.values() for each in withdrawals]
        for each in sorted(found, key=lambda withdrawal: (withdrawal.at, withdrawal.entry)):
            yield {
                "withdrawal": each.entry,
                "at": each.at,
                "scope": each.purpose,
                "vendor": each.vendor or None,
                "disclosures_after": each.after,
                "going_on": each.going_on,
                "grounds": tuple(sorted(each.grounds)),
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
                withdrawal = _Withdrawal(seen.body["id"], seen.at, purpose, vendor, frozenset(ended))
                self._withdrawn.setdefault(tok, []).append(withdrawal)


def _count(withdrawal: _Withdrawal, seen: Seen) -> None:
    if withdrawal.vendor and seen.to != withdrawal.vendor:
        return
    grounds = seen.body.get("grounds", ())
    rests = {ground["evidence"].get("ref") for ground in grounds if ground["basis"] in _CONSENTS}
    withdrawal.after += bool(rests & withdrawal.records)
    if not rests & withdrawal.records:
        withdrawal.going_on += 1
        withdrawal.grounds |= {ground["basis"] for ground in grounds}
