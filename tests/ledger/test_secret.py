"""A secret is made once, belongs to its owner alone, and is whole or not taken."""

from pathlib import Path

import pytest
from ledger_fakes import Repeating

from gateway.errors import StartError
from gateway.ledger.secret import secret


def test_it_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    made = secret(tmp_path / "sign.key", Repeating())

    assert secret(tmp_path / "sign.key", Repeating(drawn=7)) == made == (tmp_path / "sign.key").read_bytes()
    assert (tmp_path / "sign.key").stat().st_mode & 0o777 == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["sign.key"]


def test_what_a_crash_left_half_written_is_no_secret(tmp_path: Path) -> None:
    (tmp_path / "sign.half").write_bytes(b"half")

    assert len(secret(tmp_path / "sign.key", Repeating())) == 32


@pytest.mark.parametrize("held", [b"", b"x" * 31, b"x" * 33])
def test_what_has_another_length_is_refused(tmp_path: Path, held: bytes) -> None:
    (tmp_path / "sign.key").write_bytes(held)
    (tmp_path / "sign.key").chmod(0o600)

    with pytest.raises(StartError, match="32 bytes"):
        secret(tmp_path / "sign.key", Repeating())


def test_what_others_can_read_is_refused(tmp_path: Path) -> None:
    secret(tmp_path / "sign.key", Repeating())
    (tmp_path / "sign.key").chmod(0o640)

    with pytest.raises(StartError, match="0600"):
        secret(tmp_path / "sign.key", Repeating())
