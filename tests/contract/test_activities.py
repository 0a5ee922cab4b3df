"""What registers say beside the contracts."""

from pathlib import Path

import pytest
from clearances import placed
from shop_contracts import FILES
from small_contracts import read_files

from gateway.vocabulary import Purpose

GOOD = """
purposes:
  delivery: {name: Delivery of parcels, department: Logistics, reviewed: 2026-03-02}
companies:
  shop-eu: {officer: Inge Berg}
measures: [locked rooms]
"""


def test_a_set_takes_them_from_a_file_of_their_own(tmp_path: Path) -> None:
    contracts, findings = read_files(tmp_path, placed({**FILES, "activities.yaml": GOOD}))

    assert contracts is not None, findings
    assert contracts.activities.purposes[Purpose.DELIVERY].department == "Logistics"
    assert contracts.activities.measures == ("locked rooms",)


def test_without_the_file_nothing_is_said(tmp_path: Path) -> None:
    contracts, _ = read_files(tmp_path, placed(FILES))

    assert contracts is not None
    assert contracts.activities.purposes == {}


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ("companies:\n  shop-mars: {officer: Inge Berg}\n", 2),
        ("purposes:\n  growth: {name: Growing}\n", 2),
        ("purposes:\n  delivery: {nam: Delivery}\n", 2),
    ],
)
def test_a_mistake_is_found_where_it_stands(tmp_path: Path, wrong: str, line: int) -> None:
    contracts, findings = read_files(tmp_path, placed({**FILES, "activities.yaml": wrong}))

    assert contracts is None
    assert {(each.file, each.line) for each in findings if each.level == "error"} == {("activities.yaml", line)}
