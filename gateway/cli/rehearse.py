"""The commands that show what a contract does, call by call."""

import asyncio
import json
import re
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.text import Text

from gateway import explain
from gateway.cli.console import Checked, Contracts, Json, counted, out, table
from gateway.contract.load import ContractSet, load, root_of
from gateway.contract.routes import opening
from gateway.contract.terms import Terms
from gateway.errors import StartError
from gateway.examples import rehearsed
from gateway.rehearse import parse_http

_REQUEST = re.compile(r"[A-Z]+ /")
_WIDE = 80
_HOW = 23
_BESIDE_PATHS = 20 + _HOW + 8


def test(path: Checked = Path("contracts"), as_json: Json = False) -> None:
    """Run the examples of contracts down the real path, with no vendor at the end."""
    root, below = root_of(path)
    contracts = load(root)
    chosen = frozenset(terms.name for terms in contracts.terms if PurePath(terms.file).is_relative_to(below))
    verdicts = asyncio.run(rehearsed(contracts, chosen))
    if as_json:
        out.print_json(data=[{"contract": v.contract, "name": v.name, "problems": v.problems} for v in verdicts])
    for verdict in [] if as_json else verdicts:
        mark = "[red]FAIL[/]" if verdict.problems else "[green]ok[/]"
        out.print(f"{mark} {verdict.contract}: {escape(verdict.name)}")
        for problem in verdict.problems:
            out.print(f"     [red]{escape(problem)}[/] ({verdict.file})")
    failed = sum(bool(verdict.problems) for verdict in verdicts)
    if not as_json:
        out.print(f"{counted(len(verdicts) - failed, 'example holds', 'examples hold')}, {failed} do not")
    raise typer.Exit(1 if failed or not verdicts else 0)


def explain_contract(
    operation: Annotated[str, typer.Argument(metavar="VENDOR/OPERATION")],
    payload: Annotated[Path | None, typer.Option("--in", help="A call as HTTP text, or only its body.")] = None,
    contracts: Contracts = Path("contracts"),
    as_json: Json = False,
) -> None:
    """Show a contract as a reviewer reads it; with --in, what of a call leaves, what stays and by which line."""
    loaded = load(contracts)
    terms = _terms(loaded, operation)
    if payload is None:
        _show_groups(terms, as_json=as_json)
        return
    done, rows = asyncio.run(explain.call(loaded, terms, parse_http(_as_http(payload, terms))))
    _show_call(done, rows, as_json=as_json)


def _terms(contracts: ContractSet, name: str) -> Terms:
    for terms in contracts.terms:
        if terms.name == name:
            return terms
    raise StartError(f"there is no {name}; there are {', '.join(sorted(terms.name for terms in contracts.terms))}")


def _as_http(payload: Path, terms: Terms) -> str:
    """A file that holds only a body gets a request line and headers that fall under the contract."""
    text = payload.read_text("utf-8")
    if _REQUEST.match(text):
        return text
    return f"{opening(terms)}\n\n{text}"


def _show_groups(terms: Terms, *, as_json: bool) -> None:
    rows = [*explain.groups(terms), *explain.beside(terms)]
    if as_json:
        out.print_json(data=[{name: getattr(row, name) for name in row.__slots__} for row in rows])
        return
    cells = (
        (row.why, f"{row.whose}\n{row.form}\n{row.basis}", _by_category(row.fields), _line(row.where)) for row in rows
    )
    shown = table(("why", "whose, form, basis", "categories and fields", "line"), cells, title=terms.contract)
    if out.width >= _WIDE:
        # A path or category that is broken is hard to read, a sentence is not.
        fields = [field for row in rows for field in row.fields]
        longest = max((max(len(field.path) + 4, len(field.category)) for field in fields), default=0)
        for column, width in zip(shown.columns[1:], (_HOW, min(longest, out.width - _BESIDE_PATHS), 4), strict=True):
            column.width = width
    out.print(shown)
    out.print("* is required. Everything else stays here.")
    out.print(escape(explain.recipient(terms)))


def _line(where: str) -> str:
    """The line of a contract; what another file says, or no line of it, has none."""
    return where.rpartition(":")[2] if ":" in where else ""


def _by_category(fields: Sequence[explain.Field]) -> str:
    """Each category above its fields, which are indented and marked where a call must have them."""
    lines: list[str] = []
    for category in dict.fromkeys(field.category for field in fields):
        lines.append(category)
        lines += [f"  {path}{' *' * required}" for path, each, required in fields if each == category]
    return "\n".join(lines)


def _show_call(done: Any, rows: list[explain.FieldRow], *, as_json: bool) -> None:
    if as_json:
        out.print_json(data=[{name: getattr(row, name) for name in row.__slots__} for row in rows])
        return
    if done.sent is None:
        _show_refused(json.loads(done.reply.payload))
        return
    out.print(escape(f"{done.sent.method} {done.sent.target}"))
    out.print(escape(done.sent.payload.decode("utf-8", "replace")))
    marks = {True: Text("leaves", "green"), False: Text("stays", "yellow")}
    cells = ((row.place, str(row.count), marks[row.left], row.how, row.where) for row in rows)
    out.print(table(("place", "n", "", "how or why", "line"), cells))


def _show_refused(document: dict[str, Any]) -> None:
    for each in document["errors"]:
        out.print(f"[red]refused[/]: {each['code']}: {escape(each['detail'])}")
    out.print(escape(document["fix"] + (f" ({document['where']})" if "where" in document else "")))
