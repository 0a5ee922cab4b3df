"""The commands that read the record and prove it."""

from typing import Annotated, Any

import typer

from gateway import clock
from gateway.cli.asking import asked, stated
from gateway.cli.console import Json, Written, out, say, table
from gateway.cli.menu import Entry, menu

_OF_STORES = {
    "export": Entry(
        "gateway.cli.verify:export", "Write the record into a folder that ledger_verify.py checks on another machine."
    ),
    "verify": Entry(
        "gateway.cli.verify:verify",
        "Check the record of this gateway with ledger_verify.py, and end with its exit code.",
    ),
    "prepare": Entry(
        "gateway.cli.database:prepare",
        "Make the tables in GATEWAY_DATABASE, and its role, which can add to the record and alter nothing in it.",
    ),
    "migrate": Entry(
        "gateway.cli.database:migrate",
        "Bring the stores of GATEWAY_DATA into the prepared GATEWAY_DATABASE, under the same origin, and prove it.",
    ),
}
ledger = typer.Typer(cls=menu(_OF_STORES), no_args_is_help=True)


@ledger.command("list")
def list_entries(
    kind: str | None = None,
    vendor: str | None = None,
    operation: str | None = None,
    caller: str | None = None,
    code: str | None = None,
    result: Annotated[str | None, typer.Option(help="sent, not_sent, possibly or in_doubt")] = None,
    subject: Annotated[str | None, typer.Option(help="The shop's own number of a person.")] = None,
    before: Annotated[int | None, typer.Option(help="Go on below this position.")] = None,
    limit: int = 50,
    as_json: Json = False,
) -> None:
    """List entries, newest first, and say up to which checkpoint the page has all of them."""
    filters = {
        "kind": kind, "vendor": vendor, "operation": operation, "caller": caller, "code": code, "result": result,
        "subject": subject, "before": before, "limit": limit,
    }  # fmt: skip
    page = asked("entries", stated(filters))
    if as_json:
        out.print_json(data=page)
        return
    columns = ("seq", "time", "kind", "call", "caller", "result", "left", "stayed")
    out.print(table(columns, map(_row, page["entries"])))
    out.print(_complete(page))
    out.print(f"this look is entry {page['watermark']['look']}")


def _complete(page: dict[str, Any]) -> str:
    more = f"; --before {page['next']} goes on" if page["next"] is not None else ""
    if page["complete"] is None:
        return f"the log was altered: nobody vouches that this is all{more}"
    return f"complete up to the checkpoint of {page['complete']} entries{more}"


def _times(field: Any, at: int) -> int:
    """How many values a line of an entry stands for; one where it does not say."""
    return field[at] if isinstance(field, list) and len(field) > at else 1


def _first(entry: dict[str, Any], *names: str) -> Any:
    """What the first of these members says that says anything."""
    return next((entry[name] for name in names if entry.get(name)), "")


def _stayed(withheld: Any) -> int:
    """How many values stayed: an intent says which, what is no call says only how many."""
    if not isinstance(withheld, list):
        return int(withheld)
    return sum(_times(path, 1) for group in withheld for path in group["paths"])


def _row(entry: dict[str, Any]) -> list[str]:
    outcome = entry.get("outcome") or entry
    disclosed = sum(_times(field, 2) for group in entry.get("disclosed", []) for field in group["fields"])
    withheld = _stayed(entry.get("withheld", []))
    moment = clock.moment(entry["ts"])
    result = outcome.get("result") or _first(entry, "code", "refused", "state", "action")
    call = "/".join(name for name in (entry.get("vendor"), entry.get("operation")) if name)
    who = _first(entry, "caller", "reviewer", "by", "hook")
    cells = (entry["seq"], moment, entry["kind"], call, who, result, disclosed or "", withheld or "")
    return list(map(str, cells))


@ledger.command("show")
def show(
    entry: Annotated[
        str, typer.Argument(metavar="SEQ|ID", help="Its number in the list, its id, or its disclosure's.")
    ],
    _json: Written = False,
) -> None:
    """Show one entry, as it stands in the ledger."""
    out.print_json(data=asked("entry", entry))


@ledger.command("resolve")
def resolve(
    entry: Annotated[
        str, typer.Argument(metavar="SEQ|ID", help="Its number in the list, its id, or its disclosure's.")
    ],
    result: Annotated[str, typer.Option("--as", help="sent or not_sent, as the vendor or its logs say.")],
    reason: Annotated[str, typer.Option(help="How you know; name nobody.")],
    as_json: Json = False,
) -> None:
    """Write down how a call ended that is in doubt. From then on that counts, and everybody can see who said so."""
    id_ = asked("resolve", {"entry": entry, "result": result, "reason": reason})
    say(f"{result}, by entry {id_}", {"id": id_, "result": result}, as_json=as_json)


@ledger.command("checkpoint")
def checkpoint(as_json: Json = False) -> None:
    """Print the newest checkpoint. Keep some elsewhere: nobody can alter unseen what such a one covers."""
    _written("checkpoint", asked("checkpoint", None), as_json=as_json)


@ledger.command("key")
def key(as_json: Json = False) -> None:
    """Print the public key by which checkpoints are checked, as name+id+key. Hand it to whoever checks."""
    _written("key", f"{asked('key', None)}\n", as_json=as_json)


@ledger.command("prove")
def prove(
    entry: Annotated[
        str | None, typer.Argument(metavar="SEQ|ID", help="Its number in the list, its id, or its disclosure's.")
    ] = None,
    consistency: Annotated[
        int | None, typer.Option(help="Prove that the log begins with what it was at this size.")
    ] = None,
    new: Annotated[int | None, typer.Option(help="The size of the newer checkpoint; otherwise the newest.")] = None,
    as_json: Json = False,
) -> None:
    """Print a proof that an entry is in the signed log, with the entry; or that the log has only grown."""
    if (entry is None) == (consistency is None) or (new is not None and consistency is None):
        raise typer.BadParameter("name an entry, or give --consistency the size of an older checkpoint")
    told = asked("proof", entry) if consistency is None else asked("growth", {"old": consistency, "new": new})
    _written("proof", told, as_json=as_json)


def _written(name: str, text: str, *, as_json: bool) -> None:
    """A text of a form of its own, as it is; in JSON without its last line end."""
    if as_json:
        out.print_json(data={name: text.removesuffix("\n")})
    else:
        typer.echo(text, nl=False)


@ledger.command("purge")
def purge(
    rehearsed: Annotated[bool, typer.Option("--dry-run", help="Only tell what would go.")] = False,
    as_json: Json = False,
) -> None:
    """Take away the bodies of entries that `retention` in policy.yaml says are over; their leaf hashes stay."""
    purges = asked("purge", {"rehearsed": rehearsed})
    if as_json:
        out.print_json(data=purges)
        return
    if purges:
        gone = (each for purge in purges for each in purge["classes"])
        rows = ((each["class"], each["keeps"], str(each["count"]), clock.moment(each["newest_ts"])) for each in gone)
        out.print(table(("class", "kept for", "entries", "newest"), rows))
    count = sum(purge["count"] for purge in purges)
    out.print(f"{count} entries would go" if rehearsed else f"{count} entries went, in {len(purges)} purges")
