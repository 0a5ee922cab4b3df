"""The record forgets whom it is told to forget, and nobody else; a crash at any step changes nothing of that."""

import asyncio
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw
import pytest
from ledger_fakes import PURCHASER, SENT, Shop, Ticking, shipment
from postgres_stores import prepared

from gateway import failpoints
from gateway.errors import Distrusted, Refusal
from gateway.ledger import Access, Filter, Ledger, StoreError, Subject
from gateway.ledger.canonical import base64, leaf_hash
from gateway.ledger.erasing import Done, People
from gateway.ledger.holds import in_force
from gateway.ledger.oblivion import tombstone
from gateway.ledger.postgres import PostgresStore
from gateway.ledger.postgres_vault import PostgresVault
from gateway.ledger.scribe import UNWRITTEN
from gateway.ledger.sqlite_oblivion import SqliteOblivion
from gateway.ledger.sqlite_vault import SqliteVault
from gateway.ledger.tree import root

OTHER = Subject("guest-2342", "consignee", "FR")


async def test_a_turnover_leaves_everybody_found_and_is_on_record(ledger: Ledger, shop: Shop) -> None:
    token = ledger.tokenise(PURCHASER.ref, "parcels", "88")
    ticket = await ledger.intend(shipment(), [PURCHASER, OTHER], b"{}", within=20)
    ledger.settle(ticket, SENT, [digest := ledger.digest("parcels", "1Z999")])

    generation = await ledger.erasing.turnover("anna")

    assert await ledger.earlier(digest) == (PURCHASER, OTHER)
    again = await reopened(ledger, shop)
    assert await again.earlier(digest) == (PURCHASER, OTHER)
    assert again.behind("parcels", token) == "88"
    assert again.tokenise(PURCHASER.ref, "parcels", "88") == token
    told = [dict(entry.body) for entry in await again.entries(Filter(kind="key", caller="anna"))]
    assert generation == 2
    assert [(each["generation"], each["state"], each["by"]) for each in told] == [
        (1, "destroyed", "anna"),
        (2, "created", "anna"),
    ]


async def test_intents_go_on_during_a_turnover_and_their_people_are_found_after_it(ledger: Ledger, shop: Shop) -> None:
    await asyncio.gather(*(ledger.intend(shipment(), [someone(n)], b"{}", within=20) for n in range(300)))

    turning = asyncio.ensure_future(ledger.erasing.turnover("anna"))
    for n in range(300, 400):
        await ledger.intend(shipment(), [someone(n)], b"{}", within=20)
    await turning

    again = await reopened(ledger, shop)
    for n in range(400):
        assert again._keys.by_id(again._keys.of(again._keys.token(someone(n).ref)).id) is not None
    assert again._keys.hierarchy.generation == 2


async def test_turnovers_come_one_after_the_other(ledger: Ledger) -> None:
    turned = await asyncio.gather(*(ledger.erasing.turnover("anna") for _ in range(3)))

    assert sorted(turned) == [2, 3, 4]


def someone(number: int) -> Subject:
    return Subject(f"customer-{number:05}", "purchaser", "DE")


async def reopened(ledger: Ledger, shop: Shop) -> Ledger:
    await ledger.close()
    return shop.open()


@dataclass
class Nobody:
    """Whatever else knows people: here, a set of references."""

    refs: set[str] = field(default_factory=set)

    async def known(self) -> frozenset[str]:
        return frozenset(self.refs)

    async def erase(self, ref: str) -> None:
        self.refs.discard(ref)


async def erased(ledger: Ledger, ref: str, people: People | None = None) -> Done:
    return await ledger.erasing.erase(ref, people or Nobody(), reason="request", by="anna", forced=False)


async def told(ledger: Ledger, **wanted: Any) -> list[dict[str, Any]]:
    """Entries, the oldest first."""
    return [dict(entry.body) for entry in reversed(await ledger.entries(Filter(limit=1_000, **wanted)))]


