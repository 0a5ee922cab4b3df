"""The terminal, as all commands use it."""

import os
import pwd
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.box import HORIZONTALS
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gateway.errors import StartError

_OF_IDS = frozenset({"case", "id", "request"})
_ROOMY = 72  # signs a line, beside which an id leaves room for the rest

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
Contracts = Annotated[
    Path, typer.Option("--contracts", envvar="GATEWAY_CONTRACTS", help="The folder that has policy.yaml.")
]
Checked = Annotated[
    Path, typer.Argument(envvar="GATEWAY_CONTRACTS", help="The folder that has policy.yaml, or what is in it.")
]
Written = Annotated[bool, typer.Option("--json", help="JSON for machines, which it is in any case.")]


def say(told: str, data: object, *, as_json: bool) -> None:
    """Tells people in a line, and machines in JSON."""
    if as_json:
        out.print_json(data=data)
    else:
        out.print(told, markup=False)


def say_granted(told: Mapping[str, Any], *, as_json: bool) -> None:
    """Tells how far something stands that one proposes and another grants."""
    until = f" until {told['until']}" if told["state"] == "granted" else ""
    say(f"{told['id']} is {told['state']}{until}", told, as_json=as_json)


def say_members(members: Mapping[str, Any], *, as_json: bool) -> None:
    """Tells people a member a line, and machines in JSON."""
    if as_json:
        out.print_json(data=members)
        return
    for name, value in members.items():
        out.print(f"{name}: {_in_words(value)}", markup=False)


def _in_words(value: object) -> object:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(f"{name} {count}" for name, count in value.items()) if isinstance(value, Mapping) else value


def table(columns: Iterable[str], rows: Iterable[Iterable[str | Text]], *, title: str = "") -> Table:
    """A table in which no word is cut short, however narrow the terminal is.

    A cell is shown as it is, whatever stands in it: names and references have brackets too.
    """
    made = Table(title=Text(title) if title else None, box=HORIZONTALS, padding=(0, 1, 0, 0), show_edge=False)
    for column in columns:
        # Other columns give way first: whoever reads an id types it into the next command.
        made.add_column(column, overflow="fold", no_wrap=column in _OF_IDS and out.width >= _ROOMY)
    for row in rows:
        made.add_row(*(cell if isinstance(cell, Text) else Text(cell) for cell in row))
    return made


def counted(count: int, one: str, more: str) -> str:
    """A number with what it is the number of."""
    return f"{count} {one if count == 1 else more}"


def unanswered(data: Path) -> StartError:
    """That nobody is there to do what only a running gateway can."""
    folder = data.absolute()
    return StartError(f"no gateway is running with {folder}: set GATEWAY_DATA to the folder of one, or start one here")


def me() -> str:
    """Who is at the keyboard, as the operating system knows it; in a container that may be a number only."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid-{os.getuid()}"
