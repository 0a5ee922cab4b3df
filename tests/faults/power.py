"""A disk in memory that loses power: what was not synced is lost, torn into sectors, or there without what came before.

SQLite writes to it through a VFS of its own. Readers share the connection of the writer: memory is not shared here.
"""

import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw

from gateway.ledger.database import SETTINGS

NAME = "faults-power"
SECTOR = 512
_POWERSAFE_OVERWRITE = 0x1000  # what SQLite assumes of every disk: bytes beside those that are written stay


@dataclass(frozen=True, slots=True)
class Change:
    """A write at an offset, or, without data, the length that a file is cut to."""

    at: int
    data: bytes | None
    number: int = 0  # of the operation, over all files


@dataclass
class File:
    """A file as the operating system shows it, as the disk holds it, and what lies between the two."""

    shown: bytearray = field(default_factory=bytearray)
    durable: bytes = b""
    pending: list[Change] = field(default_factory=list)

    def made(self, change: Change) -> None:
        _apply(self.shown, change)
        self.pending.append(change)

    def as_of(self, number: int) -> bytes:
        """What a disk holds that has drained its cache, in order, up to an operation."""
        image = bytearray(self.durable)
        for change in self.pending:
            if change.number < number:
                _apply(image, change)
        return bytes(image)

    def synced(self) -> None:
        self.durable = bytes(self.shown)
        self.pending.clear()

    def after_cut(self, dice: random.Random) -> bytes:
        """What the disk holds after a cut: of each change that was not synced all, nothing, or some sectors."""
        image = bytearray(self.durable)
        for change in self.pending:
            fate = dice.random()
            if fate < 0.4:
                _apply(image, change)
            elif fate < 0.7 and change.data is not None:
                for part in _sectors(change.at, change.data):
                    if dice.random() < 0.5:
                        _apply(image, part)
        return bytes(image)


Cut = dict[str, bytes]
"""The files of a disk after a cut, by name."""


@dataclass
class Disk:
    """All files, and what is called after every operation.

    One that `lies` says of a sync that it is done, and loses up to so many of the last operations with the power.
    """

    lies: int = 0
    files: dict[str, File] = field(default_factory=dict)
    operations: int = 0
    after: Callable[[], None] = lambda: None
    guard: threading.RLock = field(default_factory=threading.RLock)

    def cut(self, dice: random.Random) -> Cut:
        with self.guard:
            if self.lies:
                number = self.operations - dice.randrange(self.lies)
                return {name: file.as_of(number) for name, file in self.files.items()}
            return {name: file.after_cut(dice) for name, file in self.files.items()}

    def happened(self) -> None:
        self.operations += 1
        self.after()


class Vfs(apsw.VFS):
    """Opens every file on the disk that is in the machine now."""

    def __init__(self) -> None:
        super().__init__(NAME, base="")
        self.disk = Disk()

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> Any:  # noqa: N802 - apsw's names
        assert name is not None
        file = name if isinstance(name, str) else name.filename()
        flags[1] = flags[0]
        return Opened(self.disk, self.disk.files.setdefault(Path(file).name, File()))

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802, ARG002 - apsw's names
        with self.disk.guard:
            self.disk.files.pop(Path(filename).name, None)
            self.disk.happened()

    def xAccess(self, pathname: str, flags: int) -> bool:  # noqa: N802, ARG002 - apsw's names
        return Path(pathname).name in self.disk.files

    def xFullPathname(self, name: str) -> str:  # noqa: N802 - apsw's names
        return name


@dataclass
class Opened:
    """An open file, as apsw wants it; locks are nobody's business, there is one connection."""

    disk: Disk
    file: File

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802 - apsw's names
        with self.disk.guard:
            return bytes(self.file.shown[offset : offset + amount])

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 - apsw's names
        with self.disk.guard:
            self.file.made(Change(offset, bytes(data), self.disk.operations))
            self.disk.happened()

    def xTruncate(self, newsize: int) -> None:  # noqa: N802 - apsw's names
        with self.disk.guard:
            self.file.made(Change(newsize, None, self.disk.operations))
            self.disk.happened()

    def xSync(self, flags: int) -> None:  # noqa: N802, ARG002 - apsw's names
        with self.disk.guard:
            self.disk.happened()
            if not self.disk.lies:
                self.file.synced()

    def xFileSize(self) -> int:  # noqa: N802 - apsw's names
        return len(self.file.shown)

    def xFileControl(self, op: int, ptr: int) -> bool:  # noqa: N802, ARG002 - apsw's names
        return False

    def xDeviceCharacteristics(self) -> int:  # noqa: N802 - apsw's names
        return _POWERSAFE_OVERWRITE

    def xSectorSize(self) -> int:  # noqa: N802 - apsw's names
        return SECTOR

    def xCheckReservedLock(self) -> bool:  # noqa: N802 - apsw's names
        return False

    def xLock(self, level: int) -> None: ...  # noqa: N802 - apsw's names
    def xUnlock(self, level: int) -> None: ...  # noqa: N802 - apsw's names
    def xClose(self) -> None: ...  # noqa: N802 - apsw's names


class Borrowed:
    """The connection of the writer, for whoever only reads; it is not closed with its borrower."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def close(self) -> None: ...


@dataclass
class Machine:
    """Opens databases on a disk, in the place of what `gateway.ledger.database` opens on the real one."""

    disk: Disk
    synchronous: str
    connections: dict[Path, apsw.Connection] = field(default_factory=dict)

    def writable(self, path: Path) -> apsw.Connection:
        flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
        database = apsw.Connection(str(path), flags=flags, vfs=NAME)
        database.pragma("locking_mode", "exclusive")
        for name, value in SETTINGS.items():
            database.pragma(name, value)
        database.pragma("synchronous", self.synchronous)
        self.connections[path] = database
        return database

    def readable(self, path: Path) -> Borrowed:
        return Borrowed(self.connections[path])


def _apply(image: bytearray, change: Change) -> None:
    if change.data is None:
        del image[change.at :]
        return
    if len(image) < change.at:
        image.extend(bytes(change.at - len(image)))
    image[change.at : change.at + len(change.data)] = change.data


def _sectors(at: int, data: bytes) -> Iterator[Change]:
    """A write in pieces that each lie within one sector."""
    while data:
        count = SECTOR - at % SECTOR
        yield Change(at, data[:count])
        at, data = at + count, data[count:]
