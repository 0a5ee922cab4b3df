"""A form loads where it means something, for a category that it fits."""

import json
from pathlib import Path as Folder

import pytest
from bodies import findings_of
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey
from small_contracts import ACME, SHIP, changed, found, read_files, with_field

from gateway.contract.check_form import _room
from gateway.contract.form import reversible_length
from gateway.vocabulary import VendorKind


def test_a_mask_needs_a_convention_or_says_what_stays(tmp_path: Folder) -> None:
    plain = changed(SHIP, "form: pseudonymise", "form: mask")
    plain[SHIP] = plain[SHIP].replace("$.order: order.id", "$.order: parcel.measure")
    counted = plain | {SHIP: plain[SHIP].replace("form: mask", "form: {mask: {keep_last: 2}}")}

    assert found(tmp_path / "plain", plain) == ["contract.form"]
    assert found(tmp_path / "counted", counted) == []


@pytest.mark.parametrize("kind", [VendorKind.LOGISTICS, VendorKind.PAYMENT])
def test_goods_may_leave_by_a_table(kind: VendorKind, tmp_path: Folder) -> None:
    mapped = with_field("order.items", kind, "{map: {table: {Serum: Cosmetics}, otherwise: Goods}}")

    assert found(tmp_path / "mapped", mapped) == []
    assert found(tmp_path / "cut", with_field("order.items", kind, "{truncate: 3}")) == ["contract.category"]


@pytest.mark.parametrize(
    ("category", "kind", "errors"),
    [
        ("tech.ip", "ip", []),
        ("tech.ip", "url", ["contract.form"]),
        ("tech.ip", "{number: 100}", ["contract.form"]),
        ("geo.precise", "coordinates", []),
        ("geo.precise", "time", ["contract.form"]),
        ("behav.search", "url", []),
        ("behav.access_time", "time", []),
    ],
)
def test_what_has_one_generalisation_takes_no_other(
    category: str, kind: str, errors: list[str], tmp_path: Folder
) -> None:
    files = with_field(category, VendorKind.MAINTENANCE, f"{{generalise: {kind}}}")

    assert found(tmp_path, files) == errors


RESTORED = changed(SHIP, "fields: {$.id: shipment.tracking}", "fields: {$.order: order.id}\n      form: restore")


def test_what_is_turned_back_was_sent_in_a_reversible_form(tmp_path: Folder) -> None:
    reversible = changed(SHIP, "form: pseudonymise", "form: {pseudonymise: reversible}", RESTORED)
    other = changed(
        SHIP, "{$.order: order.id}\n      form: restore", "{$.order: account.id}\n      form: restore", reversible
    )

    assert found(tmp_path / "reversible", reversible) == []
    assert found(tmp_path / "one-way", RESTORED) == ["contract.form"]
    assert found(tmp_path / "other", other) == ["contract.form"]


def test_a_token_is_kept_for_somebody_who_is_looked_up_and_never_for_an_answer(tmp_path: Folder) -> None:
    sent = changed(SHIP, "form: pseudonymise", "form: {pseudonymise: token}")
    nobody = changed(SHIP, "{ref: order, legal_basis: legitimate_interest}", "{legal_basis: legitimate_interest}", sent)
    back = changed(SHIP, "{$.id: shipment.tracking}", "{$.order: order.id}\n      form: restore", sent)
    answered = changed(SHIP, "{$.id: shipment.tracking}", "{$.id: order.id}\n      form: {pseudonymise: token}", sent)

    assert found(tmp_path / "sent", sent) == []
    assert "contract.form" in found(tmp_path / "nobody", nobody)
    assert found(tmp_path / "back", back) == []
    assert found(tmp_path / "answered", answered) == ["contract.form"]


@pytest.mark.parametrize(
    ("form", "most", "errors"),
    [
        ("pseudonymise", 30, []),
        ("pseudonymise", 29, ["contract.form"]),
        ("{pseudonymise: token}", 26, []),
        ("{pseudonymise: token}", 25, ["contract.form"]),
        ("{pseudonymise: reversible}", 27, []),
        ("{pseudonymise: reversible}", 26, ["contract.form"]),
    ],
)
def test_a_pseudonym_fits_into_what_the_vendor_takes(form: str, most: int, errors: list[str], tmp_path: Folder) -> None:
    files = changed(SHIP, "form: pseudonymise", f"form: {form}\n      max_chars: {most}")

    assert found(tmp_path, files) == errors


