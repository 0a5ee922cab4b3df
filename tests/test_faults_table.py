"""The table of faults is complete, and names tests and controls that are there."""

import ast
from pathlib import Path

import pytest
from faults.table import LINES, rows
from sabotage import FOLDER, patch_of

ROOT = Path(__file__).parents[1]
ROWS = rows()
WITNESSES = 36
NAMED = sorted({each for row in ROWS for each in (row.test, row.control) if each})
PATCHES = [row.patch for row in ROWS if row.patch]


def test_every_fault_stands_in_the_table_once_and_in_order() -> None:
    assert len(ROWS) == len(LINES)
    assert [row.number for row in ROWS] == list(range(1, 43))


def test_every_fault_has_a_test_and_a_control_but_that_of_witnesses() -> None:
    assert [row.number for row in ROWS if not row.is_in_scope] == [WITNESSES]
    assert [row.number for row in ROWS if not row.is_controlled] == [WITNESSES]


@pytest.mark.parametrize("named", NAMED, ids=[each.partition("::")[2] for each in NAMED])
def test_a_test_of_the_table_is_there(named: str) -> None:
    file, _, name = named.partition("::")
    nodes = ast.walk(ast.parse((ROOT / file).read_text("utf-8")))

    assert name in {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_patch_is_in_the_table() -> None:
    assert sorted(f"faults/{path.stem}" for path in (FOLDER / "faults").iterdir()) == sorted(PATCHES)


@pytest.mark.parametrize("name", PATCHES)
def test_a_patch_of_the_table_fits_the_code(name: str) -> None:
    assert ast.parse(patch_of(name).broken(ROOT))
