"""Pseudonyms that we alone can turn back: the value itself, encrypted under a key of one vendor and category."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from gateway.body.document import Scalar
from gateway.errors import Unfit
from gateway.vocabulary import Category

_PREFIX = "psn_"


def reversible(category: Category, key: bytes) -> Callable[[str], str]:
    """`psn_` and base64url without padding, 4 + ⌈(16 + n) · 4/3⌉ characters for n bytes (AES-SIV, RFC 5297).

    One value has one pseudonym, so that the vendor can still tell what belongs together.
    """
    cipher = _cipher(category, key)

    def pseudonymised(text: str) -> str:
        return _PREFIX + urlsafe_b64encode(cipher.encrypt(text.encode(), None)).rstrip(b"=").decode()

    return pseudonymised


def restored(
    category: Category, key: bytes, behind: Callable[[Category, str], str | None] | None = None
) -> Callable[[Scalar], Scalar]:
    """The text behind a reversible pseudonym, or behind a token, which `behind` looks up.

    Raises Unfit `field.type` for any other value, for a forged one, and for a token whose person's key is gone. A null
    stays null.
    """
    cipher, again = _cipher(category, key), reversible(category, key)

    def looked_up(token: str) -> str:
        text = behind(category, token) if behind is not None else None
        if text is None:
            raise Unfit("field.type")
        return text

    def changed(value: Scalar) -> Scalar:
        if value is None:
            return None
        if not isinstance(value, str) or not value.startswith(_PREFIX) or not value.isascii():
            raise Unfit("field.type")
        sealed = value.removeprefix(_PREFIX)
        try:
            text = cipher.decrypt(urlsafe_b64decode(sealed + "=" * (-len(sealed) % 4)), None).decode()
        except (InvalidTag, ValueError):
            return looked_up(value)
        # Base64 has several spellings of one value; ours is the only one that we gave out.
        if again(text) != value:
            raise Unfit("field.type")
        return text

    return changed


def _cipher(category: Category, key: bytes) -> AESSIV:
    """AES-SIV (RFC 5297) under a key of 64 bytes, derived from the vendor's for this category and for nothing else."""
    return AESSIV(hmac.digest(key, b"reversible\x00" + category.value.encode(), "sha512"))
