"""The command that looks ahead, and how it is shown what will be refused."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from gateway.cli.asking import asked
from gateway.cli.console import Json, out, table


def forecast(
    days: Annotated[int, typer.Option(help="How far to look ahead.")] = 90,
    as_json: Json = False,
) -> None:
    """Tell what of the last 7 days' calls will be refused, from when on, and who can do something about it."""
    tell_refused(asked("forecast", {"days": days}), as_json=as_json)


def tell_refused(found: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    """What is or would be refused, as a table or as JSON."""
    if as_json:
        out.print_json(data=found)
        return
    if not found:
        out.print("nothing of what was called in the last 7 days stops")
        return
    # One company is nobody's question; with several, lines would look alike without it.
    company = ["company"] if len({each["entity"] for each in found}) > 1 else []
    rows = []
    for each in found:
        day = each.get("from", "at once")[:16].replace("T", " ")
        whose, often = [each["entity"] for _ in company], str(each["calls_a_day"])
        codes = ", ".join((each["code"], *each["besides"]))
        rows.append((day, each["operation"], *whose, each["caller"], codes, often, each["who"]))
    out.print(table(("from", "operation", *company, "caller", "code", "a day", "who can act"), rows))
