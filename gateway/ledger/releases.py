"""Which intents this process has let out, in memory that outlives it: what is not in it was never sent.

The file is mapped and never synced. It survives the process, however that ends, and not the machine, so it counts only
within one boot.
"""

import mmap
import os
from collections.abc import Sequence
from pathlib import Path
from struct import Struct

SLOTS = 1 << 18  # of the newest entries each has one of its own
EPOCHS = 16  # the newest of a node, whose intents may still be open
_HEADER = Struct(f"<12s{EPOCHS}Q")
_SLOT = Struct("<Q")
_LENGTH = SLOTS * _SLOT.size + mmap.PAGESIZE


class Releases:
    """A slot for each of the newest entries. Speaks of the newest epochs of this node, in one boot of its machine."""

    def __init__(self, path: Path, boot: str) -> None:
        self._boot = boot.encode()
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            # All of it at once: a page for which a full disk has no room would end the process, and memory that comes
            # with the calls looks like memory that is lost.
            os.posix_fallocate(descriptor, 0, _LENGTH)
            self._map = mmap.mmap(descriptor, _LENGTH, flags=mmap.MAP_SHARED | mmap.MAP_POPULATE)
        finally:
            os.close(descriptor)

    def begin(self, epoch: int) -> None:
        """From here on it speaks of this epoch too."""
        boot, *epochs = _HEADER.unpack_from(self._map, 0)
        earlier = epochs if boot == self._boot else [0] * EPOCHS
        _HEADER.pack_into(self._map, 0, self._boot, *earlier[1:], epoch)

    @property
    def over(self) -> Sequence[int]:
        """Epochs of processes that had this folder in this boot, and so are gone."""
        boot, *epochs = _HEADER.unpack_from(self._map, 0)
        return [epoch for epoch in epochs if epoch] if boot == self._boot else []

    def mark(self, seq: int) -> None:
        """Once it returns, no kill makes this intent pass for one that was not sent."""
        # Slots of earlier epochs and rounds hold other places, so nothing is ever cleared.
        _SLOT.pack_into(self._map, _place(seq), seq + 1)

    def unsent(self, seq: int, epoch: int, size: int) -> bool:
        """Whether it is proven that an intent of this epoch was not let out, in a log that has this size now."""
        boot, *epochs = _HEADER.unpack_from(self._map, 0)
        if boot != self._boot or not epoch or epoch not in epochs or size - seq > SLOTS:
            return False
        return bool(_SLOT.unpack_from(self._map, _place(seq))[0] != seq + 1)

    def close(self) -> None:
        self._map.close()


def _place(seq: int) -> int:
    return mmap.PAGESIZE + seq % SLOTS * _SLOT.size
