"""Bulk looks, from the command line: whoever takes much of the record out, and somebody else who grants it."""

from typing import Annotated

import typer

from gateway.cli.asking import asked_as
from gateway.cli.console import Json, out, say_granted, table

bulk_look = typer.Typer(no_args_is_help=True)

Token = Annotated[
    str,
    typer.Option("--token", envvar="GATEWAY_TOKEN", help="Yours: `gateway token issue --service NAME --role ROLE`."),
]
Id = Annotated[str, typer.Argument(metavar="ID", help="As `propose` printed it.")]


@bulk_look.command("propose")
def propose(
    entries: Annotated[int, typer.Option(help="How many are to be taken out, beyond what anybody may alone.")],
    reason: Annotated[str, typer.Option(help="Stands in the register; name nobody.")],
    token: Token,
    hours: Annotated[int, typer.Option(help="From when it is granted, 24 at most.")] = 4,
    who: Annotated[
        str | None,
        typer.Option(help="Who takes them out, if not you: of commands, the operating system's user."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Propose a bulk look. It hands out nothing until a decider or the data protection officer grants it."""
    wanted = {"entries": entries, "reason": reason, "hours": hours, "who": who}
    say_granted(asked_as(token, "POST", "/bulk-looks", wanted), as_json=as_json)


@bulk_look.command("grant")
def grant(id_: Id, token: Token, as_json: Json = False) -> None:
    """Grant what somebody else proposed; it holds for the next look."""
    say_granted(asked_as(token, "POST", f"/bulk-looks/{id_}/grant"), as_json=as_json)


@bulk_look.command("end")
def end(id_: Id, token: Token, as_json: Json = False) -> None:
    """End a bulk look before its time."""
    say_granted(asked_as(token, "POST", f"/bulk-looks/{id_}/end"), as_json=as_json)


@bulk_look.command("list")
def list_bulk_looks(token: Token, as_json: Json = False) -> None:
    """List all bulk looks, the newest first."""
    found = asked_as(token, "GET", "/bulk-looks")
    if as_json:
        out.print_json(data=found)
        return
    rows = []
    for each in found:
        texts = (each["id"], each["state"], each["who"], str(each["entries"]))
        rows.append((*texts, each.get("until", ""), each["proposed_by"], each.get("granted_by", ""), each["reason"]))
    out.print(table(("id", "state", "who", "entries", "until", "proposed", "granted", "reason"), rows))
