"""The commands that say what the settings of a gateway mean."""

import typer

from gateway import configured
from gateway.cli.console import Json, out, table
from gateway.settings import Settings
from gateway.vocabulary import LEVELS, level_of

settings = typer.Typer(no_args_is_help=True)


@settings.callback()
def _group() -> None:
    """What this gateway was told from outside."""


@settings.command("explain")
def explain(as_json: Json = False) -> None:
    """Tell for each ground that no law demands what it does where it is missing, and which rule stands behind it."""
    stated = configured.levels_of(Settings())
    levels = [
        {"code": code, "level": level_of(code, stated), "default": term.default, "rule": term.rule}
        for code, term in LEVELS.items()
    ]
    if as_json:
        out.print_json(data={"levels": levels})
        return
    columns = ("code", "where it is missing", "unless stated", "because")
    out.print(table(columns, (each.values() for each in levels)))
    out.print("GATEWAY_LEVELS sets each of them to off, warn or refuse. Every other ground that is missing refuses.")
