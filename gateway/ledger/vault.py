"""Where the keys of subjects and their tokens are kept, and in which shape: wrapped and sealed, nothing in clear."""

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple, Protocol

from gateway.ledger.database import StoreError

PREFIX = 4
"""Bytes with which everything begins that is blinded: the number of the generation, in network order."""


class WrappedKey(NamedTuple):
    """The key of one subject, sealed under the key of a generation. Whose it is stands nowhere beside it."""

    id: bytes
    generation: int
    wrapped: bytes


class SealedToken(NamedTuple):
    """A token by the digests of what it stands for and of itself; sealed, with its value, under the key `dek`.

    The digest of itself is blinded.
    """

    lookup: bytes
    digest: bytes
    dek: bytes
    sealed: bytes


class Generation(NamedTuple):
    """A generation of the key over subject keys: its number, and that key or what leads to it, sealed."""

    number: int
    sealed: bytes


class Residue(NamedTuple):
    """Where in a file something stands that is in no row any more."""

    at: int
    bytes: bytes


class OldGenerationError(StoreError):
    """A key is wrapped, or a token blinded, under another generation than those that count now."""

    def __init__(self) -> None:
        super().__init__("OldGenerationError: what is stored is of another generation than kek.key")


def oldest_generation(keys: Sequence[WrappedKey], tokens: Sequence[SealedToken]) -> int:
    """Under which some of these are wrapped or blinded; there is one at least."""
    return min((*(key.generation for key in keys), *(generation_of(token.digest) for token in tokens)))


def generation_of(blinded: bytes) -> int:
    """Under which it is blinded."""
    return int.from_bytes(blinded[:PREFIX])


class Vault(Protocol):
    """A database that holds wrapped keys. Every method raises StoreError.

    The first four are called on the thread of the loop, the others by one thread at a time, that of the writer once
    there is one. After a StoreError it is unknown whether a change took effect; each can be made again.
    """

    def key(self, dek: bytes) -> WrappedKey | None:
        """None once it was destroyed."""

    def keys(self, deks: Sequence[bytes]) -> Sequence[WrappedKey]:
        """Those of them that were not destroyed, in any order."""

    def token_of(self, lookup: bytes) -> SealedToken | None:
        """The token of a value."""

    def token_by(self, digest: bytes) -> SealedToken | None:
        """The token itself, as somebody brings it back."""

    def newest(self) -> int:
        """The number of the newest generation; 0 before the first."""

    def commit(self, keys: Sequence[WrappedKey], tokens: Sequence[SealedToken], epoch: int | None = None) -> None:
        """Makes all of them durable or none; those that are there already stay as they are.

        Of keys that were made in an `epoch` it is open whether they are ever used, until `used` says so.
        Raises OldGenerationError where a later generation has begun than one of the keys is wrapped under, or the
        digest of a token blinded under.
        """

    def checkpoint(self) -> None:
        """Tidies up between commits, when it is due; never raises."""

    def generation(self) -> Generation | None:
        """The newest; None before the first."""

    def begin(self, generation: Generation) -> None:
        """Keeps a new generation in the place of the newest one."""

    def before(self, generation: int, limit: int) -> Sequence[WrappedKey]:
        """Keys that are still wrapped under an earlier generation."""

    def rewrap(self, keys: Sequence[WrappedKey]) -> None:
        """Puts these in the place of the same keys, of those that are still there."""

    def wrapped(self, deks: Sequence[bytes]) -> Sequence[WrappedKey]:
        """Those of these keys that are there, as they stand now."""

    def replace(self, old: WrappedKey, new: WrappedKey) -> bool:
        """Puts one in the place of another that is still there as it was; False where it is not."""

    def blinded_before(self, first: bytes, limit: int) -> Sequence[bytes]:
        """Digests of tokens that are blinded under an earlier generation: they sort before `first`."""

    def reblind(self, anew: Sequence[tuple[bytes, bytes]]) -> None:
        """Puts the second of each pair in the place of the first."""

    def ids(self) -> Iterator[bytes]:
        """Every key."""

    def unsure(self) -> Collection[int]:
        """Epochs in which keys were made of which it is open whether they were used."""

    def unused(self, epochs: Collection[int], limit: int) -> Sequence[bytes]:
        """Such keys of these epochs."""

    def used(self, deks: Collection[bytes]) -> None:
        """A link names these."""

    def destroy(self, deks: Sequence[bytes], erased: int) -> None:
        """Deletes keys and all tokens under them, and keeps how many keys were erased up to now, all told."""

    def erased(self) -> int:
        """How many keys were erased when the last ones were; 0 before the first."""

    def wipe(self) -> None:
        """Leaves nothing in the files of what was deleted or replaced, as far as the database can see to it."""

    def traces(self, deks: Collection[bytes]) -> Collection[bytes]:
        """What stands in the files of keys and their tokens, and must not once they are destroyed."""

    def residue(self, deleted: Collection[bytes]) -> Sequence[Residue]:
        """Where it still does, after wiping. On any thread."""

    def overwrite(self, found: Sequence[Residue]) -> None:
        """Puts nothing in its place."""

    def close(self) -> None: ...
