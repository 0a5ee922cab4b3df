"""Values that every call makes say nothing of whom they hold, and nobody changes them."""

from dataclasses import dataclass

import pytest

from gateway.frozen import changed
from gateway.ledger import Subject

ZOE = Subject("zoe-canary", "purchaser", "DE")


def test_what_is_about_somebody_shows_nobody() -> None:
    @dataclass(frozen=True, slots=True)
    class Plain:
        ref: str

    assert "zoe-canary" not in f"{ZOE!r} {ZOE} {[ZOE]}"
    # The control: what is not made so tells.
    assert "zoe-canary" in repr(Plain("zoe-canary"))


def test_a_change_makes_another_one() -> None:
    moved = changed(ZOE, jurisdiction="FR")

    assert (moved.ref, moved.jurisdiction, ZOE.jurisdiction) == ("zoe-canary", "FR", "DE")
    assert moved != ZOE
    assert {moved, ZOE, changed(moved, jurisdiction="DE")} == {moved, ZOE}
    with pytest.raises(AttributeError):
        ZOE.jurisdiction = "FR"  # type: ignore[misc]
