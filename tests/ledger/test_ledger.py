"""What is recorded is durable before anything may leave, and whoever is not told so sends nothing."""

import asyncio
import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from ledger_fakes import PURCHASER, SENT, Shop, shipment
from waiting import until

from gateway.clock import since_boot
from gateway.errors import Refusal, StartError
from gateway.frozen import changed
from gateway.ledger import (
    Access,
    Entry,
    FactPut,
    Filter,
    Ledger,
    Outcome,
    Purge,
    Refused,
    StoreError,
    Subject,
    writer,
)
from gateway.ledger.canonical import Json, leaf_hash
from gateway.ledger.sqlite import SqliteStore
from gateway.ledger.store import Row
from gateway.ledger.unready import Unready

OTHER = Subject("guest-2342", "consignee", "FR", "order-2342")
INTENTS = Filter(kind="intent")
REFUSED = Refused(caller="checkout", code="consent.missing", vendor="parcels", operation="create-shipment")


async def intents(ledger: Ledger) -> Sequence[Entry]:
    return await ledger.entries(INTENTS)


def outcome(entry: Entry) -> Mapping[str, Json]:
    assert entry.outcome is not None
    return entry.outcome


async def settled(ledger: Ledger) -> None:
    await ledger.record(Access("uid:1000", "list"))


async def test_an_intent_is_there_when_intend_returns(ledger: Ledger) -> None:
    ticket = await ledger.intend(shipment(), [PURCHASER], b"{}", within=20)

    [entry] = await intents(ledger)

    assert (entry.body["id"], entry.seq, entry.outcome) == (ticket.intent, ticket.seq, None)


async def test_an_outcome_is_joined_to_its_intent(ledger: Ledger) -> None:
    ticket = await ledger.intend(shipment(), [PURCHASER], b"{}", within=20)

    ledger.settle(ticket, SENT)
    await settled(ledger)

    [entry] = await intents(ledger)
    assert (outcome(entry)["result"], outcome(entry)["intent"]) == ("sent", ticket.intent)


async def test_leaves_stand_without_gaps_and_under_their_hash(shop: Shop, ledger: Ledger) -> None:
    for _ in range(3):
        ledger.settle(await ledger.intend(shipment(), [PURCHASER], b"{}", within=20), SENT)
    await ledger.close()

    leaves = shop.store.__class__(shop.folder / "ledger.db", "main")
    rows = leaves._database.execute("SELECT seq, hash, body FROM leaf JOIN leaf_body USING (seq)").fetchall()
    leaves.close()

    assert [seq for seq, *_ in rows] == list(range(len(rows)))
    assert all(hashed == leaf_hash(bytes(body)) for _, hashed, body in rows)  # type: ignore[arg-type]


async def test_nothing_of_a_subject_stands_in_the_files_in_clear(shop: Shop, ledger: Ledger) -> None:
    ticket = await ledger.intend(shipment(), [PURCHASER], b"canary-payload", within=20)
    ledger.settle(ticket, SENT, [ledger.digest("parcels", "canary-1Z999")])
    await ledger.entries(Filter(subject=PURCHASER.ref))
    await settled(ledger)

    raw = b"".join(path.read_bytes() for path in shop.folder.iterdir())

    assert ticket.intent.encode() in raw
    for secret in (PURCHASER.ref, "order-4815", "canary-payload", "canary-1Z999"):
        assert secret.encode() not in raw


async def test_the_scan_for_secrets_finds_one_that_is_there(shop: Shop, ledger: Ledger) -> None:
    await ledger.record(Access(PURCHASER.ref, "list"))

    raw = b"".join(path.read_bytes() for path in shop.folder.iterdir())

    assert PURCHASER.ref.encode() in raw


