"""How many different people entries are about, in memory that a million of them do not notice."""

from array import array
from collections.abc import Iterable

_BYTES = 8  # of a token, in which no two of a billion people are alike
_LEAST = 64


class People:
    """Counts each token once. Eight bytes each, and as many again until those that came twice are left out."""

    def __init__(self) -> None:
        # Apart by their last byte, so that few of them are sorted at a time.
        self._apart = [array("Q") for _ in range(256)]
        self._full = [_LEAST] * 256

    def add(self, toks: Iterable[bytes]) -> None:
        for tok in toks:
            last = tok[-1]
            numbers = self._apart[last]
            numbers.append(int.from_bytes(tok[-_BYTES:]))
            if len(numbers) >= self._full[last]:
                self._once(last)

    def __len__(self) -> int:
        for last in range(256):
            self._once(last)
        return sum(map(len, self._apart))

    def _once(self, last: int) -> None:
        self._apart[last] = array("Q", sorted(set(self._apart[last])))
        self._full[last] = max(2 * len(self._apart[last]), _LEAST)
