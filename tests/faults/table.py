"""The table of faults, read."""

import re
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "faults.md"
_TEST = r"(tests/\S+?::\w+)"
_ROW = re.compile(
    rf"\| (\d+) \| (.+?) \| (.+?) \| (?:`{_TEST}`|out of scope) \| "
    rf"(?:`{_TEST}`|`tests/sabotage/(faults/\S+?)\.patch`|(in it)|) \|"
)
LINES = [line for line in PAGE.read_text("utf-8").splitlines() if re.match(r"\| \d", line)]


@dataclass(frozen=True, slots=True)
class Row:
    """A fault and the test that shows what holds after it. Of what would be seen otherwise, one is not empty."""

    number: int
    fault: str
    test: str
    control: str
    patch: str
    within: str

    @property
    def is_in_scope(self) -> bool:
        return bool(self.test)

    @property
    def is_controlled(self) -> bool:
        return bool(self.control or self.patch or self.within)


def rows() -> list[Row]:
    """Those that have the form of one, in their order."""
    found = [match for line in LINES if (match := _ROW.fullmatch(line))]
    return [Row(int(row[1]), row[2], *(row[at] or "" for at in range(4, 8))) for row in found]
