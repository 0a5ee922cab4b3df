"""What the ledger asks of a database, and in which shape."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeAlias

from gateway.errors import GatewayError
from gateway.frozen import Frozen
from gateway.ledger.attic import Attic
from gateway.ledger.blinding import Blinding
from gateway.ledger.canonical import Json
from gateway.ledger.entry import Index
from gateway.ledger.oblivion import Forgotten, Oblivion
from gateway.ledger.sealing import Link
from gateway.ledger.tallies import Count, Tally
from gateway.ledger.tree import HASH, Span, Tree
from gateway.registry.basis import Basis, Later

PLACES = 2**63
"""How many places and moments a database can tell apart."""

Range: TypeAlias = tuple[int, int]
"""Entries from the first place to the last, with both."""


class NotPurged(GatewayError):
    """The log is not as it was when it was decided what goes; nothing was written, and nothing went."""


class Cap(Frozen, frozen=True):
    """How many people an operation, `vendor/operation`, may be about in an hour."""

    scope: str
    most: int


class Row(Frozen, frozen=True):
    """An entry on its way into the store: the leaf, and what is committed beside it."""

    id: str
    kind: str
    ts: int
    epoch: int
    body: bytes
    hash: bytes
    index: Index
    links: tuple[Link, ...] = ()
    intent: int | None = None  # of an outcome: where its intent stands
    earlier: tuple[bytes, ...] = ()  # of an outcome: digests under which its intent is remembered
    lasts: int | None = None  # of an intent: milliseconds after which it cannot be sent any more
    purges: tuple[Range, ...] = ()  # of a purge: what goes with it
    as_of: int = 0  # of a purge: how large the log was when it was decided
    basis: Basis | None = None  # of an intent: what its decision rests on
    cap: Cap | None = None  # of an intent: how many people its operation may be about in an hour
    forgets: Forgotten | None = None  # of an erasure
    tallies: tuple[Tally, ...] = ()  # of an intent: what is counted with it


@dataclass(frozen=True, slots=True)
class OpenIntent:
    """An intent without an outcome, and the epoch in which it was written."""

    seq: int
    id: str
    index: Index
    epoch: int


@dataclass(frozen=True, slots=True, repr=False)
class Linked:
    """The links of one entry, and which entry that is."""

    id: str
    links: tuple[Link, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which entries are asked for; all of it holds at once. Times in µs, `since` and `until` inclusive.

    `result` and `code` are those of an outcome, and of the intent whose current outcome it is. `before` is the
    `seq` of the last entry on the page before, `after` that of one up to which they were read another time.
    """

    id: str | None = None
    kind: str | None = None
    vendor: str | None = None
    operation: str | None = None
    caller: str | None = None
    code: str | None = None
    result: str | None = None
    since: int | None = None
    until: int | None = None
    subject: str | None = None
    before: int | None = None
    after: int | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry that was read: the parsed leaf, where it stands, and of an intent its current outcome."""

    seq: int
    body: Mapping[str, Json]
    outcome: Mapping[str, Json] | None = None


class Purged(NamedTuple):
    """What is left of an entry whose body is gone, and where the purge stands that took it. `ts` in µs."""

    seq: int
    id: str
    kind: str
    ts: int
    hash: bytes
    purge: int


class Leaf(NamedTuple):
    """An entry as it is stored: the canonical bytes, and the hash that was stored beside them."""

    seq: int
    body: bytes
    hash: bytes


class Stored(NamedTuple):
    """An entry with all that stands beside it. `body` is None once it was purged, `intent` the place of its intent.

    `links` are empty where they were not asked for.
    """

    seq: int
    hash: bytes
    body: bytes | None
    id: str
    kind: str
    ts: int
    intent: int | None
    found_by: Index
    links: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True)
class Head:
    """A checkpoint that is kept: its note, and the complete subtrees under its root. `ts` in µs."""

    size: int
    root: bytes
    ts: int
    note: str
    peaks: bytes

    @property
    def tree(self) -> Tree | None:
        """None where the subtrees do not lead to the root."""
        try:
            tree = Tree(self.size, tuple(self.peaks[at : at + HASH] for at in range(0, len(self.peaks), HASH)))
        except ValueError:
            return None
        return tree if tree.root == self.root else None


class StaleFactsError(GatewayError):
    """What the decisions behind these rows rested on has changed. Nothing was written, of the other rows neither."""

    def __init__(self, ids: Collection[str]) -> None:
        super().__init__(f"{len(ids)} intents were decided on facts that have changed")
        self.ids = ids


class ErasedKeysError(StaleFactsError):
    """People whom these rows are about were erased meanwhile, on another node: the keys that were used are gone."""

    def __init__(self, rows: Sequence[Row], toks: Sequence[bytes]) -> None:
        super().__init__([row.id for row in rows])
        self.toks = toks


def demand_current(rows: Sequence[Row], later: Later | None = None) -> None:
    """Raises StaleFactsError for rows whose basis has changed, here or, as `later` says, on some node."""
    stale = [row.id for row in rows if row.basis is not None and not _is_current(row.basis, later)]
    if stale:
        raise StaleFactsError(stale)


def _is_current(basis: Basis, later: Later | None) -> bool:
    return basis.hold() and not (later and basis.overtaken(later))


class Store(Protocol):
    """A database that holds one log, for several nodes where it can. Every method raises StoreError.

    Those from `claim` to `close` are called by one thread at a time; the others by any. Tokens and digests are handed
    in and out as they are without a blinding, but for those of links that were read: they stay as they are stored.
    """

    blinding: Blinding
    """How tokens are stored; set once, before anything is stored or found by one."""

    def claim(self, node: str) -> int:
        """The number of a new epoch, the first thing asked of a store that is to be written.

        What was left open by an earlier epoch of this node is from now on nobody's. Raises StartError where another
        process writes as this node.
        """

    def append(self, rows: Sequence[Row]) -> int:
        """Makes the rows durable, all or none, and tells the place of the first; the others follow it.

        With a purge go the bodies, the links and the remembered digests of its places. Raises NotPurged, and then none
        of the rows is there, unless they are closed intents with all of their outcomes, or entries of other kinds that
        may go, whole and signed, and nobody was held since it was decided. With an erasure go the links of the person
        and what leads to them; raises NotErased, and then none of the rows is there, where there are others than it
        says. After a StoreError it is unknown whether they are there: `reopen`, then `find`. Raises StaleFactsError
        where what an intent rests on changed before: no change that was answered comes before an intent that it
        overtook. Raises OverLimitError and TooOftenError for intents that a number does not let.
        """

    @property
    def oblivion(self) -> Oblivion:
        """What is asked for where a person is to be forgotten."""

    def reopen(self) -> None:
        """Starts again from what the database holds."""

    def find(self, ids: Sequence[str]) -> Mapping[str, int]:
        """Where these entries stand, of those that are there."""

    def check(self) -> None:
        """Asked between appends, and every few seconds: raises StoreError where nothing may be written as it is."""

    @property
    def has_room(self) -> bool:
        """Whether there is room for new calls, beside what is kept for those on their way; asked by any thread."""

    def checkpoint(self) -> None:
        """Tidies up between appends, when it is due; raises only where the disk failed, for good."""

    @property
    def tree(self) -> Tree:
        """Of all that was appended here and, before this process, of what the database said. Raises nothing."""

    def newest(self) -> Tree:
        """The same, with what other nodes have appended up to now."""

    def keep(self, head: Head, complete: Mapping[Span, bytes], *, after: int) -> bool:
        """Makes a checkpoint durable beside all earlier ones, and the roots of subtrees that are complete with it.

        False, and nothing is kept, where the largest one is not of the size `after`: another node was faster.
        """

    def reblind(self) -> int:
        """Brings some of what is found by tokens under the newest generation; 0 when there is none left, on no node."""

    def close(self) -> None: ...

    def toks(self) -> Iterable[bytes] | None:
        """Every token that has a link; None where other nodes add to them at any time."""

    def dek_of(self, tok: bytes) -> bytes | None:
        """The key that the newest link of a token names."""

    def deks_of(self, toks: Sequence[bytes]) -> Mapping[bytes, bytes]:
        """The keys of those tokens that have a link, asked for together."""

    def open_intents(self, limit: int, over: Sequence[int] = ()) -> Sequence[OpenIntent]:
        """Intents that have no outcome and get none from whoever wrote them, for the caller to settle.

        Not those that `all_settled` passed over, nor those that a node which does not answer may still send. Of the
        epochs that are `over` the caller knows that their processes are gone.
        """

    def over(self, epochs: Collection[int]) -> Collection[int]:
        """Those of these epochs in which nothing can be written any more."""

    def abandoned(self, limit: int) -> Sequence[OpenIntent]:
        """Those of nodes that are gone, each handed out once: whoever gets them settles them."""

    def all_settled(self) -> None:
        """Every intent so far has an outcome; none of them is looked at again."""

    def entries(self, wanted: Filter, tok: bytes | None) -> Sequence[Entry]:
        """Newest first; with a token, those that are linked to its subject."""

    def earlier(self, digest: bytes) -> Linked | None:
        """The links of the intent that first brought this digest."""

    def leaves(self, first: int, limit: int) -> Sequence[Leaf]:
        """Entries from a place on, as the database has them now."""

    @property
    def attic(self) -> Attic:
        """For taking old entries away."""

    def purged(self, named: int | str) -> Purged | None:
        """What is left of an entry, by its place or id; None where there is none, or its body is there."""

    def stored(self, first: int, limit: int, *, links: bool) -> Sequence[Stored]:
        """Entries from a place on, as the database has them now, with what they are found by."""

    def tallies(self) -> Sequence[Count]:
        """What was counted with intents, all told."""

    def subtrees(self, first: int, last: int) -> Sequence[tuple[int, int, bytes]]:
        """Kept subtrees that end after the first place and not after the last: by their end, the smallest first."""

    def hashes(self, first: int, last: int) -> Iterator[bytes]:
        """The leaf hashes from the first place up to, and without, the last."""

    def subtree(self, span: Span) -> bytes | None:
        """The root of a complete subtree, where it was kept."""

    def last_head(self) -> Head | None:
        """The largest checkpoint; None before the first."""

    def heads(self, size: int, limit: int) -> Sequence[Head]:
        """Checkpoints of this size and larger ones, the smallest first."""

    def newest_heads(self, limit: int) -> Sequence[Head]:
        """The largest checkpoints, the smallest of them first."""

    def damage(self) -> str:
        """What the database itself finds wrong with its files; empty where it finds nothing."""

    def unguarded(self) -> Sequence[str]:
        """Where what keeps the tables from being altered is not as it was made."""
