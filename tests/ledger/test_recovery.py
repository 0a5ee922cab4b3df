"""A log that is not the one that was written does not start, and says where it was altered and what to do."""

import asyncio
import os
from pathlib import Path

import pytest
from ledger_fakes import PURCHASER, SENT, Shop, shipment
from tampering import ALTERED, CHECKPOINTS, altered, file

from gateway.errors import Distrusted, StartError
from gateway.ledger import Access, Filter, Ledger, highwater, recovery
from gateway.ledger import notary as module
from gateway.ledger.canonical import leaf_hash
from gateway.ledger.highwater import HighWater
from gateway.ledger.proof import root_at

LOOK = Access("uid:1000", "list")
PATIENCE = 60.0


@pytest.fixture(autouse=True)
def _only_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PERIOD", 600.0)


async def signed(ledger: Ledger) -> None:
    """Returns once a checkpoint covers all that there is now."""
    size = ledger._store.tree.size
    async with asyncio.timeout(PATIENCE):
        while (head := ledger._store.last_head()) is None or head.size < size:
            ledger._notary.hurry()
            await ledger.record(LOOK)


async def written(shop: Shop, calls: int = 5) -> None:
    """A log that was signed some times, and closed in good order, which signs the rest of it."""
    ledger = shop.open()
    for _ in range(3):
        await signed(ledger)
        for _ in range(calls):
            ledger.settle(await ledger.intend(shipment(), [PURCHASER], b"{}", within=20), SENT)
    await ledger.record(LOOK)
    await ledger.close()


async def test_a_log_that_nobody_touched_starts(shop: Shop) -> None:
    await written(shop)

    assert shop.open().healthy


@pytest.mark.parametrize("act", ALTERED.values(), ids=ALTERED.keys())
async def test_what_was_altered_at_the_end_stops_the_start(shop: Shop, act: str) -> None:
    await written(shop)
    altered(shop, act)

    with pytest.raises(Distrusted, match=r"^CORRUPT: .*entr.*ledger_verify\.py") as refused:
        shop.open()

    assert refused.value.exit_status == os.EX_DATAERR == 65


@pytest.mark.parametrize(
    "act",
    [
        "UPDATE leaf_body SET body = x'7b7d' WHERE seq = 1",
        "UPDATE leaf SET hash = zeroblob(32) WHERE seq = 1",
        "DELETE FROM leaf_body WHERE seq = 1",
        "UPDATE leaf SET seq = -1 WHERE seq = 1",
    ],
)
async def test_so_does_what_was_altered_long_before_it(shop: Shop, act: str) -> None:
    await written(shop)
    altered(shop, act)

    with pytest.raises(Distrusted, match="entry 1 "):
        shop.open()


async def test_an_old_entry_altered_with_its_hash_does_not_fit_the_checkpoint_after_it(shop: Shop) -> None:
    await written(shop)
    body = b'{"kind":"nothing happened"}'
    altered(shop, "UPDATE leaf_body SET body = ? WHERE seq = 1", body)
    altered(shop, "UPDATE leaf SET hash = ? WHERE seq = 1", leaf_hash(body))

    with pytest.raises(Distrusted, match=r"entries below .* are not those of the checkpoint"):
        shop.open()


@pytest.mark.parametrize("act", CHECKPOINTS.values(), ids=CHECKPOINTS.keys())
async def test_a_checkpoint_that_does_not_hold_stops_the_start(shop: Shop, act: str) -> None:
    await written(shop)
    altered(shop, f"{act} WHERE size = (SELECT max(size) FROM checkpoint)")

    if act.startswith("DELETE"):
        # Nothing here still knows of it; whoever was given it does.
        assert shop.open().healthy
    else:
        with pytest.raises(Distrusted, match="CORRUPT"):
            shop.open()


async def test_an_older_checkpoint_that_does_not_hold_stops_it_too(shop: Shop) -> None:
    await written(shop)
    altered(shop, "UPDATE checkpoint SET root = zeroblob(32) WHERE size = (SELECT min(size) FROM checkpoint)")

    with pytest.raises(Distrusted, match="CORRUPT"):
        shop.open()


async def test_a_log_that_is_shorter_than_its_checkpoint_does_not_start(shop: Shop) -> None:
    await written(shop)
    [(size,)] = file(shop).execute("SELECT max(size) FROM checkpoint")
    altered(shop, f"DELETE FROM leaf WHERE seq >= {size - 2}")
    altered(shop, f"DELETE FROM leaf_body WHERE seq >= {size - 2}")

    with pytest.raises(Distrusted, match="was signed with"):
        shop.open()


