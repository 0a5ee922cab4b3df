"""Which key wraps which: that of a generation those of subjects, and a turnover puts another in its place."""

import os
import threading
from collections.abc import Mapping
from dataclasses import replace

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.errors import StartError
from gateway.failpoints import failpoint
from gateway.ledger.blinding import Blinding, Blocks
from gateway.ledger.canonical import Randomness
from gateway.ledger.dormant import SECRET, ArchiveKey, PutAwayError
from gateway.ledger.kek import Held, Kek, KekFile, derived
from gateway.ledger.subject_key import SubjectKey
from gateway.ledger.vault import Generation, OldGenerationError, Vault, WrappedKey

TOGETHER = 500  # keys that are wrapped anew in one commit
_SECRET = 32
_DEK = 16
_NONCE = 12


class Hierarchy:
    """Wraps and opens keys of subjects on any thread; `begin`, `rewrap`, `end` and `current` are for the writer's.

    A turnover that broke off is still under way: whoever opened the other stores too goes on with it.

    What is done there draws its random bytes from the system: those of the loop are for its own thread.
    """

    def __init__(
        self, root: bytes, file: KekFile, vault: Vault, randomness: Randomness, archive: ArchiveKey | None = None
    ) -> None:
        self._root = root
        self._archive = archive
        self._file = file
        self._vault = vault
        self._randomness = randomness
        self._held, earlier = _held(root, file, vault)
        newest = self._held.kek(root)
        self._keep({kek.generation: kek for kek in (newest, *earlier)})
        self._newest = newest
        self._following = threading.Lock()
        self.blinding = Blinding(lambda: self._blocks, self.follow)

    @property
    def generation(self) -> int:
        return self._newest.generation

    @property
    def is_turning(self) -> bool:
        """Whether an earlier generation is there still."""
        return len(self._keks) > 1

    @property
    def erased(self) -> int:
        """How many keys were erased up to now at least, as the file beside the vault remembers."""
        return self._held.erased

    def made(self) -> tuple[SubjectKey, WrappedKey]:
        """A new key, random so that nobody can make it again."""
        noise = self._randomness(_SECRET + _DEK + _NONCE)
        secret, dek, nonce = noise[:_SECRET], noise[_SECRET:-_NONCE], noise[-_NONCE:]
        kek = self._newest
        wrapped = nonce + kek.cipher.encrypt(nonce, secret, dek)
        return SubjectKey(dek, AESGCM(secret)), WrappedKey(dek, kek.generation, wrapped)

    def opened(self, key: WrappedKey) -> SubjectKey:
        """Raises StoreError where the generation of the key is not known here, or it is put away out of reach."""
        inner = self._secret(key)
        return SubjectKey(key.id, AESGCM(inner if len(inner) == SECRET else self._away.opened(inner, key.id)))

    def put_away(self, key: WrappedKey) -> WrappedKey | None:
        """The key wrapped under the archive key as well; None where it is. Raises StoreError."""
        inner = self._secret(key)
        return self._anew(key, self._away.closed(inner, key.id)) if len(inner) == SECRET else None

    def brought_back(self, key: WrappedKey) -> WrappedKey | None:
        """The key as it is in use; None where it is so. Raises StoreError."""
        inner = self._secret(key)
        return None if len(inner) == SECRET else self._anew(key, self._away.opened(inner, key.id))

    @property
    def _away(self) -> ArchiveKey:
        if self._archive is None:
            raise PutAwayError
        return self._archive

    def _anew(self, key: WrappedKey, inner: bytes) -> WrappedKey:
        newest = self._newest
        return WrappedKey(key.id, newest.generation, newest.wrapped(inner, key.id, os.urandom))

    def current(self, key: WrappedKey) -> WrappedKey:
        """The key under the newest generation."""
        newest = self._newest
        if key.generation == newest.generation:
            return key
        # Of one that is put away the archive key stays around it.
        return self._anew(key, self._secret(key))

    def begin(self) -> int:
        """Makes the next generation, under which new keys are from now on, and tells its number."""
        if self.is_turning:
            return self.generation
        held = Held(self.generation + 1, self.erased, os.urandom(_SECRET))
        after = held.kek(self._root)
        self._vault.begin(self._newest.followed(held.secret, after, os.urandom))
        self._take(held, after)
        failpoint("turnover-begun")
        return self.generation

    def rewrap(self) -> int:
        """Brings some keys and tokens of the vault under the newest generation, and tells how many.

        0 when there are none of an earlier one any more.
        """
        found = self._vault.before(self.generation, TOGETHER)
        self._vault.rewrap([self.current(key) for key in found])
        digests = self._vault.blinded_before(self.blinding.first, TOGETHER)
        self._vault.reblind(self.blinding.anew(digests))
        if moved := len(found) + len(digests):
            failpoint("turnover-part")
        return moved

    def end(self) -> int:
        """Destroys the earlier generation: here, and with it what copies of the stores from before could tell."""
        kept = self._vault.generation()
        if kept is None or kept.number < self.generation:
            # The one before was derived from the root key alone, and knew no way to this one.
            self._vault.begin(Generation(self.generation, self._newest.proof(os.urandom)))
        self._vault.wipe()
        failpoint("turnover-wrapped")
        self._file.hold(self._held)
        failpoint("turnover-ended")
        self._keep({self.generation: self._newest})
        return self.generation

    def count(self, erased: int) -> None:
        """Remembers beside the vault how many keys were erased, so that a copy of the vault cannot forget it."""
        if erased > self.erased:
            self._held = replace(self._held, erased=erased)
            # During a turnover the earlier generation is still the one that is held.
            held = self._file.held() or self._held
            self._file.hold(replace(held, erased=erased))

    def follow(self) -> None:
        """Goes on with the generation that another node has begun, if any. On any thread; raises StoreError."""
        with self._following:
            kept = self._vault.generation()
            if kept is not None and kept.number == self.generation:
                return
            secret = self._newest.next(kept) if kept else None
            if kept is None or secret is None:
                raise OldGenerationError
            if self.is_turning:
                # The turnover before has come to its end, or no other could have begun.
                self.end()
            held = Held(kept.number, self.erased, secret)
            self._take(held, held.kek(self._root))

    def _take(self, held: Held, kek: Kek) -> None:
        self._held = held
        self._keep({**self._keks, kek.generation: kek})
        self._newest = kek

    def _keep(self, keks: Mapping[int, Kek]) -> None:
        self._keks = keks
        # Every commit asks for them.
        self._blocks: Blocks = {number: kek.block for number, kek in keks.items() if kek.block is not None}

    def _secret(self, key: WrappedKey) -> bytes:
        if key.generation not in self._keks:
            self.follow()
        try:
            return self._keks[key.generation].opened(key.wrapped, key.id)
        except (InvalidTag, KeyError):
            raise OldGenerationError from None


