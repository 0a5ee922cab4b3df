"""A copy of the embedded stores in a folder, with a manifest by which it is known again."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from gateway.errors import Distrusted, StartError
from gateway.ledger import copies as ledger_copies
from gateway.ledger.canonical import base64
from gateway.ledger.ledger import LOG
from gateway.ledger.secret import write_durably
from gateway.registry import copies as registry_copies

FILES = ("ledger.db", "keys.db", "registry.db")
"""In the order in which they are copied: keys are made durable before anything that is sealed under them, and what
people said is in the registry last of all."""
NOT_IN_IT = ("root.key", "kek.key", "sign.key")
MANIFEST = "manifest.json"
VERSION = 1
TRIES = 3
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Kept:
    """A file of a backup."""

    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a backup holds: the newest checkpoint in it, and how many entries there are up to and after it.

    `made` in µs since 1970; `erased` is how many keys were erased by then, `told` how many of them the ledger knows of.
    `entry` is the id of the entry in it that says that it is made; empty in a backup from before there was that.
    """

    version: int
    made: int
    log: str
    checkpoint: str
    size: int
    root: str
    erased: int
    told: int
    unopenable: int
    registry: str
    files: Mapping[str, Kept]
    entry: str = ""


def backed_up(data: Path, into: Path, now: Callable[[], int], *, entry: str) -> Manifest:
    """Copies the stores beside a gateway that may be running, and reads every copy again before it is told of.

    `entry` is the id of the one that says so, which the copy has to have.

    Raises StartError where there is something in the folder, Distrusted where the copy is not what was signed.
    """
    if missing := [name for name in (*FILES, "sign.key") if not (data / name).is_file()]:
        raise StartError(f"{data} has no {', '.join(missing)}; start a gateway there once")
    if into.exists() and any(into.iterdir()):
        raise StartError(f"there is something in {into}; give each backup a folder of its own")
    into.mkdir(mode=0o700, parents=True, exist_ok=True)
    seed = (data / "sign.key").read_bytes()
    for left in reversed(range(TRIES)):
        try:
            manifest = _copied(data, into, seed, now(), entry)
        except ledger_copies.TurningError:
            if not left:
                raise
            continue
        if manifest.erased <= manifest.told:
            break
    else:
        raise StartError("people were erased each time while it was copied; try again later")
    write_durably(into / MANIFEST, msgspec.json.format(msgspec.json.encode(manifest)))
    return manifest


def _copied(data: Path, into: Path, seed: bytes, made: int, entry: str) -> Manifest:
    for name in FILES:
        (into / name).unlink(missing_ok=True)
        (registry_copies if name == "registry.db" else ledger_copies).copied(data / name, into / name)
    return described(into, seed, made, entry)


def described(folder: Path, seed: bytes, made: int, entry: str) -> Manifest:
    """What the copies in a folder hold, all of it read. Raises Distrusted."""
    revision = registry_copies.check(folder / "registry.db")
    held = ledger_copies.checked(folder, LOG, seed, entry)
    return Manifest(
        version=VERSION,
        made=made,
        log=LOG,
        checkpoint=held.head.note,
        size=held.tree.size,
        root=base64(held.tree.root),
        erased=held.erased,
        told=held.told,
        unopenable=held.unopenable,
        registry=revision,
        files={name: _kept(folder / name) for name in FILES},
        entry=entry,
    )


def read(folder: Path) -> Manifest:
    """The manifest of a backup whose files are those that it names. Raises StartError, and Distrusted."""
    try:
        manifest = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
    except FileNotFoundError:
        raise StartError(f"{folder} has no {MANIFEST}, so it is no backup, or one that was not finished") from None
    except msgspec.MsgspecError:
        raise Distrusted("CORRUPT", f"{folder / MANIFEST} is no manifest") from None
    if manifest.version != VERSION:
        raise StartError(f"{folder} was made by a newer gateway; use that one")
    for name in FILES:
        file = folder / name
        if not file.is_file() or _kept(file) != manifest.files.get(name):
            raise Distrusted("CORRUPT", f"{file} is not the file that the manifest names; take another backup")
    return manifest


def _kept(file: Path) -> Kept:
    digest = hashlib.sha256()
    with file.open("rb") as reading:
        while piece := reading.read(_PIECE):
            digest.update(piece)
    return Kept(file.stat().st_size, digest.hexdigest())