async def test_a_long_log_is_checked_by_its_subtrees_and_by_samples(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await written(shop, calls=200)
    monkeypatch.setattr(recovery, "WHOLE", 100)
    await shop.open().close()
    [(full,)] = file(shop).execute("SELECT count(*) FROM subtree")
    assert full >= 2
    before = file(shop).execute("SELECT body FROM leaf_body WHERE seq = 300").fetchone()

    altered(shop, "UPDATE leaf_body SET body = x'7b7d' WHERE seq = 300")
    with pytest.raises(Distrusted, match="entry 300 does not fit its hash"):
        shop.open()

    altered(shop, "UPDATE leaf_body SET body = ? WHERE seq = 300", before[0] if before else b"")
    await shop.open().close()
    altered(shop, "UPDATE subtree SET hash = zeroblob(32) WHERE first = 256")
    with pytest.raises(Distrusted, match="subtrees of entries 0 to"):
        shop.open()


async def test_a_file_whose_pages_are_damaged_does_not_start(shop: Shop) -> None:
    await written(shop)
    path = shop.folder / "ledger.db"
    file(shop).wal_checkpoint()
    raw = bytearray(path.read_bytes())
    for at in range(8_192, len(raw), 8_192):
        raw[at] = 0xFF
    path.write_bytes(raw)

    with pytest.raises(Distrusted, match="CORRUPT"):
        shop.open()


async def test_what_was_signed_is_not_signed_on_by_another_key(shop: Shop) -> None:
    await written(shop)
    (shop.folder / "sign.key").write_bytes(bytes(32))

    with pytest.raises(Distrusted, match="no signature of the key"):
        shop.open()


async def test_a_signed_log_without_its_key_does_not_start(shop: Shop) -> None:
    await written(shop)
    (shop.folder / "sign.key").unlink()

    with pytest.raises(StartError, match=r"sign\.key"):
        shop.open()

    assert not (shop.folder / "sign.key").exists()


async def test_a_log_that_was_never_signed_gets_a_key_and_names_it_once(shop: Shop) -> None:
    await shop.open().close()
    altered(shop, "DELETE FROM checkpoint") if file(shop).execute("SELECT * FROM checkpoint").fetchall() else None
    (shop.folder / "sign.key").unlink()
    await shop.open().close()

    ledger = shop.open()

    keys = [entry.body["vkey"] for entry in await ledger.entries(Filter(kind="key")) if "vkey" in entry.body]
    assert keys[0] == ledger.vkey
    assert len(keys) == 2


async def test_an_older_copy_of_the_database_does_not_start(shop: Shop) -> None:
    await written(shop)
    older = (shop.folder / "ledger.db").read_bytes()
    await shop.open().close()
    newest = (shop.folder / "ledger.db").read_bytes()

    (shop.folder / "ledger.db").write_bytes(older)
    for _ in range(2):
        with pytest.raises(
            Distrusted, match=r"^ROLLBACK_DETECTED: .* were acknowledged here; nothing was started"
        ) as old:
            shop.open()
    (shop.folder / "ledger.db").write_bytes(newest)

    assert old.value.exit_status == 65
    assert shop.open().healthy


async def test_neither_does_one_that_went_on_otherwise(shop: Shop) -> None:
    await written(shop)
    older = (shop.folder / "ledger.db").read_bytes()
    await shop.open().close()
    mark = (shop.folder / "high-water").read_bytes()

    (shop.folder / "ledger.db").write_bytes(older)
    (shop.folder / "high-water").unlink()
    await written(shop)
    (shop.folder / "high-water").write_bytes(mark)

    with pytest.raises(Distrusted, match=r"^ROLLBACK_DETECTED: .* are not those that were acknowledged here"):
        shop.open()


async def test_nor_one_that_is_gone_or_of_another_log(shop: Shop, tmp_path: Path) -> None:
    await written(shop)
    other = Shop(tmp_path / "other")
    await written(other)
    (other.folder / "high-water").write_bytes((shop.folder / "high-water").read_bytes())

    (shop.folder / "ledger.db").unlink()

    with pytest.raises(Distrusted, match=r"^ROLLBACK_DETECTED: .* it has 0 entries"):
        shop.open()
    with pytest.raises(Distrusted, match="ROLLBACK_DETECTED: "):
        other.open()


async def test_a_tail_that_was_cut_off_with_its_checkpoint_is_missed(shop: Shop) -> None:
    await written(shop)
    [(size,)] = file(shop).execute("SELECT max(size) FROM checkpoint WHERE size < (SELECT max(size) FROM checkpoint)")
    altered(shop, f"DELETE FROM checkpoint WHERE size > {size}")
    for table in ("leaf", "leaf_body", "link"):
        altered(shop, f"DELETE FROM {table} WHERE seq >= {size}")

    with pytest.raises(Distrusted, match="ROLLBACK_DETECTED"):
        shop.open()


async def test_without_the_mark_nobody_here_would_miss_it(shop: Shop) -> None:
    await written(shop)
    older = (shop.folder / "ledger.db").read_bytes()
    await shop.open().close()

    (shop.folder / "ledger.db").write_bytes(older)
    (shop.folder / "high-water").unlink()

    assert shop.open().healthy


async def test_a_log_that_grows_is_marked_while_it_runs(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(highwater, "PERIOD", 0.0)
    ledger = shop.open()

    ticket = await ledger.intend(shipment(), [PURCHASER], b"{}", within=20)
    await ledger.record(LOOK)

    mark = HighWater(shop.folder / "high-water").last
    assert mark.size > ticket.seq
    assert mark.root == root_at(ledger._store, mark.size)
