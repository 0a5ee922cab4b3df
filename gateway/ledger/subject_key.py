"""The key of one subject."""

from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers.aead import AESGCM


@dataclass(frozen=True, slots=True, repr=False)
class SubjectKey:
    """The key of one subject: random, so that it cannot be made again once it is gone."""

    id: bytes
    cipher: AESGCM
