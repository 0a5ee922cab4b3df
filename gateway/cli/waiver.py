"""Waivers, from the command line: two deciders, each with a token of their own."""

from typing import Annotated

import typer

from gateway.cli.asking import asked_as
from gateway.cli.console import Json, out, say_granted, table

waiver = typer.Typer(no_args_is_help=True)

Token = Annotated[
    str,
    typer.Option("--token", envvar="GATEWAY_TOKEN", help="Yours: `gateway token issue --service NAME --role decider`."),
]
Id = Annotated[str, typer.Argument(metavar="ID", help="As `propose` printed it.")]


@waiver.command("propose")
def propose(
    operations: Annotated[list[str], typer.Argument(metavar="VENDOR/OPERATION...")],
    code: Annotated[list[str], typer.Option(help="Such as agreement.expired; several times for several.")],
    reason: Annotated[str, typer.Option(help="Stands in the register; name nobody.")],
    token: Token,
    hours: Annotated[int, typer.Option(help="From when it is granted, 72 at most.")] = 24,
    as_json: Json = False,
) -> None:
    """Propose a waiver. It passes nothing until another decider grants it."""
    wanted = {"operations": operations, "codes": code, "reason": reason, "hours": hours}
    say_granted(asked_as(token, "POST", "/waivers", wanted), as_json=as_json)


@waiver.command("grant")
def grant(id_: Id, token: Token, as_json: Json = False) -> None:
    """Grant what somebody else proposed; it holds for the next call."""
    say_granted(asked_as(token, "POST", f"/waivers/{id_}/grant"), as_json=as_json)


@waiver.command("end")
def end(id_: Id, token: Token, as_json: Json = False) -> None:
    """End a waiver before its time."""
    say_granted(asked_as(token, "POST", f"/waivers/{id_}/end"), as_json=as_json)


@waiver.command("list")
def list_waivers(token: Token, as_json: Json = False) -> None:
    """List all waivers, the newest first."""
    found = asked_as(token, "GET", "/waivers")
    if as_json:
        out.print_json(data=found)
        return
    rows = []
    for each in found:
        texts = (each["id"], each["state"], "\n".join(each["operations"]), "\n".join(each["codes"]))
        rows.append((*texts, each.get("until", ""), each["proposed_by"], each.get("granted_by", ""), each["reason"]))
    out.print(table(("id", "state", "operations", "codes", "until", "proposed", "granted", "reason"), rows))
