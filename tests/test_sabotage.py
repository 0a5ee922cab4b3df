"""The table of requirements is complete, and every promise in it that holds can be broken and is tested."""

import ast
from pathlib import Path

import pytest
from sabotage import FOLDER, REQUIREMENTS, ROOT, Patch, patch_of, requirements

# Section by section: what the policy asks for, sentence by sentence.
# fmt: off
IDS = [
    "R1.1", "R1.2", "R1.3a", "R1.3b", "R1.4", "R1.5a", "R1.5b", "R1.6",
    "R2.1", "R2.2a", "R2.2b", "R2.2c", "R2.3", "R2.4", "R2.5", "R2.6",
    "R3.1a", "R3.1b", "R3.2", "R3.2b", "R3.3a", "R3.3b", "R3.4a", "R3.4b", "R3.5", "R3.6a", "R3.6b",
    "R4.1", "R4.2", "R4.3", "R4.4a", "R4.4b", "R4.5", "R4.6", "R4.7", "R4.8a", "R4.8b",
    "R5.1a", "R5.1b", "R5.1c", "R5.2", "R5.2b", "R5.3a", "R5.3b", "R5.3c", "R5.4", "R5.4a", "R5.4b", "R5.4c", "R5.5",
    "R5.6a", "R5.6b",
    "R6.1a", "R6.1b", "R6.1c", "R6.2", "R6.3", "R6.4a", "R6.4b", "R6.5", "R6.6", "R6.7", "R6.8",
]
# fmt: on
TABLE = requirements(REQUIREMENTS.read_text("utf-8"))
SHOWN = {name: test for each in TABLE for name, test in each.shown.items()}


def test_every_requirement_stands_in_the_table_once_and_in_order() -> None:
    assert [each.id for each in TABLE] == IDS


def test_every_test_of_the_table_has_a_patch_that_it_notices_and_no_other_patch_is_there() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.patch")) == sorted(SHOWN)


def test_no_two_parts_are_broken_by_the_same_line() -> None:
    patches = [patch_of(name) for each in TABLE for name in each.shown]

    assert len({(patch.file, patch.new, patch.old) for patch in patches}) == len(patches)


@pytest.mark.parametrize(("name", "test"), SHOWN.items(), ids=list(SHOWN))
def test_a_patch_fits_the_code_and_its_test_is_there(name: str, test: str) -> None:
    patch = patch_of(name)
    file, _, function = test.partition("::")
    nodes = ast.walk(ast.parse((ROOT / file).read_text("utf-8")))
    functions = {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}

    assert patch.file.startswith("gateway/")
    assert ast.parse(patch.broken(ROOT))
    assert function in functions


def test_a_patch_for_a_line_that_is_gone_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\ny = 1\ny = 1\n")

    assert Patch("a.py", "x = 1", "x = 2").broken(tmp_path) == "x = 2\ny = 1\ny = 1\n"
    for gone in ("z = 1", "y = 1"):
        with pytest.raises(ValueError, match="times"):
            Patch("a.py", gone, "").broken(tmp_path)
