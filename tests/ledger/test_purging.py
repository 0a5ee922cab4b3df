"""What goes is what may go, and a purge says what it was."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ledger.attic import Moment
from gateway.ledger.canonical import Json
from gateway.ledger.purging import GAP, _answers_same, _class_of, digest, lived, set_root
from gateway.retention import RetentionClass, kept

YEAR = 366 * 24 * 60 * 60 * 1_000_000
TS = 1_767_225_600_000_000


def test_a_purge_commits_to_places_and_leaf_hashes() -> None:
    def leaf(seq: int) -> bytes:
        return hashlib.sha256(b"\x00" + seq.to_bytes(8, "big") + bytes([seq]) * 32).digest()

    left = hashlib.sha256(b"\x01" + leaf(4) + leaf(5)).digest()

    assert (
        set_root([(9, b"\x09" * 32), (4, b"\x04" * 32), (5, b"\x05" * 32)])
        == hashlib.sha256(b"\x01" + left + leaf(9)).digest()
    )
    assert set_root([(4, b"\x04" * 32)]) == leaf(4)


def test_a_purge_names_the_rules_that_it_went_by() -> None:
    assert digest(kept({})) == digest(kept({RetentionClass.ROUTINE: "P5Y"}))
    assert digest(kept({})) != digest(kept({RetentionClass.ROUTINE: "P6Y"}))


def at(days: float, mono: float | None = None, boot: str = "a", node: str = "n1") -> Moment:
    """`days` after the start by the wall clock, and by the clock of the boot where nothing else is said."""
    day = YEAR // 366
    return Moment(node, boot, TS + round(days * day), round((days if mono is None else mono) * day) // 1_000)


@pytest.mark.parametrize(
    ("moments", "here", "expected"),
    [
        ([at(0)], at(400), 400),
        ([at(0)], at(400, 1), 1),
        ([at(0), at(400, 1)], at(401, 2), 2),
        ([at(0), at(400, 1), at(2, 2)], at(3, 3), 3),
        ([at(0), at(-400, 1)], at(2, 2), 2),
        ([at(0)], at(20, 0, "b"), 20),
        ([at(0)], at(40, 0, "b"), 0),
        ([at(0), at(400, 0, "b")], at(1, 0, "c"), 0),
        ([at(0, node="n2"), at(0, 5, node="n2")], at(400, 400), 400),
        ([], at(400), 400),
    ],
    ids=[
        "time went by",
        "the clock was set",
        "it was set before a restart",
        "it was set and set back",
        "it was behind for a while",
        "off for some days",
        "off for too long to tell",
        "a wrong clock for one boot",
        "the clock of another node",
        "a log that begins",
    ],
)
def test_time_is_what_the_node_lived_through(moments: list[Moment], here: Moment, expected: float) -> None:
    assert lived(moments, here) == at(expected).ts


@given(
    steps=st.lists(st.tuples(st.integers(0, 30), st.integers(-3_000, 3_000)), min_size=1, max_size=20),
)
def test_no_setting_of_a_clock_makes_it_later_than_it_is(steps: list[tuple[int, int]]) -> None:
    """As long as it was right at first: each step is days that go by, then days by which it is set."""
    moments, true, wrong = [at(0)], 0, 0
    for days, set_by in steps:
        true, wrong = true + days, wrong + set_by
        moments.append(at(true + wrong, true))

    assert lived(moments[:-1], moments[-1]) <= at(true).ts


def test_a_gap_that_is_too_long_is_a_month() -> None:
    assert lived([at(0)], at(GAP / (YEAR // 366), 0, "b")) == at(31).ts


def test_what_was_imported_is_not_over_because_somebody_in_it_said_something_else_since() -> None:
    imported: dict[str, Json] = {"fact": "consents", "state": "imported", "batch": "crm", "count": 500}
    said: dict[str, Json] = {"fact": "consent:delivery", "state": "given"}

    assert _class_of("fact", imported) is RetentionClass.CONSENT
    assert not _answers_same(imported, imported | {"batch": "crm-2"})
    assert _answers_same(said, said | {"state": "withdrawn"})
