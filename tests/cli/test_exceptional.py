"""The file that is handed over: the answer has it once, so nothing that comes after may lose it."""

from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from gateway.cli import exceptional
from gateway.errors import StartError

HANDED_OVER = b'{"orders": ["handed over"]}'


def _sent(folder: Path, monkeypatch: pytest.MonkeyPatch, answer: Any) -> Result:
    def asked(*_: object) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return {"case": "c1", "name": "c1.json", "content": b64encode(HANDED_OVER).decode()}

    monkeypatch.setattr(exceptional, "asked_as", asked)
    (folder / "document.json").write_bytes(b"{}")
    words = ("send", "c1", str(folder / "document.json"), "--handover", "portal", "--out", str(folder), "--token", "t")
    return CliRunner().invoke(exceptional.exceptional, [*words, "--json"])


def _left(folder: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in folder.iterdir() if each.name != "document.json"}


def test_it_stands_under_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _sent(tmp_path, monkeypatch, "").exit_code == 0
    assert _left(tmp_path) == {"c1.json": HANDED_OVER}


def test_a_file_of_that_name_stays_and_it_stands_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "c1.json").write_bytes(b"of before")
    sent = _sent(tmp_path, monkeypatch, "")
    left = _left(tmp_path)
    assert left.pop("c1.json") == b"of before"
    [(beside, found)] = left.items()
    assert found == HANDED_OVER
    assert beside in sent.stdout


def test_it_stands_beside_its_name_where_the_disk_knows_no_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "hardlink_to", refused)
    assert _sent(tmp_path, monkeypatch, "").exit_code == 0
    assert list(_left(tmp_path).values()) == [HANDED_OVER]


def test_nothing_is_left_where_nothing_was_handed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(_sent(tmp_path, monkeypatch, StartError("refused")).exception, StartError)
    assert _left(tmp_path) == {}