async def test_a_token_stands_beside_the_leaf_only(shop: Shop, ledger: Ledger) -> None:
    await ledger.intend(shipment(), [PURCHASER], b"{}", within=20)
    token = ledger._keys.token(PURCHASER.ref)
    [stored] = ledger._keys.blinding.found(token)

    bodies = shop.store._database.execute("SELECT body FROM leaf_body").fetchall()

    assert not any(token in bytes(body) or stored[4:] in bytes(body) for (body,) in bodies)  # type: ignore[arg-type]
    assert shop.store._database.execute("SELECT count(*) FROM link WHERE tok = ?", (stored,)).fetchone() == (1,)


async def test_what_an_answer_brought_leads_back_to_the_subjects_at_once(shop: Shop, ledger: Ledger) -> None:
    ticket = await ledger.intend(shipment(), [PURCHASER, OTHER], b"{}", within=20)
    shop.store.going.clear()

    ledger.settle(ticket, SENT, [digest := ledger.digest("parcels", "1Z999")])

    assert await ledger.earlier(digest) == (PURCHASER, OTHER)
    assert await ledger.earlier(ledger.digest("parcels", "1Z998")) is None


async def test_what_an_answer_brought_leads_back_after_a_restart(shop: Shop, ledger: Ledger) -> None:
    ticket = await ledger.intend(shipment(), [PURCHASER, OTHER], b"{}", within=20)
    ledger.settle(ticket, SENT, [digest := ledger.digest("parcels", "1Z999")])
    await ledger.close()

    again = shop.open()

    assert await again.earlier(digest) == (PURCHASER, OTHER)


@pytest.mark.parametrize("wait", [False, True], ids=["in memory", "in the store"])
async def test_the_first_call_that_brought_a_digest_keeps_it(ledger: Ledger, wait: bool) -> None:
    digest = ledger.digest("parcels", "1Z999")
    first = await ledger.intend(shipment(), [PURCHASER], b"{}", within=20)
    second = await ledger.intend(shipment(), [OTHER], b"{}", within=20)

    ledger.settle(first, SENT, [digest])
    if wait:
        await settled(ledger)
    ledger.settle(second, SENT, [digest])
    if wait:
        await settled(ledger)

    assert await ledger.earlier(digest) == (PURCHASER,)


async def test_a_digest_whose_subject_was_erased_leads_nowhere(shop: Shop, ledger: Ledger) -> None:
    ticket = await ledger.intend(shipment(), [PURCHASER, OTHER], b"{}", within=20)
    ledger.settle(ticket, SENT, [digest := ledger.digest("parcels", "1Z999")])
    await settled(ledger)

    key = ledger._keys.of(ledger._keys.token(PURCHASER.ref))
    ledger._keys._vault.destroy([key.id], 1)

    assert await ledger.earlier(digest) is None


async def test_calls_for_one_new_subject_at_one_time_make_one_key(ledger: Ledger) -> None:
    await asyncio.gather(*(ledger.intend(shipment(), [PURCHASER], b"{}", within=20) for _ in range(20)))

    with ledger._store._reading() as database:  # type: ignore[attr-defined]
        used = database.execute("SELECT count(DISTINCT dek) FROM link").fetchone()

    assert used == (1,)
    assert len(await ledger.entries(Filter(subject=PURCHASER.ref))) == 20


async def test_a_stalled_commit_is_answered_at_the_deadline_and_becomes_not_sent(shop: Shop, ledger: Ledger) -> None:
    shop.store.going.clear()

    with pytest.raises(Refusal) as refused:
        await ledger.intend(shipment(), [PURCHASER], b"{}", within=0.05)
    shop.store.going.set()
    await ledger._writer.drained()

    [entry] = await intents(ledger)
    assert refused.value.code == "ledger.unavailable"
    assert (outcome(entry)["result"], outcome(entry)["code"]) == ("not_sent", "ledger.unavailable")


async def test_while_a_commit_stalls_nobody_else_waits(shop: Shop, ledger: Ledger) -> None:
    shop.store.going.clear()
    with pytest.raises(Refusal):
        await ledger.intend(shipment(), [PURCHASER], b"{}", within=0.02)
    before = asyncio.get_running_loop().time()

    with pytest.raises(Refusal, match=r"ledger\.unavailable"):
        await ledger.intend(shipment(), [PURCHASER], b"{}", within=20)

    assert asyncio.get_running_loop().time() - before < 5
    assert ledger.unready == Unready.LATE


