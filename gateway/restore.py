"""A backup that is brought back: the same log where it has all that was signed, otherwise a new origin."""

import os
import secrets
import shutil
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from gateway.backup import FILES, NOT_IN_IT, Manifest, described, read
from gateway.clock import since_boot
from gateway.errors import Distrusted, StartError
from gateway.ledger.canonical import base64
from gateway.ledger.checkpoint import number_of, opened, signer_of
from gateway.ledger.database import locked
from gateway.ledger.entry import Event
from gateway.ledger.erasing import demand_newest
from gateway.ledger.highwater import HighWater, Mark
from gateway.ledger.housekeeping import Epoch, Genesis, Restored
from gateway.ledger.kek import KekFile
from gateway.ledger.keys import Keys
from gateway.ledger.ledger import LOG
from gateway.ledger.note import NoteError, Verifier
from gateway.ledger.postgres import PostgresStore
from gateway.ledger.postgres_vault import PostgresVault
from gateway.ledger.proof import root_at
from gateway.ledger.recovery import demand_unaltered, origin_of
from gateway.ledger.scribe import Scribe
from gateway.ledger.signed import PAGE
from gateway.ledger.sqlite import SqliteStore
from gateway.ledger.store import Filter, Store
from gateway.ledger.tree import Tree

STAGED = "restoring"


