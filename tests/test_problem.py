"""A refusal as the document that a caller gets."""

import pytest

from gateway.errors import CODES, Failure, Refusal, refuse
from gateway.problem import problem


def test_a_problem_says_why_where_and_what_to_do() -> None:
    status, document = problem(refuse("field.required", "at $.phone", "parcels/pickup.yaml:12"))

    assert status == 422
    assert document == {
        "type": "urn:gateway:problem:field.required",
        "code": "field.required",
        "title": "A required field is missing",
        "status": 422,
        "detail": "at $.phone",
        "fix": "Send it; the contract names it as required.",
        "message": "A required field is missing: at $.phone",
        "error": {
            "type": "gateway_refusal",
            "code": "field.required",
            "message": "A required field is missing: at $.phone",
            "errors": [],
        },
        "errors": [{"code": "field.required", "detail": "at $.phone"}],
        "where": "parcels/pickup.yaml:12",
    }


def test_the_first_failure_decides_and_every_failure_is_listed() -> None:
    refusal = Refusal(Failure("agreement.expired"), Failure("consent.missing", "of the purchaser"))

    status, document = problem(refusal)

    assert (status, document["code"]) == (403, "agreement.expired")
    assert document["errors"] == [
        {"code": "agreement.expired", "detail": CODES["agreement.expired"].title},
        {"code": "consent.missing", "detail": "of the purchaser"},
    ]


def test_members_of_the_caller_stand_beside_the_rest() -> None:
    _, document = problem(refuse("vendor.timeout"), disclosure="018f")

    assert (document["disclosure"], document["code"]) == ("018f", "vendor.timeout")


@pytest.mark.parametrize("code", CODES)
def test_every_code_has_a_problem(code: str) -> None:
    status, document = problem(refuse(code))

    assert 400 <= status < 600
    assert document["type"] == f"urn:gateway:problem:{code}"
