import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from doc_blocks import Block, Terminal, blocks, free_ports, shows

pytestmark = pytest.mark.slow

PAGE = Path(__file__).parents[1] / "docs" / "tutorial.md"


@pytest.fixture
def empty_folder() -> Iterator[Path]:
    """A folder whose name is short: a Unix socket will stand in it."""
    with tempfile.TemporaryDirectory(prefix="tea-") as folder:
        yield Path(folder)


def test_every_block_of_the_tutorial_does_what_the_page_says(empty_folder: Path) -> None:
    with free_ports(3) as free:
        ports = dict(zip(("8080", "8081", "9100"), map(str, free), strict=True))
        page = re.sub("|".join(ports), lambda found: ports[found[0]], PAGE.read_text("utf-8"))
        variables = {"GATEWAY_PORT": ports["8080"], "GATEWAY_OPERATORS_PORT": ports["8081"]}

        with Terminal(empty_folder, variables) as terminal:
            run = [_followed(block, terminal) for block in blocks(page)]

    assert sum(run) > 20


def test_a_terminal_that_shows_something_else_is_noticed(empty_folder: Path) -> None:
    block = Block("console", "", "$ echo sent: no\nsent: yes\n", 1)

    with Terminal(empty_folder, {}) as terminal, pytest.raises(AssertionError, match="sent: no"):
        _followed(block, terminal)


@pytest.mark.parametrize(
    ("expected", "given", "fits"),
    [
        ("a\nb", "a\nb\n", True),
        ("a … c", "a b\nb c", True),
        ("…\nb", "a\nb", True),
        ("", "", True),
        ("", "something", False),
        ("a\nb", "a\nc\nb", False),
        ("a …", "b", False),
    ],
)
def test_dots_stand_for_anything_and_nothing_else_does(expected: str, given: str, fits: bool) -> None:
    assert shows(expected, given) is fits


def _followed(block: Block, terminal: Terminal) -> int:
    """Does what a block says, and returns how many files and commands it had."""
    what, _, path = block.word.partition("=")
    if what in ("file", "append"):
        file = terminal.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a" if what == "append" else "x", encoding="utf-8") as open_file:
            open_file.write(block.text)
        return 1
    commands = list(block.commands) if block.language == "console" else []
    for command, shown in commands:
        said = terminal.begin(command, shown) if what == "background" else terminal.says(command)
        assert shows(shown, said), f"line {block.line}: `{command}` says\n{said}"
    return len(commands)
