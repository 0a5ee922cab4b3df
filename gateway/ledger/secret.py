"""Secrets of 32 bytes in files of their own, which only their owner can read."""

import os
from pathlib import Path

from gateway.errors import StartError
from gateway.ledger.canonical import Randomness

LENGTH = 32


def secret(path: Path, randomness: Randomness) -> bytes:
    """What the file holds; a new file where there is none. Raises StartError where others can read it."""
    if not path.exists():
        write_durably(path, randomness(LENGTH))
    only_owners(path)
    held = path.read_bytes()
    if len(held) != LENGTH:
        raise StartError(f"{path} does not hold a key of {LENGTH} bytes")
    return held


def only_owners(path: Path) -> None:
    """Raises StartError where others can read it."""
    if path.stat().st_mode & 0o077:
        raise StartError(f"{path} can be read by others; make its mode 0600")


def write_durably(path: Path, held: bytes) -> None:
    """Takes the place of what was there, as a whole or not at all."""
    half = path.with_suffix(".half")
    half.unlink(missing_ok=True)
    descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, held)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    half.rename(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
