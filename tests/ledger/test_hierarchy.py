"""A turnover leaves every key as it was, under another generation; what was wrapped before opens nothing any more."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from ledger_fakes import Repeating

from gateway import failpoints
from gateway.errors import StartError
from gateway.ledger import StoreError
from gateway.ledger.hierarchy import TOGETHER, Hierarchy
from gateway.ledger.kek import KekFile, derived
from gateway.ledger.sqlite_vault import SqliteVault
from gateway.ledger.subject_key import SubjectKey
from gateway.ledger.vault import Generation, WrappedKey

ROOT = b"r" * 32
STEPS = ("turnover-begun", "turnover-part", "turnover-wrapped", "turnover-ended")


class Place:
    """A folder in which a hierarchy is opened as often as a test likes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.vault = SqliteVault(folder / "keys.db")

    def opened(self, root: bytes = ROOT) -> Hierarchy:
        return Hierarchy(root, KekFile(self.folder / "kek.key"), self.vault, Repeating())

    def copied(self, to: Path) -> "Place":
        """As a backup has it: the database alone."""
        self.vault.wipe()
        to.mkdir()
        shutil.copy(self.folder / "keys.db", to)
        return Place(to)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    (tmp_path / "now").mkdir()
    return Place(tmp_path / "now")


def made(place: Place, hierarchy: Hierarchy, count: int = 1) -> dict[bytes, bytes]:
    """Durable keys, each with something that it sealed."""
    keys = [hierarchy.made() for _ in range(count)]
    place.vault.commit([wrapped for _, wrapped in keys], [])
    return {key.id: key.cipher.encrypt(b"n" * 12, b"Zoe", None) for key, _ in keys}


def sound(place: Place, hierarchy: Hierarchy, sealed: dict[bytes, bytes]) -> bool:
    return all(read(key(place, hierarchy, dek), text) == b"Zoe" for dek, text in sealed.items())


def key(place: Place, hierarchy: Hierarchy, dek: bytes) -> SubjectKey:
    found = place.vault.key(dek)
    assert found is not None
    return hierarchy.opened(found)


def read(key: SubjectKey, sealed: bytes) -> bytes:
    return key.cipher.decrypt(b"n" * 12, sealed, None)


def turned(hierarchy: Hierarchy) -> None:
    hierarchy.begin()
    ended(hierarchy)


def ended(hierarchy: Hierarchy) -> None:
    while hierarchy.rewrap():
        pass
    hierarchy.end()


def test_after_a_turnover_every_key_opens_and_has_other_bytes(place: Place) -> None:
    hierarchy = place.opened()
    sealed = made(place, hierarchy, TOGETHER + 3)
    before = {dek: place.vault.key(dek) for dek in sealed}

    turned(hierarchy)

    after = {dek: found for dek in sealed if (found := place.vault.key(dek))}
    assert {found.generation for found in after.values()} == {hierarchy.generation} == {2}
    assert not {found.wrapped for found in after.values()} & {found.wrapped for found in before.values() if found}
    assert sound(place, hierarchy, sealed)
    assert sound(place, place.opened(), sealed)


def test_a_copy_from_before_the_turnover_opens_nothing_with_today_s_keys(place: Place, tmp_path: Path) -> None:
    hierarchy = place.opened()
    made(place, hierarchy)
    old = place.copied(tmp_path / "old")
    turned(hierarchy)
    shutil.copy(place.folder / "kek.key", old.folder)

    with pytest.raises(StartError, match="from before the turnover to generation 2"):
        old.opened()


def test_an_old_key_put_into_today_s_vault_does_not_open(place: Place, tmp_path: Path) -> None:
    hierarchy = place.opened()
    sealed = made(place, hierarchy)
    [dek] = sealed
    stale = place.vault.key(dek)
    assert stale is not None
    turned(hierarchy)

    for each in (hierarchy, place.opened()):
        with pytest.raises(StoreError):
            each.opened(stale)
        with pytest.raises(StoreError):
            each.opened(WrappedKey(stale.id, 2, stale.wrapped))


def test_until_the_turnover_such_a_copy_opens_with_the_file(place: Place, tmp_path: Path) -> None:
    """The control of the tests before: it is the turnover that closes it."""
    sealed = made(place, place.opened())
    old = place.copied(tmp_path / "old")
    shutil.copy(place.folder / "kek.key", old.folder)

    assert sound(old, old.opened(), sealed)


