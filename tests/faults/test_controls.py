"""What a patch of the table changes in a copy of the gateway, the test of its row has to notice."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sabotage import copied, noticed

from faults.table import Row, rows

Told = Callable[[str, int, str, str], None]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied(tmp_path_factory.mktemp("copy") / "gateway")


@pytest.mark.parametrize("row", [row for row in rows() if row.patch], ids=lambda row: str(row.number))
def test_a_gateway_that_is_built_wrongly_fails_the_test_of_its_row(copy: Path, told: Told, row: Row) -> None:
    assert noticed(copy, row.patch, row.test) == ""
    told(row.fault, 1, "see the table", f"{row.patch}.patch: its test fails")
