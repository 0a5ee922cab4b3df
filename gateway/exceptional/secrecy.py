"""What people write about a case, encrypted where it is kept: AES-256-GCM, bound to its case and step."""

import json
import os
from base64 import b64decode, b64encode
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE = 12


def sealed(key: bytes, place: str, kept: object) -> str:
    """JSON under a key of 32 bytes, good for this place only."""
    nonce = os.urandom(_NONCE)
    return b64encode(nonce + AESGCM(key).encrypt(nonce, json.dumps(kept).encode(), place.encode())).decode()


def opened(key: bytes, place: str, text: str) -> Any:
    """The same again. Raises cryptography's InvalidTag for what was sealed for another place, or altered."""
    data = b64decode(text)
    return json.loads(AESGCM(key).decrypt(data[:_NONCE], data[_NONCE:], place.encode()))
