"""A contract as a reviewer reads it, and one call of it line by line."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from clearances import CONTRACTS, TERMS
from small_contracts import ACME, SHIP, WHOLE, changed, read_files

from gateway import explain, outlook
from gateway.rehearse import parse_http
from gateway.vocabulary import Level

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


def test_what_leaves_without_a_group_has_its_rows_too() -> None:
    headers = [(row.why, row.fields, row.where) for row in explain.beside(TERMS["ship"])]
    pins = [row.fields for row in explain.beside(TERMS["depot-full"])]

    version = ("header:parcels-version", "not_personal", False)
    assert headers == [("Says in which version the SDK speaks.", (version,), "parcels/vendor.yaml")]
    assert pins == [(("query:view", "not_personal", True),), (version,)]


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


REFUSED = {
    "an agreement of another type": (ACME, "type: dpa", "type: c2c_sharing", "agreement.wrong_type"),
    "a clause that is missing": (ACME, "no_sale, ", "", "agreement.clause_missing"),
    "an agreement that has ended": (ACME, "until: 2030-12-31", "until: 2026-05-31", "agreement.expired"),
    "a purpose that is not published": ("policy.yaml", "[delivery]", "[customs_clearance]", "policy.purpose"),
    "a kind that is not published": ("policy.yaml", "[logistics]", "[payment]", "policy.vendor_kind"),
}


@pytest.mark.parametrize(("file", "old", "new", "code"), REFUSED.values(), ids=REFUSED)
def test_what_papers_and_policy_refuse_whoever_it_is_about_is_told_before_any_call(
    file: str, old: str, new: str, code: str, tmp_path: Path
) -> None:
    contracts, findings = read_files(tmp_path, changed(file, old, new, WHOLE))
    assert contracts is not None, findings

    told = list(outlook.refused_today(contracts, datetime(2026, 6, 15, tzinfo=UTC), {}))

    assert [(each.code, each.file, each.level) for each in told] == [(code, SHIP, "note")]
    assert told[0].fix


def test_where_papers_and_policy_let_calls_go_and_of_drafts_nothing_is_told(tmp_path: Path) -> None:
    ended = changed(ACME, "until: 2030-12-31", "until: 2026-05-31")
    whole, _ = read_files(tmp_path / "whole", WHOLE)
    draft, _ = read_files(tmp_path / "draft", changed(SHIP, "status: enforce", "status: draft", ended))

    for contracts in (whole, draft):
        assert contracts is not None
        assert list(outlook.refused_today(contracts, datetime(2026, 6, 15, tzinfo=UTC), {})) == []


@pytest.mark.parametrize(
    ("level", "told"),
    [(Level.WARN, "goes with a warning today"), (Level.REFUSE, "is refused today"), (Level.OFF, None)],
    ids=["warn", "refuse", "off"],
)
def test_what_only_warns_is_not_told_as_a_refusal(level: Level, told: str | None, tmp_path: Path) -> None:
    contracts, findings = read_files(tmp_path, changed(ACME, "review: 2030-01-31", "review: 2026-05-31", WHOLE))
    assert contracts is not None, findings

    notes = outlook.refused_today(contracts, datetime(2026, 6, 15, tzinfo=UTC), {"vendor.review_overdue": level})

    messages = [each.message for each in notes]
    assert len(messages) == (told is not None)
    assert all(str(told) in message for message in messages)


def test_of_several_companies_the_one_that_comes_nearest_says_what_is_in_the_way(tmp_path: Path) -> None:
    late = changed(ACME, "review: 2030-01-31", "review: 2026-05-31", WHOLE)
    bound = changed(ACME, "id: DPA-1,", "id: DPA-1, entities: [shop-eu],", late)
    other = "  shop-ch: {name: Shop AG, country: CH, contact: privacy@shop.example}\n"
    first = WHOLE["entities.yaml"].replace("entities:\n", f"entities:\n{other}")
    contracts, findings = read_files(tmp_path, bound | {"entities.yaml": first})
    assert contracts is not None, findings

    notes = outlook.refused_today(contracts, datetime(2026, 6, 15, tzinfo=UTC), {})

    assert [(each.code, "with a warning" in each.message) for each in notes] == [("vendor.review_overdue", True)]
