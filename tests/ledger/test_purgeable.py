"""A purge takes whole disclosures that are signed, and nothing that tells how the rest is to be read."""

import pytest

from gateway.ledger.purgeable import MAY_GO, Body, Ranges, demand_due
from gateway.ledger.store import NotPurged

CLOSED: list[Body] = [(3, "intent", None), (4, "outcome", 3), (7, "access", None)]
RANGES: Ranges = [(3, 4), (7, 7)]


def why_not(ranges: Ranges, bodies: list[Body], followers: list[int], signed: int) -> str:
    """Why these ranges may not go; nothing where they may."""
    try:
        demand_due(ranges, bodies, followers, signed)
    except NotPurged as refused:
        return str(refused)
    return ""


def test_a_whole_disclosure_and_what_stands_alone_may_go() -> None:
    assert why_not(RANGES, CLOSED, [4], 8) == ""


@pytest.mark.parametrize("kind", MAY_GO)
def test_each_kind_that_may_go_goes(kind: str) -> None:
    bodies: list[Body] = [(0, kind, None)] if kind != "intent" else [(0, "intent", None), (1, "outcome", 0)]

    assert why_not([(0, len(bodies) - 1)], bodies, [], 2) == ""


REFUSED: dict[str, tuple[Ranges, list[Body], list[int], int, str]] = {
    "a body that is gone": (RANGES, CLOSED[1:], [4], 8, "no body"),
    "a place that was never written": ([(3, 5), (7, 7)], CLOSED, [4], 8, "no body"),
    "the last one is not signed": (RANGES, CLOSED, [4], 7, "not signed"),
    "a key among them": ([(3, 4), (7, 7)], [*CLOSED[:2], (7, "key", None)], [4], 8, "kind that stays"),
    "an intent that is open": ([(3, 3)], CLOSED[:1], [], 8, "go together"),
    "an outcome without its intent": ([(4, 4)], CLOSED[1:2], [], 8, "go together"),
    "an outcome that came since": (RANGES, CLOSED, [4, 9], 10, "is to stay"),
}


@pytest.mark.parametrize(("ranges", "bodies", "followers", "signed", "why"), REFUSED.values(), ids=REFUSED)
def test_what_would_leave_a_gap_or_half_of_a_thing_is_turned_down(
    ranges: Ranges, bodies: list[Body], followers: list[int], signed: int, why: str
) -> None:
    assert why in why_not(ranges, bodies, followers, signed)
