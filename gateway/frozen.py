"""Values that are made for every call: frozen like dataclasses, and made in a tenth of the time."""

import dataclasses
from typing import Any, TypeVar

from msgspec import Struct, structs
from msgspec.structs import asdict

__all__ = ["Frozen", "asdict", "changed"]

V = TypeVar("V")


class Frozen(Struct, frozen=True):
    """A value whose members never change.

    Its `repr` says nothing: many of them hold people.
    """

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


def changed(value: V, **members: Any) -> V:
    """The same with other members: what `copy.replace` does from Python 3.13 on."""
    replace: Any = structs.replace if isinstance(value, Struct) else dataclasses.replace
    return replace(value, **members)  # type: ignore[no-any-return]
