"""What taking old entries away asks of a database, in which shape."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import msgspec

from gateway.ledger.canonical import Json, epoch_of


class Place(NamedTuple):
    """An entry without what it says. `ts` in µs."""

    seq: int
    ts: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Old:
    """An entry whose body is there, the tokens of its subjects, and of an intent what belongs to it: its outcomes."""

    place: Place
    body: Mapping[str, Json]
    toks: frozenset[bytes] = frozenset()
    with_it: Sequence[Place] = ()


class Moment(NamedTuple):
    """When an entry was written by the clocks of its node: `ts` in µs since 1970, `mono` in ms since boot."""

    node: str
    boot: str
    ts: int
    mono: int


class Loose(NamedTuple):
    """A key that may have no link left, and whether it has one."""

    tok: bytes
    dek: bytes
    linked: bool


class Named(NamedTuple):
    """A key that a link names, and where that link stands."""

    seq: int
    ord: int
    dek: bytes


class Attic(Protocol):
    """Every method raises StoreError. Those from `tighten` on are called by the thread that writes, others by any."""

    def old(self, kind: str, first: int, below: int, limit: int) -> Sequence[Old]:
        """Entries of a kind whose bodies are there, from a place on and below another, in their order."""

    def first_after(self, ts: int, first: int) -> int:
        """The first place, from one on, whose entry bears a later time; the size of the log where there is none."""

    def later(self, seq: int, below: int) -> Sequence[Mapping[str, Json]] | None:
        """Entries of the same kind about one of the same subjects that stand after it and below another place.

        None where it has no subject any more.
        """

    def moments(self) -> Sequence[Moment]:
        """When epochs began and ended, and the last entries before one began, in their order."""

    def begun(self, epoch: int) -> int:
        """The first place of an entry of this epoch or a later one."""

    def named(self, after: tuple[int, int], limit: int) -> Sequence[Named]:
        """The keys of links behind one that stands there, in their order."""

    def loose(self, limit: int) -> Sequence[Loose]:
        """Keys of subjects whose last link a purge took."""

    def tighten(self, done: Sequence[Loose]) -> None:
        """These keys are loose no more: they are destroyed, or have a link again."""

    def shrink(self, pages: int) -> bool:
        """Gives some of the room of what is gone back to the disk; whether there is more of it."""


def parsed(body: bytes) -> Mapping[str, Json]:
    """What an entry says."""
    members: Mapping[str, Json] = msgspec.json.decode(body)
    return members


def moments_of(bodies: Iterable[bytes]) -> Sequence[Moment]:
    """When entries were written, as they say it themselves."""
    return [msgspec.convert([parsed(body)[name] for name in Moment._fields], Moment) for body in bodies]


def begun(found: Iterable[tuple[Any, ...]], epoch: int) -> int:
    """The first place of rows of `seq, body` whose entry is of this epoch or a later one; 0 where there is none."""
    return next((int(seq) for seq, body in found if epoch_of(body) >= epoch), 0)


def olds(
    found: Iterable[tuple[Any, ...]], toks: Iterable[tuple[Any, ...]], with_it: Iterable[tuple[Any, ...]]
) -> Sequence[Old]:
    """Rows of `seq, ts, hash, body`, of `seq, tok`, and of `intent, seq, ts, hash`, put together."""
    subjects: dict[int, set[bytes]] = {}
    for seq, tok in toks:
        subjects.setdefault(seq, set()).add(tok)
    belonging: dict[int, list[Place]] = {}
    for intent, *place in with_it:
        belonging.setdefault(intent, []).append(Place(*place))
    return [
        Old(
            Place(seq, ts, hashed),
            parsed(body),
            frozenset(subjects.get(seq, ())),
            belonging.get(seq, ()),
        )
        for seq, ts, hashed, body in found
    ]