async def test_after_a_stall_intents_are_taken_again(shop: Shop, ledger: Ledger) -> None:
    shop.store.going.clear()
    with pytest.raises(Refusal):
        await ledger.intend(shipment(), [PURCHASER], b"{}", within=0.02)
    shop.store.going.set()
    await ledger._writer.drained()

    ticket = await ledger.intend(shipment(), [PURCHASER], b"{}", within=20)

    assert ticket.seq
    assert ledger.healthy


@pytest.mark.parametrize("kept", [False, True], ids=["not persisted", "persisted"])
async def test_a_commit_that_raised_acknowledges_nothing(shop: Shop, ledger: Ledger, kept: bool) -> None:
    (shop.store.after if kept else shop.store.before).append(StoreError("FullError"))

    with pytest.raises(Refusal, match=r"ledger\.unavailable"):
        await ledger.intend(shipment(), [PURCHASER], b"{}", within=20)
    await ledger._writer.drained()

    assert [outcome(entry)["result"] for entry in await intents(ledger)] == ["not_sent"] * kept


async def test_after_a_commit_that_raised_the_next_one_works(shop: Shop, ledger: Ledger) -> None:
    shop.store.after.append(StoreError("FullError"))
    with pytest.raises(Refusal):
        await ledger.intend(shipment(), [PURCHASER], b"{}", within=20)
    await ledger._writer.drained()

    ticket = await ledger.intend(shipment(), [PURCHASER], b"{}", within=20)

    [newest, _] = await intents(ledger)
    assert (newest.seq, newest.outcome) == (ticket.seq, None)


@pytest.mark.parametrize(("corrupt", "status"), [(False, os.EX_IOERR), (True, os.EX_DATAERR)])
async def test_after_a_failed_fsync_nothing_is_written_any_more_and_the_process_is_to_end(
    shop: Shop, ledger: Ledger, corrupt: bool, status: int
) -> None:
    ticket = await ledger.intend(shipment(), [PURCHASER], b"{}", within=20)
    shop.store.before.append(StoreError("IOError", lasting=True, corrupt=corrupt))

    with pytest.raises(Refusal):
        await ledger.intend(shipment(), [PURCHASER], b"{}", within=20)
    with pytest.raises(Refusal, match=r"ledger\.unavailable"):
        await ledger.intend(shipment(), [PURCHASER], b"{}", within=20)
    ledger.settle(ticket, SENT)

    assert await ledger._writer.caught_up(60), "nothing is on its way any more"
    assert await ledger.ended == status
    assert [entry.outcome for entry in await intents(ledger)] == [None]


@pytest.mark.parametrize("beside", ["checkpoint", "check"])
async def test_so_it_is_where_the_disk_fails_beside_a_commit(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, beside: str
) -> None:
    append, committed = SqliteStore.append, list[int]()

    def appended(store: SqliteStore, rows: Sequence[Row]) -> int:
        committed.append(append(store, rows))
        return committed[-1]

    def failing(_: SqliteStore) -> None:
        # Not before: the writer looks around also when there is nothing to write.
        if committed:
            raise StoreError("IOError SQLITE_IOERR_FSYNC", lasting=True)

    monkeypatch.setattr(SqliteStore, "append", appended)
    monkeypatch.setattr(SqliteStore, beside, failing)

    ticket = await ledger.intend(shipment(), [PURCHASER], b"{}", within=20)

    assert ticket.seq
    assert await ledger.ended == os.EX_IOERR


async def test_a_disk_that_fails_while_the_database_is_opened_again_ends_it_too(shop: Shop, ledger: Ledger) -> None:
    shop.store.before.append(StoreError("FullError"))
    shop.store.reopening.append(StoreError("IOError", lasting=True))

    with pytest.raises(Refusal):
        await ledger.intend(shipment(), [PURCHASER], b"{}", within=20)

    assert await ledger.ended == os.EX_IOERR


