"""Copies of the ledger's files while they are written, and whether a copy is all that it was made of."""

import os
from dataclasses import dataclass
from pathlib import Path

import apsw

from gateway.errors import Distrusted, StartError
from gateway.ledger.checkpoint import signer_of
from gateway.ledger.database import StoreError, known_errors, readable, rows, truncate
from gateway.ledger.recovery import demand_unaltered, origin_of
from gateway.ledger.sqlite import SqliteStore
from gateway.ledger.sqlite_blinding import generations
from gateway.ledger.sqlite_vault import SqliteVault
from gateway.ledger.store import Filter, Head
from gateway.ledger.tree import Tree
from gateway.ledger.vault import PREFIX

PAGES = 1_024  # that are copied in one step: eight mebibytes


class TurningError(StartError):
    """Keys were turned over while they were copied: once that has come to its end, part of the copy opens no more."""

    def __init__(self) -> None:
        super().__init__("keys are being turned over; try again once that has ended, or the gateway was started again")


@dataclass(frozen=True, slots=True)
class Copied:
    """What a copy of the ledger holds: all entries as a tree, its newest checkpoint, and how many keys were erased.

    `told` is how many of those the ledger knows of; with fewer than were erased it does not start. `unopenable` counts
    people who stand in the ledger and whose keys do not: they were erased between the two copies.
    """

    tree: Tree
    head: Head
    erased: int
    told: int
    unopenable: int


def copied(source: Path, target: Path) -> None:
    """A copy as the file was at one moment, in a new file that only its owner can read. Raises StoreError."""
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    with known_errors():
        reading = readable(source)
        writing = apsw.Connection(str(target), flags=apsw.SQLITE_OPEN_READWRITE)
        try:
            # Without a transaction that spans all steps, each commit of the writer would begin the copy anew.
            reading.execute("BEGIN")
            rows(reading, "SELECT count(*) FROM sqlite_schema")
            with writing.backup("main", reading, "main") as copying:
                while not copying.done:
                    copying.step(PAGES)
        finally:
            writing.close()
            reading.close()


def checked(folder: Path, log: str, seed: bytes, entry: str) -> Copied:
    """Reads all of a copied ledger again. Raises TurningError, and Distrusted where it is not what was signed, or lacks
    the entry of this id, where there is one.
    """
    try:
        store = SqliteStore(folder / "ledger.db", log)
        try:
            demand_unaltered(store, signer_of(origin_of(store, log), seed), whole=True)
            head, tree, told = store.last_head(), store.tree, store.oblivion.count()
            if entry and not store.entries(Filter(id=entry, limit=1), None):
                raise Distrusted(
                    "CORRUPT", f"the copy in {folder} lacks the entry {entry}, which says that it was made"
                )
        finally:
            store.close()
        if head is None:
            raise StartError("nothing of this ledger was ever signed; start the gateway once, and copy it then")
        erased, unopenable = _keys(folder)
    except StoreError as error:
        raise Distrusted("CORRUPT", f"the copy in {folder} cannot be read: {error}") from None
    return Copied(tree, head, erased, told, unopenable)


def _keys(folder: Path) -> tuple[int, int]:
    vault = SqliteVault(folder / "keys.db")
    try:
        erased, known = vault.erased(), set(vault.ids())
        generation = vault.newest()
        if vault.before(generation, 1) or vault.blinded_before(generation.to_bytes(PREFIX), 1):
            raise TurningError
        vault.wipe()
    finally:
        vault.close()
    with known_errors():
        ledger = readable(folder / "ledger.db")
        try:
            if generations(ledger) - {generation}:
                raise TurningError
            missing = {dek for (dek,) in ledger.execute("SELECT DISTINCT dek FROM link") if dek not in known}
        finally:
            ledger.close()
        for name in ("keys.db", "ledger.db"):
            _demand_sound(folder / name)
    return erased, len(missing)


def _demand_sound(file: Path) -> None:
    """Comes last, so that nothing is left beside the file. Raises Distrusted."""
    database = apsw.Connection(str(file), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        [(found,)] = rows(database, "PRAGMA integrity_check(1)")
        if found != "ok":
            raise Distrusted("CORRUPT", f"{file} is damaged: {found}")
        truncate(database)
    finally:
        database.close()
