"""Blocks of a page that are files to write and commands to run, and a terminal to run them in."""

import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

_BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_DONE = "-- done --"
PATIENCE = 60.0  # seconds


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its language, the word behind it, its text, and the line of the page that it begins on."""

    language: str
    word: str
    text: str
    line: int

    @property
    def commands(self) -> Iterator[tuple[str, str]]:
        """Each command behind a prompt, with what is shown below it."""
        for part in re.split(r"^\$ ", self.text, flags=re.MULTILINE)[1:]:
            command, _, shown = part.partition("\n")
            yield command, shown


def blocks(page: str) -> tuple[Block, ...]:
    """Every fenced block of a page."""
    found = _BLOCK.finditer(page)
    return tuple(Block(each[1], each[2] or "", each[3], page.count("\n", 0, each.start()) + 1) for each in found)


def shows(expected: str, given: str) -> bool:
    """Whether an output is as the page says; `…` stands for anything, and spacing does not count."""
    parts = (re.escape(" ".join(part.split())) for part in expected.split("…"))
    return re.fullmatch(r"\s*" + r".*".join(rf"\s*{part}\s*" for part in parts), _plain(given), re.DOTALL) is not None


def _plain(text: str) -> str:
    return " ".join(text.split())


@contextmanager
def free_ports(count: int) -> Iterator[list[int]]:
    """Ports on which nobody else comes to listen until the block ends: they are bound, and may be bound once more."""
    with ExitStack() as closing:
        held = [closing.enter_context(socket.socket()) for _ in range(count)]
        for each in held:
            each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            each.bind(("127.0.0.1", 0))
        yield [each.getsockname()[1] for each in held]


@dataclass
class Terminal:
    """A shell in a folder, with the commands of this environment and nothing of the tester's own."""

    folder: Path
    variables: Mapping[str, str]
    background: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __enter__(self) -> Self:
        path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
        self._variables = {"PATH": path, "COLUMNS": "120", "LANG": "C.UTF-8", **self.variables}
        self._shell = subprocess.Popen(
            ["bash", "--norc"],
            cwd=self.folder,
            env=self._variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in reversed(self.background):
            process.send_signal(signal.SIGTERM)
            process.wait(PATIENCE)
        self._shell.communicate()

    def says(self, command: str) -> str:
        """What a command prints, errors included."""
        assert self._shell.stdin is not None
        assert self._shell.stdout is not None
        # Nothing that a command reads may be taken from the commands that follow it.
        self._shell.stdin.write(f"{{ {command}\n}} </dev/null\necho '{_DONE}'\n")
        self._shell.stdin.flush()
        return "".join(iter(self._shell.stdout.readline, f"{_DONE}\n"))

    def begin(self, command: str, shown: str) -> str:
        """Starts what runs on, and returns what it had printed when that was as shown, or when patience ended."""
        output = self.folder / f".output-{len(self.background)}"
        with output.open("wb") as file:
            process = subprocess.Popen(
                ["bash", "-c", command], cwd=self.folder, env=self._variables, stdout=file, stderr=file
            )
        self.background.append(process)
        end = time.monotonic() + PATIENCE
        while not shows(shown, output.read_text()) and process.poll() is None and time.monotonic() < end:
            time.sleep(0.05)
        return output.read_text()