@pytest.mark.parametrize("kept", [False, True], ids=["not persisted", "persisted"])
async def test_an_outcome_survives_a_commit_that_raised(shop: Shop, ledger: Ledger, kept: bool) -> None:
    ticket = await ledger.intend(shipment(), [PURCHASER], b"{}", within=20)
    (shop.store.after if kept else shop.store.before).append(StoreError("FullError"))

    ledger.settle(ticket, SENT)
    await ledger._writer.drained()

    assert [outcome(entry)["result"] for entry in await intents(ledger)] == ["sent"]
    assert len(await ledger.entries(Filter(kind="outcome"))) == 1


async def test_a_full_queue_refuses_intents_and_takes_outcomes(
    shop: Shop, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "QUEUED", 3)
    ticket = await ledger.intend(shipment(), [PURCHASER], b"{}", within=20)
    shop.store.going.clear()
    waiting = [asyncio.ensure_future(ledger.intend(shipment(), [OTHER], b"{}", within=20)) for _ in range(3)]
    await asyncio.sleep(0)

    with pytest.raises(Refusal, match=r"ledger\.unavailable"):
        await ledger.intend(shipment(), [OTHER], b"{}", within=20)
    ledger.settle(ticket, SENT)
    shop.store.going.set()
    await asyncio.gather(*waiting)
    await ledger._writer.drained()

    assert {entry.body["id"]: entry.outcome is not None for entry in await intents(ledger)}[ticket.intent]
    assert len(await intents(ledger)) == 4


async def test_a_cancelled_call_does_not_tear_its_commit(shop: Shop, ledger: Ledger) -> None:
    shop.store.going.clear()
    shop.store.reached.clear()
    call = asyncio.ensure_future(ledger.intend(shipment(), [PURCHASER], b"{}", within=20))
    await asyncio.to_thread(shop.store.reached.wait, 10)

    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    shop.store.going.set()
    await ledger._writer.drained()

    [entry] = await intents(ledger)
    assert outcome(entry)["result"] == "not_sent"


async def test_a_call_cancelled_between_commit_and_waking_is_not_sent(ledger: Ledger) -> None:
    calls = list[asyncio.Future[object]]()
    written = ledger._writer._written

    def cancel_after(item: writer.Item, place: int) -> None:
        written(item, place)
        if item.waiter:
            calls[0].cancel()

    ledger._writer._written = cancel_after
    calls.append(asyncio.ensure_future(ledger.intend(shipment(), [PURCHASER], b"{}", within=20)))
    with pytest.raises(asyncio.CancelledError):
        await calls[0]
    await ledger._writer.drained()

    [entry] = await intents(ledger)
    assert outcome(entry)["result"] == "not_sent"