async def busy(ledger: Ledger, people: int, calls: int) -> list[Subject]:
    """A shop at work: everybody appears several times, with others, with tokens and with what vendors call them."""
    everybody = [someone(n) for n in range(people)]
    for round_ in range(calls):
        for at in range(0, people, 50):
            for one in everybody[at : at + 50]:
                ledger.tokenise(one.ref, "parcels", f"{one.ref}-{round_}")
            tickets = await asyncio.gather(
                *(ledger.intend(shipment(), [one, OTHER], b"{}", within=20) for one in everybody[at : at + 50])
            )
            for ticket in tickets:
                ledger.settle(ticket, SENT, [ledger.digest("parcels", f"{ticket.subjects[0].ref}-{round_}")])
    await ledger.entries(Filter(limit=1))
    return everybody


def stored(ledger: Ledger, ref: str) -> bytes:
    """The token of a person as it stands in the files."""
    [found] = ledger._keys.blinding.found(ledger._keys.token(ref))
    return found


def traces(folder: Path, tok: bytes) -> dict[str, list[bytes]]:
    """All bytes by which a person could be told, from the files as they are."""
    ledger, keys = (apsw.Connection(str(folder / name)) for name in ("ledger.db", "keys.db"))
    found: dict[str, list[bytes]] = {"tok": [tok], "dek": [], "wrapped": [], "token": [], "sealed": [], "digest": []}
    for dek, sealed in ledger.execute("SELECT dek, sealed FROM link WHERE tok = ?", (tok,)):
        found["dek"].append(dek)
        found["sealed"].append(sealed)
    seqs = "SELECT seq FROM link WHERE tok = ?"
    found["digest"] = [each for (each,) in ledger.execute(f"SELECT digest FROM earlier WHERE seq IN ({seqs})", (tok,))]
    for dek in set(found["dek"]):
        found["wrapped"] += [each for (each,) in keys.execute("SELECT wrapped FROM subject_key WHERE dek = ?", (dek,))]
        for row in keys.execute("SELECT lookup, digest, sealed FROM token WHERE dek = ?", (dek,)):
            found["token"] += row
    ledger.close()
    keys.close()
    return found


def seen(folder: Path, found: dict[str, list[bytes]]) -> set[str]:
    """Which of them stand in any file, wherever in it."""
    raw = b"".join(file.read_bytes() for file in folder.iterdir() if file.is_file())
    return {name for name, values in found.items() if any(value in raw for value in values)}


