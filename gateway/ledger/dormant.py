"""Keys of people whose accounts are long unused: wrapped once more, under a key that may be kept on another medium.

The key of the generation goes around both, so that a turnover moves such keys without the other one.
"""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Collection
from functools import partial
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.errors import StartError
from gateway.ledger.canonical import Randomness
from gateway.ledger.database import StoreError
from gateway.ledger.entry import Event
from gateway.ledger.housekeeping import Access
from gateway.ledger.kek import derived
from gateway.ledger.secret import secret

log = logging.getLogger(__name__)

FILE = "archive.key"
SECRET = 32
"""Bytes of a key as it is in use; one that is put away is longer."""
OUT_OF_REACH = -1
_NONCE = 12


class PutAwayError(StoreError):
    """The archive key, under which the key of somebody is put away, is not there."""

    def __init__(self) -> None:
        super().__init__("PutAwayError: the archive key is not there, or is another one")


class ArchiveKey:
    """In a file, which is read each time that it is needed and never kept in memory.

    The file of the data folder is made where there is none; one that `elsewhere` names is not.
    """

    def __init__(self, root: bytes, folder: Path, elsewhere: Path | None, randomness: Randomness) -> None:
        self._root = root
        self._path = elsewhere or folder / FILE
        self._is_ours = elsewhere is None
        self._randomness = randomness

    def closed(self, key: bytes, dek: bytes) -> bytes:
        """Raises PutAwayError where the key that it would be put away under is not there."""
        if not self._is_ours and not self._path.exists():
            raise PutAwayError
        nonce = os.urandom(_NONCE)
        return nonce + self._cipher().encrypt(nonce, key, dek)

    def opened(self, put_away: bytes, dek: bytes) -> bytes:
        """Raises PutAwayError."""
        if not self._path.exists():
            raise PutAwayError
        try:
            return self._cipher().decrypt(put_away[:_NONCE], put_away[_NONCE:], dek)
        except InvalidTag:
            raise PutAwayError from None

    def _cipher(self) -> AESGCM:
        try:
            held = secret(self._path, self._randomness)
        except (StartError, OSError):
            raise PutAwayError from None
        return AESGCM(derived(self._root, b"own/archive/1", held))


class Dormant:
    """Puts keys away and brings them back, on the thread of the writer; `moved` says whether a key of a person was."""

    def __init__(
        self,
        moved: Callable[[str, bool], int],
        do: Callable[[Callable[[], int]], Awaitable[int]],
        record: Callable[[Event], Awaitable[str]],
    ) -> None:
        self._moved = moved
        self._do = do
        self._record = record
        self._sorting = asyncio.Lock()

    async def sort(self, inactive: Collection[str], others: Collection[str], *, by: str) -> tuple[int, int]:
        """Puts the keys of the first away, and brings those of the others back; how many keys that were.

        Where the archive key is not there, the log says so, and it is done another time. Raises Refusal.
        """
        async with self._sorting:
            away, back = await self._all(inactive, away=True), await self._all(others, away=False)
        for state, count in (("put-away", away), ("brought-back", back)):
            if count:
                await self._record(Access(by, "archive", (("state", state),), count))
        return away, back

    async def _all(self, people: Collection[str], *, away: bool) -> int:
        count = 0
        for ref in sorted(people):
            moved = await self._do(partial(self._moved, ref, away))
            if moved == OUT_OF_REACH:
                log.warning("the archive key is not there; keys of inactive accounts are sorted another time")
                break
            count += moved
        return count
