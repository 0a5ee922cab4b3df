"""A contract as it stands on a terminal of 80 columns."""

from pathlib import Path

import pytest
from small_contracts import OPERATION, SHIP, WHOLE, read_files
from typer.testing import CliRunner

from gateway.cli.main import cli


def explained(folder: Path, operation: str) -> str:
    read_files(folder, WHOLE | {SHIP: operation})
    return CliRunner().invoke(cli, ["contract", "explain", "acme/ship", "--contracts", str(folder)]).stdout


def test_no_category_is_broken_where_paths_are_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")

    told = explained(tmp_path, OPERATION)

    assert all(word in told for word in ("person.name", "shipment.tracking", "order.id", "path:parcel"))
    assert max(map(len, told.splitlines())) <= 80


def test_a_contract_that_lets_nothing_out_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    silent = OPERATION.replace("/ship/{parcel}", "/ships").replace("body: json", "body: none", 1)
    before, _, after = silent.partition("  groups:\n")

    told = explained(tmp_path, f"{before}  groups: []\nanswer:{after.partition('answer:')[2]}")

    assert "Everything else stays here." in told


def test_the_commands_on_contracts_read_the_folder_that_the_gateway_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_files(tmp_path / "contracts", WHOLE)
    monkeypatch.chdir(tmp_path)
    commands = {"check": "1 operation loads", "test": "acme/ship: one", "explain acme/ship": "Acme GmbH"}

    def told(folder: str) -> list[bool]:
        monkeypatch.setenv("GATEWAY_CONTRACTS", str(tmp_path / folder))
        asked = ((CliRunner().invoke(cli, ["contract", *words.split()]), text) for words, text in commands.items())
        return [text in done.stdout for done, text in asked]

    assert told("elsewhere") == [False, False, False]
    monkeypatch.chdir("/")
    assert told("contracts") == [True, True, True]
