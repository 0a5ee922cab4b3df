"""Bytes that stand elsewhere, as far as anybody can see, and who asked for how many of them."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from gateway.errors import refuse
from gateway.pieces import Extent, Payload, Pieces


@dataclass
class Shelf:
    """Holds bytes, and remembers the longest run of them that was asked for."""

    data: bytes
    longest: int = field(default=0)

    def read(self, start: int, size: int) -> bytes:
        self.longest = max(self.longest, size)
        return self.data[start : start + size]


def away(data: bytes) -> Pieces:
    return Pieces((Extent(Shelf(data), 0, len(data)),))


@dataclass(frozen=True)
class Elsewhere:
    """The body of a call, no byte of which is in memory."""

    body: bytes
    is_away: bool = True

    async def take(self, limit: int) -> Payload:
        if len(self.body) > limit:
            raise refuse("body.too_large")
        return away(self.body)

    def keep(self, steps: Iterable[bytes]) -> Payload:
        return away(b"".join(steps))
