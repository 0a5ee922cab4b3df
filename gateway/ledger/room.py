"""Room on the disk of the ledger: where there is none for new calls, some is left for what became of the others."""

import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

log = logging.getLogger(__name__)

PERIOD = 1.0  # seconds between two looks
MIB = 1 << 20
BALLAST = 64 * MIB


class Space(NamedTuple):
    """Bytes that may still be written, and that there are in all."""

    free: int
    total: int


def space(folder: Path) -> Space:
    """That of the file system of a folder, for whoever runs this."""
    found = os.statvfs(folder)
    return Space(found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize)


class Room:
    """Below the watermark it `is_low`. The ballast is a file that is given up where even the rest was not enough.

    Without a `watermark` in bytes it is a twentieth of the disk, 256 MiB at least and 1 GiB at most, and never more
    than a quarter of it. The ballast takes a sixteenth of the disk at most. Nothing here raises.
    """

    def __init__(
        self,
        folder: Path,
        *,
        watermark: int | None = None,
        ballast: int = BALLAST,
        look: Callable[[Path], Space] = space,
    ) -> None:
        self._folder = folder
        self._file = folder / "ballast"
        self._look = look
        total = look(folder).total
        self._watermark = _watermark(total) if watermark is None else watermark
        self._ballast = min(ballast, total // 16)
        self._due = 0.0
        self.is_low = False
        self.step()

    def step(self) -> None:
        """Looks once a second, and puts the ballast back once there is room for it."""
        if (now := time.monotonic()) >= self._due:
            self._due = now + PERIOD
            self._update()

    def relieve(self) -> None:
        """Gives up the ballast where that is what keeps something from being written."""
        self._update()
        if self.is_low and self._file.exists():
            log.error("the disk of the ledger is full: its ballast is given up")
            self._file.unlink(missing_ok=True)

    def _update(self) -> None:
        try:
            free = self._look(self._folder).free
        except OSError as error:
            log.error("nobody knows how much room the ledger has: %s", error.strerror)  # noqa: TRY400
            self.is_low = True
            return
        was_low, self.is_low = self.is_low, free < self._watermark
        if self.is_low and not was_low:
            log.error("the disk of the ledger has %d MiB left: no new call is taken", free // MIB)
        elif was_low and not self.is_low:
            log.warning("the disk of the ledger has %d MiB left again: calls are taken", free // MIB)
        if free >= self._watermark + self._ballast and self._ballast and not self._file.exists():
            self._make()

    def _make(self) -> None:
        half = self._file.with_suffix(".half")
        try:
            descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(descriptor, 0, self._ballast)
            finally:
                os.close(descriptor)
            half.rename(self._file)
        except OSError as error:
            half.unlink(missing_ok=True)
            log.warning("the ledger has no ballast: %s", error.strerror)


def _watermark(total: int) -> int:
    return min(max(total // 20, 256 * MIB), 1024 * MIB, total // 4)
