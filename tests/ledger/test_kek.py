"""The key of a generation hangs on the root key and on a file that the next turnover replaces."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from ledger_fakes import Repeating

from gateway.errors import StartError
from gateway.ledger.kek import Held, Kek, KekFile
from gateway.ledger.vault import Generation

ROOT, OTHER = b"r" * 32, b"o" * 32
FIRST, SECOND = Held(1, 0, b"1" * 32), Held(2, 0, b"2" * 32)


def named(held: Held) -> Generation:
    return Generation(held.generation, held.kek(ROOT).proof(Repeating()))


def test_a_key_needs_both_the_root_key_and_the_file() -> None:
    wrapped = FIRST.kek(ROOT).wrapped(b"key", b"dek", Repeating())

    assert FIRST.kek(ROOT).opened(wrapped, b"dek") == b"key"
    assert FIRST.kek(ROOT).is_meant(named(FIRST))
    for other in (FIRST.kek(OTHER), Held(1, 0, b"x" * 32).kek(ROOT), Held(2, 0, b"1" * 32).kek(ROOT)):
        assert not other.is_meant(named(FIRST))


def test_from_a_generation_leads_a_way_to_the_next_and_none_back() -> None:
    kept = FIRST.kek(ROOT).followed(SECOND.secret, SECOND.kek(ROOT), Repeating())

    assert FIRST.kek(ROOT).next(kept) == SECOND.secret
    assert SECOND.kek(ROOT).is_meant(kept)
    for other in (SECOND.kek(ROOT), FIRST.kek(OTHER)):
        assert other.next(kept) is None
    assert FIRST.kek(ROOT).next(Generation(3, kept.sealed)) is None
    assert FIRST.kek(ROOT).next(named(SECOND)) is None


def test_the_file_holds_one_generation_for_its_owner_alone(tmp_path: Path) -> None:
    file = KekFile(tmp_path / "kek.key")
    assert file.held() is None

    file.hold(FIRST)
    file.hold(SECOND)
    file.hold(Held(2, 7, SECOND.secret))

    assert KekFile(tmp_path / "kek.key").held() == Held(2, 7, SECOND.secret)
    assert [each.name for each in tmp_path.iterdir()] == ["kek.key"]
    assert (tmp_path / "kek.key").stat().st_mode & 0o777 == 0o600


def test_what_was_held_is_overwritten_not_only_unlinked(tmp_path: Path) -> None:
    file = KekFile(tmp_path / "kek.key")
    file.hold(FIRST)
    os.link(tmp_path / "kek.key", tmp_path / "watched")
    assert FIRST.secret in (tmp_path / "watched").read_bytes()

    file.hold(SECOND)

    assert not (tmp_path / "watched").read_bytes().strip(b"\0")


def killed_before_it_was_replaced(folder: Path) -> None:
    os.link(folder / "kek.key", folder / "kek.old")


def killed_before_it_was_overwritten(folder: Path) -> None:
    (folder / "kek.old").write_bytes(SECOND.secret)


@pytest.mark.parametrize("killed", [killed_before_it_was_replaced, killed_before_it_was_overwritten])
def test_whoever_opens_it_next_overwrites_what_is_left_and_nothing_else(
    tmp_path: Path, killed: Callable[[Path], None]
) -> None:
    KekFile(tmp_path / "kek.key").hold(FIRST)
    killed(tmp_path)

    assert KekFile(tmp_path / "kek.key").held() == FIRST
    assert [each.name for each in tmp_path.iterdir()] == ["kek.key"]


def test_a_file_that_is_open_or_of_another_form_is_refused(tmp_path: Path) -> None:
    file = KekFile(tmp_path / "kek.key")
    file.hold(FIRST)

    (tmp_path / "kek.key").chmod(0o644)
    with pytest.raises(StartError, match="read by others"):
        file.held()
    (tmp_path / "kek.key").chmod(0o600)
    (tmp_path / "kek.key").write_bytes(b"x")
    with pytest.raises(StartError, match="does not hold"):
        file.held()


def test_a_key_says_nothing_of_itself() -> None:
    assert FIRST.secret.decode() not in repr(FIRST)
    assert "cipher" not in repr(Kek(1, FIRST.kek(ROOT).cipher))
