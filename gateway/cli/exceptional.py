"""Disclosures outside contracts, from the command line: everybody with a token of their own."""

import json
import os
import tempfile
from base64 import b64decode, b64encode
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.asking import asked_as, stated
from gateway.cli.console import Json, Written, out, say_members, table
from gateway.contract.words import MediaType
from gateway.errors import StartError
from gateway.vocabulary.exceptional import Handover, Judgement

exceptional = typer.Typer(
    help="Disclosures outside contracts: legal compulsion, protection of rights, emergency.", no_args_is_help=True
)

Case = Annotated[str, typer.Argument(metavar="CASE", help="The id of the case.")]
Token = Annotated[
    str, typer.Option("--token", envvar="GATEWAY_TOKEN", help="Yours: `gateway token issue --service NAME --role …`.")
]
Given = Annotated[typer.FileText, typer.Argument(help="The request as JSON, see docs/oversight.md; - reads stdin.")]
Why = Annotated[str, typer.Option(help="Stays sealed with the case, in no entry.")]
Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"])]
ROOT = "/exceptional/requests"


@exceptional.command("request")
def request(given: Given, token: Token, as_json: Json = False) -> None:
    """Open a case: who asks, on what, about whom and for which fields. What is missing is told at once."""
    say_members(asked_as(token, "POST", ROOT, _read(given.read())), as_json=as_json)


@exceptional.command("opinion")
def opinion(
    case: Case,
    token: Token,
    text: Why,
    favourable: Annotated[bool, typer.Option("--favourable/--against")],
    dated: Day = None,
    as_json: Json = False,
) -> None:
    """Enter what the data protection officer says to it."""
    day = (dated or datetime.now().astimezone()).date().isoformat()
    _take(case, "opinion", {"dated": day, "favourable": favourable, "text": text}, token, as_json=as_json)


@exceptional.command("approve")
def approve(
    case: Case,
    token: Token,
    fields: Annotated[typer.FileText | None, typer.Option(help="JSON: path to category; less than was asked.")] = None,
    despite: Annotated[str | None, typer.Option(help="Why, where the opinion is against it.")] = None,
    as_json: Json = False,
) -> None:
    """Let go what was asked for, or less of it. Somebody else must have asked."""
    narrowed = _read(fields.read()) if fields else None
    _take(case, "approve", {"fields": narrowed, "despite": despite}, token, as_json=as_json)


@exceptional.command("refuse")
def refuse(case: Case, token: Token, why: Why, as_json: Json = False) -> None:
    """Turn it down."""
    _take(case, "refuse", {"why": why}, token, as_json=as_json)


@exceptional.command("preserve")
def preserve(
    case: Case,
    token: Token,
    why: Why,
    until: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="The last day of it.")],
    as_json: Json = False,
) -> None:
    """Hand nothing over, and keep what is known of these people from being erased or purged."""
    _take(case, "preserve", {"why": why, "until": until.date().isoformat()}, token, as_json=as_json)


@exceptional.command("send")
def send(
    case: Case,
    document: Annotated[Path, typer.Argument(help="What it is cut out of; it is kept nowhere.")],
    token: Token,
    handover: Annotated[Handover, typer.Option(help="How it is handed over.")],
    to: Annotated[Path, typer.Option("--out", help="A folder for the file that is handed over.")] = Path(),
    key: Annotated[Path | None, typer.Option(help="The recipient's public key, PEM or JWK, for a sealed one.")] = None,
    media: Annotated[MediaType, typer.Option(help="What the document is.")] = "application/json",
    as_json: Json = False,
) -> None:
    """Cut a document to what was approved, write down that it leaves, and put what is handed over into a file."""
    if not to.is_dir():
        raise StartError(f"{to} is no folder; make it first, or name another with --out")
    given = {
        "document": b64encode(document.read_bytes()).decode(),
        "media": media,
        "handover": handover.value,
        "key": key.read_text("utf-8") if key else None,
    }
    # Begun before: from the answer on it is on record as handed over, once, and nobody has it but who gets that.
    descriptor, begun = tempfile.mkstemp(dir=to, prefix="handed-over-")
    with os.fdopen(descriptor, "wb") as handed:
        try:
            done = asked_as(token, "POST", f"{ROOT}/{case}/send", given)
        except BaseException:
            Path(begun).unlink()
            raise
        handed.write(b64decode(done.pop("content")))
    file = _named(Path(begun), to / done["name"])
    say_members(done | {"file": str(file)}, as_json=as_json)


@exceptional.command("review")
def review(
    case: Case,
    token: Token,
    judgement: Annotated[Judgement, typer.Option(help="Whether it was an emergency.")],
    follow_up: Annotated[str | None, typer.Option(help="What follows from it.")] = None,
    as_json: Json = False,
) -> None:
    """Review an emergency that somebody else sent."""
    _take(case, "review", {"judgement": judgement.value, "follow_up": follow_up}, token, as_json=as_json)


@exceptional.command("told")
def told(
    case: Case,
    token: Token,
    how: Annotated[str, typer.Option(help="How the person was told, or why not.")],
    as_json: Json = False,
) -> None:
    """Enter that the person was told."""
    _take(case, "told", {"how": how}, token, as_json=as_json)


@exceptional.command("list")
def listed(token: Token, as_json: Json = False) -> None:
    """Show all cases, the newest first."""
    found = asked_as(token, "GET", ROOT)
    if as_json:
        out.print_json(data=found)
        return
    columns = ("case", "scenario", "state", "to", "people", "requested", "next")
    out.print(table(columns, map(_row, found)))


@exceptional.command("show")
def show(case: Case, token: Token, _json: Written = False) -> None:
    """Show all of a case as JSON."""
    out.print_json(data=asked_as(token, "GET", f"{ROOT}/{case}"))


@exceptional.command("due")
def due(token: Token, as_json: Json = False) -> None:
    """Show what has to be done in cases, by when and by whom."""
    found = sorted(asked_as(token, "GET", "/exceptional/due"), key=lambda each: each["at"])
    if as_json:
        out.print_json(data=found)
        return
    rows = ((each["what"], each["ref"], each["at"][:16], each["role"]) for each in found)
    out.print(table(("what", "case", "by", "who"), rows))


def _named(begun: Path, wanted: Path) -> Path:
    """Where the file stands now: under its name where nothing has that yet, for there is no second copy of either."""
    try:
        wanted.hardlink_to(begun)
    except OSError:
        return begun
    begun.unlink()
    return wanted


def _row(case: dict[str, Any]) -> tuple[str, ...]:
    to, at = f"{case['recipient']} {case['country']}", case["requested_at"][:16]
    return case["case"], case["scenario"], case["state"], to, str(case["people"]), at, _next(case)


def _next(case: dict[str, Any]) -> str:
    for name, words in (("review_due", "review until"), ("tell_from", "tell the person from")):
        if name in case:
            return f"{words} {case[name][:16]}"
    if case["state"] == "requested" and "window_ends" in case:
        return f"send until {case['window_ends'][:16]}"
    return str(case["awaits"])


def _take(case: str, step: str, given: dict[str, Any], token: str, *, as_json: bool) -> None:
    say_members(asked_as(token, "POST", f"{ROOT}/{case}/{step}", stated(given)), as_json=as_json)


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise StartError("it is not valid JSON") from None
