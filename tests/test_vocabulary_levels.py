"""What a missing ground does that no law demands."""

import pytest

from gateway.clearance.decide import weighed
from gateway.errors import CODES, Failure
from gateway.vocabulary import LEVELS, Level, level_of

SOFT = "subject.inactive"
HARD = "consent.missing"


def test_every_level_is_of_a_code_and_says_its_rule() -> None:
    assert set(LEVELS) <= set(CODES)
    assert all(term.rule for term in LEVELS.values())


@pytest.mark.parametrize("code", sorted(set(CODES) - set(LEVELS)))
def test_what_is_not_listed_refuses_whatever_anybody_states(code: str) -> None:
    assert level_of(code, {code: Level.OFF}) is Level.REFUSE


@pytest.mark.parametrize(
    ("level", "refused", "warnings"),
    [
        (Level.REFUSE, [SOFT, HARD], ()),
        (Level.WARN, [HARD], (SOFT,)),
        (Level.OFF, [HARD], ()),
    ],
)
def test_a_level_refuses_warns_or_does_nothing(level: Level, refused: list[str], warnings: tuple[str, ...]) -> None:
    failures = [Failure(SOFT, ""), Failure(HARD, ""), Failure(SOFT, "")]

    found, noted = weighed(failures, {SOFT: level, HARD: Level.OFF})

    assert list(dict.fromkeys(each.code for each in found)) == refused
    assert noted == warnings
