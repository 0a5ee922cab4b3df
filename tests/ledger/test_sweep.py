"""What is over goes, with everything that hangs on it and not a day early; everything else stays."""

import asyncio
import logging
import signal
import subprocess
import sys
from base64 import b64encode
from collections.abc import AsyncIterator, Iterable, Sequence
from pathlib import Path

import pytest
from histories import CONTRACT
from ledger_fakes import PURCHASER, SENT
from old_logs import KEEPS, YEAR, Times, bodies, disclosure, opened, sent, signed
from postgres_stores import prepared

from gateway.errors import Refusal
from gateway.frozen import changed
from gateway.ledger import Access, FactPut, Filter, Ledger, Refused, StoreError, Subject, sweep
from gateway.ledger.housekeeping import Received
from gateway.ledger.postgres import PostgresStore
from gateway.ledger.postgres_vault import PostgresVault
from gateway.ledger.purging import set_root
from gateway.ledger.store import NotPurged, Row
from gateway.ledger.sweep import Sweep
from gateway.ledger.writer import Item
from gateway.retention import RetentionClass, kept

REFUSED = Refused(caller="checkout", code="consent.missing", vendor="parcels", operation="create-shipment")
CALLED = Received("parcels", "tracking", "sha256:0", 80, (), 1)
OTHER = Subject("guest-2342", "consignee", "FR")
HERE = Path(__file__).parent
OVER = 5 * YEAR + 1


@pytest.fixture
def times() -> Times:
    return Times()


@pytest.fixture
async def ledger(tmp_path: Path, times: Times) -> AsyncIterator[Ledger]:
    ledger = opened(tmp_path, times)
    yield ledger
    if not ledger._closing:
        await ledger.close()


async def test_a_disclosure_goes_with_its_outcome_when_its_time_is_over(ledger: Ledger, times: Times) -> None:
    old = await sent(ledger, PURCHASER)
    times.pass_days(OVER)
    young = await sent(ledger, PURCHASER)
    hashes = list(ledger._store.hashes(old, old + 2))
    there = bodies(ledger)

    [purge] = await ledger.purge(KEEPS, by="anna")

    assert bodies(ledger) == there - {old, old + 1} | {ledger._store.tree.size - 1}
    assert young in bodies(ledger)
    assert (purge.ranges, purge.count, purge.by) == (((old, old + 1),), 2, "anna")
    assert purge.set_root == b64encode(set_root([(old, hashes[0]), (old + 1, hashes[1])])).decode()
    [entry] = await ledger.entries(Filter(kind="purge"))
    assert entry.body["classes"] == [{"class": "routine", "keeps": "P5Y", "count": 2, "newest_ts": purge.newest_ts}]
    assert str(entry.body["policy"]).startswith("sha256:")


async def test_nothing_goes_a_day_early(ledger: Ledger, times: Times) -> None:
    await sent(ledger)
    times.pass_days(OVER - 2)

    assert await ledger.purge(KEEPS, by="anna") == []


async def test_the_time_begins_with_the_outcome(ledger: Ledger, times: Times) -> None:
    ticket = await ledger.intend(disclosure(), [], b"{}", within=20)
    times.pass_days(10)
    ledger.settle(ticket, SENT)
    await signed(ledger)
    times.pass_days(OVER - 5)
    await ledger.record(Access("anna", "list"))

    assert await ledger.purge(KEEPS, by="anna") == []

    times.pass_days(5)
    assert [each.count for each in await ledger.purge(KEEPS, by="anna")] == [2]


async def test_each_class_has_a_time_of_its_own(ledger: Ledger, times: Times) -> None:
    disclosed = await sent(ledger)
    unusual = await sent(ledger, of=RetentionClass.EXCEPTIONAL)
    refused = ledger._store.tree.size
    await ledger.record(REFUSED)
    await ledger.record(Access("anna", "list"))
    await ledger.record(CALLED)
    await signed(ledger)
    gone = list[tuple[int, list[tuple[int, int]]]]()

    for years in (1, 2, 5, 6):
        times.pass_days((years - (gone[-1][0] if gone else 0)) * YEAR + 1)
        done = await ledger.purge(KEEPS, by="anna")
        gone.append((years, [each for purge in done for each in purge.ranges]))

    assert gone == [
        (1, [(refused, refused)]),
        (2, [(refused + 1, refused + 2)]),
        (5, [(disclosed, disclosed + 1)]),
        (6, [(unusual, unusual + 1)]),
    ]