@dataclass(frozen=True, slots=True)
class Told:
    """What was brought back: so many entries, under this origin, without the entries of these places. `made_by` is the
    id of the entry that says that the backup was made, where it names one.
    """

    size: int
    origin: str
    is_new: bool
    lost: tuple[int, int] | None
    made_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Where to, and what is known of what was signed last; `anew` where nothing is, or the log must not go on."""

    into: Path
    last: str | None
    anew: bool
    high_water: Path
    by: str
    node: str


def restored(folder: Path, asked: Asked, now: Callable[[], int]) -> Told:
    """Brings a backup back into a folder with its keys and no stores. Raises StartError, and Distrusted.

    Until all of it is in place the high-water mark keeps a gateway from starting there.
    """
    manifest, into = read(folder), asked.into
    _demand_room(into)
    with ExitStack() as undo:
        undo.callback(os.close, locked(into))
        staged = into / STAGED
        _cleared(staged)
        undo.callback(_cleared, staged)
        _stage(folder, into, staged)
        _demand_same(described(staged, (into / "sign.key").read_bytes(), manifest.made, manifest.entry), manifest)
        told, tree = _written(staged, manifest, asked, now)
        _place(staged, into, asked.high_water, tree)
    return replace(told, made_by=manifest.entry)


def _stage(folder: Path, into: Path, staged: Path) -> None:
    staged.mkdir(mode=0o700)
    for name in (*FILES, *NOT_IN_IT):
        shutil.copyfile(folder / name if name in FILES else into / name, staged / name)
        (staged / name).chmod(0o600)


def _cleared(staged: Path) -> None:
    """Nothing is left, and of the key over the keys of people no bytes on the disk either."""
    for name in NOT_IN_IT:
        if (staged / name).exists():
            with (staged / name).open("r+b") as file:
                file.write(bytes((staged / name).stat().st_size))
                file.flush()
                os.fsync(file.fileno())
    shutil.rmtree(staged, ignore_errors=True)


def _demand_room(into: Path) -> None:
    if there := [name for name in FILES if (into / name).exists()]:
        raise StartError(f"{into} has {', '.join(there)}; nothing is written over, so move them somewhere else")
    if missing := [name for name in NOT_IN_IT if not (into / name).is_file()]:
        raise StartError(f"put {', '.join(missing)} into {into} first: they are in no backup")


def _demand_same(found: Manifest, manifest: Manifest) -> None:
    if (found.size, found.root, found.checkpoint) != (manifest.size, manifest.root, manifest.checkpoint):
        raise Distrusted("CORRUPT", "the manifest is about another ledger than the one beside it")


def taken_up(url: str, asked: Asked, now: Callable[[], int], *, guarded: bool) -> Told:
    """Goes on with a copy that operators have brought back into the database. Raises StartError, and Distrusted.

    On the first node it is written down. On another one only the mark is moved, where what it acknowledged and the log
    lacks was declared lost already.
    """
    with ExitStack() as undo:
        undo.callback(os.close, locked(asked.into))
        if missing := [name for name in NOT_IN_IT if not (asked.into / name).is_file()]:
            raise StartError(f"put {', '.join(missing)} into {asked.into} first: they are not in the database")
        keys = Keys.open(asked.into, vault=lambda _: PostgresVault(url))
        undo.callback(keys.close)
        store = PostgresStore(url, LOG, guarded=guarded)
        undo.callback(store.close)
        store.demand_alone()
        seed = (asked.into / "sign.key").read_bytes()
        demand_unaltered(store, signer_of(origin_of(store, LOG), seed), whole=True)
        demand_newest(store, keys)
        size, origin = store.tree.size, signer_of(origin_of(store, LOG), seed).verifier.name
        if not size:
            raise StartError("there is no log in the database; bring the copy back there first")
        told = Told(size, origin, is_new=False, lost=None)
        lost = _declared(store, _mark(asked))
        if asked.anew or asked.last is not None or not any(end >= _mark(asked).size - 1 for _, end in lost):
            root, [last] = base64(store.tree.root), store.entries(Filter(limit=1), None)
            made, erased = int(str(last.body["ts"])), store.oblivion.count()
            back = Restored(made=made, size=size, root=root, erased=erased, by=asked.by)
            told = _noted(store, keys, back, seed, asked, now, since=min((begin for begin, _ in lost), default=None))
        _marked(asked.high_water, store.tree)
    return told


def _declared(store: Store, mark: Mark) -> Sequence[tuple[int, int]]:
    """Where the log says that it lacks entries which were acknowledged with this mark: from the first to the last."""
    if root_at(store, mark.size) == mark.root:
        return []
    lost = [entry.body.get("lost") for entry in store.entries(Filter(kind=Genesis.kind, limit=PAGE), None)]
    ranges = [(int(str(each[0])), int(str(each[1]))) for each in lost if isinstance(each, list)]
    return [(begin, end) for begin, end in ranges if begin < mark.size]


def _written(staged: Path, manifest: Manifest, asked: Asked, now: Callable[[], int]) -> tuple[Told, Tree]:
    """Writes down in the copy that it was brought back."""
    with ExitStack() as undo:
        keys = Keys.open(staged)
        undo.callback(keys.close)
        store = SqliteStore(staged / "ledger.db", LOG)
        undo.callback(store.close)
        demand_newest(store, keys)
        back = Restored(made=manifest.made, size=manifest.size, root=manifest.root, erased=manifest.erased, by=asked.by)
        return _noted(store, keys, back, (staged / "sign.key").read_bytes(), asked, now), store.tree


def _noted(
    store: Store,
    keys: Keys,
    back: Restored,
    seed: bytes,
    asked: Asked,
    now: Callable[[], int],
    since: int | None = None,
) -> Told:
    """Erases again what was erased, and writes down what was brought back and under which origin it goes on.

    `since` is the first entry that was declared lost before, where more of them are.
    """
    keys.erase(store.oblivion.tombstones)
    genesis = _genesis(store, signer_of(origin_of(store, LOG), seed).verifier, asked, now(), since)
    scribe = Scribe(
        LOG, asked.node, secrets.token_hex(6), store.claim(asked.node), keys, now, since_boot, secrets.token_bytes
    )
    events: list[Event] = [*([genesis] if genesis else []), back, Epoch("opened"), Epoch("closed")]
    store.append([scribe.row(event) for event in events])
    origin = signer_of(origin_of(store, LOG), seed).verifier.name
    return Told(back.size, origin, genesis is not None, genesis.lost if genesis else None)


def _genesis(store: Store, previous: Verifier, asked: Asked, now: int, since: int | None) -> Genesis | None:
    """The beginning of a new origin; None where the log has all that was signed, and goes on."""
    size, (mark, number) = store.tree.size, _last(previous, asked)
    is_behind = mark.size > size or since is not None
    if not is_behind and not asked.anew:
        if root_at(store, mark.size) == mark.root:
            return None
        raise StartError("what was signed last is of another log than this backup; --new-origin begins a new one")
    lost = (size if since is None else since, mark.size - 1) if is_behind else None
    # Where the last origin is not known for certain, the time makes one that nobody has used.
    origin = max(number, number_of(previous.name), 0 if number else now // 1_000_000) + 1
    return Genesis(origin=origin, previous=previous.name, checkpoint=asked.last or "", size=size, lost=lost)


def _last(previous: Verifier, asked: Asked) -> tuple[Mark, int]:
    """How far the log is known to have been signed or acknowledged, and the number of its last origin, or nought."""
    mark = _mark(asked)
    if asked.last is None:
        if not mark.size and not asked.anew:
            raise StartError(
                "how far the log was signed is not known here: give --last-checkpoint the newest checkpoint that "
                "anybody has, or --new-origin where nobody has one"
            )
        return mark, 0
    try:
        checkpoint = opened(asked.last, _as_named(asked.last, previous))
    except NoteError as error:
        raise StartError(f"--last-checkpoint is no checkpoint of this log: {error}") from None
    signed = Mark(checkpoint.size, checkpoint.root)
    return (signed, number_of(checkpoint.origin)) if signed.size >= mark.size else (mark, 0)


def _mark(asked: Asked) -> Mark:
    water = HighWater(asked.high_water)
    water.close()
    return water.last


def _marked(high_water: Path, tree: Tree) -> None:
    water = HighWater(high_water)
    try:
        # Twice, since a larger mark in the other slot would count.
        water.mark(tree)
        water.mark(tree)
    finally:
        water.close()


def _as_named(note: str, previous: Verifier) -> Verifier:
    """The key of the log under the name that the note has: of an origin that came after that of the backup."""
    origin = note.partition("\n")[0]
    later = number_of(origin) > number_of(previous.name)
    return Verifier(origin, previous.key) if later else previous


def _place(staged: Path, into: Path, high_water: Path, tree: Tree) -> None:
    """All or, as far as a start can tell, nothing: the mark is not reached before the ledger is in place."""
    _marked(high_water, tree)
    if (held := KekFile(staged / "kek.key").held()) is not None:
        KekFile(into / "kek.key").hold(held)
    for name in reversed(FILES):
        _flush_path(staged / name)
        (staged / name).rename(into / name)
    _flush_path(into)


def _flush_path(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
