"""The commands that issue tokens and revoke them."""

from typing import Annotated

import typer
from rich.markup import escape

from gateway.cli.asking import asked
from gateway.cli.console import Json, err, out, say
from gateway.vocabulary import Role

token = typer.Typer(no_args_is_help=True)


@token.command("issue")
def issue(
    service: Annotated[
        str | None, typer.Option(help="A service, as `callers` of contracts name it, or a name.")
    ] = None,
    role: Annotated[Role, typer.Option(help="What it is for; a service makes calls.")] = Role.SERVICE,
    subject: Annotated[str | None, typer.Option(help="The person, for the role subject.")] = None,
    own: Annotated[list[str] | None, typer.Option(help="A service that an engineer answers for.")] = None,
    vendor: Annotated[str | None, typer.Option(help="Narrow the token to one vendor.")] = None,
    entity: Annotated[str | None, typer.Option(help="The company that discloses; the first one otherwise.")] = None,
    days: Annotated[int | None, typer.Option(help="How long it is valid; 90, or as long as its role may have.")] = None,
    as_json: Json = False,
) -> None:
    """Issue a token. It is printed once; configure it where the vendor's SDK has its API key."""
    wanted = {
        "service": service,
        "subject": subject,
        "role": role,
        "services": own or [],
        "vendor": vendor,
        "entity": entity,
        "days": days,
    }
    issued = asked("issue", wanted)
    if "note" in issued:
        err.print(escape(issued["note"]))
    out.print_json(data=issued) if as_json else print(issued["token"])  # noqa: T201  for use in a shell


@token.command("revoke")
def revoke(token_id: str, as_json: Json = False) -> None:
    """Refuse a token from the next call on. TOKEN_ID is the `id` that `issue --json` printed."""
    asked("revoke", token_id)
    say("revoked", {"revoked": token_id}, as_json=as_json)
