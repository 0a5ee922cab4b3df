"""The Merkle tree of RFC 6962 and RFC 9162, 2.1: many leaves, one root, and proofs that need few of the leaves."""

import hashlib
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from gateway.frozen import Frozen

HASH = 32  # bytes of SHA-256
_NODE = hashlib.sha256(b"\x01")
Span: TypeAlias = tuple[int, int]
"""A subtree by the leaves under it: from the first up to, and without, the last."""
WIDTHS = frozenset(256**height for height in range(1, 8))
"""Leaves under the complete subtrees whose roots are worth keeping: those in the tiles of c2sp.org/tlog-tiles."""


class Tree(Frozen, frozen=True):
    """A tree of which only the roots of its complete subtrees are kept, the largest first: enough to go on from."""

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        """Raises ValueError where there is not one hash for each bit of the size."""
        if self.size < 0 or self.size.bit_count() != len(self.peaks) or set(map(len, self.peaks)) - {HASH}:
            raise ValueError("the subtrees do not make a tree of this size")

    def plus(self, leaves: Iterable[bytes], complete: dict[Span, bytes] | None = None) -> "Tree":
        """The tree with these leaf hashes after its own; one hash a leaf on average, whatever the size.

        `complete` gets the roots of the subtrees of `WIDTHS` that these leaves fill.
        """
        size, peaks = self.size, list(self.peaks)
        for leaf in leaves:
            joined, full, width = leaf, size, 1
            while full & 1:
                joined = node(peaks.pop(), joined)
                full, width = full >> 1, width << 1
                if complete is not None and width in WIDTHS:
                    complete[size + 1 - width, size + 1] = joined
            peaks.append(joined)
            size += 1
        return Tree(size, tuple(peaks))

    @property
    def root(self) -> bytes:
        """Of no leaves at all it is the hash of nothing."""
        if not self.peaks:
            return hashlib.sha256(b"").digest()
        joined = self.peaks[-1]
        for peak in self.peaks[-2::-1]:
            joined = node(peak, joined)
        return joined


def spans(size: int) -> list[Span]:
    """The complete subtrees of a tree, the largest first."""
    found, first = list[Span](), 0
    for bit in range(size.bit_length() - 1, -1, -1):
        if size >> bit & 1:
            found.append((first, first + (1 << bit)))
            first += 1 << bit
    return found


def root(leaves: Iterable[bytes]) -> bytes:
    """The root over leaf hashes of 32 bytes; of one leaf it is that leaf."""
    hashes = list(leaves)
    return hashes[0] if len(hashes) == 1 else Tree().plus(hashes).root


def node(left: bytes, right: bytes) -> bytes:
    """SHA-256 of 0x01 and both children."""
    digest = _NODE.copy()
    digest.update(left + right)
    return digest.digest()


def middle_of(first: int, last: int) -> int:
    """Where a subtree divides: after the largest power of two that is smaller than its size."""
    return first + (1 << (last - first - 1).bit_length() - 1)


def inclusion(index: int, size: int) -> list[Span]:
    """The subtrees whose roots prove a leaf, from its sibling upwards (RFC 9162, 2.1.3.1). Raises ValueError."""
    if not 0 <= index < size:
        raise ValueError("there is no such leaf in a tree of this size")
    spans, first, last = list[Span](), 0, size
    while last - first > 1:
        middle = middle_of(first, last)
        if index < middle:
            spans.append((middle, last))
            last = middle
        else:
            spans.append((first, middle))
            first = middle
    return spans[::-1]


def consistency(old: int, size: int) -> list[Span]:
    """The subtrees whose roots prove that a tree is the beginning of a larger one (RFC 9162, 2.1.4.1).

    Raises ValueError.
    """
    if not 0 < old <= size:
        raise ValueError("a tree of this size cannot begin with one of the other")
    spans, first, last = list[Span](), 0, size
    while last != old:
        middle = middle_of(first, last)
        if old <= middle:
            spans.append((middle, last))
            last = middle
        else:
            spans.append((first, middle))
            first = middle
    # Where the old tree is whole within the new one, whoever checks has its root already.
    return [(first, last), *spans[::-1]] if first else spans[::-1]


def is_included(leaf: bytes, index: int, size: int, proof: Sequence[bytes], expected: bytes) -> bool:
    """Whether the proof leads from the leaf hash to the expected root (RFC 9162, 2.1.3.2)."""
    if not (0 <= index < size and _are_hashes(leaf, *proof)):
        return False
    here, end, computed = index, size - 1, leaf
    for sibling in proof:
        if end == 0:
            return False
        if here & 1 or here == end:
            computed = node(sibling, computed)
            here, end = _past_lone_nodes(here, end)
        else:
            computed = node(computed, sibling)
        here, end = here >> 1, end >> 1
    return end == 0 and computed == expected


def is_consistent(old: int, old_root: bytes, size: int, size_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether the proof shows that the old tree is the beginning of the other one (RFC 9162, 2.1.4.2)."""
    if not (0 < old <= size and _are_hashes(*proof)):
        return False
    if old == size:
        return not proof and old_root == size_root
    path = list(proof) if old & (old - 1) else [old_root, *proof]
    if not path:
        return False
    here, end = old - 1, size - 1
    while here & 1:
        here, end = here >> 1, end >> 1
    before = after = path[0]
    for sibling in path[1:]:
        if end == 0:
            return False
        if here & 1 or here == end:
            before, after = node(sibling, before), node(sibling, after)
            here, end = _past_lone_nodes(here, end)
        else:
            after = node(after, sibling)
        here, end = here >> 1, end >> 1
    return end == 0 and before == old_root and after == size_root


def _past_lone_nodes(here: int, end: int) -> Span:
    """Up over the levels on which the last node has no sibling and moves up as it is."""
    while here and not here & 1:
        here, end = here >> 1, end >> 1
    return here, end


def _are_hashes(*hashes: bytes) -> bool:
    return all(len(each) == HASH for each in hashes)
