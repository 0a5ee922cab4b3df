"""Every command of the auditor's guide does what the page says, beside a gateway at work."""

import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from doc_blocks import Terminal, blocks, shows
from processes import Machine

from ledger_verify import CHECKS, FIRST_CODE

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "auditor.md").read_text("utf-8")


@pytest.fixture
def machine() -> Iterator[Machine]:
    with tempfile.TemporaryDirectory(prefix="a-") as folder:
        yield Machine(Path(folder))


@pytest.mark.slow
def test_every_command_of_the_guide_does_what_the_page_says(machine: Machine) -> None:
    shutil.copy(ROOT / "ledger_verify.py", machine.folder)
    variables = {name: value for name, value in machine.environment.items() if name.startswith("GATEWAY_")}
    commands = [command for block in blocks(PAGE) if block.language == "console" for command in block.commands]

    with machine.serving(), Terminal(machine.folder, {**variables, "PYTHONPATH": str(ROOT)}) as terminal:
        assert terminal.says("gateway ledger key > my-key") == ""
        for command, shown in commands:
            said = terminal.says(command)
            assert shows(shown, said), f"`{command}` says\n{said}"
        assert terminal.says("python3 ledger_verify.py audit --since my-key > report; echo $?") == "13\n"

    assert len(commands) >= 12


def test_every_check_is_in_the_table_with_its_exit_code() -> None:
    rows = re.findall(r"^\| (V\d+) \| (\d+) \|", PAGE, re.MULTILINE)

    assert rows == [(name, str(FIRST_CODE + number)) for number, name in enumerate(CHECKS)]
    shown = ((f"{name:<4}{'not checked' if name == 'V12' else 'ok':<12}{title}") for name, title in CHECKS.items())
    assert all(line in PAGE for line in shown)
