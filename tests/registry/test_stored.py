"""What the gateway keeps beside facts is read back as it was, and nobody enters it."""

from typing import Any, get_args

import pytest
from pydantic import ValidationError

from gateway.registry.entered import ROWS
from gateway.registry.stored import STORED, StoredRow

ID = "0" * 32
NOON = "2026-07-01T12:00:00Z"
ABOUT = {"cause": "erasure", "vendor": "parcels", "subject": "c-1"}
TERM = {"right": "erasure", "status": "accepted", "received": NOON, "due": NOON}
CASE = {"scenario": "emergency", "step": "requested", "by": "ann", "sealed": "", "said": {"danger": "health"}}
DRAFT = {"version": "2", "document": "sha256:" + "0" * 64, "purposes": ["delivery"], "vendor_kinds": ["logistics"]}

OWN: list[dict[str, Any]] = [
    {"kind": "revocation", "token": ID},
    {"kind": "request", "request": ID, "subject": "c-1", "by": "subject", **TERM},
    {"kind": "telling", "id": ID, "cause": "erasure", "subject": "c-1"},
    {"kind": "notice", "id": ID, "telling": ID, "entity": "shop", "categories": ["name.full"]}
    | {"way": "https", "duty": "confirms", "due": NOON, **ABOUT},
    {"kind": "notice_step", "notice": ID, "state": "sent", **ABOUT},
    {"kind": "case", "case": ID, "number": 1, **CASE},
    {"kind": "waiver", "id": ID, "state": "proposed", "operations": ["parcels/ship"], "codes": ["agreement.expired"]}
    | {"reason": "renewed by Friday", "hours": 24, "proposed_by": "ann"},
    {"kind": "bulk_look", "id": ID, "state": "proposed", "who": "ann", "entries": 20_000}
    | {"reason": "the yearly audit", "hours": 4, "proposed_by": "ann"},
    {"kind": "policy", "state": "draft", "id": ID, "draft": DRAFT, "drafted_by": "ann", "drafted": NOON},
    {"kind": "import", "id": ID, "begun": NOON, "rows": 1, "chain": ""},
]


def test_each_kind_of_row_has_its_case_here() -> None:
    _, *own = get_args(StoredRow)

    assert {row["kind"] for row in OWN} == {model.model_fields["kind"].default for model in own}


@pytest.mark.parametrize("row", OWN, ids=lambda row: row["kind"])
def test_a_row_of_the_gateway_is_read_back_as_it_was_written(row: dict[str, Any]) -> None:
    [read] = STORED.validate_python([row])

    assert STORED.validate_json(STORED.dump_json([read])) == [read]


@pytest.mark.parametrize("row", OWN, ids=lambda row: row["kind"])
def test_a_row_of_the_gateway_is_not_what_a_shop_may_enter(row: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="does not match any of the expected tags"):
        ROWS.validate_python([row])
