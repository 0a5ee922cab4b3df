"""The commands that make the record forget, or keep it from forgetting."""

import json
from datetime import datetime
from typing import Annotated

import typer

from gateway.console import Json, asked, out

subject = typer.Typer(help="One person: erase what is known of them, or hold it.", no_args_is_help=True)
keys = typer.Typer(help="The keys under which people are sealed.", no_args_is_help=True)

Ref = Annotated[str, typer.Argument(metavar="REF", help="The shop's own number of the person.")]
Reason = Annotated[str, typer.Option(help="A word such as request, objection or court-order; it stays for good.")]


@subject.command("erase")
def erase(
    ref: Ref,
    reason: Reason,
    force: Annotated[bool, typer.Option("--force", help="Although vendors are still to be told.")] = False,
    as_json: Json = False,
) -> None:
    """Leave nothing that links a person to an entry, here or in the registry. The log stays whole and verifiable."""
    done = asked("erase", {"subject": ref, "reason": reason, "force": force})
    if as_json:
        out.print_json(json.dumps(done))
        return
    out.print(f"erased: {done['links']} links and {done['keys']} keys; entry {done['entry']}")
    out.print("Copies of keys.db from before open them until the next `gateway keys turnover`.")


@subject.command("hold")
def hold(
    ref: Ref,
    reason: Reason,
    until: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The last day of it.")] = None,
) -> None:
    """Keep what is known of a person from being erased or purged."""
    day = until.date().isoformat() if until else None
    out.print(f"held; entry {asked('hold', {'subject': ref, 'reason': reason, 'until': day})}")


@subject.command("release")
def release(ref: Ref) -> None:
    """End all holds on a person."""
    out.print(f"{asked('release', {'subject': ref})} holds are released")


@keys.command("turnover")
def turnover() -> None:
    """Wrap the keys of all people anew and destroy the key over them: older copies of keys.db open nothing any more."""
    generation = asked("turnover", None)
    out.print(f"generation {generation} is in force, and the one before is destroyed")
    out.print("Now replace the copy of kek.key that you keep apart, destroy the old one, and make a backup.")
