"""The keys under which subjects are sealed, and the named keys of other parts; none is of use without the root key."""

import hmac
import logging
import os
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from struct import Struct

from gateway.errors import StartError
from gateway.failpoints import failpoint
from gateway.ledger.blinding import Blinding
from gateway.ledger.canonical import Randomness
from gateway.ledger.database import StoreError
from gateway.ledger.dormant import OUT_OF_REACH, ArchiveKey, PutAwayError
from gateway.ledger.hierarchy import Hierarchy
from gateway.ledger.kek import KekFile, derived
from gateway.ledger.oblivion import tombstone
from gateway.ledger.secret import secret
from gateway.ledger.sqlite_vault import SqliteVault
from gateway.ledger.subject_key import SubjectKey
from gateway.ledger.tokens import Tokens, value_behind
from gateway.ledger.vault import OldGenerationError, SealedToken, Vault, WrappedKey

log = logging.getLogger(__name__)

AHEAD = 128  # keys that are made at once: one commit for so many new subjects
CACHED = 2_048  # subjects; more would let memory grow with the number of customers
_POSITIONS = Struct("<4I").unpack  # a token is random already, so its parts are as good as four hashes

Assigned = Callable[[bytes], bytes | None]
Together = Callable[[Sequence[bytes]], Mapping[bytes, bytes]]


