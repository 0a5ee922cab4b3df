"""How tokens of people stand in the databases: blinded under the key of a generation, and useless without it."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

from gateway.ledger.vault import PREFIX, OldGenerationError, generation_of

TOGETHER = 64  # people, or digests, that are blinded anew in one commit: calls wait for it
_TOKEN = 16


class Block(threading.local):
    """AES of blocks, each for itself. Begun once in every thread: to begin costs more than a hundred blocks."""

    def __init__(self, key: bytes) -> None:
        cipher = Cipher(AES(key), ECB())  # noqa: S305 - one block each, no two alike
        self.encrypted = cipher.encryptor().update
        self.decrypted = cipher.decryptor().update


Blocks = Mapping[int, Block]
"""Of each generation that is known, what makes one block of another."""


class Blinding:
    """Tokens of 16 bytes as they are stored: the generation, and one block under its key. On any thread.

    A permutation, so that what is stored can be brought under the next generation although nobody remembers of whom it
    is. What was stored before there were such keys is of the generation 0, which blinds nothing. In a database all that
    is stored of one person is of one generation at any time.
    """

    def __init__(self, blocks: Callable[[], Blocks] = dict, follow: Callable[[], None] | None = None) -> None:
        """`follow` makes known what another node has begun; it may raise StoreError."""
        self._blocks = blocks
        self._follow = follow

    @property
    def generation(self) -> int:
        return max(self._blocks(), default=0)

    @property
    def is_turning(self) -> bool:
        """Whether something may be stored under an earlier generation still."""
        return len(self._blocks()) > 1

    @property
    def first(self) -> bytes:
        """What is of an earlier generation sorts before it, and nothing else does."""
        return self.generation.to_bytes(PREFIX)

    def stored(self, toks: Iterable[bytes]) -> list[bytes]:
        """As they are written now."""
        blocks = self._blocks()
        return _stored(blocks, max(blocks, default=0), toks)

    def found(self, tok: bytes) -> list[bytes]:
        """As one may be stored, the earlier first: whoever asks one after the other misses nothing that is moved."""
        blocks = self._blocks()
        return [each for generation in sorted(blocks) or (0,) for each in _stored(blocks, generation, [tok])]

    def bare(self, stored: bytes) -> bytes:
        """Raises OldGenerationError where the generation is not known here."""
        generation, block = generation_of(stored), stored[PREFIX:]
        if not generation:
            return block
        if generation not in self._blocks():
            self.follow()
        if (cipher := self._blocks().get(generation)) is None:
            raise OldGenerationError
        return cipher.decrypted(block)

    def anew(self, stored: Sequence[bytes]) -> list[tuple[bytes, bytes]]:
        """Each with what takes its place."""
        return list(zip(stored, self.stored(map(self.bare, stored)), strict=True))

    def moves(self, toks: Iterable[bytes]) -> list[tuple[bytes, bytes]]:
        """Where these may be stored still, each with where they belong."""
        return [(earlier, newest) for *before, newest in map(self.found, toks) for earlier in before]

    def follow(self) -> None:
        """Raises StoreError."""
        if self._follow is not None:
            self._follow()


def _stored(blocks: Blocks, generation: int, toks: Iterable[bytes]) -> list[bytes]:
    prefix, whole = generation.to_bytes(PREFIX), b"".join(toks)
    if generation and whole:
        whole = blocks[generation].encrypted(whole)
    return [prefix + whole[at : at + _TOKEN] for at in range(0, len(whole), _TOKEN)]
