"""What forgetting a person asks of a database, in which shape."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple, Protocol

from gateway.errors import GatewayError
from gateway.ledger.canonical import Json
from gateway.ledger.vault import Residue


class NotErased(GatewayError):
    """More is known of the person than when it was decided; nothing was written, and nothing went."""


def tombstone(dek: bytes) -> bytes:
    """By which a key that was erased is known again wherever a copy of it turns up, and by nothing else."""
    return sha256(b"erased/1" + dek).digest()


@dataclass(frozen=True, slots=True, repr=False)
class Forgotten:
    """Whom an entry erases: the token, how many links it has, and the tombstones of all keys that they name."""

    tok: bytes
    links: int
    tombstones: tuple[bytes, ...]


class Known(NamedTuple):
    """What the ledger has of a person: how many links, and which keys they name, those without a link among them."""

    links: int
    deks: Sequence[bytes]


class Pending(NamedTuple):
    """An erasure that is in the log, and whose person may still be known elsewhere under this token."""

    seq: int
    tok: bytes


class Oblivion(Protocol):
    """Every method raises StoreError. `told` and `wipe` are called by the thread that writes, the others by any."""

    def known(self, tok: bytes) -> Known: ...

    def count(self) -> int:
        """How many keys were erased, all told."""

    def tombstones(self, after: int) -> Sequence[bytes]:
        """Of the keys that were erased after so many others, in their order."""

    def pending(self) -> Sequence[Pending]:
        """Erasures after which somebody else has to forget the person too."""

    def told(self, seq: int) -> None:
        """Nobody knows the person any more."""

    def about(self, kind: str) -> Sequence[tuple[bytes, Mapping[str, Json]]]:
        """The entries of a rare kind, each with the token of its subject, in their order."""

    def wipe(self) -> None:
        """Leaves nothing in the files of what was deleted, as far as the database can see to it."""

    def traces(self, tok: bytes) -> Collection[bytes]:
        """What stands in the files of a person, and must not once they are erased."""

    def residue(self, deleted: Collection[bytes]) -> Sequence[Residue]:
        """Where it still does, after wiping. On any thread."""

    def overwrite(self, found: Sequence[Residue]) -> None:
        """Puts nothing in its place. Called by the thread that writes."""
