"""`make sabotage`: breaks each promise in a copy of the repository, and requires the test that shows it to fail."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from sabotage import REQUIREMENTS, ROOT, patch_of, requirements

_WORKERS = 2
_FAILED = 1
"""The status of pytest where tests ran and some failed; others say that it could not run them."""
_LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "build", "dist", "node_modules")


def _passes(root: Path, tests: Iterable[str]) -> int:
    """The status of pytest for these tests in a copy."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-n0", "-p", "no:cacheprovider", "--no-header", *tests]
    # The copy comes first on the path of every process that the tests start.
    env = dict(os.environ) | {"PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}  # noqa: TID251
    done = subprocess.run(command, cwd=root, env=env, capture_output=True, timeout=600, check=False)
    return done.returncode


def _noticed(root: Path, requirement: str, test: str) -> str:
    """What came of breaking a promise: empty where the test noticed."""
    patch = patch_of(requirement)
    file = root / patch.file
    whole = file.read_text("utf-8")
    file.write_text(patch.broken(root), "utf-8")
    try:
        status = _passes(root, [test])
    finally:
        file.write_text(whole, "utf-8")
    if status == _FAILED:
        return ""
    return "nobody noticed" if status == 0 else f"the test could not run (pytest ended with {status})"


def main(wanted: Sequence[str]) -> int:
    """Breaks the named promises, or all; 0 where each was noticed."""
    shown = {each.id: each.test for each in requirements(REQUIREMENTS.read_text("utf-8")) if each.test}
    if unknown := [name for name in wanted if name not in shown]:
        print(f"no such requirement, or nothing shows it yet: {', '.join(unknown)}")
        return 2
    chosen = {name: test for name, test in shown.items() if not wanted or name in wanted}
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(_WORKERS) as workers:
        copies: SimpleQueue[Path] = SimpleQueue()
        for number in range(_WORKERS):
            copies.put(shutil.copytree(ROOT, Path(folder) / str(number), ignore=_LEFT_OUT))
        copy = copies.get()
        if status := _passes(copy, sorted(set(chosen.values()))):
            print(f"the tests do not pass as the code stands (pytest ended with {status})")
            return 2
        copies.put(copy)

        def broken(each: tuple[str, str]) -> str:
            copy = copies.get()
            try:
                return _noticed(copy, *each)
            finally:
                copies.put(copy)

        missed = 0
        for (name, test), fault in zip(chosen.items(), workers.map(broken, chosen.items()), strict=True):
            missed += bool(fault)
            print(f"{name:<6} {fault or 'noticed':<14} {test}", flush=True)
    print(f"{len(chosen)} promises broken, {len(chosen) - missed} noticed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
