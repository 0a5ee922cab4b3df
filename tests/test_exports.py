"""Nothing of the record is handed out without an entry that says so, and every page fits the one before."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest
from ledger_fakes import PURCHASER, SENT, Shop, shipment
from pydantic import ValidationError

from gateway import exports
from gateway.accesses import Accesses
from gateway.clock import utc
from gateway.errors import Refusal
from gateway.exports import Exports, UnknownExport
from gateway.ledger import Access, Ledger, Subject
from gateway.ledger.database import rows
from gateway.ledger.store import Filter
from gateway.registry.registry import Registry
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


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    registry = Registry.open(tmp_path / "registry.db", now=utc)
    yield registry
    registry.close()


@pytest.fixture
def exported(ledger: Ledger, registry: Registry) -> Exports:
    return Exports(ledger, Accesses(ledger, registry))


async def handed(exported: Exports, begun: dict[str, Any]) -> list[Row]:
    found: list[Row] = []
    end = await exported.end({"export": begun["export"]})
    while len(found) < end:
        page = await exported.entries({"export": begun["export"], "first": len(found)})
        found += [row_of(line.encode()) for line in page["lines"]]
    return found


async def test_pages_make_the_whole_log(ledger: Ledger, exported: Exports, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "PAGE", 4)
    begun = await exported.begin({}, by="rita")

    found = await handed(exported, begun)

    assert [row.seq for row in found] == list(range(len(found)))
    assert [row.body for row in found] == [leaf.body for leaf in ledger._store.leaves(0, 100)][: len(found)]
    assert {row.links for row in found} == {None}
    [access] = await ledger.entries(Filter(kind="access"))
    assert (access.body["action"], access.body["reviewer"], "filters" in access.body) == ("export", "rita", False)
    assert begun["about"]["watermark"]["look"] == begun["export"] == access.body["id"]
    assert begun["about"]["watermark"]["by"] == "rita"


async def test_links_come_where_they_were_asked_for(exported: Exports) -> None:
    begun = await exported.begin({"links": True}, by="rita")

    found = await handed(exported, begun)

    assert sum(len(row.links or ()) for row in found) == 9
    assert PURCHASER.ref not in repr(found)


@pytest.mark.parametrize("asked", [{"export": "0" * 32, "first": 0}, {"export": "1" * 32, "first": 5}])
async def test_nothing_is_handed_out_that_was_not_begun(exported: Exports, asked: dict[str, Any]) -> None:
    await exported.begin({}, by="rita")

    with pytest.raises(UnknownExport):
        await exported.entries(asked)
    with pytest.raises(UnknownExport):
        await exported.subtrees(asked)


async def test_the_export_that_was_begun_first_makes_room(
    ledger: Ledger, exported: Exports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "OPEN", 2)
    first, *others = [await exported.begin({}, by="rita") for _ in range(3)]

    with pytest.raises(UnknownExport):
        await exported.entries({"export": first["export"], "first": 0})
    for other in others:
        assert (await exported.entries({"export": other["export"], "first": 0}))["lines"]


async def test_what_is_asked_wrongly_is_refused(ledger: Ledger, exported: Exports) -> None:

    with pytest.raises(ValidationError):
        await exported.begin({"action": "steal"}, by="rita")
    with pytest.raises(Refusal):
        await exported.begin({"since": 10**9}, by="rita")
    assert await ledger.entries(Filter(kind="access")) == []


async def test_links_that_lead_to_somebody_else_are_found_by_whoever_has_the_keys(
    exported: Exports, shop: Shop
) -> None:
    begun = await exported.begin({"action": "verify", "links": True}, by="rita")
    asked = {"export": begun["export"], "first": 0}
    before = await exported.entries(asked)
    seq, own, other = _swap(shop)

    after = await exported.entries(asked)

    assert (before["strange"], after["strange"]) == ([], [seq])
    assert own != other


async def test_an_export_is_more_than_one_person_takes_out_alone_and_a_check_is_not(
    ledger: Ledger, registry: Registry
) -> None:
    exported = Exports(ledger, Accesses(ledger, registry, most=10))
    size = (await ledger.head(12)).size

    with pytest.raises(Refusal, match=r"access\.bulk"):
        await exported.begin({}, by="rita")
    checked = await exported.begin({"action": "verify", "links": True}, by="rita")
    since = await exported.begin({"since": size - 5}, by="rita")

    assert (await exported.entries({"export": checked["export"], "first": 0}))["lines"]
    assert (await exported.entries({"export": since["export"], "first": size - 5}))["lines"]
    with pytest.raises(UnknownExport, match="this export goes from"):
        await exported.entries({"export": since["export"], "first": 0})


@pytest.mark.parametrize(("most", "goes_on"), [(1_000, True), (20, False)])
async def test_an_export_that_goes_on_with_what_came_meanwhile_is_on_record_again(
    ledger: Ledger, registry: Registry, monkeypatch: pytest.MonkeyPatch, most: int, goes_on: bool
) -> None:
    monkeypatch.setattr(exports, "PAGE", 2)
    exported = Exports(ledger, Accesses(ledger, registry, most=most))
    size = (await ledger.head(ledger._store.tree.size)).size
    under_way = {"export": (await exported.begin({}, by="rita"))["export"]}
    first = await exported.end(under_way)
    for _ in range(20):
        await ledger.record(Access("olga", "list"))
    grown = (await ledger.head(size + 21)).size

    end = await exported.end(under_way)
    *more, begun = await ledger.entries(Filter(kind="access", caller="rita"))

    assert (begun.body["found"], first - size) in ((size, 0), (size, 1))
    if goes_on:
        assert end == grown
        assert [look.body["found"] for look in more] == [grown - size]
        assert (await exported.entries(under_way | {"first": grown - 1}))["lines"]
    else:
        assert end == first
        assert [look.body["refused"] for look in more] == ["access.bulk"]
        with pytest.raises(UnknownExport):
            await exported.entries(under_way | {"first": grown - 1})


def _swap(shop: Shop) -> tuple[int, bytes, bytes]:
    """Gives the link of one entry the token and the key of another person; what is sealed stays."""
    database = apsw.Connection(str(shop.folder / "ledger.db"))
    seq, own = rows(database, "SELECT seq, tok FROM link ORDER BY seq LIMIT 1")[0]
    other, dek = rows(database, "SELECT tok, dek FROM link WHERE tok != ? LIMIT 1", own)[0]
    database.execute("UPDATE link SET tok = ?, dek = ? WHERE seq = ? AND ord = 0", (other, dek, seq))
    database.close()
    return seq, own, other
