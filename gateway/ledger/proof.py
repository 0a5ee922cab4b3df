"""Proofs as texts for whoever holds the public key of the log; none is given out that does not verify here."""

from collections.abc import Sequence

from gateway.ledger.canonical import base64, canonical, leaf_hash
from gateway.ledger.checkpoint import opened
from gateway.ledger.notary import AlteredError
from gateway.ledger.note import NoteError, Verifier
from gateway.ledger.store import Head, Store
from gateway.ledger.tree import (
    WIDTHS,
    Span,
    Tree,
    consistency,
    inclusion,
    is_consistent,
    is_included,
    middle_of,
    node,
    root,
    spans,
)


def included(store: Store, verifier: Verifier, seq: int, head: Head) -> str:
    """That an entry is in the log (c2sp.org/tlog-proof@v1). `extra` is the entry itself, whose hash is the leaf.

    Of an entry that was purged only that hash is left: then `extra` gives it, with the place of the purge.

    Raises AlteredError where the database does not hold what was signed, ValueError where the entry came later.
    """
    proof = [subtree_root(store, span) for span in inclusion(seq, head.size)]
    leaf, extra = _leaf(store, seq)
    if not is_included(leaf, seq, head.size, proof, _root(head, verifier)):
        raise AlteredError(f"entry {seq} cannot be proved: it, or one that it stands with, is not what was signed")
    return _text(["c2sp.org/tlog-proof@v1", f"extra {base64(extra)}", f"index {seq}"], proof, head)


def _leaf(store: Store, seq: int) -> tuple[bytes, bytes]:
    """The leaf hash of an entry, and what is there of the entry."""
    for leaf in store.leaves(seq, 1):
        if leaf.seq == seq:
            return leaf_hash(leaf.body), leaf.body
    if (gone := store.purged(seq)) is None:
        raise AlteredError(f"entry {seq} is gone, and no purge took it")
    return gone.hash, canonical({"leaf_hash": base64(gone.hash), "purge": gone.purge})


def continued(store: Store, verifier: Verifier, old: int, head: Head) -> str:
    """That a tree of the old size is the beginning of the log, written as witnesses take it (c2sp.org/tlog-witness).

    Raises AlteredError where the database does not hold what was signed, ValueError where it was never of that size.
    """
    proof = [subtree_root(store, span) for span in consistency(old, head.size)]
    kept = [_root(each, verifier) for each in store.heads(old, 1) if each.size == old]
    before = kept[0] if kept else subtree_root(store, (0, old))
    if not is_consistent(old, before, head.size, _root(head, verifier), proof):
        raise AlteredError(f"the log of {head.size} entries does not begin with the first {old} as they were signed")
    return _text([f"old {old}"], proof, head)


def _text(lines: Sequence[str], proof: Sequence[bytes], head: Head) -> str:
    return "\n".join([*lines, *map(base64, proof), "", head.note])


def _root(head: Head, verifier: Verifier) -> bytes:
    """What was signed, not what stands beside it."""
    try:
        checkpoint = opened(head.note, verifier)
    except NoteError as error:
        raise AlteredError(f"the checkpoint of size {head.size} does not hold: {error}") from None
    if checkpoint.size != head.size:
        raise AlteredError(f"the checkpoint of size {head.size} is of another size")
    return checkpoint.root


def root_at(store: Store, size: int) -> bytes:
    """The root that the log had at a size, as its database has it now."""
    return Tree(size, tuple(subtree_root(store, span) for span in spans(size))).root


def subtree_root(store: Store, span: Span) -> bytes:
    """The root of a subtree, out of those that were kept; only at their edges are leaves read."""
    first, last = span
    if last - first in WIDTHS and (kept := store.subtree(span)):
        return kept
    if last - first <= min(WIDTHS):
        return root(store.hashes(first, last))
    middle = middle_of(first, last)
    return node(subtree_root(store, (first, middle)), subtree_root(store, (middle, last)))
