"""The command that shows what has to be done by when, and has the webhook told of it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.text import Text

from gateway.cli.asking import asked
from gateway.cli.console import Json, counted, out, say, table
from gateway.errors import StartError


def deadlines(
    as_json: Json = False,
    ics: Annotated[bool, typer.Option("--ics", help="Print a calendar (RFC 5545).")] = False,
    post: Annotated[bool, typer.Option("--post", help="Have GATEWAY_WEBHOOK told of all of it now.")] = False,
) -> None:
    """Tell what has to be done by when, the next one first, and by whom. Nothing in it says whom it is about."""
    if post and ics:
        raise StartError("--post has the webhook told, and --ics prints a calendar: take one of them alone")
    if post:
        count = asked("tell-deadlines", None)
        say(f"the webhook took {counted(count, 'deadline', 'deadlines')}", {"told": count}, as_json=as_json)
        return
    found = asked("deadlines", "ics" if ics else None)
    if ics:
        out.out(found, end="")
    elif as_json:
        out.print_json(data=found)
    else:
        rows = ((_by(each), each["said"], each["role"]) for each in found)
        out.print(table(("by (UTC)", "what", "role"), rows))


def _by(due: Mapping[str, Any]) -> Text:
    at = datetime.fromisoformat(due["at"]).astimezone(UTC)
    return Text.assemble(f"{at:%Y-%m-%d %H:%M}", ("  late", "red") if due["overdue"] else "")
