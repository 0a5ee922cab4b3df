"""What the shop may put in, and what is none of it."""

from typing import Any

import pytest
from pydantic import ValidationError

from gateway.registry.entered import ROWS

ORDER = {"kind": "order", "order": "A-1", "people": [{"role": "purchaser", "subject": "c-1"}]}
CONSENT = {"kind": "consent", "subject": "c-1", "purpose": "delivery", "state": "given"}

WRONG: dict[str, dict[str, Any]] = {
    "another kind": ORDER | {"kind": "invoice"},
    "no kind": {"order": "A-1"},
    "an order of nobody": ORDER | {"people": []},
    "an order with too many people": ORDER | {"people": [{"role": "purchaser", "subject": "c"}] * 21},
    "a role that does not exist": ORDER | {"people": [{"role": "friend", "subject": "c-1"}]},
    "a country that does not exist": ORDER | {"people": [{"role": "payer", "subject": "c", "jurisdiction": "XX"}]},
    "a country in small letters": {"kind": "subject", "subject": "c-1", "jurisdiction": "de"},
    "a region for a country": {"kind": "subject", "subject": "c-1", "jurisdiction": "EU"},
    "a person without a number": CONSENT | {"subject": ""},
    "a number that is too long": CONSENT | {"subject": "c" * 201},
    "a purpose that does not exist": CONSENT | {"purpose": "fun"},
    "a state that does not exist": CONSENT | {"state": "maybe"},
    "a member that nobody knows": CONSENT | {"email": "zoe@example.com"},
    "a suspension of nobody": {"kind": "suspension"},
    "a flag that does not exist": {"kind": "flag", "subject": "c-1", "flag": "rude"},
    "an age for one vendor": {"kind": "flag", "subject": "c-1", "flag": "minor", "vendor": "parcels"},
    "an erasure for one purpose": {"kind": "flag", "subject": "c-1", "flag": "erased", "purpose": "delivery"},
    "a moment without a place": {"kind": "flag", "subject": "c-1", "flag": "minor", "time": "2026-01-31T09:00:00"},
    "a state of an order that does not exist": {"kind": "order_state", "order": "A-1", "state": "lost"},
    "a link to itself": {"kind": "link", "subject": "c-1", "other": "c-1"},
}


@pytest.mark.parametrize("row", WRONG.values(), ids=WRONG.keys())
def test_what_is_no_fact_is_not_taken(row: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ROWS.validate_python([row])


def test_facts_of_every_kind_are_taken_in_their_order() -> None:
    rows: list[dict[str, Any]] = [
        ORDER,
        CONSENT | {"vendor": "parcels", "explicit": True, "expires": "2027-01-01T00:00:00Z"},
        {"kind": "subject", "subject": "c-1", "jurisdiction": "CN"},
        {"kind": "suspension", "vendor": "parcels", "operation": "ship"},
        {"kind": "flag", "subject": "c-1", "flag": "opted_out", "vendor": "parcels"},
        {"kind": "order_state", "order": "A-1", "state": "closed"},
        {"kind": "link", "subject": "c-1", "other": "guest-1"},
    ]

    assert [row.kind for row in ROWS.validate_python(rows)] == [row["kind"] for row in rows]


RECORD = CONSENT | {
    "time": "2024-02-01T10:00:00+01:00",
    "separate": True,
    "written": True,
    "method": "paper",
    "expressed_by": "guardian",
    "record_id": "7f6c2f5e-0a55-4f7e-9b0e-0d6f3c1c2a11",
    "notice": "2024-01",
    "language": "zh-Hans",
    "categories": ["contact.email"],
    "recipients": ["Parcels GmbH"],
    "controller": "shop-eu",
    "jurisdiction": "CN",
    "rights": ["withdraw_consent", "erasure"],
    "storage": "P2Y",
    "withdrawal": "account page",
    "legal_basis": "explicit_consent",
}


def test_a_consent_may_say_all_that_its_record_has() -> None:
    [row] = ROWS.validate_python([RECORD])

    assert row.model_dump(mode="json", exclude_unset=True) == RECORD | {"time": "2024-02-01T10:00:00+01:00"}


@pytest.mark.parametrize("method", ["pre_ticked", "deemed", "silence", "continued_use", "scrolling", ""])
def test_a_consent_that_nobody_gave_is_no_consent(method: str) -> None:
    with pytest.raises(ValidationError):
        ROWS.validate_python([CONSENT | {"method": method}])


@pytest.mark.parametrize(
    "wrong",
    [
        {"time": "2024-02-01T10:00:00"},
        {"expressed_by": "friend"},
        {"categories": ["mood"]},
        {"rights": ["complain"]},
        {"language": "zoe@example.com"},
        {"legal_basis": "legitimate_interest"},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_what_a_record_of_consent_cannot_say_is_not_taken(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ROWS.validate_python([CONSENT | wrong])


def test_a_policy_is_accepted_deemed_or_expressly_and_in_no_other_way() -> None:
    accepted = {"kind": "acceptance", "subject": "c-1", "policy": "2"}

    assert [row.kind for row in ROWS.validate_python([accepted | {"how": how} for how in ("deemed", "express")])]
    with pytest.raises(ValidationError):
        ROWS.validate_python([accepted | {"how": "given"}])
