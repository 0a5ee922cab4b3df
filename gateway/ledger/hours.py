"""How many people an operation has been about in the hour of the clock, as it stands in the log of all nodes."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from gateway.errors import GatewayError
from gateway.ledger.store import Row

HOUR: Final = 3_600_000_000  # µs
_PARTS: Final = 4_096  # of a hundred thousand tokens, two dozen each

# The last entry before a time, and whom the intents from a place and a time on were about. Both read from the end.
LAST_BEFORE: Final = "SELECT seq FROM leaf WHERE ts < ? ORDER BY seq DESC LIMIT 1"
DISCLOSED: Final = """
    SELECT b.vendor, b.operation, k.tok FROM leaf l JOIN leaf_body b USING (seq) JOIN link k USING (seq)
    WHERE l.seq >= ? AND l.ts >= ? AND l.kind = 'intent'
"""

Asked = Callable[..., Iterable[Sequence[Any]]]
"""A query with its values, and the rows that it finds."""


class OverLimitError(GatewayError):
    """These intents are about more people than may be in an hour. Nothing was written, of the other rows neither."""

    def __init__(self, ids: Sequence[str]) -> None:
        super().__init__(f"{len(ids)} intents are about too many people")
        self.ids = ids


class Toks:
    """Tokens, each in its own length or little more; a set of Python's takes a hundred bytes for one.

    They are digests by a key, all of one length: that one is found across the border of two others happens to nobody.
    """

    def __init__(self) -> None:
        self._parts: dict[int, bytearray] = {}
        self._count = 0

    def __contains__(self, tok: bytes) -> bool:
        # Not with `in`, which first takes the token for a number, and has an error made that says it is none.
        return self._parts.get(_part_of(tok), b"").find(tok) >= 0

    def __len__(self) -> int:
        return self._count

    def add(self, tok: bytes) -> None:
        part = self._parts.setdefault(_part_of(tok), bytearray())
        if part.find(tok) < 0:
            part += tok
            self._count += 1


def _part_of(tok: bytes) -> int:
    return int.from_bytes(tok[:2], "big") & _PARTS - 1


_NOBODY: Final = Toks()


class Hours:
    """Follows the log; only the writer's thread asks. Of an operation that nobody bounds nothing is kept."""

    def __init__(self, asked: Asked, bare: Callable[[bytes], bytes]) -> None:
        """`bare` makes of a token as it is stored what it is in a row."""
        self._asked = asked
        self._bare = bare
        self._hour = 0
        self._read: int | None = None
        self._seen: dict[str, Toks] = {}

    def demand_within(self, rows: Sequence[Row], size: int) -> None:
        """Raises OverLimitError for rows that are about too many people new in their hour, where `size` entries stand
        before them.
        """
        bounded = [row for row in rows if row.cap is not None]
        if not bounded:
            return
        self._follow(max(row.ts for row in bounded) // HOUR, size)
        taken: dict[str, set[bytes]] = {}
        over = []
        for row in bounded:
            if row.cap is None:
                continue
            seen, more = self._seen.get(row.cap.scope, _NOBODY), taken.setdefault(row.cap.scope, set())
            new = {link.tok for link in row.links if link.tok not in seen and link.tok not in more}
            if new and len(seen) + len(more) + len(new) > row.cap.most:
                over.append(row.id)
            else:
                more |= new
        if over:
            raise OverLimitError(over)

    def written(self, rows: Sequence[Row], first: int) -> None:
        """These were added at a place; nobody else added anything since rows were last asked about."""
        if self._read != first:
            return
        self._read = first + len(rows)
        for row in rows:
            if row.cap is not None and row.ts // HOUR >= self._hour:
                self._add(row.cap.scope, (link.tok for link in row.links))

    def _follow(self, hour: int, size: int) -> None:
        """What others have added too, and at a start what stands in the log of this hour already."""
        if hour > self._hour:
            self._hour, self._seen = hour, {}
        if self._read is None:
            self._read = next((int(seq) + 1 for (seq,) in self._asked(LAST_BEFORE, self._hour * HOUR)), 0)
        if self._read < size:
            for vendor, operation, tok in self._asked(DISCLOSED, self._read, self._hour * HOUR):
                self._add(f"{vendor}/{operation}", [self._bare(tok)])
            self._read = size

    def _add(self, scope: str, toks: Iterable[bytes]) -> None:
        if (seen := self._seen.get(scope)) is None:
            seen = self._seen[scope] = Toks()
        for tok in toks:
            seen.add(tok)