class Keys:
    """Finds and makes keys on the thread of the loop; `commit`, `checkpoint` and what changes the vault run on the
    writer's.

    Keys are made ahead, and `keys.db` does not say whose they are: the links beside the log do.
    """

    def __init__(self, root: bytes, hierarchy: Hierarchy, vault: Vault, randomness: Randomness) -> None:
        self._root = root
        self._vault = vault
        self.hierarchy = hierarchy
        self._index = hmac.new(derived(root, b"own/index/1"), digestmod="sha256")
        tokens = hmac.new(derived(root, b"own/token/1"), digestmod="sha256")
        self._tokens = Tokens(vault, tokens, hierarchy.blinding, randomness)
        self._earlier = hmac.new(self.named("earlier"), digestmod="sha256")
        self._seen: _Seen | _Anybody = _Anybody()
        self._assigned: Assigned = lambda _: None
        self._together: Together = lambda _: {}
        self._known: OrderedDict[bytes, SubjectKey] = OrderedDict()
        # Keys whose first link is not durable yet: calls for one subject at one time must share one.
        self._fresh: dict[bytes, SubjectKey] = {}
        self._erasing: set[bytes] = set()
        self._fetched: Mapping[bytes, SubjectKey | None] = {}
        self._ahead: list[SubjectKey] = []
        self._to_commit: deque[WrappedKey] = deque()
        self.epoch: int | None = None
        """In which keys are made from now on."""

    @classmethod
    def open(
        cls,
        folder: Path,
        randomness: Randomness = os.urandom,
        vault: Callable[[Path], Vault] = SqliteVault,
        archive_key: Path | None = None,
    ) -> "Keys":
        """Makes `root.key` and the vault at the first start. Raises StartError where they do not belong together.

        `archive_key` is where the key stands under which those of inactive people are put away, if not in the folder.
        """
        _demand_complete(folder)
        database = vault(folder / "keys.db")
        try:
            _demand_root(folder, database)
            root = secret(folder / "root.key", randomness)
            archive = ArchiveKey(root, folder, archive_key, randomness)
            hierarchy = Hierarchy(root, KekFile(folder / "kek.key"), database, randomness, archive)
        except BaseException:
            database.close()
            raise
        return cls(root, hierarchy, database, randomness)

    def attach(self, toks: Iterable[bytes] | None, assigned: Assigned, together: Together | None = None) -> None:
        """Says who has a key already: every token that has a link, and which key the links of one name, or of many.

        Without the tokens it is looked up for each: other nodes make keys as well.
        """
        self._seen = _Seen(toks) if toks is not None else _Anybody()
        self._assigned = assigned
        self._together = together or (lambda toks: {tok: dek for tok in toks if (dek := assigned(tok))})

    def named(self, name: str) -> bytes:
        """A key of 32 bytes for one use, the same at every start (HKDF, RFC 5869)."""
        return derived(self._root, b"named/" + name.encode())

    def token(self, ref: str) -> bytes:
        """Under which 16 bytes a subject is found without being named."""
        return _mac(self._index, b"subj/1" + ref.encode())

    def digest(self, vendor: str, value: str) -> bytes:
        """Under which 16 bytes an identifier of a vendor is remembered."""
        return _mac(self._earlier, vendor.encode() + b"\x00" + value.encode())

    def of(self, tok: bytes) -> SubjectKey:
        """The key of a subject; a new one where there is none."""
        if (key := self._known.get(tok)) is not None:
            self._known.move_to_end(tok)
            return key
        key = self._fresh.get(tok) or self._linked(tok) or self._new(tok)
        self._known[tok] = key
        if len(self._known) > CACHED:
            self._known.popitem(last=False)
        return key

    def far(self, refs: Iterable[str]) -> Sequence[bytes]:
        """The tokens of subjects whose keys must be asked for on another machine, if they have any; see `fetch`."""
        if isinstance(self._seen, _Seen):
            return ()
        toks = {self.token(ref) for ref in refs}
        return [tok for tok in toks if tok not in self._known and tok not in self._fresh and tok not in self._erasing]

    def fetch(self, toks: Iterable[bytes]) -> Mapping[bytes, SubjectKey | None]:
        """The keys of these, asked for on any thread. Raises StoreError."""
        asked = list(toks)
        deks = self._together(asked)
        found = {key.id: self.hierarchy.opened(key) for key in self._vault.keys(list(deks.values()))}
        return {tok: found.get(deks[tok]) if tok in deks else None for tok in asked}

    @contextmanager
    def fetched(self, keys: Mapping[bytes, SubjectKey | None]) -> Iterator[None]:
        """These are known while the block runs, in which nothing is waited for."""
        self._fetched = keys
        try:
            yield
        finally:
            self._fetched = {}

    def by_id(self, dek: bytes) -> SubjectKey | None:
        """The key that a sealed link names, or None once it is gone."""
        return self._stored(dek)

    def tokenise(self, ref: str, scope: str, value: str) -> str:
        """A random token for a value of a subject, the same as long as the subject's key lives.

        It is durable with the next commit, and so before any entry that is put in after it.
        """
        return self._tokens.of(self.of(self.token(ref)), scope, value)

    def behind(self, scope: str, token: str) -> str | None:
        """The value that a token of this scope stands for; None for any other text, and once the key is gone."""
        row = self._tokens.row(scope, token)
        key = self.by_id(row.dek) if row else None
        return value_behind(key, scope, row, token) if row and key else None

    def sorted_away(self, ref: str, *, away: bool) -> int:
        """Puts the key of a person away, or brings it back: 1 where it was not so before, OUT_OF_REACH where the
        archive key is not there. On the thread of the writer; raises StoreError. Where somebody else wrapped it anew at
        the same moment it is left as it is.
        """
        dek = self._assigned(tok := self.token(ref))
        found = next(iter(self._vault.wrapped([dek])), None) if dek else None
        if found is None:
            return 0
        try:
            anew = (self.hierarchy.put_away if away else self.hierarchy.brought_back)(found)
        except PutAwayError:
            return OUT_OF_REACH
        if anew is None or not self._vault.replace(found, anew):
            return 0
        if away:
            self.forget([tok])
        return 1

    def linked(self, toks: Iterable[bytes]) -> None:
        """Forgets that these had no link, once one is durable."""
        for tok in toks:
            self._fresh.pop(tok, None)

    def forget(self, toks: Iterable[bytes]) -> None:
        """Looks for their keys among the links again, where next they are needed."""
        for tok in toks:
            self._known.pop(tok, None)

    def lost(self, toks: Iterable[bytes]) -> None:
        """The keys that were used for these are gone, by what another node did."""
        for tok in toks:
            self._known.pop(tok, None)
            self._fresh.pop(tok, None)

    @contextmanager
    def erasing(self, tok: bytes) -> Iterator[Sequence[bytes]]:
        """Whatever is sealed or made about a subject from here on has a new key.

        Gives the keys that were in use, which may have no link yet.
        """
        used = {key.id for key in (self._known.pop(tok, None), self._fresh.pop(tok, None)) if key}
        self._erasing.add(tok)
        try:
            yield sorted(used)
        finally:
            self._erasing.discard(tok)

    @property
    def erased(self) -> int:
        """How many keys were erased as far as the vault, or the file beside it, remembers. Raises StoreError."""
        return max(self._vault.erased(), self.hierarchy.erased)

    def erase(self, stones: Callable[[int], Sequence[bytes]], known: Sequence[bytes] = ()) -> None:
        """Destroys the keys of these tombstones: `stones` gives those after the first so many. On the thread of the
        writer; raises StoreError. `known` are keys among which they may be; all others are looked through for the rest.
        """
        before = self._vault.erased()
        if not (left := set(stones(before))):
            return
        count = before + len(left)
        # Remembered outside the vault first: a copy of the vault from before cannot pass for one from after.
        self.hierarchy.count(count)
        failpoint("erasure-counted")
        gone = [dek for dek in known if tombstone(dek) in left]
        if len(gone) < len(left):
            gone = [dek for dek in self._vault.ids() if tombstone(dek) in left]
        self._vault.destroy(gone, count)
        failpoint("erasure-destroyed")

    @property
    def vault(self) -> Vault:
        return self._vault

    @property
    def blinding(self) -> Blinding:
        """How the tokens and digests of these keys are stored."""
        return self.hierarchy.blinding

    def wipe(self) -> None:
        """Leaves nothing of what was destroyed in the files of the vault. Raises StoreError."""
        self._vault.wipe()

    def destroy(self, deks: Sequence[bytes]) -> None:
        """Of people of whom nothing is recorded any more. On the thread of the writer; raises StoreError."""
        if deks:
            self._vault.destroy(deks, self._vault.erased())
            try:
                self._vault.wipe()
            except StoreError as error:
                if error.lasting:
                    raise
                log.info("keys that are gone are wiped with the next checkpoint: %s", error)

    def commit(self) -> int:
        """Makes the new keys and tokens durable, before anything that is sealed under them is; tells how many keys
        there were.

        Raises StoreError, and keeps what is new for the next commit.
        """
        keys = [self._to_commit.popleft() for _ in range(len(self._to_commit))]
        tokens = self._tokens.taken()
        if not keys and not tokens:
            return 0
        try:
            self._keep(keys, tokens)
        except StoreError:
            self._to_commit.extendleft(reversed(keys))
            self._tokens.inserted(tokens, durably=False)
            raise
        self._tokens.inserted(tokens, durably=True)
        return len(keys)

    def checkpoint(self) -> None:
        """Tidies up between commits, when it is due."""
        self._vault.checkpoint()

    def close(self) -> None:
        self._vault.close()

    def _linked(self, tok: bytes) -> SubjectKey | None:
        if tok in self._fetched and tok not in self._erasing:
            return self._fetched[tok]
        dek = self._assigned(tok) if tok in self._seen and tok not in self._erasing else None
        return self._stored(dek) if dek else None

    def _keep(self, keys: Sequence[WrappedKey], tokens: Sequence[SealedToken]) -> None:
        current, blinded = self.hierarchy.current, self._tokens.blinded
        try:
            self._vault.commit([current(key) for key in keys], blinded(tokens), self.epoch)
        except OldGenerationError:
            # Another node has begun a turnover.
            self.hierarchy.follow()
            self._vault.commit([current(key) for key in keys], blinded(tokens), self.epoch)

    def _stored(self, dek: bytes) -> SubjectKey | None:
        found = self._vault.key(dek)
        return self.hierarchy.opened(found) if found else None

    def _new(self, tok: bytes) -> SubjectKey:
        if not self._ahead:
            made = [self.hierarchy.made() for _ in range(AHEAD)]
            self._ahead = [key for key, _ in made]
            self._to_commit.extend(wrapped for _, wrapped in made)
        key = self._fresh[tok] = self._ahead.pop()
        self._seen.add(tok)
        return key


