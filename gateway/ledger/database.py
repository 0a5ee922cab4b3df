"""How the files of the ledger are opened: alone, durable, and refused where a setting did not take."""

import fcntl
import logging
import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import apsw

from gateway.errors import GatewayError, StartError, refuse

log = logging.getLogger(__name__)

OLDEST_SQLITE = (3, 51, 3)  # older ones can corrupt a WAL that is written and reset at the same instant
PATIENCE_MS = 5_000
WRITER_PATIENCE_MS = 250  # nobody else writes; only a checkpoint ever waits, for readers, and entries wait with it

# Each is read back. The first two take only before the first table; larger pages cost each commit more.
SETTINGS: Mapping[str, str | int] = {
    "page_size": 4096,
    "auto_vacuum": 2,  # incremental
    "journal_mode": "wal",
    "synchronous": 2,  # full: a commit survives a power cut
    "fullfsync": 1,
    "secure_delete": 1,
    "cell_size_check": 1,
    "trusted_schema": 0,
    "mmap_size": 0,
    "recursive_triggers": 1,  # so that INSERT OR REPLACE meets the triggers against deletion
    "wal_autocheckpoint": 0,  # the writer does it, between batches
}

# What stands in files that were made with other settings, and is as good.
_EARLIER = frozenset({("page_size", 8192)})

_CORRUPT = (apsw.CorruptError, apsw.NotADBError)
# Of memory and its files, which say nothing about what is on the disk.
_PASSING = (apsw.SQLITE_IOERR_NOMEM, apsw.SQLITE_IOERR_SHMSIZE)


# What stands elsewhere: its locks keep nobody out for sure, and its fsync may return before anything is kept.
REMOTE = frozenset(
    (
        *("9p", "afs", "ceph", "cifs", "coda", "davfs", "glusterfs", "lustre", "ncpfs", "nfs", "nfs4", "smb3", "smbfs"),
        *("fuse.ceph", "fuse.davfs2", "fuse.gcsfuse", "fuse.glusterfs", "fuse.rclone", "fuse.s3fs", "fuse.sshfs"),
    )
)
_MOUNTS = Path("/proc/self/mountinfo")


class StoreError(GatewayError):
    """A database did not do what it was told, and whether it took effect is unknown.

    After a `lasting` one nobody knows what is on the disk: an fsync that failed once and then works proves nothing.
    """

    def __init__(self, name: str, *, lasting: bool = False, corrupt: bool = False) -> None:
        super().__init__(name)
        self.lasting = lasting
        self.corrupt = corrupt


class _KnownErrors:
    # Not made of a generator: each commit and each call comes through here several times.

    def __enter__(self) -> None: ...

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, apsw.Error):
            # `from None`: SQLite's message can carry what was to be written.
            raise _known(error) from None


_KNOWN_ERRORS = _KnownErrors()


def known_errors() -> AbstractContextManager[None]:
    """Raises StoreError, named by the class of SQLite's error, for whatever SQLite raises."""
    return _KNOWN_ERRORS


def _known(error: apsw.Error) -> StoreError:
    name, corrupt = type(error).__name__, isinstance(error, _CORRUPT)
    if not isinstance(error, apsw.IOError):
        return StoreError(name, lasting=corrupt, corrupt=corrupt)
    extended = getattr(error, "extendedresult", 0)  # which its types leave out
    told = apsw.mapping_extended_result_codes.get(extended, "")
    return StoreError(f"{name} {told}".strip(), lasting=extended not in _PASSING)


class _OrRefused:
    def __enter__(self) -> None: ...

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, StoreError):
            raise refuse("ledger.unavailable", "the ledger cannot be read") from None


_OR_REFUSED = _OrRefused()


def or_refused() -> AbstractContextManager[None]:
    """Raises Refusal `ledger.unavailable` where the database cannot be read."""
    return _OR_REFUSED


def locked(folder: Path) -> int:
    """Takes `ledger.lock`, or raises StartError where another process has it. Closing the descriptor lets go."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    demand_local(folder)
    descriptor = os.open(folder / "ledger.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise StartError(f"another process uses the ledger in {folder}; stop it, or give this one a folder") from None
    return descriptor


def demand_local(folder: Path, mounts: Path = _MOUNTS) -> None:
    """Raises StartError where the folder stands on a network file system, as far as the machine says (proc(5))."""
    device = folder.stat().st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    for line in mounts.read_text("utf-8", "replace").splitlines() if mounts.exists() else ():
        mount, _, source = line.partition(" - ")
        if mount.split()[2] == number and (kind := source.split()[0]) in REMOTE:
            raise StartError(f"{folder} is on a network file system ({kind}); the ledger needs a disk of this machine")


def writable(path: Path) -> apsw.Connection:
    """A connection that writes durably, or StartError."""
    # SQLite gives the WAL the mode of the database, so it is made before SQLite can make it readable for others.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    database = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    database.set_busy_timeout(WRITER_PATIENCE_MS)
    database.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)
    database.config(apsw.SQLITE_DBCONFIG_DQS_DML, 0)
    for name, value in SETTINGS.items():
        database.pragma(name, value)
    demand_durable(database)
    return database


def readable(path: Path) -> apsw.Connection:
    """A connection that cannot write."""
    database = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    database.set_busy_timeout(PATIENCE_MS)
    return database


def demand_durable(database: apsw.Connection) -> None:
    """Raises StartError unless SQLite is recent enough and every setting reads back as it was asked for."""
    version = tuple(int(part) for part in apsw.sqlite_lib_version().split("."))
    if version < OLDEST_SQLITE:
        raise StartError(f"SQLite {apsw.sqlite_lib_version()} can corrupt the ledger; 3.51.3 or newer is needed")
    for name, wanted in SETTINGS.items():
        found = database.pragma(name)
        if found != wanted and (name, found) not in _EARLIER:
            raise StartError(f"the ledger needs {name} to be {wanted}, and SQLite keeps it at {found}")


def rows(database: apsw.Connection, query: str, *values: object) -> list[Any]:
    """What a query finds, each row a tuple as the schema types it."""
    return database.execute(query, values).fetchall()


def checkpoint(database: apsw.Connection, *, restart: bool = False) -> None:
    """Copies what was committed from the WAL into the database; with `restart`, waits for readers to let go of it.

    Raises StoreError only where the disk failed.
    """
    mode = apsw.SQLITE_CHECKPOINT_RESTART if restart else apsw.SQLITE_CHECKPOINT_PASSIVE
    try:
        with known_errors():
            database.wal_checkpoint(mode=mode)
    except StoreError as error:
        if error.lasting:
            raise
        # What was committed is in the WAL and stays there; the next checkpoint copies it again.
        log.warning("a checkpoint of the ledger did not finish: %s", error)


def truncate(database: apsw.Connection) -> None:
    """Copies the WAL into the database and empties it: with `secure_delete`, what was deleted stands in neither."""
    database.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
