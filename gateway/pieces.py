"""Bytes that are too many to be in memory at once: what of them is there, and where the rest stands."""

from collections.abc import AsyncIterable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from gateway.errors import refuse

STEP: Final = 64 * 1024
"""Bytes that are looked at together."""


class Store(Protocol):
    """Where bytes stand that are not in memory."""

    def read(self, start: int, size: int) -> bytes:
        """Just these bytes, as they were put there. Raises Refusal `gateway.failed` where they are gone."""
        ...


@dataclass(frozen=True, slots=True)
class Extent:
    """A run of bytes in a store."""

    store: Store
    start: int
    size: int

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, span: slice) -> "Extent":
        start, stop, _ = span.indices(self.size)
        return Extent(self.store, self.start + start, max(0, stop - start))


@dataclass(frozen=True, slots=True)
class Pieces:
    """Bytes one behind the other, to be had in steps as often as they are wanted."""

    pieces: tuple[bytes | Extent, ...]
    size: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", sum(map(len, self.pieces)))

    def __len__(self) -> int:
        return self.size

    def steps(self) -> Iterator[bytes]:
        """All of it, no more than STEP bytes at once."""
        for piece in self.pieces:
            for start in range(0, len(piece), STEP):
                yield _there(piece[start : start + STEP])

    def part(self, start: int, size: int) -> "Pieces":
        """As many of these bytes as there are from there on, where they stand."""
        left, cut = start + size, []
        for piece in self.pieces:
            if run := piece[max(0, start) : max(0, left)]:
                cut.append(run)
            start, left = start - len(piece), left - len(piece)
        return Pieces(tuple(cut))

    def find(self, needle: bytes) -> int:
        """Where a short text begins for the first time, or -1."""
        for start, window in self._windows(len(needle)):
            if (at := window.find(needle)) >= 0:
                return start + at
        return -1

    def count(self, needle: bytes) -> int:
        """How often a short text stands here that does not overlap with itself."""
        return sum(window.count(needle) for _, window in self._windows(len(needle)))

    def _windows(self, length: int) -> Iterator[tuple[int, bytes]]:
        """All of it in steps that overlap by one byte less than a length, each with where it begins."""
        start, tail = 0, b""
        for step in self.steps():
            window = tail + step
            yield start, window
            tail = window[max(len(window) - length + 1, 0) :] if length > 1 else b""
            start += len(window) - len(tail)


Payload = bytes | Pieces


def stepwise(payload: Payload) -> Iterator[bytes]:
    """All of it, no more than STEP bytes at once."""
    if isinstance(payload, Pieces):
        return payload.steps()
    return (payload[start : start + STEP] for start in range(0, len(payload), STEP))


def peek(payload: Payload, start: int, size: int) -> bytes:
    """A few of these bytes; as many as there are."""
    if isinstance(payload, Pieces):
        return b"".join(payload.part(start, size).steps())
    return payload[start : start + size]


def rest(payload: Payload, start: int) -> Payload:
    """All of it from there on."""
    if isinstance(payload, Pieces):
        return payload.part(start, len(payload) - start)
    return payload[start:] if start else payload


def joined(payloads: Sequence[Payload]) -> Payload:
    """One behind the other; in memory, and put together once, if all of them are."""
    here = [each for each in payloads if isinstance(each, bytes)]
    if len(here) == len(payloads):
        return b"".join(here)
    return Pieces(tuple(_merged(payloads)))


def whole(payload: Payload) -> bytes:
    """All of it at once, for whoever can do with nothing less."""
    return b"".join(payload.steps()) if isinstance(payload, Pieces) else payload


async def gathered(stream: AsyncIterable[bytes], most: int) -> bytes:
    """What a stream brings, in memory. Raises Refusal `body.too_large` as soon as it is more than `most` bytes."""
    payload = bytearray()
    async for part in stream:
        payload += part
        if len(payload) > most:
            raise refuse("body.too_large", f"more than {most} bytes")
    return bytes(payload)


def _merged(payloads: Iterable[Payload]) -> Iterator[bytes | Extent]:
    """The pieces of all of them, those that are here with no other beside them."""
    here = bytearray()
    for payload in payloads:
        for piece in payload.pieces if isinstance(payload, Pieces) else (payload,):
            if isinstance(piece, bytes):
                here += piece
            else:
                yield from (bytes(here), piece) if here else (piece,)
                here.clear()
    if here:
        yield bytes(here)


def _there(piece: bytes | Extent) -> bytes:
    return piece.store.read(piece.start, piece.size) if isinstance(piece, Extent) else piece
