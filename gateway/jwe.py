"""Values that only a vendor can read: JSON Web Encryption (RFC 7516) for its public key."""

import json
import warnings
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache

from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwe import encrypt_compact
from joserfc.jwk import ECKey, OKPKey, RSAKey

Key = RSAKey | ECKey | OKPKey

_CONTENT = "A256GCM"
_KINDS: tuple[type[RSAKey] | type[ECKey] | type[OKPKey], ...] = (RSAKey, ECKey, OKPKey)
_CURVES = frozenset({"P-256", "P-384", "P-521", "X25519"})
_RSA_BITS = 2048


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that values are encrypted for. `id` is its thumbprint (RFC 7638), `name` what the vendor calls it."""

    key: Key
    algorithm: str
    id: str
    name: str


def public_key(text: str) -> PublicKey:
    """The public key in a text, PEM or JWK (RFC 7517).

    Raises ValueError for anything else, a private key above all, and for a key that nothing should be encrypted for.
    """
    stated = _stated(text)
    key = next((key for kind in _KINDS if (key := _read(kind, stated or text)) is not None), None)
    if key is None:
        raise ValueError("it holds no public key, neither as PEM nor as JWK")
    if key.is_private:
        raise ValueError("it holds a private key, and the public one is enough")
    algorithm = "RSA-OAEP-256" if isinstance(key, RSAKey) else "ECDH-ES+A256KW"
    if isinstance(key, RSAKey) and key.raw_value.key_size < _RSA_BITS:
        raise ValueError(f"RSA needs {_RSA_BITS} bits or more")
    if not isinstance(key, RSAKey) and key.curve_name not in _CURVES:
        raise ValueError(f"the curve has to be one of {', '.join(sorted(_CURVES))}")
    if stated.get("use", "enc") != "enc" or stated.get("alg", algorithm) != algorithm:
        raise ValueError(f"it is a key for something else than {algorithm}")
    return PublicKey(key, algorithm, key.thumbprint(), str(stated.get("kid") or key.thumbprint()))


@lru_cache(1)
def throwaway() -> PublicKey:
    """A key to which nobody keeps the other half: where vendors are played, nobody reads anything."""
    return public_key(ECKey.generate_key("P-256").as_pem(private=False).decode())


def encrypted(public: PublicKey) -> Callable[[str], str]:
    """The compact form of a text, five parts with dots between them. No two are alike, not even of one text."""
    algorithms = [public.algorithm, _CONTENT]

    def changed(text: str) -> str:
        header = {"alg": public.algorithm, "enc": _CONTENT, "kid": public.name}
        return encrypt_compact(header, text.encode(), public.key, algorithms=algorithms)

    return changed


class Sealed:
    """What was encrypted for one call, so that another attempt at it sends the same bytes.

    A vendor takes a repeat under one idempotency key only if it is one. Equal values of one attempt do not look alike.
    """

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], list[str]] = {}
        self._turns: defaultdict[tuple[str, str], int] = defaultdict(int)

    def again(self) -> "Sealed":
        """The same, for another attempt."""
        self._turns.clear()
        return self

    def encrypted(self, public: PublicKey) -> Callable[[str], str]:
        """As `encrypted`; what was encrypted in an earlier attempt stays as it was."""
        change = encrypted(public)

        def changed(text: str) -> str:
            kept, turn = self._kept.setdefault((public.id, text), []), self._turns[public.id, text]
            self._turns[public.id, text] += 1
            if turn == len(kept):
                kept.append(change(text))
            return kept[turn]

        return changed


def _stated(text: str) -> dict[str, str | list[str]]:
    """The members of a JWK, of which only texts count; nothing for a text that is none."""
    with suppress(ValueError, RecursionError):
        members = json.loads(text)
        if isinstance(members, dict):
            return {str(name): value for name, value in members.items() if isinstance(value, str)}
    return {}


def _read(kind: type[RSAKey] | type[ECKey] | type[OKPKey], given: str | dict[str, str | list[str]]) -> Key | None:
    # What the parser says quotes what it read, which may be half of a private key.
    # That a key is weak it says in a warning, and we in an error.
    with suppress(JoseError, ValueError, KeyError, TypeError), warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)
        return kind.import_key(given)
    return None
