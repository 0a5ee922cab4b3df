"""What is counted over months and years beside the log: each mark once in its period, over all nodes.

A number stays when the mark of a person goes: who is erased was counted, and nothing leads to them.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from gateway.errors import GatewayError

SQLITE: Final = """
CREATE TABLE tally(
    what TEXT NOT NULL, period TEXT NOT NULL, scope TEXT NOT NULL, n INTEGER NOT NULL,
    PRIMARY KEY (what, period, scope)
) STRICT, WITHOUT ROWID;
CREATE TABLE tallied(
    what TEXT NOT NULL, period TEXT NOT NULL, scope TEXT NOT NULL, tok BLOB NOT NULL,
    PRIMARY KEY (what, period, scope, tok)
) STRICT, WITHOUT ROWID;
CREATE INDEX tallied_tok ON tallied(tok);
"""
POSTGRES: Final = """
CREATE TABLE tally(
    what text NOT NULL, period text NOT NULL, scope text NOT NULL, n bigint NOT NULL,
    PRIMARY KEY (what, period, scope)
);
CREATE TABLE tallied(
    what text NOT NULL, period text NOT NULL, scope text NOT NULL, tok bytea NOT NULL,
    PRIMARY KEY (what, period, scope, tok)
);
CREATE INDEX tallied_tok ON tallied(tok);
"""
_COUNTED = "SELECT n FROM tally WHERE what = ? AND period = ? AND scope = ?"
_THERE = "SELECT 1 FROM tallied WHERE what = ? AND period = ? AND scope = ? AND tok = ?"
_MARKED = "INSERT INTO tallied(what, period, scope, tok) VALUES {} ON CONFLICT DO NOTHING RETURNING what, period, scope"
_ADDED = """
    INSERT INTO tally(what, period, scope, n) VALUES {}
    ON CONFLICT (what, period, scope) DO UPDATE SET n = tally.n + excluded.n
"""
# Of a period that is over, a few at a time: nobody waits for those of a whole year.
_OVER = """
    DELETE FROM tallied WHERE (what, period, scope, tok) IN (
        SELECT what, period, scope, tok FROM tallied WHERE what = ? AND period < ? LIMIT 200
    )
"""

Asked = Callable[..., Sequence[Sequence[Any]]]
"""A query with `?` and its values, and the rows that it gives back."""
Stored = Callable[[Iterable[bytes]], Sequence[bytes]]
"""Marks as they are written."""


@dataclass(frozen=True, slots=True, repr=False)
class Tally:
    """What an intent adds to a number: one for each mark that was not counted in this period yet.

    `people` are places among the subjects of the intent, whose tokens are marks. Where the number would be larger than
    `most`, the intent is not written.
    """

    what: str
    period: str
    scope: str
    marks: tuple[bytes, ...] = ()
    people: tuple[int, ...] = ()
    most: int | None = None

    @property
    def number(self) -> tuple[str, str, str]:
        return self.what, self.period, self.scope


class Count(NamedTuple):
    """How many there were of something, in a period."""

    what: str
    period: str
    scope: str
    n: int


class TooOftenError(GatewayError):
    """With these intents something would have been done too often. Nothing was written, of the other rows neither."""

    def __init__(self, ids: Sequence[str]) -> None:
        super().__init__(f"{len(ids)} intents are too many of their kind")
        self.ids = ids


def demand_seldom(
    intents: Iterable[tuple[str, Sequence[Tally]]], asked: Asked, found: Callable[[bytes], Sequence[bytes]]
) -> None:
    """Raises TooOftenError for those that would make a number larger than it may be. `found`: as a mark may stand."""
    taken: dict[tuple[str, str, str], set[bytes]] = {}
    over = []
    for id_, tallies in intents:
        for tally in tallies:
            if tally.most is None:
                continue
            before = taken.setdefault(tally.number, set())
            new = {
                mark
                for mark in tally.marks
                if mark not in before and not any(asked(_THERE, *tally.number, each) for each in found(mark))
            }
            if new and _n(asked, tally) + len(before) + len(new) > tally.most:
                over.append(id_)
                break
            before |= new
    if over:
        raise TooOftenError(over)


def add(tallies: Sequence[Tally], asked: Asked, stored: Stored) -> None:
    """Counts, in the transaction of the intents."""
    marks = list(dict.fromkeys((*tally.number, mark) for tally in tallies for mark in tally.marks))
    if not marks:
        return
    written = stored(mark for *_, mark in marks)
    values = [value for (*number, _), mark in zip(marks, written, strict=True) for value in (*number, mark)]
    new = Counter(tuple(number) for number in asked(_MARKED.format(_places(len(marks))), *values))
    if new:
        added = [value for number, n in sorted(new.items()) for value in (*number, n)]
        asked(_ADDED.format(_places(len(new))), *added)
        for what, period in {(what, period) for what, period, _ in new}:
            asked(_OVER, what, period)


def counts(asked: Asked) -> list[Count]:
    """Every number there is."""
    return [Count(*row) for row in asked("SELECT what, period, scope, n FROM tally ORDER BY what, period, scope")]


def _n(asked: Asked, tally: Tally) -> int:
    found = asked(_COUNTED, *tally.number)
    return int(found[0][0]) if found else 0


def _places(number: int) -> str:
    return ", ".join(["(?, ?, ?, ?)"] * number)
