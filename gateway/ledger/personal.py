"""What left about one person: entries with what is sealed beside them, opened for nobody but that person."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from gateway.ledger.database import or_refused
from gateway.ledger.entry import Intent, Subject
from gateway.ledger.keys import Keys
from gateway.ledger.sealing import Link, found
from gateway.ledger.store import Entry, Filter, Store

Page: TypeAlias = tuple[Entry, Sequence[Link]]

PAGE = 500
_TOGETHER = 20  # entries whose links are opened before others have a turn


@dataclass(frozen=True, slots=True, repr=False)
class Personal:
    """An intent that is about a person, with its current outcome, and as whom the person stands in it."""

    entry: Entry
    subjects: tuple[Subject, ...]

    @property
    def roles(self) -> frozenset[str]:
        return frozenset(each.role for each in self.subjects)

    @property
    def may_have_arrived(self) -> bool:
        """All doubt counts as sent; only what is proven not to have left does not."""
        return (self.entry.outcome or {}).get("result") != "not_sent"


class Persons:
    """Stays on the thread of the loop; what is read is read on another."""

    def __init__(self, store: Store, keys: Keys, log: str, read: Callable[[Callable[[], Any]], Awaitable[Any]]) -> None:
        self._store = store
        self._keys = keys
        self._log = log
        self._read = read

    async def about(self, ref: str) -> Sequence[Personal]:
        """Every intent that is about a person, newest first. Raises Refusal `ledger.unavailable`."""
        told: list[Personal] = []
        tok, before = self._keys.token(ref), None
        with or_refused():
            while page := await self._page(tok, before):
                for at, (entry, links) in enumerate(page):
                    if at % _TOGETHER == 0:
                        await asyncio.sleep(0)
                    told.append(Personal(entry, self._opened(entry, links, tok)))
                before = page[-1][0].seq
        return told

    def _opened(self, entry: Entry, links: Sequence[Link], tok: bytes) -> tuple[Subject, ...]:
        committed = cast("Mapping[str, int]", entry.body.get("subjects", {}))
        return found(self._keys, f"{self._log}|{entry.body['id']!s}", links, committed.get("n", 0), tok)

    async def _page(self, tok: bytes, before: int | None) -> Sequence[Page]:
        wanted = Filter(kind=Intent.kind, before=before, limit=PAGE)

        def reading() -> Sequence[Page]:
            entries = self._store.entries(wanted, tok)
            return [(each, _links(self._store, each.seq)) for each in entries]

        page: Sequence[Page] = await self._read(reading)
        return page


def _links(store: Store, seq: int) -> Sequence[Link]:
    return [link for each in store.stored(seq, 1, links=True) if each.seq == seq for link in each.links]
