"""Ledgers as gateways leave them, for tests of whoever checks them afterwards."""

import asyncio
import json
import shutil
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

from ledger_fakes import PURCHASER, SENT, Ticking, shipment
from old_logs import KEEPS, YEAR, Times, opened, sent

from gateway.ledger import (
    Access,
    ContractActivated,
    FactPut,
    Filter,
    Ledger,
    Outcome,
    PolicyActivated,
    Refused,
    Resolved,
    Subject,
    TokenChanged,
)
from gateway.ledger.archive import FORMAT
from gateway.ledger.note import Signer
from gateway.ledger.sqlite import SqliteStore

CONTRACT = ContractActivated("parcels", "create-shipment", "3", "sha256:q83vEjRWeJA")
CONSIGNEE = Subject("guest-2342", "consignee", "FR")
REFUSED = Refused(caller="checkout", code="consent.missing", vendor="parcels", operation="create-shipment")
PEOPLE = (PURCHASER, CONSIGNEE, *(Subject(f"customer-{number}", "purchaser", "DE") for number in range(7)))


@dataclass(frozen=True)
class History:
    """A folder of a gateway that was stopped, whoever signs its log, and checkpoints that somebody kept."""

    folder: Path
    signer: Signer
    kept: tuple[str, ...]

    @property
    def vkey(self) -> str:
        return self.signer.verifier.vkey

    @property
    def file(self) -> Path:
        return self.folder / "ledger.db"

    def copy(self, to: Path) -> Path:
        """The ledger alone, as an auditor gets it."""
        return Path(shutil.copy(self.file, to / "copy.db"))


async def _calls(ledger: Ledger, count: int) -> None:
    """Calls with one person, with two and with none, and what stands between them."""
    for number in range(count):
        people = [PEOPLE[number % len(PEOPLE)], CONSIGNEE][: number % 3]
        ticket = await ledger.intend(shipment(), people, b"{}", within=20)
        ledger.settle(ticket, SENT if number % 5 else Outcome("not_sent", "vendor.unreachable"))
        if number % 7 == 0:
            ledger.note(REFUSED, people)
    await ledger.record(Access("uid:1000", "list", (("vendor", "parcels"),), 2, "audit"), [PURCHASER])


async def _begun(ledger: Ledger) -> None:
    await ledger.record(CONTRACT)
    await ledger.record(PolicyActivated("2026-01", "sha256:q83vEjRWeJA"))
    await ledger.record(TokenChanged("01980000000070008000000000000001", "checkout", "issued"))
    await ledger.record(FactPut("consent:marketing", "given", "parcels", "operator"), [PURCHASER])


async def _signed(ledger: Ledger) -> str:
    size = (await ledger.head()).size
    return (await ledger.head(max(size, ledger._store.tree.size))).note


async def _closed(ledger: Ledger, folder: Path) -> str:
    """The last checkpoint of a gateway that is stopped."""
    await ledger.close()
    with closing(SqliteStore(folder / "ledger.db", "main")) as store:
        head = store.last_head()
    assert head is not None
    return head.note


def _opened(folder: Path, now: Ticking) -> Ledger:
    return Ledger.open(folder, node="n1", now=now, loop=asyncio.get_running_loop())


async def _written(folder: Path, parts: Sequence[int]) -> History:
    now, kept = Ticking(), list[str]()
    for part, calls in enumerate(parts):
        ledger = _opened(folder, now)
        if part == 0:
            await _begun(ledger)
        await _calls(ledger, calls)
        kept.append(await _closed(ledger, folder))
    return History(folder, ledger._notary._signer, tuple(kept))


async def _crashed(folder: Path, at: Path, *results: str) -> History:
    """What a machine finds that begins where another one stopped in the middle of two calls, and what people found."""
    now = Ticking()
    ledger = _opened(folder, now)
    await _begun(ledger)
    await _calls(ledger, 3)
    for _ in range(2):
        assert ledger.release(await ledger.intend(shipment(), [PURCHASER], b"{}", within=20))
    await _signed(ledger)
    shutil.copytree(folder, at)
    await ledger.close()
    again = _opened(at, now)
    await _calls(again, 2)
    doubtful = cycle(await again.entries(Filter(kind="intent", result="in_doubt")))
    for entry, result in zip(doubtful, results, strict=False):
        await again.resolve(entry, Resolved(result, "the vendor found it", "rita"))
    return History(at, again._notary._signer, (await _closed(again, at),))


async def _purged(folder: Path) -> History:
    """Years ago two calls, a look and a refusal; lately a call; and a purge of what was over."""
    times = Times()
    ledger = opened(folder, times)
    await _begun(ledger)
    await _calls(ledger, 3)
    await sent(ledger, PURCHASER)
    await sent(ledger, CONSIGNEE)
    kept = [await _signed(ledger)]
    times.pass_days(6 * YEAR)
    await ledger.record(Access("uid:1000", "list"))
    await sent(ledger, PURCHASER)
    await ledger.purge(KEEPS, by="anna")
    kept.append(await _closed(ledger, folder))
    return History(folder, ledger._notary._signer, tuple(kept))


async def _exported(history: History, folder: Path, *, links: bool) -> dict[str, str]:
    copy = Path(shutil.copytree(history.folder, folder.with_suffix(".gateway")))
    ledger = _opened(copy, Ticking(2 * Ticking().at))
    size = (await ledger.head(ledger._store.tree.size)).size
    archive, notes = ledger.archive, [head for head in await ledger.heads(1, 1_000) if head.size <= size]
    texts = {
        "entries.jsonl": await archive.lines(0, size, links=links),
        "checkpoints.jsonl": [json.dumps({"size": head.size, "note": head.note}) for head in notes],
        "subtrees.jsonl": await archive.subtrees(0, size),
        "key": [history.vkey],
        "export.json": [json.dumps({"format": FORMAT, "key": history.vkey, "first": 0, "peaks": [], "links": links})],
    }
    await ledger.close()
    files = {name: "".join(f"{line}\n" for line in lines) for name, lines in texts.items()}
    return files | {"checkpoint": notes[-1].note}


def exported(history: History, folder: Path, *, links: bool = True) -> Path:
    """The log as `gateway ledger export` hands it out, in a new folder."""
    files = asyncio.run(_exported(history, folder, links=links))
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text, "utf-8")
    return folder


def purged(folder: Path) -> History:
    """A log of which a part was purged."""
    return asyncio.run(_purged(folder))


def written(folder: Path, *parts: int) -> History:
    """A log of so many calls in each run of the gateway."""
    return asyncio.run(_written(folder, parts))


def crashed(folder: Path, *results: str) -> History:
    """A log with two intents that are in doubt, or for which somebody found out."""
    return asyncio.run(_crashed(folder / "before", folder / "after", *results))
