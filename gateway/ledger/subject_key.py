"""The key of one subject."""

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.frozen import Frozen


class SubjectKey(Frozen, frozen=True):
    """The key of one subject: random, so that it cannot be made again once it is gone."""

    id: bytes
    cipher: AESGCM
