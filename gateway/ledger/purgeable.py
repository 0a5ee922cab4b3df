"""What a purge may take out of the ledger, whichever database holds it."""

from collections.abc import Collection, Sequence
from typing import Final, TypeAlias

from gateway.ledger.store import NotPurged

AT_FIRST: Final = ("intent", "outcome", "refusal", "access", "token", "fact")
WITH_RESOLVE: Final = (*AT_FIRST, "resolve")
MAY_GO: Final = (*WITH_RESOLVE, "received")
"""Kinds of entries that a time is set for. What tells how the others are to be read stays for good."""

COVERING: Final = "coalesce((SELECT last FROM purged WHERE first <= {} ORDER BY first DESC LIMIT 1), -1)"
"""Up to which place the purge reaches that begins last before a place; -1 where none does."""

HELD: Final = "SELECT 1 FROM leaf WHERE kind = 'hold' AND kind NOT IN ('intent', 'outcome') AND seq >= {}"
"""Whether somebody was held since a place. The two kinds are named because the index of kinds leaves them out."""

Ranges: TypeAlias = Sequence[tuple[int, int]]
"""Places, from the first to the last, both included."""
Body: TypeAlias = tuple[int, str, int | None]
"""An entry whose body is there: its place, its kind, and of an outcome the place of its intent."""


def listed(kinds: Sequence[str]) -> str:
    """As SQL writes them."""
    return ", ".join(f"'{kind}'" for kind in kinds)


def demand_due(ranges: Ranges, bodies: Collection[Body], followers: Collection[int], signed: int) -> None:
    """Raises NotPurged unless all of these ranges may go, and nothing else has to go with it.

    Whoever chose them read them a moment ago, and something may have been written since. `bodies` stand in the ranges;
    `followers` are the places of whatever follows their intents; `signed` is the size of the last checkpoint.
    """
    there = {seq for seq, *_ in bodies}
    closed = {intent for *_, intent in bodies if intent is not None}
    if len(there) != sum(last + 1 - first for first, last in ranges):
        raise NotPurged("an entry has no body any more")
    if any(seq >= signed for seq in there):
        raise NotPurged("an entry is not signed yet")
    if any(kind not in MAY_GO for _, kind, _ in bodies):
        raise NotPurged("an entry is of a kind that stays")
    if not closed <= there or closed != {seq for seq, kind, _ in bodies if kind == "intent"}:
        raise NotPurged("an intent and its outcomes go together")
    if not there.issuperset(followers):
        raise NotPurged("an intent has an outcome that is to stay")
