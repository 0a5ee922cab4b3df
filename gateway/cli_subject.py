"""The commands that make the record forget."""

import typer

from gateway.console import asked, out

keys = typer.Typer(help="The keys under which people are sealed.", no_args_is_help=True)


@keys.command("turnover")
def turnover() -> None:
    """Wrap the keys of all people anew and destroy the key over them: older copies of keys.db open nothing any more."""
    generation = asked("turnover", None)
    out.print(f"generation {generation} is in force, and the one before is destroyed")
    out.print("Now replace the copy of kek.key that you keep apart, destroy the old one, and make a backup.")
