"""How many people an operation has been about in the hour of the clock, as it stands in the log of all nodes."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from gateway.errors import GatewayError
from gateway.ledger.store import Row

HOUR: Final = 3_600_000_000  # µs

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


class Hours:
    """Follows the log; only the writer's thread asks. Of an operation that nobody bounds nothing is kept."""

    def __init__(self, asked: Asked, bare: Callable[[bytes], bytes]) -> None:
        """`bare` makes of a token as it is stored what it is in a row."""
        self._asked = asked
        self._bare = bare
        self._hour = 0
        self._read: int | None = None
        self._seen: dict[str, set[bytes]] = {}

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
            seen, more = self._seen.get(row.cap.scope, set()), taken.setdefault(row.cap.scope, set())
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
                self._seen.setdefault(row.cap.scope, set()).update(link.tok for link in row.links)

    def _follow(self, hour: int, size: int) -> None:
        """What others have added too, and at a start what stands in the log of this hour already."""
        if hour > self._hour:
            self._hour, self._seen = hour, {}
        if self._read is None:
            self._read = next((int(seq) + 1 for (seq,) in self._asked(LAST_BEFORE, self._hour * HOUR)), 0)
        if self._read < size:
            for vendor, operation, tok in self._asked(DISCLOSED, self._read, self._hour * HOUR):
                self._seen.setdefault(f"{vendor}/{operation}", set()).add(self._bare(tok))
            self._read = size
