"""The command that makes reports."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer
from rich.progress import Progress

from gateway.cli.asking import framed
from gateway.cli.console import Json, counted, err, out, table
from gateway.errors import StartError
from gateway.report.wanted import REPORTS


def report(
    name: Annotated[str | None, typer.Argument(metavar="[REPORT]", help="Without one, lists them.")] = None,
    form: Annotated[str, typer.Option("--format", help="csv, json or html.")] = "csv",
    since: Annotated[str | None, typer.Option(help="First day, as 2026-01-31, in the time zone of the policy.")] = None,
    until: Annotated[str | None, typer.Option(help="Last day.")] = None,
    vendor: Annotated[str | None, typer.Option(help="Of one vendor only.")] = None,
    entity: Annotated[str | None, typer.Option(help="Of one company only.")] = None,
    purpose: Annotated[str | None, typer.Option(help="Of one purpose only.")] = None,
    jurisdiction: Annotated[
        str | None, typer.Option(help="Of people under one law only: EU, unknown, or a country as DE or US-CA.")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="A new file, instead of standard output.")] = None,
    fails: Annotated[
        bool, typer.Option("--fail", help="End with 1 where a row should not be there: drift, sales, withdrawals.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Make a report from the record and the contracts in force. That it was made is itself on record."""
    if name is None:
        _listed(as_json=as_json)
        return
    if fails:
        _demand_judged(name)
    wanted = {"report": name, "form": "json" if as_json else form, "since": since, "until": until}
    wanted |= {"vendor": vendor, "entity": entity, "purpose": purpose, "jurisdiction": jurisdiction}
    with ExitStack() as closing:
        frames = closing.enter_context(framed("report", {key: value for key, value in wanted.items() if value}))
        file = closing.enter_context(output.open("x", encoding="utf-8", newline="")) if output else sys.stdout
        tally = _written(frames, file)
    if fails:
        raise typer.Exit(_judged(tally))


def _demand_judged(name: str) -> None:
    """Raises StartError: a pipeline that nothing can fail would look like one in which all is well."""
    judged = sorted(each for each, report in REPORTS.items() if report.is_wrong is not None)
    if name in REPORTS and name not in judged:
        raise StartError(f"no row of {name} is wrong by itself; --fail goes with {', '.join(judged)}")


def _judged(tally: Mapping[str, Any]) -> int:
    """Says how many rows should not be there; the exit status."""
    if not tally["is_sound"]:
        err.print("what was read is not what was written; the report says where")
    rows = counted(tally["rows"], "row", "rows")
    err.print(f"{rows}, {tally['wrong']} of which should not be there")
    return 1 if tally["wrong"] or not tally["is_sound"] else 0


def _listed(*, as_json: bool) -> None:
    rows = [{"report": name, "title": each.table.title, "law": each.table.law} for name, each in REPORTS.items()]
    if as_json:
        out.print_json(data=rows)
        return
    out.print(table(("report", "what it shows", "what asks for it"), (row.values() for row in rows)))


def _written(frames: Iterator[Mapping[str, Any]], file: TextIO) -> Mapping[str, Any]:
    """Writes the report; its tally."""
    tally: Mapping[str, Any] = {}
    with Progress(console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task("entries", total=None)
        for frame in frames:
            if "text" in frame:
                file.write(frame["text"])
            elif "read" in frame:
                progress.update(task, completed=frame["read"], total=frame["all"])
            else:
                tally = frame
    return tally