@pytest.mark.parametrize(
    ("form", "most", "errors"),
    [
        ("{replace: Cosmetics}", 9, []),
        ("{replace: Cosmetics}", 8, ["contract.form"]),
        ("{map: {table: {a: abcd}, otherwise: abcde}}", 5, []),
        ("{map: {table: {a: abcd}, otherwise: abcde}}", 4, ["contract.form"]),
        ("{truncate: 35}", 34, ["contract.form"]),
        ("as_is", 1, []),
        ("mask", 1, []),
    ],
)
def test_what_a_form_leaves_fits_into_what_the_vendor_takes(
    form: str, most: int, errors: list[str], tmp_path: Folder
) -> None:
    files = with_field("contact.phone", VendorKind.LOGISTICS, form, f"      max_chars: {most}\n")

    assert found(tmp_path, files) == errors


def test_the_reviewer_is_told_how_long_a_value_can_be_turned_back(tmp_path: Folder) -> None:
    files = changed(SHIP, "form: pseudonymise", "form: {pseudonymise: reversible}\n      max_chars: 35")

    _, findings = read_files(tmp_path, files)

    [note] = [finding.message for finding in findings if "turned back" in finding.message]
    assert note.endswith("in 35 characters a value of up to 7 bytes can be turned back")
    assert [reversible_length(count) for count in (0, 1, 7, 8)] == [26, 27, 35, 36]


@given(st.integers(27, 4000))
def test_that_is_the_longest_that_fits(most: int) -> None:
    assert reversible_length(_room(most)) <= most < reversible_length(_room(most) + 1)


@pytest.mark.parametrize("most", ["0", "-1", "many", "true"])
def test_what_is_no_number_of_characters_does_not_load(most: str, tmp_path: Folder) -> None:
    files = changed(SHIP, "form: pseudonymise", f"form: pseudonymise\n      max_chars: {most}")

    assert found(tmp_path, files) == ["contract.value"]


def test_nothing_is_turned_back_on_its_way_out(tmp_path: Folder) -> None:
    files = changed(SHIP, "form: pseudonymise", "form: restore")

    assert "contract.form" in found(tmp_path, files)


def test_what_is_encrypted_for_a_vendor_the_vendor_reads(tmp_path: Folder) -> None:
    """So it opens no category that the vendor may not have."""
    may = with_field("contact.phone", VendorKind.LOGISTICS, "{encrypt: $ACME_JWE}")
    must_not = with_field("contact.phone", VendorKind.MAINTENANCE, "{encrypt: $ACME_JWE}")
    answered = changed(SHIP, "{$.id: shipment.tracking}", "{$.id: shipment.tracking}\n      form: {encrypt: $ACME_JWE}")

    assert found(tmp_path / "may", may) == []
    assert found(tmp_path / "must_not", must_not) == ["contract.category"]
    assert found(tmp_path / "answered", answered) == ["contract.form"]


KEY = ECKey.generate_key("P-256")


@pytest.mark.parametrize(
    ("key", "errors"),
    [
        (json.dumps(KEY.as_pem(private=False).decode()), []),
        (json.dumps(KEY.as_dict(private=False)), []),
        (json.dumps(KEY.as_dict(private=True)), ["contract.secret"]),
        (json.dumps(KEY.as_pem(private=True).decode()), ["contract.secret"]),
        ("$ACME_JWE", ["contract.value"]),
    ],
    ids=["PEM", "JWK", "private JWK", "private PEM", "a name"],
)
def test_a_vendors_file_holds_public_keys(key: str, errors: list[str], tmp_path: Folder) -> None:
    files = changed(ACME, "credential:\n", f"keys: {{ACME_JWE: {key}}}\ncredential:\n")

    assert found(tmp_path, files) == errors


@pytest.mark.parametrize(("form", "notes"), [("as_is", ["note"]), ("{link: {hosts: [shop.example]}}", [])])
def test_a_reviewer_is_told_of_a_location_that_leads_past_the_gateway(form: str, notes: list[str]) -> None:
    answer = f"""
        body: json
        groups:
          - why: Where the parcel is shown.
            fields: {{header:Location: shipment.tracking}}
            form: {form}
    """

    found = findings_of("body: none\ngroups:\n", answer)

    assert [level for level, code, _ in found if code == "contract.form"] == notes
