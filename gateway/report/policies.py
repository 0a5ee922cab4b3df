"""The versions of the policy: what each brought, how it was accepted, and what went while it was in force."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import pairwise

from gateway.contract.versions import Change, changes
from gateway.report.registers import Observed
from gateway.report.seen import Known, Seen
from gateway.report.table import Cell, Row, Table
from gateway.vocabulary import AcceptanceKind

VERSIONS = Table(
    "Versions of the policy and who accepted them",
    "policy, updates; GDPR 5(2), 13(3); PIPL 17",
    {
        "version": "version",
        "published": "published, and in force since",
        "until": "in force until",
        "document": "digest of its text",
        "brought": "what it says otherwise than the one before",
        "express": "accepted expressly, today",
        "deemed": "accepted by going on to use the shop, today; never a consent",
        "disclosures": "disclosures in the period that went under it",
        "first": "the first of them",
        "last": "the last of them",
    },
)


class Versions:
    """One row for each version that was published, the oldest first, and for each other that somebody accepted."""

    def __init__(self, known: Known) -> None:
        self._known = known
        self._observed: dict[str, Observed] = {}

    def take(self, seen: Seen) -> Iterable[Row]:
        if seen.is_disclosed:
            self._observed.setdefault(str(seen.body.get("policy", "")), Observed()).add(seen, (), ())
        return ()

    def rest(self) -> Iterator[Row]:
        out = [each for each in self._known.contracts.policy.versions if each.published <= self._known.now]
        out.sort(key=lambda version: version.published)
        ends = {old.version: _utc(new.published) for old, new in pairwise(out)}
        for before, each in zip((None, *out), out, strict=False):
            yield self._counts(each.version) | {
                "published": _utc(each.published),
                "until": ends.get(each.version),
                "document": each.document,
                "brought": tuple(_words(change) for change in changes(before, each)),
            }
        stated = {version for version, _ in self._known.accepted} | self._observed.keys()
        for version in sorted(stated - {each.version for each in out}):
            yield self._counts(version)

    def _counts(self, version: str) -> dict[str, Cell]:
        observed = self._observed.get(version, Observed())
        return dict.fromkeys(VERSIONS.columns) | {
            "version": version,
            **{how.value: self._known.accepted.get((version, how.value), 0) for how in AcceptanceKind},
            "disclosures": observed.count,
            "first": observed.first or None,
            "last": observed.last or None,
        }


def _words(change: Change) -> str:
    signs = [*(f"+{each}" for each in change.added), *(f"-{each}" for each in change.removed)]
    return f"{change.field}: {' '.join(signs)}"


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
