"""From the data folder of one gateway to a database that several share."""

import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from gateway.errors import StartError
from gateway.failpoints import failpoint
from gateway.ledger.canonical import Noise
from gateway.ledger.checkpoint import signer_of
from gateway.ledger.database import locked
from gateway.ledger.highwater import HighWater
from gateway.ledger.ledger import LOG
from gateway.ledger.migrate import copied, is_there, signed_to_the_end
from gateway.ledger.recovery import demand_unaltered, origin_of, signing_seed
from gateway.ledger.sqlite import SqliteStore
from gateway.registry.moving import moved as moved_rows

FILES = ("ledger.db", "keys.db", "registry.db")
ASIDE = "migrated"


@dataclass(frozen=True, slots=True)
class Moved:
    """How much came over, and the checkpoint that is over all of it."""

    entries: int
    checkpoint: str


def moved(folder: Path, high_water: Path | None, url: str, now: Callable[[], int]) -> Moved:
    """Brings everything over and lays the files aside, so that nothing goes on in them; asked again, it goes on.

    The gateway has ended in good order. Raises StartError, and Distrusted where something is not what was signed.
    """
    _bring_back(folder)
    if missing := [name for name in (*FILES, "sign.key", "root.key", "kek.key") if not (folder / name).is_file()]:
        raise StartError(f"{folder} has no {', '.join(missing)}; there is nothing to bring over")
    with ExitStack() as held:
        held.callback(os.close, locked(folder))
        with ExitStack() as opened:
            store = SqliteStore(folder / "ledger.db", LOG)
            opened.callback(store.close)
            mark = HighWater(high_water or folder / "high-water")
            opened.callback(mark.close)
            told = _moved(folder, store, mark, url, now)
        _lay_aside(folder)
    return told


def _moved(folder: Path, store: SqliteStore, mark: HighWater, url: str, now: Callable[[], int]) -> Moved:
    signer = signer_of(origin_of(store, LOG), signing_seed(folder, store, Noise(os.urandom)))
    demand_unaltered(store, signer)
    if store.open_intents(1):
        raise StartError("intents are still open; start and stop the gateway once, and they are settled")
    head = signed_to_the_end(store, signer, mark, now)
    if not is_there(url, LOG, head):
        moved_rows(folder / "registry.db", url)
        failpoint("registry-moved")
        copied(folder, url, LOG, head, store.claim("") - 1)
        failpoint("ledger-moved")
    mark.mark(store.tree)
    return Moved(head.size, head.note)


def _bring_back(folder: Path) -> None:
    """What a process that was killed had laid aside, while the rest was still in its place."""
    if any((folder / name).exists() for name in FILES):
        for each in (folder / ASIDE).glob("*"):
            each.rename(folder / each.name)


def _lay_aside(folder: Path) -> None:
    aside = folder / ASIDE
    aside.mkdir(mode=0o700, exist_ok=True)
    for name in FILES:
        for each in (folder / name, *folder.glob(f"{name}-*")):
            each.rename(aside / each.name)
