"""Nothing of the record is handed out without an entry that says so, and every page fits the one before."""

from pathlib import Path
from typing import Any

import apsw
import pytest
from ledger_fakes import PURCHASER, SENT, Shop, shipment
from pydantic import ValidationError

from gateway import exports
from gateway.errors import Refusal
from gateway.exports import Exports, UnknownExport
from gateway.ledger import Ledger, Subject
from gateway.ledger.database import rows
from gateway.ledger.store import Filter
from ledger_verify import Row, row_of

LISA = Subject("customer-7", "purchaser", "DE")


@pytest.fixture
async def ledger(shop: Shop) -> Ledger:
    ledger = shop.open()
    for number in range(6):
        ticket = await ledger.intend(shipment(), [PURCHASER, LISA][: 1 + number % 2], b"{}", within=20)
        ledger.settle(ticket, SENT)
    await ledger._writer.drained()
    return ledger


async def handed(exported: Exports, begun: dict[str, Any]) -> list[Row]:
    found: list[Row] = []
    end = await exported.end()
    while len(found) < end:
        page = await exported.entries({"export": begun["export"], "first": len(found)})
        found += [row_of(line.encode()) for line in page["lines"]]
    return found


async def test_pages_make_the_whole_log(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "PAGE", 4)
    exported = Exports(ledger)
    begun = await exported.begin({}, by="rita")

    found = await handed(exported, begun)

    assert [row.seq for row in found] == list(range(len(found)))
    assert [row.body for row in found] == [leaf.body for leaf in ledger._store.leaves(0, 100)][: len(found)]
    assert {row.links for row in found} == {None}
    [access] = await ledger.entries(Filter(kind="access"))
    assert (access.body["action"], access.body["reviewer"], "filters" in access.body) == ("export", "rita", False)


async def test_links_come_where_they_were_asked_for(ledger: Ledger) -> None:
    exported = Exports(ledger)
    begun = await exported.begin({"links": True}, by="rita")

    found = await handed(exported, begun)

    assert sum(len(row.links or ()) for row in found) == 9
    assert PURCHASER.ref not in repr(found)


@pytest.mark.parametrize("asked", [{"export": "0" * 32, "first": 0}, {"export": "1" * 32, "first": 5}])
async def test_nothing_is_handed_out_that_was_not_begun(ledger: Ledger, asked: dict[str, Any]) -> None:
    exported = Exports(ledger)
    await exported.begin({}, by="rita")

    with pytest.raises(UnknownExport):
        await exported.entries(asked)
    with pytest.raises(UnknownExport):
        await exported.subtrees(asked)


async def test_the_export_that_was_begun_first_makes_room(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "OPEN", 2)
    exported = Exports(ledger)
    first, *others = [await exported.begin({}, by="rita") for _ in range(3)]

    with pytest.raises(UnknownExport):
        await exported.entries({"export": first["export"], "first": 0})
    for other in others:
        assert (await exported.entries({"export": other["export"], "first": 0}))["lines"]


async def test_what_is_asked_wrongly_is_refused(ledger: Ledger) -> None:
    exported = Exports(ledger)

    with pytest.raises(ValidationError):
        await exported.begin({"action": "steal"}, by="rita")
    with pytest.raises(Refusal):
        await exported.begin({"since": 10**9}, by="rita")
    assert await ledger.entries(Filter(kind="access")) == []


async def test_links_that_lead_to_somebody_else_are_found_by_whoever_has_the_keys(
    ledger: Ledger, shop: Shop, tmp_path: Path
) -> None:
    exported = Exports(ledger)
    begun = await exported.begin({"action": "verify", "links": True}, by="rita")
    asked = {"export": begun["export"], "first": 0}
    before = await exported.entries(asked)
    seq, own, other = _swap(shop)

    after = await exported.entries(asked)

    assert (before["strange"], after["strange"]) == ([], [seq])
    assert own != other


def _swap(shop: Shop) -> tuple[int, bytes, bytes]:
    """Gives the link of one entry the token and the key of another person; what is sealed stays."""
    database = apsw.Connection(str(shop.folder / "ledger.db"))
    seq, own = rows(database, "SELECT seq, tok FROM link ORDER BY seq LIMIT 1")[0]
    other, dek = rows(database, "SELECT tok, dek FROM link WHERE tok != ? LIMIT 1", own)[0]
    database.execute("UPDATE link SET tok = ?, dek = ? WHERE seq = ? AND ord = 0", (other, dek, seq))
    database.close()
    return seq, own, other
