"""The table of cases at the edge is complete, and what it says is shown by tests that are there."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEST = re.compile(r"`(tests/[^\s`]+\.py)::(test_\w+)`")
ROW = re.compile(r"\| (E\d+) \| (.+\.) \| (`tests/\S+`(?: · `tests/\S+`)*) \|")
TABLE = [
    ROW.fullmatch(line) for line in (ROOT / "docs" / "edge_cases.md").read_text("utf-8").splitlines() if "| E" in line
]
ROWS = [row.groups() for row in TABLE if row is not None]
SHOWN = [(case, file, name) for case, _, tests in ROWS for file, name in TEST.findall(tests)]


def test_every_case_stands_in_the_table_once_and_in_order() -> None:
    assert None not in TABLE
    assert [case for case, *_ in ROWS] == [f"E{number}" for number in range(1, 50)]
    assert len({says for _, says, _ in ROWS}) == len(ROWS)
    assert len(SHOWN) == sum(tests.count("`tests/") for *_, tests in ROWS)


@pytest.mark.parametrize(("case", "file", "name"), SHOWN, ids=lambda each: str(each) if str(each)[0] == "E" else "")
def test_what_shows_a_case_is_there(case: str, file: str, name: str) -> None:
    nodes = ast.walk(ast.parse((ROOT / file).read_text("utf-8")))

    assert name in {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}, case
