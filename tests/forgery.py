"""Tokens as somebody makes them who knows how they look, and a world in which they are tried."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.errors import Refusal
from gateway.identity import Tokens

# The key pair and the thumbprint of RFC 8037, appendices A.1 and A.3.
SEED = urlsafe_b64decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")
THUMBPRINT = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
KEY = Ed25519PrivateKey.from_private_bytes(SEED)
PUBLIC = KEY.public_key()
NOON = 1_795_348_800
HOUR = 3_600

HEADER: Mapping[str, object] = {"alg": "EdDSA", "kid": THUMBPRINT, "typ": "JWT"}
CLAIMS: Mapping[str, object] = {
    "iss": "data-sharing-gateway",
    "aud": "data-sharing-gateway",
    "sub": "checkout",
    "jti": "0123456789abcdef0123456789abcdef",
    "iat": NOON,
    "exp": NOON + HOUR,
    "entity": "shop-eu",
    "environment": "live",
}


@dataclass
class World:
    """A clock that stands where it is put, and the list of what was revoked."""

    now: float = NOON
    revoked: set[str] = field(default_factory=set)

    def tokens(self, seed: bytes = SEED) -> Tokens:
        return Tokens(seed, now=lambda: self.now, revoked=lambda token_id: token_id in self.revoked)


def issued(tokens: Tokens, service: str = "checkout", lifetime: int = HOUR) -> str:
    return tokens.issue(service, entity="shop-eu", environment="live", lifetime=lifetime)[0]


def segment(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def forged(
    header: Mapping[str, object] = HEADER,
    claims: object = CLAIMS,
    sign: Callable[[bytes], bytes] = KEY.sign,
) -> str:
    """What somebody makes who knows how tokens look: by hand, since no library would."""
    signed = f"{segment(json.dumps(header).encode())}.{segment(json.dumps(claims).encode())}"
    return f"{signed}.{segment(sign(signed.encode()))}"


def reason(refused: pytest.ExceptionInfo[Refusal]) -> str:
    [failure] = refused.value.failures
    assert failure.code == "caller.unknown"
    return failure.detail