@pytest.mark.parametrize("step", STEPS)
def test_a_turnover_that_broke_off_goes_on_at_the_next_start(place: Place, step: str) -> None:
    hierarchy = place.opened()
    sealed = made(place, hierarchy, TOGETHER + 3)
    failpoints.arm(f"{step}=raise")
    with pytest.raises(failpoints.InjectedError):
        turned(hierarchy)
    failpoints.arm("")

    again = place.opened()
    assert sound(place, again, sealed)
    if again.is_turning:
        ended(again)

    assert again.generation == 2
    assert not place.vault.before(2, 1)
    assert sound(place, again, sealed)
    assert sound(place, place.opened(), sealed)


def test_a_turnover_goes_on_where_it_is_asked_for_again(place: Place) -> None:
    hierarchy = place.opened()
    sealed = made(place, hierarchy, 3)
    hierarchy.begin()

    turned(hierarchy)

    assert hierarchy.generation == 2
    assert sound(place, hierarchy, sealed)


def test_a_key_made_before_and_committed_after_is_of_the_new_generation(place: Place) -> None:
    hierarchy = place.opened()
    made_early, wrapped = hierarchy.made()
    sealed = made_early.cipher.encrypt(b"n" * 12, b"Zoe", None)
    hierarchy.begin()

    with pytest.raises(StoreError, match="OldGeneration"):
        place.vault.commit([wrapped], [])
    place.vault.commit([hierarchy.current(wrapped)], [])

    assert read(key(place, hierarchy, wrapped.id), sealed) == b"Zoe"


def test_another_node_follows_a_turnover_once_it_meets_it(place: Place) -> None:
    ours, theirs = place.opened(), place.opened()
    sealed = made(place, theirs)
    shutil.copy(place.folder / "kek.key", place.folder / "theirs.key")

    turned(theirs)

    assert sound(place, ours, sealed)
    assert ours.generation == 2
    behind = Hierarchy(ROOT, KekFile(place.folder / "theirs.key"), place.vault, Repeating())
    assert sound(place, behind, sealed)


def test_a_node_that_missed_two_turnovers_is_told_what_it_needs(place: Place) -> None:
    hierarchy = place.opened()
    shutil.copy(place.folder / "kek.key", place.folder / "theirs.key")
    turned(hierarchy)
    turned(hierarchy)

    with pytest.raises(StartError, match=r"kek\.key is of generation 1, keys\.db of 3"):
        Hierarchy(ROOT, KekFile(place.folder / "theirs.key"), place.vault, Repeating())


def lost(place: Place) -> None:
    (place.folder / "kek.key").unlink()


def exchanged(place: Place) -> None:
    file = place.folder / "kek.key"
    kept = file.read_bytes()
    file.write_bytes(kept[:-1] + bytes([kept[-1] ^ 1]))


@pytest.mark.parametrize(
    ("damage", "root", "message"),
    [
        (lost, ROOT, "no kek.key"),
        (exchanged, ROOT, "do not belong to keys.db"),
        (lambda _: None, b"x" * 32, "do not belong to keys.db"),
    ],
)
def test_keys_that_do_not_belong_together_are_refused(
    place: Place, damage: Callable[[Place], object], root: bytes, message: str
) -> None:
    place.opened()
    damage(place)

    with pytest.raises(StartError, match=message):
        place.opened(root)


@pytest.mark.parametrize("broken_off", [False, True])
def test_keys_that_hung_on_the_root_key_alone_are_turned_over_at_the_first_start(
    place: Place, broken_off: bool
) -> None:
    nonce, secret = b"n" * 12, b"s" * 32
    wrapping = AESGCM(derived(ROOT, b"own/wrap/1"))
    place.vault.begin(Generation(1, nonce + wrapping.encrypt(nonce, secret, b"kek/1")))
    dek, own = b"d" * 16, b"k" * 32
    place.vault.commit([WrappedKey(dek, 1, nonce + AESGCM(secret).encrypt(nonce, own, dek))], [])
    if broken_off:
        failpoints.arm("turnover-part=raise")
        with pytest.raises(failpoints.InjectedError):
            ended(place.opened())
        failpoints.arm("")

    hierarchy = place.opened()
    assert hierarchy.is_turning
    ended(hierarchy)

    assert hierarchy.generation == 2
    assert (kept := place.vault.generation())
    assert kept.number == 2
    assert read(key(place, hierarchy, dek), AESGCM(own).encrypt(b"n" * 12, b"Zoe", None)) == b"Zoe"
    assert sound(place, place.opened(), {dek: AESGCM(own).encrypt(b"n" * 12, b"Zoe", None)})
