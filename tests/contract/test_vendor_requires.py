"""What a vendor itself refuses a call without is noticed before the contract is in force, and not by the vendor."""

from pathlib import Path as Folder

import pytest
from small_contracts import SHIP, changed, found, read_files, with_field

from gateway.vocabulary import VendorKind

LACKS = ["contract.vendor_requires"]


def requiring(places: str) -> dict[str, str]:
    """The small contract of a vendor that refuses calls without these."""
    return changed(SHIP, "sending:\n  body: json\n", f"sending:\n  body: json\n  vendor_requires: [{places}]\n")


@pytest.mark.parametrize(
    ("places", "error"),
    [
        ("$.name", []),
        ("path:parcel", []),
        ("$.name, $.phone", LACKS),
        ("header:Acme-Version", []),
        ("$.recipient", LACKS),
        ("$..name", ["contract.path"]),
    ],
)
def test_what_the_vendor_requires_leaves_or_the_contract_does_not_load(
    places: str, error: list[str], tmp_path: Folder
) -> None:
    assert found(tmp_path, requiring(places)) == error


@pytest.mark.parametrize(("form", "error"), [("drop", LACKS), ("refuse", LACKS), ("{replace: none}", [])])
def test_a_form_that_keeps_it_is_no_way_and_a_filler_is(form: str, error: list[str], tmp_path: Folder) -> None:
    files = with_field("not_personal", VendorKind.LOGISTICS, form)
    files[SHIP] = files[SHIP].replace("  body: json\n", "  body: json\n  vendor_requires: [$.tested]\n", 1)

    assert found(tmp_path, files) == error


@pytest.mark.parametrize(
    ("more", "notes"),
    [
        ("", LACKS),
        ("      required: all\n", []),
        ("      when: {$.mode: [x]}\n      required: all\n", LACKS),
    ],
    ids=["may stay", "is required here too", "on a condition"],
)
def test_where_it_may_stay_all_the_same_the_reviewer_is_told(more: str, notes: list[str], tmp_path: Folder) -> None:
    files = with_field("not_personal", VendorKind.LOGISTICS, more=more)
    files[SHIP] = files[SHIP].replace("  body: json\n", "  body: json\n  vendor_requires: [$.tested]\n", 1)

    assert found(tmp_path, files, level="note") == notes
    _, findings = read_files(tmp_path, files)
    assert all("vendor" in each.message for each in findings if each.code == "contract.vendor_requires")
