"""The terminal, as all commands use it."""

import os
import pwd
from pathlib import Path
from typing import Annotated

import typer
from rich.box import HORIZONTALS
from rich.console import Console
from rich.table import Table

from gateway.errors import StartError

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]

Written = Annotated[bool, typer.Option("--json", help="JSON for machines, which it is in any case.")]


def say(told: str, data: object, *, as_json: bool) -> None:
    """Tells people in a line, and machines in JSON."""
    if as_json:
        out.print_json(data=data)
    else:
        out.print(told, markup=False)


def table(*columns: str, title: str | None = None) -> Table:
    """A table in which no word is cut short, however narrow the terminal is."""
    made = Table(title=title, box=HORIZONTALS, padding=(0, 1, 0, 0), show_edge=False)
    for column in columns:
        made.add_column(column, overflow="fold")
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
