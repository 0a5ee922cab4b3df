"""`make sabotage`: breaks each promise in a copy of the repository, and requires the test that shows it to fail."""

import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from sabotage import REQUIREMENTS, copied, noticed, requirements, status_of

_WORKERS = 2


def main(wanted: Sequence[str]) -> int:
    """Breaks the promises of the named requirements, or all; 0 where each was noticed."""
    table = {each.id: each.shown for each in requirements(REQUIREMENTS.read_text("utf-8"))}
    if unknown := [name for name in wanted if name not in table]:
        print(f"no such requirement: {', '.join(unknown)}")
        return 2
    chosen = {name: test for each in wanted or table for name, test in table[each].items()}
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(_WORKERS) as workers:
        copies: SimpleQueue[Path] = SimpleQueue()
        for number in range(_WORKERS):
            copies.put(copied(Path(folder) / str(number)))
        copy = copies.get()
        if status := status_of(copy, sorted(set(chosen.values()))):
            print(f"the tests do not pass as the code stands (pytest ended with {status})")
            return 2
        copies.put(copy)

        def broken(each: tuple[str, str]) -> str:
            copy = copies.get()
            try:
                return noticed(copy, *each)
            finally:
                copies.put(copy)

        missed = 0
        for (name, test), fault in zip(chosen.items(), workers.map(broken, chosen.items()), strict=True):
            missed += bool(fault)
            print(f"{name:<8} {fault or 'noticed':<14} {test}", flush=True)
    print(f"{len(chosen)} promises broken, {len(chosen) - missed} noticed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
