"""Tokens in place of values: random, found again by keyed digests, and sealed under the key of the person."""

import hmac
from base64 import urlsafe_b64encode
from collections import deque
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag

from gateway.ledger.blinding import Blinding
from gateway.ledger.canonical import Randomness
from gateway.ledger.subject_key import SubjectKey
from gateway.ledger.vault import SealedToken, Vault

PREFIX = "psn_"
LENGTH = 26
"""Of a token, with its prefix: 16 random bytes are 22 signs of base64url."""
_RANDOM = 16
_NONCE = 12
# Never the nonce of anything else: what it encrypts is nothing but zeros, and stays here as a key.
_LOOKUP_NONCE = b"token/lookup"


class Tokens:
    """What is not durable yet, and everything else in the vault. All but `inserted` stays on the thread of the loop."""

    def __init__(self, vault: Vault, keyed: hmac.HMAC, blinding: Blinding, randomness: Randomness) -> None:
        self._vault = vault
        self._blinding = blinding
        self._keyed = keyed
        self._randomness = randomness
        # What is not durable yet: calls for one value at one time must share one token.
        self._fresh: dict[bytes, SealedToken] = {}
        self._to_commit: deque[SealedToken] = deque()

    def of(self, key: SubjectKey, scope: str, value: str) -> str:
        """The token of a person's value in a scope; a new one where there is none."""
        lookup = _digest(_lookup_key(key), f"{scope}\0{value}")
        row = self._fresh.get(lookup) or self._vault.token_of(lookup)
        if row is not None and (opened := _opened(key, scope, row)) is not None:
            return opened[0]
        token = PREFIX + urlsafe_b64encode(self._randomness(_RANDOM)).rstrip(b"=").decode()
        nonce = self._randomness(_NONCE)
        sealed = nonce + key.cipher.encrypt(nonce, (token + value).encode(), scope.encode())
        row = self._fresh[lookup] = SealedToken(lookup, _digest(self._keyed, f"{scope}\0{token}"), key.id, sealed)
        self._to_commit.append(row)
        return token

    def row(self, scope: str, token: str) -> SealedToken | None:
        """The row of a token that is durable, as every one is that was sent; None of any other text."""
        digest = _digest(self._keyed, f"{scope}\0{token}")
        while True:
            known = self._blinding.generation
            for stored in self._blinding.found(digest):
                if (row := self._vault.token_by(stored)) is not None:
                    return row
            if self._vault.newest() <= known:
                return None
            # Another node has begun a turnover.
            self._blinding.follow()

    def blinded(self, taken: Sequence[SealedToken]) -> Sequence[SealedToken]:
        """As they are kept."""
        digests = self._blinding.stored(row.digest for row in taken)
        return [row._replace(digest=digest) for row, digest in zip(taken, digests, strict=True)]

    def taken(self) -> Sequence[SealedToken]:
        """What is to be inserted now, but for the digests."""
        return [self._to_commit.popleft() for _ in range(len(self._to_commit))]

    def inserted(self, taken: Sequence[SealedToken], *, durably: bool) -> None:
        """After the commit; where it raised, the rows wait for the next one."""
        if not durably:
            self._to_commit.extendleft(reversed(taken))
            return
        for row in taken:
            self._fresh.pop(row.lookup, None)


def value_behind(key: SubjectKey, scope: str, row: SealedToken, token: str) -> str | None:
    """What a token stands for, or None where the row was not made for it, in this scope and under this key."""
    opened = _opened(key, scope, row)
    return opened[1] if opened is not None and opened[0] == token else None


def _opened(key: SubjectKey, scope: str, row: SealedToken) -> tuple[str, str] | None:
    try:
        plain = key.cipher.decrypt(row.sealed[:_NONCE], row.sealed[_NONCE:], scope.encode()).decode()
    except InvalidTag:
        return None
    return plain[:LENGTH], plain[LENGTH:]


def _lookup_key(key: SubjectKey) -> hmac.HMAC:
    """Hangs on the key of the person alone, so that with that key goes what would tell two guesses apart."""
    return hmac.new(key.cipher.encrypt(_LOOKUP_NONCE, bytes(32), None)[:32], digestmod="sha256")


def _digest(keyed: hmac.HMAC, data: str) -> bytes:
    # Not hmac.digest, which gives the interpreter's lock away for every few bytes.
    mac = keyed.copy()
    mac.update(data.encode())
    return mac.digest()[:16]