def _held(root: bytes, file: KekFile, vault: Vault) -> tuple[Held, list[Kek]]:
    """The newest generation, and an earlier one where a turnover was not finished. Raises StartError."""
    held, kept = file.held(), vault.generation()
    if kept is None:
        held = held or _first(file, 1)
        vault.begin(Generation(held.generation, held.kek(root).proof(os.urandom)))
        return held, []
    if (early := _under_root(root, kept)) and (held is None or held.generation > kept.number):
        return held or _first(file, kept.number + 1), [early]
    if held is None:
        raise StartError("there is no kek.key, without which no key of a subject opens; put back the copy kept apart")
    kek = held.kek(root)
    if kek.is_meant(kept):
        return held, []
    if (secret := kek.next(kept)) is not None:
        return Held(kept.number, held.erased, secret), [kek]
    raise StartError(_unfitting(held, kept))


def _first(file: KekFile, generation: int) -> Held:
    held = Held(generation, 0, os.urandom(_SECRET))
    file.hold(held)
    return held


def _under_root(root: bytes, kept: Generation) -> Kek | None:
    """The one generation of keys that were made before `kek.key` was: derived from the root key alone."""
    wrapping = Kek(kept.number, AESGCM(derived(root, b"own/wrap/1")))
    try:
        return Kek(kept.number, AESGCM(wrapping.opened(kept.sealed, b"kek/1"))) if kept.number == 1 else None
    except InvalidTag:
        return None


def _unfitting(held: Held, kept: Generation) -> str:
    if kept.number < held.generation:
        return (
            f"keys.db is from before the turnover to generation {held.generation}, with which its keys were "
            "destroyed; restore a copy that was made after it"
        )
    if kept.number > held.generation:
        return f"kek.key is of generation {held.generation}, keys.db of {kept.number}; put the newest kek.key in place"
    return "root.key and kek.key do not belong to keys.db; restore the ones that were there together"
