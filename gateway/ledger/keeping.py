"""What the ledger records of keeping and forgetting: its keys, what is purged or erased, and holds against that."""

from dataclasses import dataclass
from typing import ClassVar

from gateway.ledger.canonical import Json
from gateway.ledger.entry import Index


@dataclass(frozen=True, slots=True)
class KeyMade:
    """A generation of the key over subject keys was made or destroyed; nobody did it where a start went on with it."""

    kind: ClassVar[str] = "key"

    generation: int
    state: str  # created, destroyed
    by: str = ""

    @property
    def index(self) -> Index:
        return Index(caller=self.by or None)

    def members(self) -> dict[str, Json]:
        members: dict[str, Json] = {"generation": self.generation, "state": self.state}
        return members | ({"by": self.by} if self.by else {})


@dataclass(frozen=True, slots=True)
class SigningKey:
    """From here on checkpoints are signed by the private half of this key."""

    kind: ClassVar[str] = "key"
    index: ClassVar[Index] = Index()

    vkey: str  # name+id+key, c2sp.org/signed-note

    def members(self) -> dict[str, Json]:
        return {"use": "checkpoint", "state": "created", "vkey": self.vkey}


@dataclass(frozen=True, slots=True)
class Kept:
    """How many entries of a retention class go, how long it keeps them (ISO 8601), and when the newest was written."""

    name: str
    keeps: str
    count: int
    newest_ts: int

    def members(self) -> dict[str, Json]:
        return {"class": self.name, "keeps": self.keeps, "count": self.count, "newest_ts": self.newest_ts}


@dataclass(frozen=True, slots=True, kw_only=True)
class Purge:
    """The bodies of entries went because their time was over; their leaf hashes stay.

    `policy` is the digest of the retention rules as a whole. `ranges` are places, from the first to the last with both,
    in ascending order and apart from each other. `set_root` is the root of a Merkle tree with one leaf for each place
    in them: the hash of eight bytes of the place, the highest first, and the 32 bytes of the leaf hash there. Times in
    µs, those that the entries bear.
    """

    kind: ClassVar[str] = "purge"
    index: ClassVar[Index] = Index()

    policy: str
    classes: tuple[Kept, ...]
    ranges: tuple[tuple[int, int], ...]
    count: int
    set_root: str
    oldest_ts: int
    newest_ts: int
    by: str

    def members(self) -> dict[str, Json]:
        return {
            "policy": self.policy,
            "classes": [each.members() for each in self.classes],
            "ranges": self.ranges,
            "count": self.count,
            "set_root": self.set_root,
            "oldest_ts": self.oldest_ts,
            "newest_ts": self.newest_ts,
            "by": self.by,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """A person is forgotten: what linked them to entries went with this one, and their keys go next.

    It says neither who nor which keys. `root` is that of a Merkle tree over the tombstones of the keys, by which a copy
    of one is known again. `forced`: although vendors were still to be told.
    """

    kind: ClassVar[str] = "erase"

    reason: str
    by: str
    links: int
    keys: int
    root: str
    generation: int
    forced: bool = False

    @property
    def index(self) -> Index:
        return Index(caller=self.by)

    def members(self) -> dict[str, Json]:
        members: dict[str, Json] = {
            "state": "pending",
            "reason": self.reason,
            "by": self.by,
            "links": self.links,
            "keys": self.keys,
            "root": self.root,
            "generation": self.generation,
        }
        return members | ({"forced": True} if self.forced else {})


@dataclass(frozen=True, slots=True)
class ErasureDone:
    """The keys are gone, and what knew the person elsewhere; `erase` is the id of the entry that said it would be."""

    kind: ClassVar[str] = "erase"
    index: ClassVar[Index] = Index()

    erase: str

    def members(self) -> dict[str, Json]:
        return {"state": "done", "erase": self.erase}


@dataclass(frozen=True, slots=True)
class Hold:
    """What is known of a person stays until this is released, or to the end of a day, `until` (ISO 8601).

    Who that is, is sealed beside it.
    """

    kind: ClassVar[str] = "hold"

    reason: str
    by: str
    until: str = ""

    @property
    def index(self) -> Index:
        return Index(caller=self.by)

    def members(self) -> dict[str, Json]:
        members: dict[str, Json] = {"reason": self.reason, "by": self.by}
        return members | ({"until": self.until} if self.until else {})


@dataclass(frozen=True, slots=True)
class HoldReleased:
    """A hold, named by the id of its entry, holds no more."""

    kind: ClassVar[str] = "hold_release"

    hold: str
    by: str

    @property
    def index(self) -> Index:
        return Index(caller=self.by)

    def members(self) -> dict[str, Json]:
        return {"hold": self.hold, "by": self.by}
