"""The commands that copy the stores of a gateway and bring a copy back."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from gateway import app
from gateway.backup import NOT_IN_IT, backed_up
from gateway.console import asked, out
from gateway.settings import Settings


def backup(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that is new, or empty.")],
) -> None:
    """Copy the stores, beside a gateway that runs or without one, and check the copy."""
    settings = Settings()
    asked("backup", None)
    manifest = backed_up(settings.data, folder, app.microseconds)
    out.print(escape(f"{manifest.size} entries, signed up to {manifest.checkpoint.splitlines()[1]}, in {folder}"))
    if manifest.unopenable:
        out.print(f"{manifest.unopenable} people in it were erased while it was made")
    out.print(f"not in it: {', '.join(NOT_IN_IT)}. Keep them apart from it: without them it cannot be brought back")
