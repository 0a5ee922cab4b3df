"""Holds: what is known of a person stays, whatever anybody asks for, as long as one is in force."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from gateway.ledger.keeping import Hold, HoldReleased
from gateway.ledger.oblivion import Oblivion


class InForce(NamedTuple):
    """A hold by the id of its entry, why, and its last day (ISO 8601) where it has one."""

    id: str
    reason: str
    until: str


def in_force(oblivion: Oblivion, now: int) -> Mapping[bytes, list[InForce]]:
    """The holds on each person, by the token under which they are found; `now` in µs. Raises StoreError."""
    today = datetime.fromtimestamp(now / 1_000_000, UTC).date().isoformat()
    released = {body["hold"] for _, body in oblivion.about(HoldReleased.kind)}
    holds: dict[bytes, list[InForce]] = {}
    for tok, body in oblivion.about(Hold.kind):
        hold = InForce(str(body["id"]), str(body["reason"]), str(body.get("until", "")))
        if hold.id not in released and (not hold.until or hold.until >= today):
            holds.setdefault(tok, []).append(hold)
    return holds
