"""The command that plays a shop's day through a gateway."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from gateway.demo import run


def demo(
    contracts: Annotated[Path, typer.Option("--contracts")] = Path("contracts"),
    serve: Annotated[bool, typer.Option("--serve", help="Only start everything, with a line to try.")] = False,
) -> None:
    """Watch a shop's traffic leave minimised and recorded, between real processes on this machine."""
    console = Console(highlight=False)
    if serve:
        run.serve(contracts, console)
    elif run.demo(contracts, console):
        raise typer.Exit(1)
