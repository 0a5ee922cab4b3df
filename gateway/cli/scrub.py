"""The command that measures how well personal data in free text is found."""

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.console import Json, out, table
from gateway.scrub.measure import scores, sentences_in

_COLUMNS = ("sentences", "kind", "labelled", "found", "recall", "false_positives")

prose = typer.Typer(no_args_is_help=True)


@prose.callback()
def _group() -> None:
    """One command does not make a group by itself."""


@prose.command("measure")
def measure(
    path: Annotated[Path, typer.Argument(help="Labelled sentences, or a folder of them: .json, .jsonl")],
    as_json: Json = False,
) -> None:
    """Tell how much of the personal data in labelled sentences is found, and what is found that is none."""
    files = sorted(each for each in path.rglob("*.json*")) if path.is_dir() else [path]
    rows = scores([each for file in files for each in sentences_in(file.read_text("utf-8"))])
    if as_json:
        out.print_json(data=[dict(zip(_COLUMNS, row, strict=True)) for row in rows])
        return
    out.print(table((name.replace("_", " ") for name in _COLUMNS), (map(str, row) for row in rows)))
