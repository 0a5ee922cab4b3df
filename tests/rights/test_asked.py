"""What may be asked: who asks for another person shows a proof, and nothing that is typed says who it is about."""

from typing import Any

import pytest
from pydantic import ValidationError

from gateway.rights.asked import DECIDED_ABOUT, OnBehalf
from gateway.vocabulary import RULINGS

STATED: dict[str, Any] = {"subject": "c-77", "case": "CS-1", "reason": "asked by letter", "verified": "document"}


@pytest.mark.parametrize(
    ("requester", "proof"),
    [
        ("self", None),
        ("guardian", "guardianship"),
        ("representative", "mandate"),
        ("relative", "death_certificate"),
    ],
)
def test_whoever_asks_for_another_person_shows_the_proof_that_goes_with_it(requester: str, proof: str | None) -> None:
    asked = OnBehalf.model_validate(STATED | {"requester": requester, "proof": proof})

    assert asked.requester.value == requester
    for other in {"mandate", None} - {proof}:
        with pytest.raises(ValidationError, match=f"shows `proof` {proof}" if proof else "shows no `proof`"):
            OnBehalf.model_validate(STATED | {"requester": requester, "proof": other})


@pytest.mark.parametrize(
    "wrong",
    [
        {"reason": ""},
        {"reason": "asked by c-77 on the telephone"},
        {"reason": "called from 0049 30 901 820 77"},
        {"reason": "zoe@example.com wrote"},
        {"case": "CS-1 of C-77"},
        {"case": "C-77"},
        {"verified": "same_name"},
        {"subject": ""},
    ],
    ids=lambda wrong: "-".join(wrong.values()) or "empty",
)
def test_what_is_typed_names_nobody(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError) as refused:
        OnBehalf.model_validate(STATED | wrong)

    assert "c-77" not in str(refused.value)


def test_a_short_reference_is_none_within_a_longer_number() -> None:
    asked = OnBehalf.model_validate(STATED | {"subject": "7", "case": "CS-17", "reason": "asked by letter of 27 May"})

    assert asked.case == "CS-17"
    with pytest.raises(ValidationError, match="do not say who it is about"):
        OnBehalf.model_validate(STATED | {"subject": "7", "case": "CS-7"})


def test_every_right_that_is_decided_about_has_its_rulings() -> None:
    assert set(RULINGS) == DECIDED_ABOUT
