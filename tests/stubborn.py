"""A store that is built wrongly on purpose."""

from collections.abc import Sequence

from gateway.ledger.sqlite import SqliteStore
from gateway.ledger.store import Row


class StubbornStore(SqliteStore):
    """Goes on with the tree that it made in vain, where a commit raised."""

    def append(self, rows: Sequence[Row]) -> int:
        size = self._size
        try:
            return super().append(rows)
        finally:
            self._size = size + len(rows)

    def _load(self) -> None:
        size = self._size
        super()._load()
        self._size = max(size, self._size)
