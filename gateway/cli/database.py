"""The commands that prepare a database for gateways, and bring a record into it."""

import typer

from gateway import clock, failpoints, stores
from gateway.cli.console import Json, out, say
from gateway.errors import StartError
from gateway.migrate import moved
from gateway.settings import Settings


def prepare(as_json: Json = False) -> None:
    """Make the tables in GATEWAY_DATABASE, and its role, which can add to the record and alter nothing in it.

    Done as the role of GATEWAY_DATABASE_OWNER; again with each new version of the gateway. Without GATEWAY_DATABASE it
    puts back what keeps the tables of the data folder from being altered, while the gateway is stopped.
    """
    settings = Settings()
    if settings.database is None and (settings.data / "ledger.db").exists():
        lacking = stores.guarded(settings.data)
        out.print(f"put back: {', '.join(lacking)}" if lacking else "everything is guarded as it was made")
        return
    if settings.database is None or settings.database_owner is None:
        raise StartError("set GATEWAY_DATABASE, and GATEWAY_DATABASE_OWNER to the same database as whoever may make it")
    role = stores.prepare(settings.database_owner.get_secret_value(), settings.database.get_secret_value())
    say(f"the database is ready for gateways that come as {role}", {"role": role}, as_json=as_json)


def migrate(as_json: Json = False) -> None:
    """Bring the stores of GATEWAY_DATA into the prepared GATEWAY_DATABASE, under the same origin, and prove it.

    The gateway must have ended. All or nothing; the files are laid aside in the folder `migrated`.
    """
    settings = Settings()
    if settings.database is None:
        raise StartError("set GATEWAY_DATABASE to where the stores are to stand")
    failpoints.arm(settings.failpoints or "")
    url = settings.database.get_secret_value()
    told = moved(settings.data, settings.high_water, url, clock.microseconds)
    if as_json:
        out.print_json(data={"entries": told.entries, "checkpoint": told.checkpoint})
        return
    out.print(f"{told.entries} entries came over, and hash to the root that is signed:")
    typer.echo(told.checkpoint, nl=False)
