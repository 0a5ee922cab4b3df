"""Checkpoints (c2sp.org/tlog-checkpoint): how large a log is and what its root is, in a note that the log signs."""

import hashlib
import re
from dataclasses import dataclass

from gateway.ledger.canonical import base64
from gateway.ledger.note import NoteError, Signer, Verifier, exact_base64
from gateway.ledger.tree import HASH

_SIZE = re.compile("0|[1-9][0-9]{0,18}")
_LINES = 3
PREVIOUS = "previous"
"""Begins an extension line: the size of the checkpoint that was signed before this one."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree as a log had it; `extensions` are lines whose meaning only the log knows."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "Checkpoint":
        """Reads the text of a note. Raises NoteError."""
        lines = text.split("\n")
        if lines.pop() or len(lines) < _LINES or not all(lines):
            raise NoteError("a checkpoint has an origin, a size and a root, and no empty line")
        origin, size, root, *extensions = lines
        if not _SIZE.fullmatch(size) or int(size) >= 2**63:
            raise NoteError("the size of a checkpoint is no number")
        if len(digest := exact_base64(root)) != HASH:
            raise NoteError("the root of a checkpoint is no hash")
        return cls(origin, int(size), digest, tuple(extensions))

    @property
    def text(self) -> str:
        return "\n".join([self.origin, str(self.size), base64(self.root), *self.extensions, ""])


def signer_of(log: str, seed: bytes) -> Signer:
    """The key of a log, under a name that no other log has: it is made of the public key."""
    public = Signer(log, seed).verifier.key
    return Signer(f"gateway/{hashlib.sha256(public).hexdigest()[:16]}/{log}", seed)


def signed(checkpoint: Checkpoint, signer: Signer) -> str:
    """The note of a checkpoint. Raises NoteError where it could not be read again."""
    if Checkpoint.parse(checkpoint.text) != checkpoint:
        raise NoteError("the checkpoint cannot be written")
    return signer.signed(checkpoint.text)


def opened(note: str, verifier: Verifier) -> Checkpoint:
    """The checkpoint in a note that the log of this key has signed as its own. Raises NoteError."""
    checkpoint = Checkpoint.parse(verifier.opened(note))
    if checkpoint.origin != verifier.name:
        raise NoteError("the checkpoint is of another log")
    return checkpoint
