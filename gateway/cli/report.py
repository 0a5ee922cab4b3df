"""The command that makes reports."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer
from rich.progress import Progress

from gateway.cli.asking import framed
from gateway.cli.console import Json, err, out, table
from gateway.report.making import REPORTS


def report(
    name: Annotated[str | None, typer.Argument(metavar="[REPORT]", help="Without one, lists them.")] = None,
    form: Annotated[str, typer.Option("--format", help="csv, json or html.")] = "csv",
    since: Annotated[str | None, typer.Option(help="First day, as 2026-01-31, in the time zone of the policy.")] = None,
    until: Annotated[str | None, typer.Option(help="Last day.")] = None,
    vendor: Annotated[str | None, typer.Option(help="Of one vendor only.")] = None,
    entity: Annotated[str | None, typer.Option(help="Of one company only.")] = None,
    output: Annotated[Path | None, typer.Option(help="A new file, instead of standard output.")] = None,
    as_json: Json = False,
) -> None:
    """Make a report from the record and the contracts in force. That it was made is itself on record."""
    if name is None:
        _listed(as_json=as_json)
        return
    wanted = {"report": name, "form": "json" if as_json else form, "since": since, "until": until}
    wanted |= {"vendor": vendor, "entity": entity}
    with ExitStack() as closing:
        frames = closing.enter_context(framed("report", {key: value for key, value in wanted.items() if value}))
        file = closing.enter_context(output.open("x", encoding="utf-8", newline="")) if output else sys.stdout
        _written(frames, file)


def _listed(*, as_json: bool) -> None:
    rows = [{"report": name, "title": each.table.title, "law": each.table.law} for name, each in REPORTS.items()]
    if as_json:
        out.print_json(data=rows)
        return
    shown = table("report", "what it shows", "what asks for it")
    for row in rows:
        shown.add_row(*row.values())
    out.print(shown)


def _written(frames: Iterator[Mapping[str, Any]], file: TextIO) -> None:
    with Progress(console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task("entries", total=None)
        for frame in frames:
            if "text" in frame:
                file.write(frame["text"])
            else:
                progress.update(task, completed=frame["read"], total=frame["all"])
