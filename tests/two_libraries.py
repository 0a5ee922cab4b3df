"""Which SQLite library opens which file, in every process of this environment: put on PYTHONPATH as sitecustomize."""

import os
from collections.abc import Iterator
from pathlib import Path

_SITE = """
import os, sys
def opened(library, path):
    line = f"{{os.getpid()}} {{library}} {{os.path.realpath(os.fsdecode(path))}}\\n".encode()
    out = os.open({file!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(out, line)
    os.close(out)
def hook(event, arguments):
    if event == "sqlite3.connect" and arguments[0] != ":memory:":
        name = str(arguments[0])
        opened("sqlite3", name.removeprefix("file:").partition("?")[0])
sys.addaudithook(hook)
import apsw
apsw.connection_hooks.append(lambda connection: opened("apsw", connection.filename))
"""


def watched(folder: Path) -> dict[str, str]:
    """The variables under which processes write down what they open."""
    (folder / "site").mkdir()
    (folder / "site" / "sitecustomize.py").write_text(_SITE.format(file=str(folder / "opened")), "utf-8")
    here = Path(__file__).parents[1]
    return {"PYTHONPATH": f"{folder / 'site'}{os.pathsep}{here}", "PYTHONDONTWRITEBYTECODE": "1"}


def opens(folder: Path) -> Iterator[tuple[int, str, str]]:
    """Process, library and file of every time that a file was opened."""
    for line in (folder / "opened").read_text("utf-8").splitlines():
        pid, library, path = line.split(" ", 2)
        yield int(pid), library, path


def both(folder: Path) -> set[str]:
    """Files that one process opened with two libraries."""
    found: dict[tuple[int, str], set[str]] = {}
    for pid, library, path in opens(folder):
        found.setdefault((pid, path), set()).add(library)
    return {path for (_, path), libraries in found.items() if len(libraries) > 1}
