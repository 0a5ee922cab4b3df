"""The commands that copy the stores of a gateway and bring a copy back."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from gateway import clock
from gateway.backup import NOT_IN_IT, backed_up
from gateway.cli.asking import asked
from gateway.cli.console import Json, me, out
from gateway.errors import StartError
from gateway.restore import Asked, Told, restored, taken_up
from gateway.settings import Settings


def backup(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that is new, or empty.")],
    as_json: Json = False,
) -> None:
    """Copy the stores, beside a gateway that runs or without one, and check the copy."""
    settings = Settings()
    if settings.database is not None:
        raise StartError("copies of GATEWAY_DATABASE are made with the server's own pg_basebackup; the keys stay apart")
    manifest = backed_up(settings.data, folder, clock.microseconds, entry=asked("backup", None))
    if as_json:
        told = {"entries": manifest.size, "checkpoint": manifest.checkpoint, "unopenable": manifest.unopenable}
        out.print_json(data={**told, "entry": manifest.entry, "folder": str(folder), "not_in_it": NOT_IN_IT})
        return
    out.print(escape(f"{manifest.size} entries, signed up to {manifest.checkpoint.splitlines()[1]}, in {folder}"))
    out.print(f"on record as {manifest.entry}")
    if manifest.unopenable:
        out.print(f"{manifest.unopenable} people in it were erased while it was made")
    out.print(f"not in it: {', '.join(NOT_IN_IT)}. Keep them apart from it: without them it cannot be brought back")


def restore(
    folder: Annotated[Path | None, typer.Argument(metavar="DIR", help="A backup; none with GATEWAY_DATABASE.")] = None,
    into: Annotated[
        Path | None, typer.Option(help="A folder with root.key, kek.key and sign.key, and no stores.")
    ] = None,
    last_checkpoint: Annotated[
        Path | None, typer.Option(help="The newest checkpoint that anybody has, in a file.")
    ] = None,
    new_origin: Annotated[bool, typer.Option("--new-origin", help="Begin a new origin in any case.")] = False,
    as_json: Json = False,
) -> None:
    """Bring a backup back; where it lacks what was signed, the old origin ends and a new one begins.

    With GATEWAY_DATABASE, go on with a copy that was brought back there by the server's own tools.
    """
    settings = Settings()
    last = last_checkpoint.read_text("utf-8") if last_checkpoint else None

    def wanted(target: Path) -> Asked:
        high_water = settings.high_water or target / "high-water"
        return Asked(into=target, last=last, anew=new_origin, high_water=high_water, by=me(), node=settings.node)

    if settings.database is not None:
        if folder or into:
            raise StartError(
                "bring the copy back with pg_restore first; then run gateway restore without DIR and --into"
            )
        url, guarded = settings.database.get_secret_value(), not settings.database_unguarded
        told, where = taken_up(url, wanted(settings.data), clock.microseconds, guarded=guarded), "the database"
    elif folder is None or into is None:
        raise StartError("say which backup comes back where: gateway restore DIR --into FOLDER")
    else:
        told, where = restored(folder, wanted(into), clock.microseconds), str(into)
    _tell(told, where, as_json=as_json)


def _tell(told: Told, where: str, *, as_json: bool) -> None:
    if as_json:
        data = {"entries": told.size, "where": where, "origin": told.origin, "is_new": told.is_new, "lost": told.lost}
        out.print_json(data=data | {"backup": told.made_by or None})
        return
    out.print(escape(f"{told.size} entries are in {where}, under the origin {told.origin}"))
    if told.made_by:
        out.print(f"that the backup was made is on record as {told.made_by}")
    if told.is_new:
        out.print("the origin before has ended: hand out the new public key, gateway ledger key")
    if told.lost:
        out.print(f"entries {told.lost[0]} to {told.lost[1]} are lost: ask vendors what they got since")