async def test_another_time_that_the_policy_states_holds(ledger: Ledger, times: Times) -> None:
    await sent(ledger)
    times.pass_days(3 * YEAR + 1)

    assert await ledger.purge(kept({RetentionClass.ROUTINE: "P4Y"}), by="anna") == []
    assert len(await ledger.purge(kept({RetentionClass.ROUTINE: "P3Y"}), by="anna")) == 1


async def test_what_is_open_unknown_or_about_the_log_itself_stays(ledger: Ledger, times: Times) -> None:
    await ledger.intend(disclosure(), [], b"{}", within=20)
    await sent(ledger, of="for-ever")
    times.pass_days(20 * YEAR)
    await ledger.record(Access("anna", "list"))
    await signed(ledger)

    assert await ledger.purge(KEEPS, by="anna") == []


async def test_what_is_not_signed_stays(ledger: Ledger, times: Times) -> None:
    old = await sent(ledger)
    ledger._notary.hurry = lambda: None  # type: ignore[method-assign]
    ledger._notary._due = 10.0**12
    ledger.settle(await ledger.intend(disclosure(), [], b"{}", within=20), SENT)
    await ledger._writer.drained()
    times.pass_days(OVER)

    [purge] = await ledger.purge(KEEPS, by="anna")

    assert purge.ranges == ((old, old + 1),)


async def test_a_rehearsal_tells_and_takes_nothing(ledger: Ledger, times: Times) -> None:
    await sent(ledger)
    times.pass_days(OVER)
    there, size = bodies(ledger), ledger._store.tree.size

    rehearsed = await ledger.purge(KEEPS, by="anna", rehearsed=True)

    assert (bodies(ledger), ledger._store.tree.size) == (there, size)
    assert [each.ranges for each in await ledger.purge(KEEPS, by="anna")] == [each.ranges for each in rehearsed]


async def test_what_went_does_not_go_again(ledger: Ledger, times: Times) -> None:
    await sent(ledger)
    times.pass_days(OVER)
    await ledger.purge(KEEPS, by="anna")

    assert await ledger.purge(KEEPS, by="anna") == []


