"""The places in which a call carries a signature, or a digest, of its own: they say nothing but how it was made."""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

# `Signature`, `X-Hub-Signature-256`, `Content-HMAC`, `Signature-Input` (RFC 9421), `Wechatpay-Signature` and the like.
_SIGNATURE: Final = re.compile(r".*(?:signature|hmac)(?:-?(?:sha)?-?\d+|-input)?|(?:x-)?sign")
# RFC 9530, RFC 3230, RFC 1864: of a body that the caller made, and not of the one that leaves.
_DIGESTS: Final = frozenset({"content-digest", "repr-digest", "digest", "content-md5"})

SIGNATURE_PARAMETERS: Final = frozenset(
    {"sign", "x-amz-signature", "x-goog-signature", "x-oss-signature", "oauth_signature"}
)
"""Parameters of queries and forms, in lower case, that are a signature by their name."""


@lru_cache(maxsize=1024)
def is_signature_header(name: str) -> bool:
    """Whether a header, named in lower case, is a signature or a digest by its name."""
    return name in _DIGESTS or _SIGNATURE.fullmatch(name) is not None


WORD: Final = re.compile(r"\$([a-z][a-z0-9_]*)")
"""A word in a text that is composed when a call is signed; a name in capitals is a secret instead."""

SIGNED_WORDS: Final = frozenset(
    {"method", "target", "path", "query", "host", "timestamp", "nonce", "body", "body_sha256"}
)
"""What a composed text may be signed over."""

SPOKEN_WORDS: Final = frozenset({"signature", "timestamp", "nonce", "body_sha256"})
"""What a header may say: of the call itself nothing but its digest."""

_HEADERS: Final[Mapping[str, frozenset[str]]] = {
    "rsa-sha256-params": frozenset(),
    "rsa-sha256-request": frozenset({"authorization"}),
    "aws-sigv4": frozenset({"authorization", "x-amz-date", "x-amz-content-sha256", "x-amz-security-token"}),
}


def headers_of_scheme(scheme: str, named: Iterable[str] = ()) -> frozenset[str]:
    """The headers, in lower case, that a scheme sets: its own, or those that the contract names."""
    return _HEADERS.get(scheme, frozenset(name.lower() for name in named))
