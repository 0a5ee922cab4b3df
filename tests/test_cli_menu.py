"""What commands load: a list of them none, and a command what it needs itself."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from processes import Machine
from typer.core import TyperGroup
from typer.testing import CliRunner

from gateway.cli.main import cli
from gateway.cli.menu import Entry, Later, menu

ROOT: TyperGroup = typer.main.get_group(cli)
STORES = {"gateway.stores", "gateway.ledger", "gateway.registry.registry", "sqlalchemy", "apsw", "psycopg"}
SERVING = {*STORES, "gateway.app", "gateway.exchange", "uvicorn", "starlette", "lxml", "phonenumbers"}
TYPED = (
    "import sys\n"
    "from gateway.cli.main import main\n"
    "sys.argv[0] = 'gateway'\n"
    "try: main()\n"
    "except SystemExit: pass\n"
    "print('loaded', *sys.modules)\n"
)


def loaded_by(machine: Machine, *words: str) -> set[str]:
    """What a process has loaded once it has done a command."""
    done = subprocess.run(
        [sys.executable, "-c", TYPED, *words], cwd=machine.folder, env=machine.environment,
        capture_output=True, text=True, timeout=280, check=True,
    )  # fmt: skip
    return set(done.stdout.splitlines()[-1].removeprefix("loaded ").split())


def listed(group: TyperGroup, *above: str) -> Iterator[tuple[str, Later]]:
    for name, command in group.commands.items():
        if isinstance(command, Later):
            yield " ".join((*above, name)), command
        found = command.loaded() if isinstance(command, Later) else command
        if isinstance(found, TyperGroup):
            yield from listed(found, *above, name)


@pytest.mark.parametrize(
    "words",
    [
        ("--help",),
        ("--version",),
        ("ledger", "--help"),
        ("token", "issue", "--help"),
        ("facts", "--help"),
        ("subject", "--help"),
        ("incident", "--help"),
    ],
)
def test_who_only_looks_loads_nothing_that_serves(words: tuple[str, ...], tmp_path: Path) -> None:
    assert not {*SERVING, "gateway.contract.load"} & loaded_by(Machine(tmp_path), *words)


def test_a_command_loads_what_it_needs(tmp_path: Path) -> None:
    machine = Machine(tmp_path)

    assert not SERVING & loaded_by(machine, "contract", "check")
    # No gateway runs here, so the stores are opened by the command itself.
    assert loaded_by(machine, "token", "issue", "--service", "fulfilment") >= STORES


@pytest.mark.slow
def test_what_a_running_gateway_is_asked_needs_no_store(tmp_path: Path) -> None:
    machine = Machine(tmp_path)

    with machine.serving():
        assert not SERVING & loaded_by(machine, "token", "issue", "--service", "fulfilment")
        assert not SERVING & loaded_by(machine, "ledger", "list")


def test_a_list_says_of_each_command_what_the_command_says_itself() -> None:
    told = {name: (command.help, command.loaded().help.partition("\n\n")[0]) for name, command in listed(ROOT)}

    assert len(told) > 20
    assert {name for name, (inlist, itself) in told.items() if inlist != " ".join(itself.split())} == set()


def test_a_command_that_is_loaded_later_takes_what_is_typed() -> None:
    entries = {"sizes": Entry("test_cli_menu:sizes", "The sizes there are."), "one": Entry("test_cli_menu:one", "One.")}
    app = typer.Typer(cls=menu(entries))
    app.callback()(lambda: None)
    runner = CliRunner()

    assert runner.invoke(app, ["one", "--size", "4"]).output == "4\n"
    assert runner.invoke(app, ["sizes", "largest"]).output == "9\n"
    assert "The sizes there are." in runner.invoke(app, ["sizes", "--help"]).output
    assert runner.invoke(app, ["one", "--colour", "4"]).exit_code == 2


sizes = typer.Typer()


@sizes.callback()
def _group() -> None:
    """One command does not make a group by itself."""


@sizes.command("largest")
def largest() -> None:
    typer.echo("9")


def one(size: int = 1) -> None:
    typer.echo(size)


WITHOUT = {"serve", "demo", "sandbox"}
"""They run on, and say as they go what happens."""


def commands(group: TyperGroup, *above: str) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        found = command.loaded() if isinstance(command, Later) else command
        if isinstance(found, TyperGroup):
            yield from commands(found, *above, name)
        else:
            yield " ".join((*above, name)), found


def test_commands_say_it_to_machines_too() -> None:
    silent = {name for name, each in commands(ROOT) if not any("--json" in option.opts for option in each.params)}

    assert silent == WITHOUT
