"""What we prove ourselves by to a vendor that asks for it: a certificate and its key (RFC 8446, section 4.4)."""

import os
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization


@dataclass(frozen=True, slots=True)
class Certified:
    """A chain of certificates, ours first, and the key of ours, as PEM. `mark` tells it from others."""

    certificate: bytes = field(repr=False)
    key: bytes = field(repr=False)
    mark: bytes
    until: datetime


def certified(certificate: str, key: str) -> Certified:
    """Raises ValueError, which quotes nothing, for what is no PEM, needs a password, or does not belong together."""
    try:
        chain = x509.load_pem_x509_certificates(certificate.encode())
        private = serialization.load_pem_private_key(key.encode(), None)
    except TypeError:
        raise ValueError("the key needs a password; give one without") from None
    except ValueError:
        raise ValueError("they are no certificate and key in PEM") from None
    own, kind = chain[0], (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    if own.public_key().public_bytes(*kind) != private.public_key().public_bytes(*kind):
        raise ValueError("the key is not that of the first certificate")
    pem = serialization.Encoding.PEM
    return Certified(
        b"".join(each.public_bytes(pem) for each in chain),
        private.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
        own.fingerprint(hashes.SHA256()),
        own.not_valid_after_utc,
    )


def present(context: ssl.SSLContext, own: Certified) -> None:
    """Has connections of a context prove themselves by it."""
    with _file(own.key + own.certificate) as path:
        context.load_cert_chain(path)


@contextmanager
def _file(content: bytes) -> Iterator[str]:
    """The only way in that `ssl` has is a file: one that is in memory, where the system can do that."""
    if not hasattr(os, "memfd_create"):
        with tempfile.NamedTemporaryFile() as file:
            file.write(content)
            file.flush()
            yield file.name
        return
    with os.fdopen(os.memfd_create("certified"), "wb", buffering=0) as memory:
        memory.write(content)
        yield f"/proc/self/fd/{memory.fileno()}"
