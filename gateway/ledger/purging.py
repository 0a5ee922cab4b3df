"""Which bodies go when their time is over, and what a purge says about them."""

from collections.abc import Iterable

from gateway.ledger.canonical import leaf_hash
from gateway.ledger.tree import root


def set_root(leaves: Iterable[tuple[int, bytes]]) -> bytes:
    """What a purge commits to: the Merkle root over the places and leaf hashes of what it took, by place."""
    return root(leaf_hash(seq.to_bytes(8, "big") + each) for seq, each in sorted(leaves))
