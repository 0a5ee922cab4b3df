"""The log as it is stored, for whoever copies it or checks it: lines that ledger_verify.py reads."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from gateway.frozen import asdict
from gateway.ledger.canonical import Json, base64
from gateway.ledger.keys import Keys
from gateway.ledger.proof import subtree_root
from gateway.ledger.sealing import fits
from gateway.ledger.store import Store, Stored

FORMAT = "gateway-ledger-export/1"
_TOGETHER = 20  # entries whose links are opened before others have a turn


class Archive:
    """Stays on the thread of the loop; what takes long is read on another. Methods raise StoreError."""

    def __init__(self, store: Store, keys: Keys, log: str, read: Callable[[Callable[[], Any]], Awaitable[Any]]) -> None:
        self._store = store
        self._keys = keys
        self._log = log
        self._read = read

    async def peaks(self, size: int) -> list[str]:
        """The roots of the complete subtrees of the log when it had this size, the largest first."""
        spans, first = list[tuple[int, int]](), 0
        for bit in range(size.bit_length() - 1, -1, -1):
            if size >> bit & 1:
                spans.append((first, first + (1 << bit)))
                first += 1 << bit
        found: list[str] = await self._read(lambda: [base64(subtree_root(self._store, span)) for span in spans])
        return found

    async def stored(self, first: int, limit: int, *, links: bool) -> Sequence[Stored]:
        """Entries from a place on."""
        found: Sequence[Stored] = await self._read(lambda: self._store.stored(first, limit, links=links))
        return found

    async def lines(self, first: int, limit: int, *, links: bool) -> list[str]:
        """The same as lines of an export."""
        return [line(each, links=links) for each in await self.stored(first, limit, links=links)]

    async def strange(self, first: int, limit: int) -> list[int]:
        """The places of entries that are linked to others than those whom they commit to.

        Links whose key is gone are passed over: nobody can open them any more.
        """
        found: Sequence[Stored] = await self._read(lambda: self._store.stored(first, limit, links=True))
        strange = []
        for at, each in enumerate(found):
            entry = f"{self._log}|{each.id}"
            if each.links and each.body is not None and not fits(self._keys, entry, each.links, each.body):
                strange.append(each.seq)
            if at % _TOGETHER == 0:
                await asyncio.sleep(0)
        return strange

    async def subtrees(self, first: int, last: int) -> list[str]:
        """Kept subtrees that end after the first place and not after the last."""
        found: Sequence[tuple[int, int, bytes]] = await self._read(lambda: self._store.subtrees(first, last))
        return [_json({"first": first, "last": last, "hash": base64(digest)}) for first, last, digest in found]


def line(stored: Stored, *, links: bool) -> str:
    """An entry as a line of an export. The body stands last, byte for byte as it was hashed."""
    index = {name: value for name, value in asdict(stored.found_by).items() if value is not None}
    found_by: dict[str, Json] = {"id": stored.id, "kind": stored.kind, "ts": stored.ts, **index}
    if stored.intent is not None:
        found_by["intent"] = stored.intent
    head: dict[str, Json] = {"seq": stored.seq, "hash": base64(stored.hash), "found_by": found_by}
    if links:
        head["links"] = [[base64(each.tok), base64(each.dek), base64(each.sealed)] for each in stored.links]
    body = "null" if stored.body is None else stored.body.decode("utf-8", "replace")
    return f'{_json(head)[:-1]},"body":{body}}}'


def _json(document: Mapping[str, Json]) -> str:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)
