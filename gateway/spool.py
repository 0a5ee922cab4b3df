"""Where bodies stand that are too long for memory, until their calls are over: in files that nobody else can read.

What is written is encrypted with a key that is in memory only. The file has no name, so whatever ends the process ends
it too.
"""

import os
import tempfile
import threading
from pathlib import Path
from typing import IO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.errors import refuse
from gateway.pieces import STEP, Extent, Payload, Pieces

IN_MEMORY: Final = 256 * 1024
"""Bytes up to which a body never leaves memory."""

_KEY_BITS: Final = 256
_NONCE: Final = 12
_SEALED: Final = STEP + 16
"""A step as it stands in a file: with the tag of AES-GCM (NIST SP 800-38D)."""


class Spools:
    """The room for them: a folder, and how many bytes they may take of its disk all together."""

    def __init__(self, folder: Path, *, most: int) -> None:
        self._folder = folder
        self._most = most
        self._taken = 0
        self._lock = threading.Lock()

    @property
    def taken(self) -> int:
        """How many bytes stand there now."""
        return self._taken

    def begin(self) -> "Spool":
        return Spool(self)

    def opened(self) -> IO[bytes]:
        """A new file without a name, which is gone when it is closed. Raises Refusal `gateway.overloaded`."""
        try:
            return tempfile.TemporaryFile(dir=self._folder, buffering=0)
        except OSError:
            raise refuse("gateway.overloaded", "there is no place for a body of this length") from None

    def take(self, size: int) -> None:
        """Raises Refusal `gateway.overloaded` where so many bytes are too many."""
        with self._lock:
            if self._taken + size > self._most:
                raise refuse("gateway.overloaded", "bodies on their way fill the room that they have")
            self._taken += size

    def give_back(self, size: int) -> None:
        with self._lock:
            self._taken -= size


class Spool:
    """The bytes of one body, written once and then read as often as wanted, by one thread at a time."""

    def __init__(self, spools: Spools) -> None:
        self._spools = spools
        self._pending = bytearray()
        self._file: IO[bytes] | None = None
        self._steps = 0
        self._taken = 0

    @property
    def is_away(self) -> bool:
        """Whether what was written is not in memory."""
        return self._file is not None

    def write(self, data: bytes) -> None:
        """Raises Refusal `gateway.overloaded` where there is no room for more."""
        self._pending += data
        if self._file is None and len(self._pending) > IN_MEMORY:
            self._file, self._cipher = self._spools.opened(), AESGCM(AESGCM.generate_key(_KEY_BITS))
        if self._file is not None:
            self._put(len(self._pending) // STEP)

    def done(self, last: bytes = b"") -> Payload:
        """What was written, with this behind it: itself where it is short, and otherwise where it stands."""
        self.write(last)
        if self._file is None:
            return bytes(self._pending)
        size = self._steps * STEP + len(self._pending)
        if self._pending:
            self._put(1)
        return Pieces((Extent(self, 0, size),))

    def read(self, start: int, size: int) -> bytes:
        """Just these bytes. Raises Refusal `gateway.failed` where they are not what was written."""
        first, last = start // STEP, (start + size - 1) // STEP
        run = b"".join(map(self._opened, range(first, last + 1)))
        return run[start - first * STEP :][:size]

    def close(self) -> None:
        """Lets go of the file, and of all that is in it."""
        if self._file is not None:
            self._file.close()
            self._file = None
            self._spools.give_back(self._taken)
            self._taken = 0

    def _put(self, steps: int) -> None:
        """Writes the first steps of what waits; the last one of all may be shorter."""
        sealed = b"".join(self._sealed(number) for number in range(steps))
        del self._pending[: steps * STEP]
        self._spools.take(len(sealed))
        self._taken += len(sealed)
        try:
            self._written(sealed, self._steps * _SEALED)
        except OSError:
            raise refuse("gateway.overloaded", "there is no room for a body of this length") from None
        self._steps += steps

    def _written(self, sealed: bytes, at: int) -> None:
        left = memoryview(sealed)
        while left:
            done = os.pwrite(self._descriptor(), left, at)
            left, at = left[done:], at + done

    def _sealed(self, number: int) -> bytes:
        # The key is this file's alone, and each step is written once, so that its number is never used twice.
        nonce = (self._steps + number).to_bytes(_NONCE)
        return self._cipher.encrypt(nonce, bytes(self._pending[number * STEP : (number + 1) * STEP]), None)

    def _opened(self, number: int) -> bytes:
        try:
            sealed = os.pread(self._descriptor(), _SEALED, number * _SEALED)
            return self._cipher.decrypt(number.to_bytes(_NONCE), sealed, None)
        except (OSError, InvalidTag, ValueError):
            raise refuse("gateway.failed", "a body on its way cannot be read any more") from None

    def _descriptor(self) -> int:
        if self._file is None:
            raise refuse("gateway.failed", "a body on its way is gone")
        return self._file.fileno()
