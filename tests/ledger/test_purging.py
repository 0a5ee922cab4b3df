"""What goes is what may go, and a purge says what it was."""

import hashlib

from gateway.ledger.purging import set_root


def test_a_purge_commits_to_places_and_leaf_hashes() -> None:
    def leaf(seq: int) -> bytes:
        return hashlib.sha256(b"\x00" + seq.to_bytes(8, "big") + bytes([seq]) * 32).digest()

    left = hashlib.sha256(b"\x01" + leaf(4) + leaf(5)).digest()

    assert (
        set_root([(9, b"\x09" * 32), (4, b"\x04" * 32), (5, b"\x05" * 32)])
        == hashlib.sha256(b"\x01" + left + leaf(9)).digest()
    )
    assert set_root([(4, b"\x04" * 32)]) == leaf(4)
