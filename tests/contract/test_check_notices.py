"""A vendor that is to be told by a call or a mail has a contract that can carry it, or the set does not load."""

from pathlib import Path

import pytest
from clearances import placed
from shop_notices import DAILY, MAILED, TOLD
from small_contracts import read_files


@pytest.mark.parametrize("files", [TOLD, MAILED, DAILY], ids=["https", "mail", "daily"])
def test_what_can_be_told_loads(tmp_path: Path, files: dict[str, str]) -> None:
    contracts, findings = read_files(tmp_path, placed(files))

    assert contracts is not None
    assert [each for each in findings if each.level == "error"] == []


@pytest.mark.parametrize(
    ("file", "old", "new", "code"),
    [
        ("parcels/vendor.yaml", "how: https, operation: forget", "how: https", "contract.missing"),
        ("parcels/vendor.yaml", "how: https, ", "how: mail, ", "contract.missing"),
        ("parcels/vendor.yaml", "operation: forget", "operation: remember", "contract.value"),
        ("parcels/vendor.yaml", "operation: forget", "operation: forget, daily: true", "contract.value"),
        ("parcels/forget.yaml", "purpose: rights_fulfilment", "purpose: delivery", "contract.value"),
        ("parcels/forget.yaml", "callers: [gateway]", "callers: [fulfilment]", "contract.value"),
        ("faults/vendor.yaml", ", daily: true", "", "contract.value"),
    ],
)
def test_what_cannot_carry_a_notice_does_not_load(tmp_path: Path, file: str, old: str, new: str, code: str) -> None:
    assert old in DAILY[file]
    contracts, findings = read_files(tmp_path, placed({**DAILY, file: DAILY[file].replace(old, new, 1)}))

    errors = [(each.code, each.message) for each in findings if each.level == "error"]
    assert contracts is None
    assert [found for found, message in errors if "notices" in message] == [code]


def test_a_notice_that_names_orders_by_numbers_which_the_vendor_never_got_is_noted(tmp_path: Path) -> None:
    other = TOLD["parcels/forget.yaml"].replace("form: pseudonymise", "form: {pseudonymise: reversible}", 1)
    found = [
        [(each.code, each.level, each.line) for each in findings if "by any other operation" in each.message]
        for files in (TOLD, {**TOLD, "parcels/forget.yaml": other})
        for _, findings in [read_files(tmp_path, placed(files))]
    ]

    line = 1 + other[: other.index("$.orders.*: order.id")].count("\n")
    assert found == [[], [("contract.value", "note", line)]]
