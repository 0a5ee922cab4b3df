"""What SQLite leaves of deleted rows: a row that was moved to another page stands on, unused, where it was before."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import apsw

from gateway.ledger.database import truncate
from gateway.ledger.vault import Residue

_AT_ONCE = 4 * 1024 * 1024


def residue(path: Path, deleted: Collection[bytes]) -> Sequence[Residue]:
    """Where these stand in a database, none of which is in a row or in the WAL. On any thread; raises apsw.Error."""
    longest = max(map(len, deleted), default=0)
    found = set[Residue]()
    with _file(path, apsw.SQLITE_OPEN_READONLY) as file:
        size = file.xFileSize()
        for start in range(0, size, _AT_ONCE):
            part = file.xRead(min(_AT_ONCE + longest, size - start), start)
            found.update(Residue(start + at, each) for each in deleted for at in _places(part, each))
    return sorted(found)


def overwrite(database: apsw.Connection, path: Path, found: Sequence[Residue]) -> None:
    """Puts zeros there, where it still stands, while nobody else writes. Raises apsw.Error.

    Whatever becomes of the machine meanwhile, no byte of a row is among those that change.
    """
    truncate(database)
    database.execute("BEGIN IMMEDIATE")
    try:
        # Through SQLite's own way to files: a descriptor of anybody else's would take its locks along when it closes.
        with _file(path, apsw.SQLITE_OPEN_READWRITE) as file:
            for at, each in found:
                if file.xRead(len(each), at) == each:
                    file.xWrite(bytes(len(each)), at)
            file.xSync(apsw.SQLITE_SYNC_FULL)
    finally:
        database.execute("ROLLBACK")
    # Pages that are in memory as they were would bring it back when next they are written.
    database.pragma("shrink_memory")


def _places(part: bytes, wanted: bytes) -> Iterator[int]:
    at = part.find(wanted)
    while at >= 0:
        yield at
        at = part.find(wanted, at + 1)


@contextmanager
def _file(path: Path, flags: int) -> Iterator[apsw.VFSFile]:
    file = apsw.VFSFile("", str(path.resolve()), [flags | apsw.SQLITE_OPEN_MAIN_DB, 0])
    try:
        yield file
    finally:
        file.xClose()
