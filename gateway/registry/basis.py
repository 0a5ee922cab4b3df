"""What a decision rests on, and whether it has changed since."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

Key = tuple[str, str]  # what kind of fact, and whose or which

TOKEN = "token"  # noqa: S105 - a kind of fact
REMEMBERED = 100_000


class Changes:
    """Which facts changed lately, as this process knows it. Told by one thread, asked by any.

    A `moment` counts the changes in memory, a `version` those of all nodes: memory is at least as new as that version.
    """

    def __init__(self) -> None:
        self.moment = 0
        self.version = 0
        self._last: OrderedDict[Key, int] = OrderedDict()
        self._forgotten = 0

    def tell(self, keys: Iterable[Key]) -> None:
        """From here on nothing holds that rests on these as they were."""
        moment = self.moment + 1
        for key in keys:
            self._last[key] = moment
            self._last.move_to_end(key)
        while len(self._last) > REMEMBERED:
            oldest = next(iter(self._last))
            # First: whoever asks between the two must not take what is forgotten for unchanged.
            self._forgotten = self._last[oldest]
            del self._last[oldest]
        self.moment = moment

    def tell_all(self) -> None:
        """From here on nothing holds that is known until now."""
        self.moment = self._forgotten = self.moment + 1

    def since(self, moment: int, keys: Iterable[Key]) -> bool:
        """Whether any of these changed after a moment, as far as that is still known; otherwise yes."""
        if moment == self.moment:
            return False
        return moment < self._forgotten or any(self._last.get(key, 0) > moment for key in keys)


@dataclass(frozen=True, slots=True, repr=False)
class Later:
    """What changed on any node after some version: each fact with the version of its last change.

    Of what came before `complete` something may be missing, because it was long ago.
    """

    complete: int
    last: Mapping[Key, int]

    @classmethod
    def of(cls, found: Iterable[tuple[int, str, str]]) -> "Later":
        """From rows of version, kind and reference. Versions have no gaps, so the first one tells what is missing."""
        last: dict[Key, int] = {}
        first = None
        for version, kind, ref in found:
            last[kind, ref] = max(version, last.get((kind, ref), 0))
            first = version if first is None else min(version, first)
        return cls(first - 1 if first is not None else 0, last)

    @property
    def version(self) -> int:
        """That of the last change; 0 where there was none."""
        return max(self.last.values(), default=0)


class Basis(NamedTuple):
    """The facts that a decision rests on: which they are, and as of when they are known. Holds references of people."""

    keys: tuple[Key, ...]
    moment: int
    version: int
    changes: Changes

    def __repr__(self) -> str:
        return f"Basis({len(self.keys)} facts)"

    def hold(self) -> bool:
        """Whether nothing of it has changed, as far as this process knows."""
        return not self.changes.since(self.moment, self.keys)

    def overtaken(self, later: "Later") -> bool:
        """Whether any of it is among what changed on some node."""
        return self.version < later.complete or any(later.last.get(key, 0) > self.version for key in self.keys)

    def beside(self, others: Iterable["Basis"]) -> "Basis":
        """What rests on all of them, as of when the first of them was known."""
        keys, moment, version = self.keys, self.moment, self.version
        for other in others:
            keys += other.keys
            moment, version = min(moment, other.moment), min(version, other.version)
        return Basis(keys, moment, version, self.changes)


NOTHING = Basis((), 0, 0, Changes())
