"""Promises broken on purpose: each patch takes one away, and the test that shows it has to fail."""

import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[1]
REQUIREMENTS = ROOT / "docs" / "requirements.md"

_ROW = re.compile(r"\| (R\d\.\d+[a-c]?) \| (.+?) \| (?:`(tests/[^`]+)`|not yet) \|")
_PATCH = re.compile(r"--- (\S+)\n-(.*)\n\+(.*)\n\Z")


@dataclass(frozen=True, slots=True)
class Requirement:
    """A line of the table: what must hold, and the test that shows it, or None where it does not hold yet."""

    id: str
    text: str
    test: str | None


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
    return [Requirement(*found) for found in ((m[1], m[2], m[3]) for m in _ROW.finditer(text))]


def patch_of(requirement: str) -> Patch:
    """The patch that breaks a requirement. Raises ValueError where it has another form."""
    text = (FOLDER / f"{requirement}.patch").read_text("utf-8")
    if (found := _PATCH.match(text)) is None:
        raise ValueError(f"{requirement}.patch is not `--- FILE`, `-LINE` and `+LINE`")
    return Patch(*found.groups())
