"""Checkpoints (c2sp.org/tlog-checkpoint): how large a log is and what its root is, in a note that the log signs."""

import hashlib
import re
from dataclasses import dataclass, replace

from gateway.ledger.canonical import base64
from gateway.ledger.note import NoteError, Signer, Verifier, exact_base64
from gateway.ledger.tree import HASH

_ORIGIN = re.compile(r"(gateway/[0-9a-f]{16}/[^/]+)(?:/([1-9][0-9]{0,15}))?")
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
    """The checkpoint in a note that the log of this key has signed as its own, under this name or an earlier one.

    Raises NoteError.
    """
    origin = note.partition("\n")[0]
    signer = replace(verifier, name=origin) if _is_earlier(origin, verifier.name) else verifier
    checkpoint = Checkpoint.parse(signer.opened(note))
    if checkpoint.origin != signer.name:
        raise NoteError("the checkpoint is of another log")
    return checkpoint


def number_of(origin: str) -> int:
    """Which origin of its log it is: `gateway/KEY/LOG` is the first, `gateway/KEY/LOG/N` a later one."""
    match = _ORIGIN.fullmatch(origin)
    return int(match[2] or 1) if match else 1


def _is_earlier(origin: str, name: str) -> bool:
    """Whether a log had this origin before it was brought back from a backup that lacked what it had signed."""
    before, now = _ORIGIN.fullmatch(origin), _ORIGIN.fullmatch(name)
    return before is not None and now is not None and before[1] == now[1] and number_of(origin) < number_of(name)
