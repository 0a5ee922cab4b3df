"""The commands that put facts in: a few at once, or files of them."""

import os
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from gateway.cli.asking import asking
from gateway.cli.console import Json, counted, err, out, say, table
from gateway.cli.forecast import tell_refused
from gateway.columns import demand_text
from gateway.errors import StartError
from gateway.feed import BOM, Batch, Feed, Form, Tally
from gateway.strict_json import read_json

facts = typer.Typer(no_args_is_help=True)

_CHUNK = 1 << 18
_SHOWN = 20  # refused lines, unless all are asked for


@facts.command("put")
def put(
    file: Annotated[typer.FileBinaryRead, typer.Argument(help="JSON: a fact, a list, or a fact a line; - reads stdin")],
    rehearsed: Annotated[
        bool, typer.Option("--dry-run", help="Only tell which calls of the last 7 days it would have stopped.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Put facts in, all or none. A decision made after this sees them."""
    with asking(begins=not rehearsed) as ask:
        if rehearsed:
            tell_refused(ask("rehearse", _rows(file.read())), as_json=as_json)
            return
        count = ask("facts", _rows(file.read()))
        say(counted(count, "fact is in force", "facts are in force"), {"facts": count}, as_json=as_json)


def _rows(data: bytes) -> list[Any]:
    text = data.removeprefix(BOM)
    demand_text(text)
    try:
        whole = read_json(text)
    except ValueError:
        try:
            return [read_json(line) for line in text.splitlines() if line.strip()]
        except ValueError as error:
            raise StartError(f"the facts are neither JSON nor one JSON object a line: {error}") from None
    return whole if isinstance(whole, list) else [whole]


@facts.command("import")
def import_(
    file: Annotated[typer.FileBinaryRead, typer.Argument(help="One fact a line, JSON or CSV; - reads stdin")],
    form: Annotated[str | None, typer.Option("--format", help="jsonl or csv; as the file is called otherwise.")] = None,
    kind: Annotated[str, typer.Option(help="What the facts are that do not say it, for CSV.")] = "",
    source: Annotated[str | None, typer.Option(help="Where facts come from that do not say it.")] = None,
    id_: Annotated[
        str | None, typer.Option("--id", help="A name for the import; otherwise the file's content is.")
    ] = None,
    rehearsed: Annotated[bool, typer.Option("--dry-run", help="Only count what would be done.")] = False,
    as_json: Json = False,
) -> None:
    """Put a file of any length in, line by line. Broken off and begun again, it goes on; nothing is put in twice.

    Ends with 1 where lines were refused; the others are in.
    """
    with asking(begins=not rehearsed) as ask:
        begun = ask("import", {"id": id_, "content": _content(file, id_), "rehearsed": rehearsed})
        tally = Tally(begun)
        reached = {"skip": begun["rows"], "chain": begun["chain"]}
        feed = Feed(_form(form, file.name), members=begun["members"], kind=kind, **reached)
        for batch in _batches(feed, file, is_shown=not as_json):
            tally.add(ask("import-part", tally.part(batch, source=source, rehearsed=rehearsed)))
    _tell(tally, rehearsed=rehearsed, as_json=as_json)
    raise typer.Exit(1 if tally.counts["refused"] else 0)


def _form(stated: str | None, name: str) -> Form:
    match stated or Path(name).suffix.removeprefix("."):
        case "csv":
            return "csv"
        case "jsonl" | "ndjson" | "json" | "":
            return "jsonl"
    raise StartError("say --format jsonl or --format csv")


def _content(file: BinaryIO, id_: str | None) -> str | None:
    """A digest of a file, by which it is known again when it is begun again; what comes on stdin is read once."""
    if id_ is not None or not file.seekable():
        return None
    digest = sha256()
    while data := file.read(_CHUNK):
        digest.update(data)
    file.seek(0)
    return digest.hexdigest()


def _batches(feed: Feed, file: BinaryIO, *, is_shown: bool) -> Iterator[Batch]:
    """The batches of a file, with a bar on a terminal."""
    columns = (TextColumn("{task.completed:,.0f} bytes"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    total = os.fstat(file.fileno()).st_size if file.seekable() else None
    with Progress(*columns, console=err, transient=True, disable=not (is_shown and sys.stderr.isatty())) as bar:
        task = bar.add_task("", total=total)
        while data := file.read(_CHUNK):
            yield from feed.push(data)
            bar.update(task, advance=len(data))
        yield from feed.close()


def _tell(tally: Tally, *, rehearsed: bool, as_json: bool) -> None:
    if as_json:
        out.print_json(data=tally.told())
        return
    kinds = ("new", "same", "changed", "older", "refused")
    out.print(table(kinds, [[str(tally.counts[kind]) for kind in kinds]]))
    for line, why in tally.refused[:_SHOWN]:
        err.print(escape(f"line {line}: {why}"))
    if (more := tally.counts["refused"] - _SHOWN) > 0:
        err.print(f"and {more} more; --json has them")
    for line, why in tally.noted[:_SHOWN]:
        err.print(escape(f"line {line} is in, but {why}"))
    if not any(tally.counts.values()):
        err.print("there is no fact in the file")
    went_on = f", which went on at row {tally.resumed}" if tally.resumed else ""
    out.print(f"import {tally.id}{went_on}" + ("; nothing was put in" if rehearsed else ""))
