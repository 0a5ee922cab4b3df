"""Signed notes (c2sp.org/signed-note): a text, and below it lines by which others tell who has signed it."""

import hashlib
import re
from base64 import b64decode
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from gateway.errors import GatewayError
from gateway.ledger.canonical import base64

MAX_NOTE = 65_536  # characters
MAX_SIGNATURES = 100
_ED25519 = b"\x01"
_ID = 4
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_SIGNATURE = re.compile(r"— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})")
_VKEY = re.compile(r"([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+={0,2})")


class NoteError(GatewayError):
    """A text is no note, or nobody who counts has signed it."""


@dataclass(frozen=True, slots=True)
class Verifier:
    """The public half of a key under its name: what whoever checks has to be given beforehand."""

    name: str
    key: bytes

    def __post_init__(self) -> None:
        """Raises NoteError."""
        if not re.fullmatch(r"[^\s+]+", self.name) or _CONTROL.search(self.name):
            raise NoteError("the name of a key is empty, or has a space or a plus")
        if len(self.key) != 32:  # noqa: PLR2004 - the length of a key
            raise NoteError("a key of Ed25519 has 32 bytes")

    @classmethod
    def parse(cls, vkey: str) -> "Verifier":
        """Reads `name+id+key`, as it is handed around. Raises NoteError."""
        if not (found := _VKEY.fullmatch(vkey)):
            raise NoteError("a key is written name+id+key")
        data = exact_base64(found[3])
        if not data.startswith(_ED25519):
            raise NoteError("only keys of Ed25519 are known")
        verifier = cls(found[1], data[1:])
        if verifier.id.hex() != found[2]:
            raise NoteError("the id of a key is not that of its name and its bytes")
        return verifier

    @property
    def vkey(self) -> str:
        return f"{self.name}+{self.id.hex()}+{base64(_ED25519 + self.key)}"

    @property
    def id(self) -> bytes:
        """The first 4 bytes of SHA-256 over name, newline, algorithm and key."""
        return hashlib.sha256(self.name.encode() + b"\n" + _ED25519 + self.key).digest()[:_ID]

    def opened(self, note: str) -> str:
        """The text of a note that this key has signed. Raises NoteError.

        Lines of other keys are passed over; one of this key that does not verify spoils the note.
        """
        text, signatures = _parts(note)
        ours = [signature for name, id_, signature in signatures if (name, id_) == (self.name, self.id)]
        if not ours:
            raise NoteError("the note has no signature of the key")
        public = Ed25519PublicKey.from_public_bytes(self.key)
        try:
            for signature in ours:
                public.verify(signature, text.encode())
        except InvalidSignature:
            raise NoteError("the signature of the note does not verify") from None
        return text


class Signer:
    """A key under its name, made of a seed of 32 bytes."""

    def __init__(self, name: str, seed: bytes) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self.verifier = Verifier(name, self._private.public_key().public_bytes_raw())

    def signed(self, text: str) -> str:
        """The note of a text that ends with a newline. Raises NoteError for what would be none."""
        signature = base64(self.verifier.id + self._private.sign(text.encode()))
        note = f"{text}\n— {self.verifier.name} {signature}\n"
        if self.verifier.opened(note) != text:
            raise NoteError("the text cannot be signed as a note")
        return note


def exact_base64(text: str) -> bytes:
    """The bytes of base64 in the one way in which they are written (RFC 4648, 3.5). Raises NoteError."""
    try:
        data = b64decode(text, validate=True)
    except ValueError:
        data = b""
    if base64(data) != text:
        raise NoteError("that is not the base64 of anything")
    return data


def _parts(note: str) -> tuple[str, list[tuple[str, bytes, bytes]]]:
    """The text, and of each signature the name, the key's id and the signature itself."""
    if len(note) > MAX_NOTE or _CONTROL.search(note):
        raise NoteError("a note is too long or has control characters")
    text, _, below = note.rpartition("\n\n")
    lines = below.split("\n")
    if not text or lines.pop() or not 0 < len(lines) <= MAX_SIGNATURES:
        raise NoteError("a note is a text, an empty line and lines of signatures")
    return f"{text}\n", [_signature(line) for line in lines]


def _signature(line: str) -> tuple[str, bytes, bytes]:
    found = _SIGNATURE.fullmatch(line)
    data = exact_base64(found[2]) if found else b""
    if not found or len(data) <= _ID:
        raise NoteError("a line of a note is no signature")
    return found[1], data[:_ID], data[_ID:]
