"""The table of faults is complete, and names tests that are there."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROW = re.compile(r"\| (\d+) \| .+? \| .*? \| (?:`(\S+?)::(\w+)`|not yet) \| (?:`(\S+?)::(\w+)`|in it|none|) \|")
LINES = [line for line in (ROOT / "docs" / "faults.md").read_text("utf-8").splitlines() if re.match(r"\| \d", line)]
ROWS = [found for line in LINES if (found := ROW.fullmatch(line))]
NAMED = sorted({each for row in ROWS for each in ((row[2], row[3]), (row[4], row[5])) if each[0]})


def test_every_fault_stands_in_the_table_once_and_in_order() -> None:
    assert len(ROWS) == len(LINES)
    assert [int(row[1]) for row in ROWS] == list(range(1, 43))


@pytest.mark.parametrize(("file", "name"), NAMED, ids=[name for _, name in NAMED])
def test_a_test_of_the_table_is_there(file: str, name: str) -> None:
    nodes = ast.walk(ast.parse((ROOT / file).read_text("utf-8")))

    assert name in {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