@pytest.mark.parametrize("people", [3, 400])
async def test_after_an_erasure_no_byte_of_any_file_leads_to_the_person(
    ledger: Ledger, shop: Shop, people: int
) -> None:
    everybody = await busy(ledger, people, 3)
    one = everybody[people // 2]
    found = traces(shop.folder, stored(ledger, one.ref))
    assert all(found.values())
    assert seen(shop.folder, found) == set(found)

    done = await erased(ledger, one.ref)

    assert seen(shop.folder, found | {"ref": [one.ref.encode()]}) == set()
    assert (done.links, done.keys) == (3, 1)
    assert await ledger.entries(Filter(subject=one.ref)) == []


async def test_without_secure_deletion_and_the_search_for_what_is_left_the_scan_finds_it(
    ledger: Ledger, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control of the test before."""
    monkeypatch.setattr(SqliteVault, "residue", lambda *_: [])
    monkeypatch.setattr(SqliteOblivion, "residue", lambda *_: [])
    shop.store._database.pragma("secure_delete", 0)
    vault = ledger._keys.vault
    assert isinstance(vault, SqliteVault)
    vault._writing.pragma("secure_delete", 0)
    everybody = await busy(ledger, 3, 3)
    found = traces(shop.folder, stored(ledger, everybody[1].ref))

    await erased(ledger, everybody[1].ref)

    assert {"tok", "dek", "wrapped", "token"} <= seen(shop.folder, found)


async def test_an_erasure_says_neither_who_nor_which_keys_and_that_it_is_done(ledger: Ledger) -> None:
    await busy(ledger, 3, 2)
    tok = ledger._keys.token(someone(1).ref)
    dek = ledger._keys.of(tok).id

    done = await erased(ledger, someone(1).ref)

    begun, ended = await told(ledger, kind="erase")
    assert (begun["state"], begun["reason"], begun["by"]) == ("pending", "request", "anna")
    assert (begun["links"], begun["keys"], begun["generation"]) == (2, 1, 1)
    assert begun["root"] == base64(root([leaf_hash(tombstone(dek))]))
    assert (ended["state"], ended["erase"]) == ("done", begun["id"]) == ("done", done.entry)
    for secret in (someone(1).ref, tok.hex(), dek.hex(), base64(tok), base64(dek), tombstone(dek).hex()):
        assert secret not in repr((begun, ended))


async def test_the_log_is_as_whole_as_before(ledger: Ledger, shop: Shop) -> None:
    await busy(ledger, 3, 2)
    before = await ledger.head()

    await erased(ledger, someone(1).ref)

    after = await ledger.head(before.size + 2)
    assert await ledger.archive.strange(0, 1_000) == []
    assert await ledger.continued(before.size, after)
    for seq in range(after.size):
        assert await ledger.proved(seq)
    await reopened(ledger, shop)


async def test_others_are_found_as_before_and_who_was_in_a_call_with_them_stays(ledger: Ledger) -> None:
    everybody = await busy(ledger, 3, 2)

    await erased(ledger, everybody[1].ref)

    assert await ledger.earlier(ledger.digest("parcels", f"{everybody[0].ref}-0")) == (everybody[0], OTHER)
    assert await ledger.earlier(ledger.digest("parcels", f"{everybody[1].ref}-0")) is None
    assert len(await told(ledger, subject=OTHER.ref)) == 6


async def test_what_comes_after_an_erasure_is_about_somebody_new(ledger: Ledger, shop: Shop) -> None:
    token = ledger.tokenise(PURCHASER.ref, "parcels", "88")
    await ledger.intend(shipment(), [PURCHASER], b"{}", within=20)
    old = ledger._keys.of(ledger._keys.token(PURCHASER.ref)).id

    await erased(ledger, PURCHASER.ref)

    assert ledger.behind("parcels", token) is None
    assert ledger.tokenise(PURCHASER.ref, "parcels", "88") != token
    await ledger.intend(shipment(), [PURCHASER], b"{}", within=20)
    again = await reopened(ledger, shop)
    assert len(await again.entries(Filter(subject=PURCHASER.ref))) == 1
    assert again._keys.of(again._keys.token(PURCHASER.ref)).id != old
    assert again._keys.by_id(old) is None


async def test_an_intent_that_races_an_erasure_is_erased_with_it_or_about_somebody_new(ledger: Ledger) -> None:
    async def calls() -> None:
        for _ in range(30):
            await asyncio.gather(*(ledger.intend(shipment(), [PURCHASER], b"{}", within=20) for _ in range(5)))

    calling = asyncio.ensure_future(calls())
    for _ in range(6):
        await asyncio.sleep(0.01)
        await erased(ledger, PURCHASER.ref)
    await calling

    erasures = await ledger.entries(Filter(kind="erase", limit=1_000))
    last = max(entry.seq for entry in erasures if entry.body["state"] == "pending")
    left = await ledger.entries(Filter(subject=PURCHASER.ref, limit=1_000))
    assert all(entry.seq > last for entry in left)
    for dek in ledger._store.oblivion.known(ledger._keys.token(PURCHASER.ref)).deks:
        assert ledger._keys.by_id(dek) is not None


async def test_an_outcome_that_comes_after_the_erasure_leads_nobody_to_its_intent(ledger: Ledger) -> None:
    ticket = await ledger.intend(shipment(), [PURCHASER, OTHER], b"{}", within=20)
    whole = await ledger.intend(shipment(), [OTHER], b"{}", within=20)

    await erased(ledger, PURCHASER.ref)
    ledger.settle(ticket, SENT, [digest := ledger.digest("parcels", "1Z999")])
    ledger.settle(whole, SENT, [other := ledger.digest("parcels", "1Z998")])
    await ledger.entries(Filter(limit=1))

    assert await ledger.earlier(digest) is None
    assert await ledger.earlier(other) == (OTHER,)


async def test_tokens_of_a_call_that_never_became_durable_go_too(ledger: Ledger, shop: Shop) -> None:
    token = ledger.tokenise(PURCHASER.ref, "parcels", "88")
    dek = ledger._keys.of(ledger._keys.token(PURCHASER.ref)).id
    await ledger.record(Access("rita", "list"))
    assert ledger.behind("parcels", token) == "88"

    assert (await erased(ledger, PURCHASER.ref)).keys == 1

    assert ledger.behind("parcels", token) is None
    assert seen(shop.folder, {"dek": [dek]}) == set()


async def test_all_keys_of_a_person_are_found_also_where_there_are_several(ledger: Ledger, shop: Shop) -> None:
    await ledger.intend(shipment(), [PURCHASER], b"{}", within=20)
    tok = ledger._keys.token(PURCHASER.ref)
    with ledger._keys.erasing(tok):
        # As after an erasure that could not be written.
        await ledger.intend(shipment(), [PURCHASER], b"{}", within=20)
    deks = ledger._store.oblivion.known(tok).deks
    assert len(deks) == 2

    assert (await erased(ledger, PURCHASER.ref)).keys == 2

    assert [ledger._keys.by_id(dek) for dek in deks] == [None, None]


async def test_a_hold_keeps_a_person_until_it_is_released(ledger: Ledger, shop: Shop) -> None:
    await ledger.intend(shipment(), [PURCHASER, OTHER], b"{}", within=20)
    hold = await ledger.erasing.hold(PURCHASER.ref, reason="court-order", by="anna")
    for _ in range(2):
        with pytest.raises(Refusal) as refused:
            await erased(ledger, PURCHASER.ref)
        assert refused.value.code == "erasure.held"
        ledger = await reopened(ledger, shop)

    await erased(ledger, OTHER.ref)
    assert await ledger.erasing.release(PURCHASER.ref, by="rita") == 1
    await erased(ledger, PURCHASER.ref)

    [held] = await told(ledger, kind="hold")
    [released] = await told(ledger, kind="hold_release")
    assert (held["id"], held["reason"], held["by"], held["subjects"]["n"]) == (hold, "court-order", "anna", 1)
    assert (released["hold"], released["by"]) == (hold, "rita")
    assert PURCHASER.ref not in repr((held, released))


@pytest.mark.parametrize(("until", "holds"), [("2025-12-31", False), ("2026-01-01", True), ("2026-01-02", True)])
async def test_a_hold_ends_with_its_last_day(ledger: Ledger, until: str, holds: bool) -> None:
    await ledger.erasing.hold(PURCHASER.ref, reason="court-order", by="anna", until=until)

    tok = ledger._keys.token(PURCHASER.ref)
    assert (tok in in_force(ledger._store.oblivion, 1_767_225_600_000_000)) is holds


async def test_an_erasure_that_the_disk_refuses_is_done_when_it_is_asked_for_again(ledger: Ledger, shop: Shop) -> None:
    await busy(ledger, 3, 2)
    found = traces(shop.folder, stored(ledger, someone(1).ref))
    shop.store.after.append(StoreError("FullError"))
    with pytest.raises(Refusal):
        await erased(ledger, someone(1).ref)

    await erased(ledger, someone(1).ref)

    assert seen(shop.folder, found) == set()
    assert sorted(each["state"] for each in await told(ledger, kind="erase")) == ["done", "done", "pending", "pending"]


STEPS = ("after-forget", "erasure-entered", "erasure-counted", "erasure-destroyed")
LATER = ("erasure-told", "erasure-wiped")


@pytest.mark.parametrize("step", [*STEPS, *LATER])
async def test_an_erasure_that_broke_off_goes_on_at_the_next_start(tmp_path: Path, step: str) -> None:
    """Steps of a process that was killed are in `tests/test_cli_subject.py`; here, what is left on the disk."""
    shop = Shop(tmp_path / "killed")
    (tmp_path / "killed").mkdir()
    ledger = shop.open()
    await busy(ledger, 3, 2)
    found = traces(shop.folder, stored(ledger, someone(1).ref))
    copies: list[Path] = []
    failpoints.arm(f"{step}=raise")
    met = failpoints._armed[step][0]
    met.act = lambda _: copies.append(Path(shutil.copytree(shop.folder, tmp_path / "then")))

    await erased(ledger, someone(1).ref)
    failpoints.arm("")
    await ledger.close()

    again = Shop(copies[0], now=shop.now)
    ledger = again.open()
    people = Nobody({someone(n).ref for n in range(3)})
    await ledger.erasing.resume(people)
    if step == "after-forget":
        # Nothing was committed yet, so nothing has begun.
        assert (await erased(ledger, someone(1).ref, people)).links == 2
    assert seen(copies[0], found) == set()
    assert [each["state"] for each in await told(ledger, kind="erase")] == ["pending", "done"]
    assert (someone(1).ref in people.refs) is (step in LATER)
    await ledger.close()


@pytest.mark.parametrize("ledger_is", ["old", "new"])
@pytest.mark.parametrize("keys_are", ["old", "new"])
async def test_whichever_of_both_is_restored_nothing_opens_before_the_erasure_is_replayed(
    tmp_path: Path, ledger_is: str, keys_are: str
) -> None:
    """Of the four, one is as it was, one replays, and of two the ledger knows too little: those do not start."""
    shop = Shop(tmp_path / "data")
    (tmp_path / "data").mkdir()
    ledger = shop.open()
    token = ledger.tokenise(PURCHASER.ref, "parcels", "88")
    await ledger.intend(shipment(), [PURCHASER], b"{}", within=20)
    dek = ledger._keys.of(ledger._keys.token(PURCHASER.ref)).id
    await ledger.close()
    shutil.copytree(shop.folder, tmp_path / "old")
    ledger = shop.open()
    await erased(ledger, PURCHASER.ref)
    await ledger.close()
    for name, which in (("ledger.db", ledger_is), ("keys.db", keys_are)):
        if which == "old":
            shutil.copy(tmp_path / "old" / name, shop.folder)

    if ledger_is == "old":
        with pytest.raises(Distrusted, match="older than an erasure"):
            shop.open()
        return
    again = shop.open()

    assert again._keys.by_id(dek) is None
    assert again.behind("parcels", token) is None
    assert await again.entries(Filter(subject=PURCHASER.ref)) == []


async def test_without_the_replay_an_old_vault_would_open_what_was_erased(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control of the test before."""
    monkeypatch.setattr("gateway.ledger.ledger.resume", lambda *_: None)
    with pytest.raises(AssertionError):
        await test_whichever_of_both_is_restored_nothing_opens_before_the_erasure_is_replayed(tmp_path, "new", "old")


async def test_another_node_that_knows_the_key_cannot_use_it_after_the_erasure(database: str, tmp_path: Path) -> None:
    shared = prepared(database)

    def node(name: str, like: str = "") -> Ledger:
        (tmp_path / name).mkdir()
        for key in ("root.key", "kek.key", "sign.key") if like else ():
            shutil.copy(tmp_path / like / key, tmp_path / name)
        return Ledger.open(
            tmp_path / name, node=name, now=Ticking(), loop=asyncio.get_running_loop(),
            store=lambda _, log: PostgresStore(shared.url, log), vault=lambda _: PostgresVault(shared.url),
        )  # fmt: skip

    ours = node("n1")
    token = ours.tokenise(PURCHASER.ref, "parcels", "88")
    await ours.intend(shipment(), [PURCHASER], b"{}", within=20)
    theirs = node("n2", like="n1")
    await theirs.intend(shipment(), [PURCHASER], b"{}", within=20)
    assert theirs.behind("parcels", token) == "88"

    done = await erased(ours, PURCHASER.ref)
    late = [await theirs.intend(shipment(), [PURCHASER], b"{}", within=20) for _ in range(2)]

    assert (done.links, done.keys) == (2, 1)
    assert theirs.behind("parcels", token) is None
    # The first was sealed under the key that is gone, so it is decided anew and not written.
    assert [ticket is UNWRITTEN for ticket in late] == [True, False]
    assert len(await theirs.entries(Filter(subject=PURCHASER.ref))) == 1
    assert await ours.erasing.turnover("anna") == 2
    await theirs.intend(shipment(), [OTHER, someone(1)], b"{}", within=20)
    for ledger in (ours, theirs):
        await ledger.close()
