"""A contract as a reviewer reads it, and one call of it line by line."""

from clearances import CONTRACTS, TERMS

from gateway import explain
from gateway.rehearse import parse_http

CALL = 'POST /shipments?debug=1\n\n{"reference": "A-1", "weight": 1, "to": {"name": "Zoe", "phone": "+49301234567", "email": "z@x.de"}, "note": "x", "crm": 1}'  # noqa: E501


def test_each_group_is_one_row_with_why_whose_what_how_and_on_which_ground() -> None:
    rows = {row.why: row for row in explain.groups(TERMS["ship"])}

    finds = rows["Finds the order again; a repeated call makes one label."]
    assert finds.whose == "purchaser"
    assert finds.fields == (("$.reference", "order.id", True), ("header:idempotency-key", "order.id", False))
    assert (finds.form, finds.basis) == ("pseudonymise", "performance_of_contract")
    asked = rows["The courier writes only to people who asked for it."]
    assert (asked.purpose, asked.basis) == ("delivery_notification", "consent")
    assert rows["The driver finds the door and can call."].basis == "legitimate_interest, CN: explicit_consent"
    assert len(rows) == len(TERMS["ship"].sending.groups)


def test_a_group_about_nobody_needs_no_ground() -> None:
    [row] = explain.groups(TERMS["depot-full"])

    assert (row.whose, row.basis) == ("nobody", "none is needed")


def test_the_answer_has_its_rows_too() -> None:
    rows = list(explain.groups(TERMS["ship"], TERMS["ship"].answer))

    assert [[field.path for field in row.fields] for row in rows] == [
        ["$.tracking"],
        ["$.status", "header:parcels-depot"],
    ]


async def test_of_one_call_every_place_is_a_row_with_the_line_that_decided() -> None:
    done, rows = await explain.call(CONTRACTS, TERMS["ship"], parse_http(CALL))

    assert done.sent is not None
    left = {row.place: row.how for row in rows if row.left}
    stayed = {row.place: row.how for row in rows if not row.left}
    assert left == {
        "$.to.name": "as_is", "$.to.phone": "mask", "$.weight": "as_is", "$.reference": "pseudonymise",
    }  # fmt: skip
    assert stayed == {
        "$.to.email": "consent.missing", "$.note": "drop", "$.crm": "field.unnamed", "query:debug": "field.unnamed",
    }  # fmt: skip
    where = {row.place: row.where for row in rows}
    assert where["$.to.name"].startswith("parcels/ship.yaml:")
    assert where["$.crm"] == "no line names it"


async def test_a_call_that_is_refused_has_no_rows() -> None:
    done, rows = await explain.call(CONTRACTS, TERMS["ship"], parse_http('POST /shipments\n\n{"weight": 1}'))

    assert (done.sent, rows) == (None, [])
