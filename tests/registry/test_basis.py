"""What a decision rests on is told to hold only while none of it has changed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.registry import basis as module
from gateway.registry.basis import NOTHING, Basis, Changes, Key, Later

keys = st.sampled_from([("consent", "c-1"), ("consent", "c-2"), ("order", "A-1"), ("token", "0" * 32)])


def resting(changes: Changes, *rests: Key) -> Basis:
    return Basis(rests, changes.moment, changes.version, changes)


@given(before=st.lists(keys), rests=st.sets(keys), after=st.lists(keys))
def test_a_basis_holds_exactly_until_one_of_its_facts_changes(
    before: list[Key], rests: set[Key], after: list[Key]
) -> None:
    changes = Changes()
    changes.tell(before)
    basis = resting(changes, *rests)
    held = basis.hold()

    changes.tell(after)

    assert held
    assert basis.hold() is rests.isdisjoint(after)


def test_what_is_not_remembered_any_more_counts_as_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REMEMBERED", 3)
    changes = Changes()
    old = resting(changes, ("consent", "c-1"))
    for number in range(3):
        changes.tell([("order", str(number))])
    held = old.hold()
    young = resting(changes, ("consent", "c-1"))

    changes.tell([("order", "3")])

    assert held
    assert not old.hold()
    assert young.hold()
    assert len(changes._last) == 3


@given(rests=st.sets(keys), version=st.integers(0, 5), changed=st.dictionaries(keys, st.integers(1, 5)))
def test_what_another_node_changed_overtakes_whatever_was_known_before_it(
    rests: set[Key], version: int, changed: dict[Key, int]
) -> None:
    basis = Basis(tuple(rests), 0, version, Changes())

    assert basis.overtaken(Later(0, changed)) is any(key in rests and at > version for key, at in changed.items())


@given(
    rests=st.sets(keys),
    version=st.integers(0, 9),
    happened=st.lists(st.sets(keys, min_size=1), max_size=9),
    gone=st.integers(0, 8),
)
def test_what_rests_on_more_than_is_still_known_is_overtaken(
    rests: set[Key], version: int, happened: list[set[Key]], gone: int
) -> None:
    rows = [(at, *key) for at, each in enumerate(happened, 1) for key in each]
    kept = min(gone, max(len(happened) - 1, 0))
    basis = Basis(tuple(rests), 0, min(version, len(happened)), Changes())

    known = basis.overtaken(Later.of(row for row in rows if row[0] > max(kept, basis.version)))
    truly = any(key in rests for at, *key_ in rows if at > basis.version for key in [tuple(key_)])

    assert known or not truly
    assert known is truly or kept > basis.version


def test_several_together_are_known_as_of_the_first() -> None:
    changes = Changes()
    early = Basis((("token", "0"),), 3, 7, changes)
    late = Basis((("consent", "c-1"),), 4, 6, changes)

    both = early.beside([late])

    assert (both.keys, both.moment, both.version) == ((("token", "0"), ("consent", "c-1")), 3, 6)


def test_nobody_is_named_where_a_basis_is_shown() -> None:
    assert "c-1" not in repr(Basis((("consent", "c-1"),), 0, 0, Changes()))
    assert NOTHING.hold()
