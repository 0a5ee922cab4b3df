"""A short month of a shop; `make month` has ten thousand orders."""

import ast
from pathlib import Path

import pytest
from month.story import lived

MONTH = Path(__file__).parent / "month"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_reports_say_what_the_shop_and_its_vendors_have_counted(tmp_path: Path) -> None:
    assert lived(tmp_path, 80) == []


def test_whoever_counts_knows_nothing_of_the_gateway() -> None:
    files = sorted(MONTH.glob("*.py"))
    trees = [ast.parse(file.read_text("utf-8")) for file in files]

    imported = [
        alias.name for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    ]
    imported += [str(node.module) for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert len(files) > 2
    assert "httpx2" in imported
    assert [name for name in imported if name.partition(".")[0] == "gateway"] == []
