"""Promises broken on purpose: each patch takes one away, and the test that shows it has to fail."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[1]
REQUIREMENTS = ROOT / "docs" / "requirements.md"
FAILED = 1
"""The status of pytest where tests ran and some failed; others say that it could not run them."""

_ROW = re.compile(r"\| (R\d\.\d+[a-c]?) \| (.+?) \| ((?:`tests/[^`]+`(?: · )?)+) \|")
_TEST = re.compile(r"`([^`]+)`")
_LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "build", "dist", "node_modules")
_PATCH = re.compile(r"--- (\S+)\n-(.*)\n\+(.*)\n\Z")


@dataclass(frozen=True, slots=True)
class Requirement:
    """A line of the table: what must hold, and the tests that show it, each of them another part."""

    id: str
    text: str
    tests: tuple[str, ...]

    @property
    def shown(self) -> dict[str, str]:
        """The test by the name of the patch that it has to notice: `R1.1`, and `R1.1-2` for the second part."""
        return {self.id if not n else f"{self.id}-{n + 1}": test for n, test in enumerate(self.tests)}


@dataclass(frozen=True, slots=True)
class Patch:
    """One line of one file, and what stands there instead once the promise is broken."""

    file: str
    old: str
    new: str

    def broken(self, root: Path) -> str:
        """The file with the promise broken. Raises ValueError unless the line stands there exactly once."""
        lines = (root / self.file).read_text("utf-8").split("\n")
        if lines.count(self.old) != 1:
            raise ValueError(f"{self.file} has the line {lines.count(self.old)} times: {self.old.strip()}")
        return "\n".join(self.new if line == self.old else line for line in lines)


def requirements(text: str) -> list[Requirement]:
    """The lines of the table, in their order."""
    return [Requirement(m[1], m[2], tuple(_TEST.findall(m[3]))) for m in _ROW.finditer(text)]


def patch_of(name: str) -> Patch:
    """The patch that breaks a requirement, or what holds after a fault. Raises ValueError where it has another form."""
    text = (FOLDER / f"{name}.patch").read_text("utf-8")
    if (found := _PATCH.match(text)) is None:
        raise ValueError(f"{name}.patch is not `--- FILE`, `-LINE` and `+LINE`")
    return Patch(*found.groups())


def copied(folder: Path) -> Path:
    """A copy of the repository, to break promises in."""
    return shutil.copytree(ROOT, folder, ignore=_LEFT_OUT)


def status_of(root: Path, tests: Iterable[str]) -> int:
    """The status of pytest for these tests in a copy."""
    how = ["-q", "-x", "-n0", "-p", "no:cacheprovider", "--no-header", "--hypothesis-profile=many"]
    command = [sys.executable, "-m", "pytest", *how, *tests]
    # The copy comes first on the path of every process that the tests start.
    env = dict(os.environ) | {"PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}  # noqa: TID251
    done = subprocess.run(command, cwd=root, env=env, capture_output=True, timeout=600, check=False)
    return done.returncode


def noticed(root: Path, name: str, test: str) -> str:
    """What came of breaking a promise in a copy: empty where the test noticed."""
    patch = patch_of(name)
    file = root / patch.file
    whole = file.read_text("utf-8")
    file.write_text(patch.broken(root), "utf-8")
    try:
        status = status_of(root, [test])
    finally:
        file.write_text(whole, "utf-8")
    if status == FAILED:
        return ""
    return "nobody noticed" if status == 0 else f"the test could not run (pytest ended with {status})"