async def test_when_the_writer_dies_everybody_is_told(
    shop: Shop, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    died = list[threading.ExceptHookArgs]()
    monkeypatch.setattr(threading, "excepthook", died.append)
    shop.store.before.append(MemoryError())

    with pytest.raises(Refusal, match=r"ledger\.unavailable"):
        await ledger.intend(shipment(), [PURCHASER], b"{}", within=20)
    with pytest.raises(Refusal, match=r"ledger\.unavailable"):
        await ledger.intend(shipment(), [PURCHASER], b"{}", within=20)

    # Whoever waits is told before the thread has quite ended.
    await asyncio.to_thread(ledger._writer._thread.join)
    assert [args.exc_type for args in died] == [MemoryError]
    assert ledger.unready == Unready.FAILED
    assert await ledger.ended == os.EX_SOFTWARE


async def test_whoever_waits_for_a_writer_that_dies_is_told_at_once(
    shop: Shop, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    shop.store.reached.clear()
    shop.store.going.clear()
    waiting = [asyncio.ensure_future(ledger.intend(shipment(), [OTHER], b"{}", within=20)) for _ in range(50)]
    await asyncio.to_thread(shop.store.reached.wait, 20)
    shop.store.before.append(MemoryError())
    shop.store.going.set()
    await ledger.ended

    done, pending = await asyncio.wait(waiting, timeout=10)

    assert not pending
    assert all(isinstance(each.exception(), Refusal) for each in done)


async def test_what_stands_in_a_log_by_accident_names_nobody(ledger: Ledger) -> None:
    ticket = await ledger.intend(shipment(), [PURCHASER], b"{}", within=20)
    row = ledger._scribe.row(REFUSED, [PURCHASER])

    accident = repr([ticket, row, row.links, writer.Item(row), PURCHASER, ledger._keys.of(row.links[0].tok)])

    assert PURCHASER.ref not in accident
    assert repr(row.links[0].tok) not in accident


async def test_refusals_and_facts_are_found_by_their_subject(ledger: Ledger) -> None:
    ledger.note(REFUSED, [PURCHASER])
    id_ = await ledger.record(FactPut("consent", "given"), [PURCHASER])

    found = await ledger.entries(Filter(subject=PURCHASER.ref))

    assert [entry.body["kind"] for entry in found] == ["fact", "refusal"]
    assert found[0].body["id"] == id_


@pytest.mark.parametrize(
    ("wanted", "kinds"),
    [
        (Filter(kind="refusal"), ["refusal"]),
        (Filter(vendor="parcels"), ["refusal", "outcome", "intent"]),
        (Filter(operation="create-shipment", kind="intent"), ["intent"]),
        (Filter(caller="checkout"), ["refusal"]),
        (Filter(code="consent.missing"), ["refusal"]),
        (Filter(code="vendor.timeout"), ["outcome", "intent"]),
        (Filter(result="possibly"), ["outcome", "intent"]),
        (Filter(result="sent"), []),
        (Filter(vendor="stripe"), []),
        (Filter(subject="nobody"), []),
        (Filter(limit=1), ["refusal"]),
        (Filter(since=2_000_000_000_000_000), []),
        (Filter(until=1_767_225_600_000_000), []),
    ],
    ids=repr,
)
async def test_entries_are_found_by_what_they_say(ledger: Ledger, wanted: Filter, kinds: list[str]) -> None:
    ticket = await ledger.intend(shipment(), [PURCHASER], b"{}", within=20)
    ledger.settle(ticket, Outcome("possibly", "vendor.timeout"))
    ledger.note(REFUSED)
    await ledger._writer.drained()

    found = await ledger.entries(wanted)

    assert [entry.body["kind"] for entry in found] == kinds


async def test_an_entry_is_found_by_its_id_and_its_time(ledger: Ledger) -> None:
    ticket = await ledger.intend(shipment(), [PURCHASER], b"{}", within=20)
    [entry] = await ledger.entries(Filter(id=ticket.intent))
    ts = entry.body["ts"]
    assert isinstance(ts, int)

    assert await ledger.entries(Filter(since=ts, until=ts)) == [entry]
    assert entry not in await ledger.entries(Filter(since=ts + 1))
    assert entry not in await ledger.entries(Filter(until=ts - 1))


async def test_pages_follow_each_other_without_gap_or_overlap(ledger: Ledger) -> None:
    for _ in range(5):
        ledger.note(REFUSED)
    await ledger._writer.drained()

    whole = await ledger.entries(Filter())
    first = await ledger.entries(Filter(limit=3))
    rest = await ledger.entries(Filter(before=first[-1].seq))

    assert [*first, *rest] == whole


async def test_a_restart_begins_an_epoch_and_keeps_what_was_settled(shop: Shop, ledger: Ledger) -> None:
    ledger.settle(await ledger.intend(shipment(), [PURCHASER], b"{}", within=20), SENT)
    await ledger.close()

    again = shop.open()

    epochs = [(entry.body["epoch"], entry.body["state"]) for entry in await again.entries(Filter(kind="epoch"))]
    assert epochs == [(2, "opened"), (1, "closed"), (1, "opened")]
    assert [outcome(entry)["result"] for entry in await intents(again)] == ["sent"]
    assert len(await again.entries(Filter(kind="genesis"))) == 1


async def test_an_intent_that_was_left_open_after_it_was_let_out_is_in_doubt(shop: Shop, ledger: Ledger) -> None:
    ledger.release(await ledger.intend(shipment(), [PURCHASER], b"{}", within=20))
    await ledger.close()

    again = shop.open()

    assert [outcome(entry)["result"] for entry in await intents(again)] == ["in_doubt"]
    assert [entry.body["kind"] for entry in await again.entries(Filter(result="in_doubt"))] == ["outcome", "intent"]


async def test_one_that_was_never_let_out_was_not_sent(shop: Shop, ledger: Ledger) -> None:
    kept = await ledger.intend(shipment(), [PURCHASER], b"{}", within=20)
    out = await ledger.intend(shipment(), [PURCHASER], b"{}", within=20)
    ledger.release(out)
    await ledger.close()

    results = {entry.body["id"]: outcome(entry)["result"] for entry in await intents(shop.open())}

    assert results == {kept.intent: "not_sent", out.intent: "in_doubt"}


async def test_after_the_machine_was_started_anew_nothing_is_proven(
    shop: Shop, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ledger.intend(shipment(), [PURCHASER], b"{}", within=20)
    await ledger.close()
    monkeypatch.setattr("gateway.ledger.ledger.boot", lambda _: "0" * 12)

    assert [outcome(entry)["result"] for entry in await intents(shop.open())] == ["in_doubt"]


async def test_without_the_file_of_releases_nothing_is_proven(shop: Shop, ledger: Ledger) -> None:
    await ledger.intend(shipment(), [PURCHASER], b"{}", within=20)
    await ledger.close()
    (shop.folder / "releases").unlink()

    assert [outcome(entry)["result"] for entry in await intents(shop.open())] == ["in_doubt"]


async def test_what_was_kept_back_for_long_does_not_leave(ledger: Ledger) -> None:
    ticket = await ledger.intend(shipment(), [PURCHASER], b"{}", within=20)

    assert ticket.not_after > since_boot() + 10_000
    assert not ledger.release(changed(ticket, not_after=since_boot()))
    assert ledger.release(ticket)


async def test_a_folder_belongs_to_one_ledger(shop: Shop, ledger: Ledger) -> None:
    with pytest.raises(StartError, match="another process"):
        shop.open()


async def test_a_closed_ledger_lets_go_of_its_folder_and_takes_nothing(shop: Shop, ledger: Ledger) -> None:
    await ledger.close()

    with pytest.raises(Refusal, match=r"ledger\.unavailable"):
        await ledger.intend(shipment(), [PURCHASER], b"{}", within=20)
    await shop.open().close()


async def test_what_is_queued_is_written_before_the_ledger_closes(shop: Shop, ledger: Ledger) -> None:
    ticket = await ledger.intend(shipment(), [PURCHASER], b"{}", within=20)
    for _ in range(50):
        ledger.note(REFUSED)
    ledger.settle(ticket, SENT)

    await ledger.close()

    again = shop.open()
    assert len(await again.entries(Filter(kind="refusal", limit=100))) == 50
    assert [outcome(entry)["result"] for entry in await intents(again)] == ["sent"]


async def test_an_intent_that_cannot_be_written_is_refused(ledger: Ledger, tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=r"ledger\.unavailable"):
        await ledger.intend(shipment("\ud800"), [PURCHASER], b"{}", within=20)

    assert await intents(ledger) == []


async def test_a_database_that_cannot_be_opened_again_is_tried_until_it_can(shop: Shop, ledger: Ledger) -> None:
    ticket = await ledger.intend(shipment(), [PURCHASER], b"{}", within=20)
    shop.store.after.append(StoreError("FullError"))
    shop.store.reopening.append(StoreError("CantOpenError"))

    ledger.settle(ticket, SENT)
    await ledger._writer.drained()

    assert [outcome(entry)["result"] for entry in await intents(ledger)] == ["sent"]
    assert ledger.healthy


async def test_what_is_done_between_commits_comes_after_what_has_to_be_written_again(
    shop: Shop, ledger: Ledger
) -> None:
    before = shop.store.tree.size
    shop.store.before.append(StoreError("FullError"))

    ledger.note(REFUSED)
    size = await ledger._deed(lambda: shop.store.tree.size)

    assert (shop.store.before, size) == ([], before + 1)


async def test_what_is_done_between_commits_finds_every_new_token_durable(ledger: Ledger) -> None:
    ledger._scribe.row(REFUSED, [PURCHASER])

    assert await ledger._deed(ledger._keys.commit) == 0, "its key was still to be committed"


async def test_a_purge_that_is_turned_down_takes_nothing_with_it_that_came_along(ledger: Ledger) -> None:
    nothing = Purge(policy="", classes=(), ranges=((0, 0),), count=1, set_root="", oldest_ts=1, newest_ts=1, by="ann")

    ledger.note(REFUSED)
    with pytest.raises(Refusal):
        await ledger._durable(ledger._scribe.purge(nothing, 0), 20)

    assert len(await ledger.entries(Filter(kind="refusal"))) == 1
    assert await ledger.entries(Filter(kind="purge")) == []


async def test_where_nothing_can_be_written_any_more_nobody_waits_in_vain_who_came_meanwhile(
    shop: Shop, ledger: Ledger
) -> None:
    shop.store.reached.clear()
    shop.store.going.clear()
    loop = asyncio.get_running_loop()
    first = loop.create_task(ledger.intend(shipment(), [PURCHASER], b"{}", within=60))
    await asyncio.to_thread(shop.store.reached.wait, 20)
    queued = loop.create_task(ledger.intend(shipment(), [PURCHASER], b"{}", within=60))
    await until(lambda: ledger._writer.unfinished == 2 and not ledger._writer._lingering)
    shop.store.before.append(StoreError("IOError", lasting=True))
    shop.store.going.set()

    async with asyncio.timeout(30):
        told = await asyncio.gather(first, queued, return_exceptions=True)

    assert [isinstance(each, Refusal) for each in told] == [True, True]


async def test_where_thousands_wait_a_refusal_is_lost_and_the_log_says_so(
    shop: Shop, ledger: Ledger, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("gateway.ledger.ledger.QUEUED", 1)
    shop.store.going.clear()

    for _ in range(3):
        ledger.note(REFUSED)
    shop.store.going.set()
    await ledger._writer.drained()

    assert len(await ledger.entries(Filter(kind="refusal"))) == 2
    assert caplog.messages == ["an entry was not written: refusal"]


async def test_a_disk_that_hangs_does_not_keep_the_process_from_ending(shop: Shop, ledger: Ledger) -> None:
    shop.store.going.clear()

    await ledger.close(within=0.05)

    assert ledger.unready == Unready.STOPPING
    with pytest.raises(StartError, match="another process"):
        shop.open()
    shop.store.going.set()
    await ledger.close()


async def test_a_file_that_is_no_database_is_not_opened_and_the_folder_let_go(shop: Shop) -> None:
    await shop.open().close()
    (shop.folder / "ledger.db").write_bytes(b"not a database" * 1_000)

    with pytest.raises(StartError, match="cannot be opened: NotADBError"):
        shop.open()
    for name in ("ledger.db", "high-water"):
        (shop.folder / name).unlink()

    assert shop.open().healthy


async def test_times_and_boots_are_those_of_the_machine(ledger: Ledger) -> None:
    [entry] = await ledger.entries(Filter(kind="epoch"))

    assert isinstance(entry.body["mono"], int)
    assert abs(since_boot() - entry.body["mono"]) < 60_000
    assert len(str(entry.body["boot"])) == 12
