"""The keys over subject keys: one a generation, made of the root key and of a secret that the next one replaces."""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from struct import Struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway.errors import StartError
from gateway.ledger.blinding import Block
from gateway.ledger.canonical import Randomness
from gateway.ledger.secret import only_owners, write_durably
from gateway.ledger.vault import Generation

_NONCE = 12
_PROOF = _NONCE + 16  # a nonce, and the tag over nothing
_SECRET = 32
_FORM = Struct(f">QQ{_SECRET}s")


@dataclass(frozen=True, slots=True, repr=False)
class Kek:
    """The keys of one generation: under one keys are wrapped, and under the other tokens are blinded.

    No token was ever blinded under the generation that was derived from the root key alone.
    """

    generation: int
    cipher: AESGCM
    block: Block | None = None

    def wrapped(self, key: bytes, aad: bytes, randomness: Randomness) -> bytes:
        nonce = randomness(_NONCE)
        return nonce + self.cipher.encrypt(nonce, key, aad)

    def opened(self, wrapped: bytes, aad: bytes) -> bytes:
        """Raises InvalidTag."""
        return self.cipher.decrypt(wrapped[:_NONCE], wrapped[_NONCE:], aad)

    def followed(self, secret: bytes, after: "Kek", randomness: Randomness) -> Generation:
        """What the vault keeps of the generation `after` this one: that it is the one, and the way there from here."""
        return Generation(
            after.generation, after.proof(randomness) + self.wrapped(secret, _named(after.generation), randomness)
        )

    def proof(self, randomness: Randomness) -> bytes:
        """By which whoever has this key knows that the vault means it."""
        return self.wrapped(b"", _named(self.generation), randomness)

    def is_meant(self, by: Generation) -> bool:
        try:
            self.opened(by.sealed[:_PROOF], _named(self.generation))
        except InvalidTag:
            return False
        return by.number == self.generation

    def next(self, by: Generation) -> bytes | None:
        """The secret of the generation after this one; None where the vault means another."""
        try:
            return self.opened(by.sealed[_PROOF:], _named(by.number)) if by.number == self.generation + 1 else None
        except (InvalidTag, ValueError):
            # The first generation has no way that leads to it.
            return None


@dataclass(frozen=True, slots=True, repr=False)
class Held:
    """What `kek.key` holds: the secret of the generation in use, and how many keys were erased up to now at least."""

    generation: int
    erased: int
    secret: bytes

    def kek(self, root: bytes) -> Kek:
        wrapping, blinding = (b"own/%s/%d" % (use, self.generation) for use in (b"kek", b"blind"))
        block = Block(derived(root, blinding, self.secret))
        return Kek(self.generation, AESGCM(derived(root, wrapping, self.secret)), block)


class KekFile:
    """The file `kek.key`, which stands in no backup: with it goes, at the next turnover, what old backups could tell.

    While it is replaced, the old one is `kek.old`, to be overwritten.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._old = path.with_suffix(".old")
        self._wipe_old()

    def held(self) -> Held | None:
        """None before the first. Raises StartError."""
        if not self._path.exists():
            return None
        only_owners(self._path)
        content = self._path.read_bytes()
        if len(content) != _FORM.size:
            raise StartError(f"{self._path} does not hold the key of a generation")
        return Held(*_FORM.unpack(content))

    def hold(self, held: Held) -> None:
        """Takes the place of what was held, which is overwritten."""
        if self._path.exists():
            self._old.unlink(missing_ok=True)
            os.link(self._path, self._old)
        write_durably(self._path, _FORM.pack(held.generation, held.erased, held.secret))
        self._wipe_old()

    def erased(self, count: int) -> None:
        """Remembers how many keys were erased, whatever becomes of the vault."""
        held = self.held()
        if held is not None and held.erased < count:
            self.hold(replace(held, erased=count))

    def _wipe_old(self) -> None:
        if not self._old.exists():
            return
        if self._path.exists() and self._old.samefile(self._path):
            # Whoever was about to replace it came no further than this second name.
            self._old.unlink()
            return
        with self._old.open("r+b") as old:
            old.write(bytes(_FORM.size))
            old.flush()
            os.fsync(old.fileno())
        self._old.unlink()


def derived(root: bytes, info: bytes, salt: bytes | None = None) -> bytes:
    """32 bytes for one use (HKDF, RFC 5869)."""
    return HKDF(algorithm=SHA256(), length=32, salt=salt, info=b"gateway/1/" + info).derive(root)


def _named(generation: int) -> bytes:
    return b"kek/%d" % generation
