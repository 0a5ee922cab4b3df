"""The commands that check contracts and put them in force."""

from collections.abc import Iterable
from pathlib import Path, PurePath
from typing import Any

import typer
from rich.markup import escape

from gateway import clock, outlook
from gateway.cli.asking import asked
from gateway.cli.console import Checked, Json, counted, out, say
from gateway.cli.menu import Entry, menu
from gateway.configured import levels_of
from gateway.contract.load import read, root_of
from gateway.errors import Finding
from gateway.settings import Settings

_REHEARSING = {
    "test": Entry(
        "gateway.cli.rehearse:test", "Run the examples of contracts down the real path, with no vendor at the end."
    ),
    "explain": Entry(
        "gateway.cli.rehearse:explain_contract",
        "Show a contract as a reviewer reads it; with --in, what of a call leaves, what stays and by which line.",
    ),
}
contract = typer.Typer(cls=menu(_REHEARSING), no_args_is_help=True)


@contract.command("check")
def check(path: Checked = Path("contracts"), as_json: Json = False) -> None:
    """Say what is wrong with contracts, with file, line and a fix."""
    root, below = root_of(path)
    contracts, findings = read(root)
    standing = outlook.refused_today(contracts, clock.utc(), levels_of(Settings())) if contracts else ()
    shown = [each for each in (*findings, *standing) if PurePath(each.file).is_relative_to(below)]
    if as_json:
        out.print_json(data=[_finding(each) for each in shown])
    for finding in [] if as_json else shown:
        style = "red" if finding.level == "error" else "yellow"
        out.print(f"[{style}]{finding.level}[/] {escape(str(finding))}")
    errors = _errors(shown)
    if not as_json:
        count = len(contracts.terms) if contracts else 0
        loads = counted(count, "operation loads", "operations load")
        elsewhere = f", {beside} in other files" if (beside := _errors(findings) - errors) else ""
        out.print(loads if contracts else f"{counted(errors, 'finding', 'findings')}{elsewhere}; the set does not load")
    raise typer.Exit(1 if errors or contracts is None else 0)


def _errors(findings: Iterable[Finding]) -> int:
    return sum(finding.level == "error" for finding in findings)


def _finding(finding: Any) -> dict[str, Any]:
    return {name: getattr(finding, name) for name in ("level", "code", "file", "line", "message", "fix")}


@contract.command("reload")
def reload(as_json: Json = False) -> None:
    """Put the contracts of the folder in force in the running gateway; bad ones leave those in force as they are."""
    count = asked("reload", None)
    say(counted(count, "operation is in force", "operations are in force"), {"operations": count}, as_json=as_json)