async def test_a_long_purge_is_several_short_ones(
    ledger: Ledger, times: Times, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.ledger.purging.TOGETHER", 4)
    monkeypatch.setattr("gateway.ledger.purging.PAGE", 3)
    for _ in range(5):
        await sent(ledger)
    times.pass_days(OVER)

    done = await ledger.purge(KEEPS, by="anna")

    assert [purge.count for purge in done] == [4, 4, 2]
    await signed(ledger)
    assert ledger.healthy


async def test_a_clock_that_is_set_forward_takes_nothing_early(
    tmp_path: Path, ledger: Ledger, times: Times, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await sent(ledger)
    times.set_clock(OVER)

    at_once = await ledger.purge(KEEPS, by="anna")
    await sent(ledger)
    recorded = await ledger.purge(KEEPS, by="anna")
    await ledger.close()
    again = opened(tmp_path, times)
    started = await again.purge(KEEPS, by="anna")

    assert [at_once, recorded, started] == [[], [], []]
    assert "ahead of what the ledger lived through" in caplog.text
    times.set_clock(-OVER)
    times.pass_days(OVER)
    assert await again.purge(KEEPS, by="anna") != []
    await again.close()


async def test_without_the_clock_that_nobody_sets_it_would_go_early(
    ledger: Ledger, times: Times, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "lived", lambda _, here: here.ts)
    await sent(ledger)
    times.set_clock(OVER)

    assert await ledger.purge(KEEPS, by="anna") != []


async def test_what_was_written_while_the_clock_was_behind_does_not_go_early(ledger: Ledger, times: Times) -> None:
    await sent(ledger)
    times.set_clock(-10 * YEAR)
    await sent(ledger)
    times.set_clock(10 * YEAR)
    await sent(ledger)

    assert await ledger.purge(KEEPS, by="anna") == []


async def test_the_key_and_the_tokens_of_somebody_go_with_the_last_link(ledger: Ledger, times: Times) -> None:
    for each in (PURCHASER, OTHER):
        await sent(ledger, each)
    token, other = (ledger.tokenise(each.ref, "parcels", "Ann") for each in (PURCHASER, OTHER))
    dek = ledger._store.dek_of(ledger._keys.token(PURCHASER.ref))
    assert dek is not None
    times.pass_days(OVER)
    await sent(ledger, OTHER)

    await ledger.purge(KEEPS, by="anna")

    assert (ledger.behind("parcels", token), ledger.behind("parcels", other)) == (None, "Ann")
    assert ledger._keys.by_id(dek) is None
    assert ledger._store.attic.loose(10) == []


async def test_somebody_who_comes_back_gets_a_new_key(ledger: Ledger, times: Times) -> None:
    await sent(ledger, PURCHASER)
    digest, dek = ledger.digest("parcels", "1Z999"), ledger._store.dek_of(ledger._keys.token(PURCHASER.ref))
    times.pass_days(OVER)
    await ledger.purge(KEEPS, by="anna")

    ticket = await ledger.intend(disclosure(), [PURCHASER], b"{}", within=20)
    ledger.settle(ticket, SENT, [digest])
    await signed(ledger)

    assert ledger._store.dek_of(ledger._keys.token(PURCHASER.ref)) != dek
    assert await ledger.earlier(digest) == (PURCHASER,)


async def test_a_key_that_a_call_under_way_is_sealed_under_stays(
    ledger: Ledger, times: Times, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sent(ledger, PURCHASER)
    dek = ledger._store.dek_of(ledger._keys.token(PURCHASER.ref))
    times.pass_days(OVER)
    forget = ledger._keys.forget

    def sealing_first(toks: Iterable[bytes]) -> None:
        row = ledger._scribe.row(disclosure(), [PURCHASER])
        ledger._writer.put(Item(row))
        forget(toks)

    monkeypatch.setattr(ledger._keys, "forget", sealing_first)
    await ledger.purge(KEEPS, by="anna")

    assert ledger._store.dek_of(ledger._keys.token(PURCHASER.ref)) == dek
    assert dek is not None
    assert ledger._keys.by_id(dek) is not None


async def test_answers_of_people_are_kept_while_they_hold(ledger: Ledger, times: Times) -> None:
    async def answered(state: str, purpose: str = "delivery") -> int:
        size = ledger._store.tree.size
        await ledger.record(FactPut(f"consent:{purpose}", state, "", "anna"), [PURCHASER])
        return size

    first = await answered("given")
    held = await answered("given", "delivery_notification")
    times.pass_days(4 * YEAR)
    withdrawn = await answered("withdrawn")
    await signed(ledger)

    assert await ledger.purge(KEEPS, by="anna") == []

    times.pass_days(3 * YEAR + 1)
    await ledger.record(Access("anna", "list"))
    [purge] = await ledger.purge(KEEPS, by="anna")
    assert {seq for first, last in purge.ranges for seq in range(first, last + 1)} == {first, withdrawn}
    assert held in bodies(ledger)


async def test_what_is_about_somebody_who_is_held_stays_until_the_hold_ends(ledger: Ledger, times: Times) -> None:
    held, other = await sent(ledger, PURCHASER, OTHER), await sent(ledger, OTHER)
    times.pass_days(OVER)
    await ledger.erasing.hold(PURCHASER.ref, reason="court-order", by="anna")

    [purge] = await ledger.purge(KEEPS, by="anna")
    assert purge.ranges == ((other, other + 1),)

    await ledger.erasing.release(PURCHASER.ref, by="anna")
    [purge] = await ledger.purge(KEEPS, by="anna")
    assert purge.ranges == ((held, held + 1),)


@pytest.mark.parametrize("is_checked", [True, False], ids=["as it is", "without the check"])
async def test_a_hold_that_comes_while_it_is_decided_wins(ledger: Ledger, times: Times, is_checked: bool) -> None:
    old = await sent(ledger, PURCHASER)
    times.pass_days(OVER)
    write = ledger._durable

    async def held_first(row: Row, within: float) -> int:
        if row.purges:
            await ledger.erasing.hold(PURCHASER.ref, reason="court-order", by="anna")
            row = row if is_checked else changed(row, as_of=ledger._store.tree.size)
        return await write(row, within)

    purge = Sweep(ledger._store, ledger._scribe, held_first, ledger._deed, ledger._read).run
    if is_checked:
        with pytest.raises(Refusal):
            await purge(KEEPS, by="anna")
    else:
        await purge(KEEPS, by="anna")

    assert (old in bodies(ledger)) is is_checked
    assert ledger.healthy


async def test_a_hold_or_an_outcome_in_between_stops_a_purge_and_nothing_else(
    ledger: Ledger, times: Times, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = await sent(ledger)
    times.pass_days(OVER)
    append = ledger._store.append

    def turned_down(rows: Sequence[Row]) -> int:
        if any(row.purges for row in rows):
            raise NotPurged("of a test")
        return append(rows)

    monkeypatch.setattr(ledger._store, "append", turned_down)
    purging = asyncio.ensure_future(ledger.purge(KEEPS, by="anna"))
    ticket = await ledger.intend(disclosure(), [], b"{}", within=20)

    with pytest.raises(Refusal):
        await purging

    assert ledger.healthy
    assert ticket.seq in bodies(ledger)
    assert old in bodies(ledger)


async def test_a_database_that_does_not_answer_is_a_refusal(
    ledger: Ledger, times: Times, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails() -> None:
        raise StoreError("IOError")

    monkeypatch.setattr(ledger._store.attic, "moments", fails)

    with pytest.raises(Refusal, match=r"ledger\.unavailable"):
        await ledger.purge(KEEPS, by="anna")


async def test_a_log_after_purges_is_sound_to_whoever_checks_a_copy(
    tmp_path: Path, ledger: Ledger, times: Times
) -> None:
    await ledger.record(CONTRACT)
    for each in (PURCHASER, OTHER):
        await sent(ledger, each)
    kept_note = (await ledger.head(ledger._store.tree.size)).note
    times.pass_days(OVER)
    await sent(ledger, OTHER)
    await ledger.purge(KEEPS, by="anna")
    await signed(ledger)
    await ledger.close()

    judged = await asyncio.to_thread(verified, tmp_path, ledger.vkey, kept_note)

    assert judged.returncode == 0, judged.stdout


def verified(folder: Path, vkey: str, note: str) -> "subprocess.CompletedProcess[str]":
    (folder / "kept").write_text(note, "utf-8")
    words = [str(HERE.parents[1] / "ledger_verify.py"), str(folder / "ledger.db"), "--key", vkey]
    command = [sys.executable, *words, "--since", str(folder / "kept")]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=280)


async def test_on_postgresql_the_same_goes(tmp_path: Path, times: Times, database: str) -> None:
    url = prepared(database).url
    ledger = opened(tmp_path, times, lambda _, log: PostgresStore(url, log))
    await ledger.record(REFUSED)
    await ledger.record(CALLED)
    old = await sent(ledger, PURCHASER)
    token = ledger.tokenise(PURCHASER.ref, "parcels", "Ann")
    times.pass_days(OVER)
    young = await sent(ledger, OTHER)

    [purge] = await ledger.purge(KEEPS, by="anna")

    assert purge.ranges == ((old - 2, old + 1),)
    assert [(each.name, each.count) for each in purge.classes] == [("operation", 1), ("refusal", 1), ("routine", 2)]
    assert young in bodies(ledger)
    assert old not in bodies(ledger)
    assert ledger.behind("parcels", token) is None
    assert await ledger.purge(KEEPS, by="anna") == []
    await signed(ledger)
    assert ledger.healthy
    await ledger.close()


async def test_the_disk_gets_its_room_back(tmp_path: Path, ledger: Ledger, times: Times) -> None:
    for part in range(6):
        people = [Subject(f"c-{part}-{number}", "purchaser", "DE") for number in range(250)]
        for ticket in await asyncio.gather(*(ledger.intend(disclosure(), [each], b"{}", within=20) for each in people)):
            ledger.settle(ticket, SENT)
    await signed(ledger)
    times.pass_days(OVER)
    before = {name: size_of(tmp_path, name) for name in ("ledger.db", "keys.db")}

    await ledger.purge(KEEPS, by="anna")

    assert before["ledger.db"] > 2_000_000
    assert size_of(tmp_path, "ledger.db") < before["ledger.db"] / 2.5
    assert size_of(tmp_path, "keys.db") < before["keys.db"] / 2.5
    await signed(ledger)
    assert ledger.healthy


def size_of(folder: Path, name: str) -> int:
    """With what stands in the WAL."""
    return sum((folder / each).stat().st_size for each in (name, f"{name}-wal"))


def died(folder: Path, times: Times, armed: str) -> int:
    """How a process ended that purged the ledger at a time, with a failpoint armed."""
    path = f"{HERE}:{HERE.parents[1]}"
    command = [sys.executable, str(HERE / "dying_sweep.py"), str(folder), str(times.wall), str(times.boot), armed]
    return subprocess.run(command, check=False, env={"PYTHONPATH": path}, timeout=280).returncode


STEPS = [
    "after-insert-leaf:purge",
    "after-insert-purged",
    "after-delete",
    "after-delete@2",
    "after-delete@3",
    "before-commit:purge",
    "after-commit:purge",
    "after-destroy-loose",
    "after-shrink",
]
DONE = set(STEPS[STEPS.index("after-commit:purge") :])


@pytest.mark.parametrize("step", STEPS)
async def test_a_purge_that_is_killed_goes_on_or_never_was(tmp_path: Path, times: Times, step: str) -> None:
    ledger = opened(tmp_path, times)
    old = await sent(ledger, PURCHASER)
    tok, before = ledger._keys.token(PURCHASER.ref), list(ledger._store.hashes(0, old + 2))
    dek = ledger._store.dek_of(tok) or b""
    await ledger.close()
    times.pass_days(OVER)
    name, _, nth = step.partition("@")

    ended = died(tmp_path, times, f"{name}=kill@{nth or 1}")

    assert ended == -signal.SIGKILL
    again = opened(tmp_path, times)
    assert list(again._store.hashes(0, old + 2)) == before
    assert (old in bodies(again)) == (old + 1 in bodies(again)) == (step not in DONE)
    done = await again.purge(KEEPS, by="anna")
    assert [each.ranges for each in done] == ([] if step in DONE else [((old, old + 1),)])
    assert (again._keys.by_id(dek), again._store.dek_of(tok), again._store.attic.loose(10)) == (None, None, [])
    assert len(await again.entries(Filter(kind="purge"))) == 1
    await signed(again)
    assert again.healthy
    await again.close()


@pytest.mark.parametrize("shared", [False, True], ids=["sqlite", "postgres"])
async def test_what_nothing_in_the_log_is_sealed_under_goes_once_its_process_is_over(
    tmp_path: Path, times: Times, request: pytest.FixtureRequest, shared: bool
) -> None:
    """As after a kill between the commit of the keys and that of the log, or a call that was refused in between."""
    url = prepared(request.getfixturevalue("emptied")).url if shared else ""
    ledger = kept_in(tmp_path, times, url)
    used, unused = ledger.tokenise(PURCHASER.ref, "parcels", "88"), ledger.tokenise(OTHER.ref, "parcels", "77")
    await sent(ledger, PURCHASER)
    await ledger.purge(KEEPS, by="anna")
    assert ledger.behind("parcels", unused) == "77"
    await ledger.close()

    again = kept_in(tmp_path, times, url)
    fresh = again.tokenise("guest-5", "parcels", "66")
    await sent(again, PURCHASER)
    before = again.behind("parcels", unused)
    await again.purge(KEEPS, by="anna")

    assert before == "77"
    assert [again.behind("parcels", each) for each in (used, unused, fresh)] == ["88", None, "66"]
    assert again.tokenise(PURCHASER.ref, "parcels", "88") == used
    deks = [link.dek for row in again._store.stored(0, 1_000, links=True) for link in row.links]
    assert len(deks) == 2
    assert all(again._keys.by_id(dek) for dek in deks)
    await again.close()


def kept_in(folder: Path, times: Times, url: str) -> Ledger:
    if not url:
        return opened(folder, times)
    loop = asyncio.get_running_loop()
    store, vault = (lambda _, log: PostgresStore(url, log)), (lambda _: PostgresVault(url))
    return Ledger.open(folder, node="n1", now=times.now, mono=times.mono, loop=loop, store=store, vault=vault)
