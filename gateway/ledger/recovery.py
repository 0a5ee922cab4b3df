"""What has to hold before anything may leave: the log is the one that was written, as far as a start can tell."""

import secrets
from collections.abc import Sequence
from pathlib import Path

from gateway.errors import DiskFailed, Distrusted, StartError
from gateway.ledger.canonical import Randomness, leaf_hash
from gateway.ledger.database import StoreError
from gateway.ledger.entry import Event, Outcome
from gateway.ledger.highwater import Mark
from gateway.ledger.housekeeping import Epoch, Genesis
from gateway.ledger.keeping import KeyMade, SigningKey
from gateway.ledger.notary import PART, AlteredError, head_tree
from gateway.ledger.note import NoteError, Signer
from gateway.ledger.proof import root_at, subtree_root
from gateway.ledger.releases import Releases
from gateway.ledger.scribe import Scribe, Ticket
from gateway.ledger.secret import secret
from gateway.ledger.store import Filter, Head, Leaf, OpenIntent, Store
from gateway.ledger.tree import WIDTHS, Tree, root, spans

WHOLE = 500_000  # entries up to which all of a log is read again at a start: a second or two
SAMPLES = 64  # tiles of a longer log that are read again, each start others
CHECKPOINTS = 1_000  # the newest, which are checked one by one
TOGETHER = 1_000  # open intents that are settled in one commit
KEYS = 1_000  # the newest entries about keys, among which that of the key in use is looked for
_TILE = min(WIDTHS)
_WAY_OUT = (
    "nothing was started and nothing is sent. Keep the folder as it is, run ledger_verify.py on a copy of it to see "
    "what was altered, and restore the last backup that verifies"
)

_NEWEST = (
    "nothing was started and nothing is sent. Give the gateway the newest database again; where that one is lost, "
    "begin a new log as docs/operations.md says under Backup"
)


def demand_unaltered(store: Store, signer: Signer, *, whole: bool = False) -> None:
    """Raises Distrusted, with the code CORRUPT, where the database does not hold what was written and signed.

    Of a long log samples are read, unless it is to be the whole.
    """
    try:
        _check(store, signer, whole=whole)
    except (AlteredError, NoteError) as error:
        raise Distrusted("CORRUPT", f"the ledger was altered: {error}; {_WAY_OUT}") from None


def demand_reached(store: Store, mark: Mark) -> None:
    """Raises Distrusted, with the code ROLLBACK_DETECTED, where the database lacks what was acknowledged from here."""
    if store.tree.size < mark.size:
        lacks = f"it has {store.tree.size} entries, and {mark.size} were acknowledged here"
    elif root_at(store, mark.size) != mark.root:
        lacks = f"its first {mark.size} entries are not those that were acknowledged here"
    else:
        return
    raise Distrusted("ROLLBACK_DETECTED", f"the database is an older copy, or another one: {lacks}; {_NEWEST}")


def demand_guarded(store: Store) -> None:
    """Raises StartError where somebody took away what keeps the tables from being altered."""
    if lacking := store.unguarded():
        raise StartError(
            f"the tables of the record are not guarded as they were made: {', '.join(lacking)}. Find out who took that "
            "away, put it back with `gateway ledger prepare`, and then hold the record to a checkpoint that is kept "
            "elsewhere: `gateway ledger verify --since FILE`"
        )


def unusable(folder: Path, error: StoreError) -> StartError:
    """What stops a start where the database does not answer."""
    told = f"the ledger in {folder} cannot be opened: {error}"
    if error.corrupt:
        return Distrusted("CORRUPT", f"{told}; {_WAY_OUT}")
    if str(error) == "InsufficientPrivilege":
        told += "; `gateway ledger prepare` gives the role of GATEWAY_DATABASE what it needs"
    return DiskFailed(told) if error.lasting else StartError(told)


def signing_seed(folder: Path, store: Store, randomness: Randomness) -> bytes:
    """The log's own seed, made at its first start. Raises StartError where it is gone and something was signed."""
    path = folder / "sign.key"
    if not path.exists() and store.last_head():
        raise StartError(f"{folder} has no sign.key, by which its checkpoints were signed; restore it from a backup")
    return secret(path, randomness)


def origin_of(store: Store, log: str) -> str:
    """Under which name the log is signed: its own, or that of the origin which goes on with it."""
    begun = [entry.body.get("origin") for entry in store.entries(Filter(kind=Genesis.kind, limit=1), None)]
    return f"{log}/{begun[0]}" if begun and begun[0] else log