class _Seen:
    """Which tokens may have a key: a Bloom filter of fixed size, so that a new subject costs no look into the file."""

    def __init__(self, toks: Iterable[bytes]) -> None:
        self._bits = bytearray(b"\0" * (1 << 20))
        for tok in toks:
            self.add(tok)

    def add(self, tok: bytes) -> None:
        for at in _POSITIONS(tok):
            self._bits[at >> 3 & 0xFFFFF] |= 1 << (at & 7)

    def __contains__(self, tok: bytes) -> bool:
        return all(self._bits[at >> 3 & 0xFFFFF] >> (at & 7) & 1 for at in _POSITIONS(tok))


class _Anybody:
    """Whoever it is may have a key."""

    def add(self, tok: bytes) -> None: ...

    def __contains__(self, tok: bytes) -> bool:
        return True


def _mac(keyed: hmac.HMAC, data: bytes) -> bytes:
    # Not hmac.digest, which gives the interpreter's lock away for every few bytes.
    mac = keyed.copy()
    mac.update(data)
    return mac.digest()[:16]


def _demand_root(folder: Path, vault: Vault) -> None:
    """Before one is made: nothing that is in the vault already would open under another."""
    if not (folder / "root.key").exists() and vault.generation():
        raise StartError(f"{folder} has no root.key; copy root.key, kek.key and sign.key from another node")


def _demand_complete(folder: Path) -> None:
    keys, root, ledger = ((folder / name).exists() for name in ("keys.db", "root.key", "ledger.db"))
    if keys and not root:
        raise StartError(f"{folder} has keys.db but not root.key; without it nothing sealed can be opened")
    if ledger and not keys:
        raise StartError(f"{folder} has ledger.db but not keys.db; restore it before starting")
