"""Lists of commands that load none of them: a command is imported once it is typed."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group


class Entry(NamedTuple):
    """A command or a group of them: where it stands, as `module:name`, and what the list says of it."""

    where: str
    help: str


class Later(TyperCommand):
    """What stands in a list for a command that is not loaded."""

    def __init__(self, name: str, entry: Entry) -> None:
        super().__init__(name, help=entry.help)
        self._entry = entry

    def loaded(self) -> Any:
        """The command itself."""
        module, _, attribute = self._entry.where.partition(":")
        found = getattr(import_module(module), attribute)
        holder = typer.Typer()
        if isinstance(found, typer.Typer):
            holder.add_typer(found, name=self.name, help=self._entry.help)
        else:
            holder.command(self.name)(found)
        return get_group(holder).commands[str(self.name)]

    def make_context(self, *given: Any, **named: Any) -> Any:
        return self.loaded().make_context(*given, **named)


def menu(entries: Mapping[str, Entry]) -> type[TyperGroup]:
    """What `cls` of a Typer has to be for these commands to be loaded later."""

    class Menu(TyperGroup):
        def __init__(self, **given: Any) -> None:
            super().__init__(**given)
            self.commands.update({name: Later(name, entry) for name, entry in entries.items()})

    return Menu
