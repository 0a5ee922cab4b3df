import pytest

from gateway.demo.story import AGREED, ORDERS, REFUSED, SENT, Step
from gateway.errors import CODES

STEPS = (*SENT, *REFUSED, AGREED)


@pytest.mark.parametrize("step", STEPS, ids=[step.title for step in STEPS])
def test_a_step_is_either_received_or_refused(step: Step) -> None:
    assert bool(step.receives) != bool(step.code)


@pytest.mark.parametrize("step", REFUSED, ids=[step.title for step in REFUSED])
def test_a_refusal_has_the_status_of_its_code(step: Step) -> None:
    assert CODES[step.code].status == step.status


@pytest.mark.parametrize("code", ["agreement.expired", "consent.missing", "field.refused", "field.type"])
def test_the_refusals_that_matter_most_are_in_the_story(code: str) -> None:
    assert code in {step.code for step in REFUSED}


def test_json_forms_and_questions_are_in_the_story() -> None:
    calls = [step.call for step in SENT]

    assert any("application/json" in call for call in calls)
    assert any("application/x-www-form-urlencoded" in call for call in calls)
    assert any(call.startswith("GET ") for call in calls)
    assert {step.vendor for step in SENT} == {"parcelgate", "northpay", "faultline"}


def test_every_person_lives_under_another_law() -> None:
    countries = [str(order["people"][0]["jurisdiction"]) for order in ORDERS]  # type: ignore[index]

    assert countries == ["DE", "BR", "CN"]
