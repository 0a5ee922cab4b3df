"""Incidents at vendors, from the command line: everybody with a token of their own."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.asking import asked_as, stated
from gateway.cli.console import Json, out, say, say_members, table
from gateway.cli.exceptional import Token
from gateway.errors import StartError
from gateway.vocabulary.incidents import Breach

incident = typer.Typer(no_args_is_help=True)

canary = typer.Typer(no_args_is_help=True)

Id = Annotated[str, typer.Argument(metavar="INCIDENT", help="The id of the incident.")]
_TIMES = ["%Y-%m-%dT%H:%M", "%Y-%m-%d", "%Y-%m-%dT%H:%M%z", "%Y-%m-%dT%H:%M:%S%z"]
Time = Annotated[
    datetime | None, typer.Option(formats=_TIMES, metavar="TIME", help="Like 2026-01-06T09:30 in UTC, or with +01:00.")
]
Reference = Annotated[str, typer.Option(help="The number of the file about it; it stays for good.")]


@incident.command("open")
def opened(
    vendor: Annotated[str, typer.Argument(help="The vendor's id.")],
    nature: Annotated[Breach, typer.Option(help="What happened to the data.")],
    began: Time,
    reference: Reference,
    token: Token,
    ended: Time = None,
    aware: Time = None,
    vendor_told: Time = None,
    operation: Annotated[list[str] | None, typer.Option(help="Of the vendor; all where none is named.")] = None,
    suspend: Annotated[bool, typer.Option("--suspend", help="Nothing more goes there from the next call on.")] = False,
    as_json: Json = False,
) -> None:
    """Put an incident on record. The 72 hours run from when the company was aware, which is now where nobody says."""
    given = {
        "vendor": vendor,
        "nature": nature.value,
        "began": _utc(began),
        "ended": _utc(ended),
        "aware": _utc(aware) or datetime.now(UTC).isoformat(),
        "vendor_told": _utc(vendor_told),
        "reference": reference,
        "operations": operation or [],
        "suspend": suspend,
    }
    say_members(asked_as(token, "POST", "/incidents", stated(given)), as_json=as_json)


@incident.command("list")
def listed(token: Token, as_json: Json = False) -> None:
    """Show all incidents, the newest first."""
    found = asked_as(token, "GET", "/incidents")
    if as_json:
        out.print_json(data=found)
        return
    rows = []
    for each in found:
        due = each["authority_due"][:16] + (" (late)" if each["overdue"] else "")
        steps = ", ".join(each["steps"])
        rows.append((each["incident"], each["vendor"], each["nature"], each["began"][:16], due, steps))
    out.print(table(("incident", "vendor", "nature", "began", "authority by", "done"), rows))


@incident.command("step")
def step(
    incident: Id,
    what: Annotated[str, typer.Argument(metavar="authority|people|closed", help="Who was told, or that it is over.")],
    reference: Reference,
    token: Token,
    at: Time = None,
    why: Annotated[str | None, typer.Option(help="Why so late, after 72 hours.")] = None,
    as_json: Json = False,
) -> None:
    """Put on record that an authority or the people were told, or that it is closed."""
    given = {"step": what, "reference": reference, "at": _utc(at), "why": why}
    say_members(asked_as(token, "POST", f"/incidents/{incident}/steps", stated(given)), as_json=as_json)


@incident.command("affected")
def affected(incident: Id, token: Token, as_json: Json = False) -> None:
    """Count whom it concerns, from the record: by jurisdiction, category and form, within and past retention."""
    say_members(asked_as(token, "GET", f"/incidents/{incident}/affected"), as_json=as_json)


@incident.command("mailing")
def mailing(
    incident: Id,
    token: Token,
    key: Annotated[Path, typer.Option(help="The public key of whoever writes to them, PEM or JWK.")],
    to: Annotated[Path, typer.Option("--out", help="A folder for the file.")] = Path(),
    as_json: Json = False,
) -> None:
    """Hand out who they are, encrypted for one key."""
    if not to.is_dir():
        raise StartError(f"{to} is no folder; make it first, or name another with --out")
    done = asked_as(token, "POST", f"/incidents/{incident}/mailing", {"key": key.read_text("utf-8")})
    file = to / done["name"]
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handed:
        handed.write(done["content"])
    say(f"{done['people']} people in {file}", {"people": done["people"], "file": str(file)}, as_json=as_json)


@canary.command("make")
def make(
    vendor: Annotated[str, typer.Argument(help="The vendor's id.")],
    token: Token,
    domain: Annotated[str | None, typer.Option(help="Makes it an address there, whose mail the shop reads.")] = None,
    as_json: Json = False,
) -> None:
    """Print a value for an order of the shop's own that goes to this vendor and to no other. It is shown once."""
    given = {"vendor": vendor, "domain": domain} if domain else {"vendor": vendor}
    made = asked_as(token, "POST", "/canaries", given)
    if as_json:
        out.print_json(data=made)
        return
    print(made["value"])  # noqa: T201  for use in a shell


@canary.command("list")
def canaries(token: Token, as_json: Json = False) -> None:
    """Show for which vendors there are any, without their values."""
    found = asked_as(token, "GET", "/canaries")
    if as_json:
        out.print_json(data=found)
        return
    rows = ((str(each["number"]), each["vendor"], each["made"][:16]) for each in found)
    out.print(table(("number", "vendor", "made"), rows))


@canary.command("seen")
def seen(
    token: Token,
    text: Annotated[typer.FileText, typer.Argument(help="A file in which one may stand; - reads stdin.")],
    as_json: Json = False,
) -> None:
    """Open an incident at each vendor whose canary is in a text. Nothing of the text is kept."""
    found = asked_as(token, "POST", "/canaries/seen", {"text": text.read()})
    if as_json:
        out.print_json(data=found)
        return
    for each in found:
        out.print(f"{each['vendor']}: incident {each['incident']}", markup=False)


def _utc(time: datetime | None) -> str | None:
    if time is None:
        return None
    return (time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)).isoformat()
