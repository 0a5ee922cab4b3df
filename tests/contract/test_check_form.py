"""A form loads where it means something, for a category that it fits."""

from pathlib import Path as Folder

import pytest
from small_contracts import SHIP, changed, found, with_field

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


def test_nothing_is_turned_back_on_its_way_out(tmp_path: Folder) -> None:
    files = changed(SHIP, "form: pseudonymise", "form: restore")

    assert "contract.form" in found(tmp_path, files)
