"""The Merkle tree of RFC 6962 and RFC 9162, 2.1.1: many leaves, one root."""

import hashlib
from collections.abc import Sequence


def root(leaves: Sequence[bytes]) -> bytes:
    """The root over leaf hashes of 32 bytes; of no leaves at all it is the hash of nothing."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    level = list(leaves)
    while len(level) > 1:
        # A last node without a sibling moves up as it is, which is what the recursive definition comes to.
        odd = level[-1:] if len(level) % 2 else []
        level = [node(left, right) for left, right in zip(level[::2], level[1::2], strict=False)] + odd
    return level[0]


def node(left: bytes, right: bytes) -> bytes:
    """SHA-256 of 0x01 and both children."""
    return hashlib.sha256(b"\x01" + left + right).digest()
