"""What left about people: entries with what is sealed beside them, opened for one person, or for an incident."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeAlias, cast

from gateway.ledger.database import or_refused
from gateway.ledger.entry import Intent, Subject
from gateway.ledger.keys import Keys
from gateway.ledger.sealing import Link, everybody, found
from gateway.ledger.store import Entry, Filter, Store

Page: TypeAlias = tuple[Entry, Sequence[Link]]

PAGE = 500
_ALL = Filter()
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
    def forgotten(self) -> int:
        """How many of its people were erased since."""
        return _committed(self.entry) - len(self.subjects)

    @property
    def left_at(self) -> int:
        """When it left, in µs: of what was told afterwards that is before it was written down."""
        return left_at(self.entry.body)

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

    async def of(self, wanted: Filter) -> AsyncIterator[Personal]:
        """Every intent that is asked for, or entry of another kind, newest first, with all of its people who are still
        known. Raises Refusal.
        """
        before = None
        with or_refused():
            while page := await self._page(None, before, wanted):
                for at, (entry, links) in enumerate(page):
                    if at % _TOGETHER == 0:
                        await asyncio.sleep(0)
                    known = everybody(self._keys, self._place(entry), links, _committed(entry))
                    yield Personal(entry, known)
                before = page[-1][0].seq

    def _place(self, entry: Entry) -> str:
        return f"{self._log}|{entry.body['id']!s}"

    def _opened(self, entry: Entry, links: Sequence[Link], tok: bytes) -> tuple[Subject, ...]:
        return found(self._keys, self._place(entry), links, _committed(entry), tok)

    async def _page(self, tok: bytes | None, before: int | None, wanted: Filter = _ALL) -> Sequence[Page]:
        asked = replace(wanted, kind=wanted.kind or Intent.kind, before=before, limit=PAGE)

        def reading() -> Sequence[Page]:
            entries = self._store.entries(asked, tok)
            return [(each, _links(self._store, each.seq)) for each in entries]

        page: Sequence[Page] = await self._read(reading)
        return page


def _committed(entry: Entry) -> int:
    """How many people an entry is about, whether or not they are still known."""
    return cast("Mapping[str, int]", entry.body.get("subjects", {})).get("n", 0)


def _links(store: Store, seq: int) -> Sequence[Link]:
    return [link for each in store.stored(seq, 1, links=True) if each.seq == seq for link in each.links]


def left_at(body: Mapping[str, Any]) -> int:
    """When what the leaf of an intent tells of left, in µs: that can be before it was written down."""
    if told := body.get("exceptional", {}).get("happened"):
        return int(datetime.fromisoformat(told).timestamp() * 1_000_000)
    return int(body.get("happened", body["ts"]))