def begin(store: Store, scribe: Scribe, vkey: str, releases: Releases) -> None:
    """Opens an epoch, and settles what earlier ones left open: as not sent where that is proven, else as in doubt."""
    first: list[Event] = [Genesis(), KeyMade(1, "created")] if store.newest().size == 0 else []
    if not any(entry.body.get("vkey") == vkey for entry in store.entries(Filter(kind="key", limit=KEYS), None)):
        first.append(SigningKey(vkey))
    store.append([scribe.row(event) for event in (*first, Epoch("opened"))])
    settle(store, scribe, releases)
    releases.begin(scribe.epoch)


def settle(store: Store, scribe: Scribe, releases: Releases) -> None:
    """Settles what epochs that are over left open."""
    size = store.tree.size
    while left := store.open_intents(TOGETHER, releases.over):
        tickets = [Ticket(each.id, each.seq, each.index) for each in left]
        ends = [ended(each, releases, size) for each in left]
        store.append([scribe.outcome(*each) for each in zip(ends, tickets, strict=True)])
    store.all_settled()


def ended(left: OpenIntent, releases: Releases, size: int) -> Outcome:
    """How an intent ended that was left open in a log that has this size now."""
    return Outcome("not_sent" if releases.unsent(left.seq, left.epoch, size) else "in_doubt")


def _check(store: Store, signer: Signer, *, whole: bool) -> None:
    head, tree = store.last_head(), store.newest()
    signed = head_tree(head, signer) if head else Tree()
    if tree.size < signed.size:
        raise AlteredError(f"it has {tree.size} entries and was signed with {signed.size}")
    if tree.size > WHOLE and not whole:
        _sample(store, signed)
        read = _continued(store, signed, tree.size)
    else:
        read = _whole(store, signer, signed, tree.size)
    if read != tree:
        raise AlteredError(f"entries {signed.size} to {tree.size - 1} do not make the tree that was kept")
    if flaw := store.damage():
        raise AlteredError(f"the database is damaged: {flaw}")


def _whole(store: Store, signer: Signer, signed: Tree, size: int) -> Tree:
    """The tree of all that is stored, which was that of each of the newest checkpoints when it had their size."""
    read = Tree()
    for head in _newest(store, signed.size):
        read = _continued(store, read, head.size)
        if read != head_tree(head, signer):
            raise AlteredError(f"the entries below {head.size} are not those of the checkpoint of this size")
    return _continued(store, read, size)


def _newest(store: Store, last: int) -> Sequence[Head]:
    # Another node may have signed since.
    heads = [head for head in store.newest_heads(CHECKPOINTS) if head.size <= last]
    if last and (not heads or heads[-1].size != last):
        raise AlteredError("the last checkpoint is gone")
    return heads


def _sample(store: Store, signed: Tree) -> None:
    """Whether what is kept of subtrees leads to the last checkpoint, and some entries to what is kept."""
    for span, peak in zip(spans(signed.size), signed.peaks, strict=True):
        if subtree_root(store, span) != peak:
            raise AlteredError(f"the subtrees of entries {span[0]} to {span[1] - 1} are not those that were signed")
    tiles = signed.size // _TILE
    for tile in {secrets.randbelow(tiles) * _TILE for _ in range(SAMPLES if tiles else 0)}:
        found = root(_hashes(store, tile, _TILE))
        if (store.subtree((tile, tile + _TILE)) or found) != found:
            raise AlteredError(f"entries {tile} to {tile + _TILE - 1} are not those that were signed")


def _continued(store: Store, tree: Tree, size: int) -> Tree:
    """The tree with the entries up to a size, made anew of their bodies. Raises AlteredError."""
    while tree.size < size:
        count = min(PART, size - tree.size)
        tree = tree.plus(_hashes(store, tree.size, count))
    return tree


def _hashes(store: Store, first: int, count: int) -> list[bytes]:
    """The hashes of entries, made anew of their bodies; of purged ones, what is left. Raises AlteredError."""
    there = {leaf.seq: leaf for leaf in store.leaves(first, count)}
    return [_hash(store, seq, there.get(seq)) for seq in range(first, first + count)]


def _hash(store: Store, seq: int, leaf: Leaf | None) -> bytes:
    if leaf is not None:
        if leaf_hash(leaf.body) != leaf.hash:
            raise AlteredError(f"entry {seq} does not fit its hash")
        return leaf.hash
    if (gone := store.purged(seq)) is None:
        raise AlteredError(f"entry {seq} is gone")
    return gone.hash
