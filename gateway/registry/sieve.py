"""Of whom and of which orders nothing is written down, without asking the database."""

from collections.abc import Iterable

from gateway.registry.basis import Key

PER_KEY = 16  # bits; with four of them set for each key, one in 400 strangers is taken for somebody known
_LEAST = 1 << 19  # bits
_SET = 4
_STEP = 0x9E3779B97F4A7C15
_MASK = (1 << 64) - 1


class Sieve:
    """A Bloom filter (Bloom 1970): whoever is in it passes, and of the others nearly nobody."""

    def __init__(self, keys: Iterable[Key]) -> None:
        hashes = [hash(key) & _MASK for key in keys]
        self._size = max(_LEAST, 1 << (len(hashes) * PER_KEY).bit_length())
        self._bits = bytearray(self._size // 8)
        for each in hashes:
            self._put(each)

    def add(self, key: Key) -> None:
        self._put(hash(key) & _MASK)

    def may_hold(self, key: Key) -> bool:
        """False only for what was never put in."""
        hashed, bits, last = hash(key) & _MASK, self._bits, self._size - 1
        for _ in range(_SET):
            place = (hashed ^ hashed >> 29) & last
            if not bits[place >> 3] & 1 << (place & 7):
                return False
            hashed = hashed * _STEP + 1 & _MASK
        return True

    def _put(self, hashed: int) -> None:
        for _ in range(_SET):
            place = (hashed ^ hashed >> 29) & self._size - 1
            self._bits[place >> 3] |= 1 << (place & 7)
            hashed = hashed * _STEP + 1 & _MASK
