"""A copy is made beside the calls, holds all that was acknowledged before, and is known again or refused."""

import asyncio
import json
from pathlib import Path

import apsw
import pytest
from ledger_fakes import PURCHASER, SENT, Shop, shipment
from processes import Machine
from stores_of import forgotten, grown, with_registry
from waiting import until

from gateway.backup import FILES, MANIFEST, Manifest, backed_up, read
from gateway.errors import Distrusted, StartError
from gateway.ledger import Subject
from gateway.ledger import copies as ledger_copies
from gateway.ledger.checkpoint import opened
from gateway.ledger.housekeeping import Access
from gateway.ledger.note import Verifier

NOW = 1_767_225_600_000_000


async def taken(folder: Path, into: Path, *, entry: str = "") -> Manifest:
    """A backup as another process takes it: these tests have the ledger open in this one."""
    return await asyncio.to_thread(backed_up, folder, into, lambda: NOW, entry=entry)


@pytest.fixture
async def data(tmp_path: Path) -> Path:
    await grown(tmp_path / "data")
    await asyncio.to_thread(with_registry, tmp_path / "data")
    return tmp_path / "data"


async def test_a_backup_holds_everything_and_no_key_that_opens_it(tmp_path: Path, data: Path) -> None:
    manifest = await taken(data, tmp_path / "b")

    assert sorted(each.name for each in (tmp_path / "b").iterdir()) == sorted([*FILES, MANIFEST])
    assert read(tmp_path / "b") == manifest
    assert (manifest.made, manifest.erased, manifest.unopenable) == (NOW, 0, 0)
    assert all((tmp_path / "b" / name).stat().st_mode & 0o077 == 0 for name in (*FILES, MANIFEST))


async def test_a_backup_names_the_entry_in_it_that_says_that_it_is_made(tmp_path: Path, data: Path) -> None:
    ledger = Shop(data).open()
    entry = await ledger.record(Access("anna", "backup"))
    await ledger.close()

    manifest = await taken(data, tmp_path / "b", entry=entry)

    assert read(tmp_path / "b") == manifest
    assert json.loads((tmp_path / "b" / MANIFEST).read_text())["entry"] == entry


async def test_a_copy_without_the_entry_that_says_that_it_is_made_is_none(tmp_path: Path, data: Path) -> None:
    with pytest.raises(Distrusted, match="lacks the entry 0f0f"):
        await taken(data, tmp_path / "b", entry="0f" * 16)

    assert not (tmp_path / "b" / MANIFEST).exists()


async def test_a_backup_from_before_an_entry_was_named_is_still_one(tmp_path: Path, data: Path) -> None:
    manifest = await taken(data, tmp_path / "b")
    older = json.loads((tmp_path / "b" / MANIFEST).read_text())
    del older["entry"]

    (tmp_path / "b" / MANIFEST).write_text(json.dumps(older))

    assert read(tmp_path / "b") == manifest


async def test_a_backup_is_taken_while_calls_are_recorded(tmp_path: Path, data: Path) -> None:
    ledger = Shop(data).open()
    acknowledged, stop = list[str](), asyncio.Event()

    async def calls() -> None:
        while not stop.is_set():
            ticket = await ledger.intend(shipment(), [PURCHASER], b"{}", within=20)
            acknowledged.append(ticket.intent)
            ledger.settle(ticket, SENT)

    calling = asyncio.ensure_future(calls())
    await until(lambda: bool(acknowledged))
    before = len(acknowledged)

    manifest = await taken(data, tmp_path / "b")

    stop.set()
    await calling
    await ledger.close()
    copy = apsw.Connection(str(tmp_path / "b" / "ledger.db"))
    held = {row[0].hex() for row in copy.execute("SELECT id FROM leaf WHERE kind = 'intent'")}
    assert set(acknowledged[:before]) <= held
    assert len(acknowledged) > before
    assert manifest.unopenable == 0


async def test_people_whose_keys_are_not_in_it_are_counted(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = ledger_copies.copied

    def keys_too_old(source: Path, target: Path) -> None:
        if source.name == "keys.db":
            source = tmp_path / "before" / "keys.db"
        copy(source, target)

    ledger = Shop(data).open()
    (tmp_path / "before").mkdir()
    await asyncio.to_thread(copy, data / "keys.db", tmp_path / "before" / "keys.db")
    for number in range(200):
        await ledger.intend(shipment(), [Subject(f"c-{number}", "purchaser", "DE")], b"{}", within=20)
    await ledger.close()
    monkeypatch.setattr(ledger_copies, "copied", keys_too_old)

    manifest = await taken(data, tmp_path / "b")

    assert manifest.unopenable > 0


@pytest.mark.parametrize("every_time", [False, True], ids=["once", "every time"])
async def test_an_erasure_between_two_files_makes_it_copy_them_again(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch, every_time: bool
) -> None:
    ledger, loop, copy, tries = Shop(data).open(), asyncio.get_running_loop(), ledger_copies.copied, list[str]()

    def erased_before(source: Path, target: Path) -> None:
        if source.name == "keys.db":
            tries.append(f"c-{len(tries)}")
            if every_time or len(tries) == 1:
                asyncio.run_coroutine_threadsafe(erasure(), loop).result(60)
        copy(source, target)

    async def erasure() -> None:
        await ledger.intend(shipment(), [Subject(tries[-1], "purchaser", "DE")], b"{}", within=20)
        await forgotten(ledger, tries[-1])

    monkeypatch.setattr(ledger_copies, "copied", erased_before)
    if every_time:
        with pytest.raises(StartError, match="try again later"):
            await taken(data, tmp_path / "b")
    else:
        manifest = await taken(data, tmp_path / "b")
        assert (manifest.erased, manifest.told) == (1, 1)
    assert len(tries) == (3 if every_time else 2)
    await ledger.close()


@pytest.mark.parametrize("every_time", [False, True], ids=["once", "every time"])
async def test_a_turnover_between_two_files_makes_it_copy_them_again(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch, every_time: bool
) -> None:
    ledger, loop, copy, tries = Shop(data).open(), asyncio.get_running_loop(), ledger_copies.copied, list[str]()

    def turned_before(source: Path, target: Path) -> None:
        if source.name == "keys.db":
            tries.append(source.name)
            if every_time or len(tries) == 1:
                asyncio.run_coroutine_threadsafe(ledger.erasing.turnover("anna"), loop).result(60)
        copy(source, target)

    monkeypatch.setattr(ledger_copies, "copied", turned_before)
    if every_time:
        with pytest.raises(StartError, match="being turned over"):
            await taken(data, tmp_path / "b")
    else:
        await taken(data, tmp_path / "b")
    assert len(tries) == (3 if every_time else 2)
    await ledger.close()


@pytest.mark.parametrize("name", FILES)
async def test_a_file_that_was_changed_is_noticed(tmp_path: Path, data: Path, name: str) -> None:
    await taken(data, tmp_path / "b")
    file = tmp_path / "b" / name
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)

    with pytest.raises(Distrusted, match=f"{name} is not the file"):
        read(tmp_path / "b")


async def test_a_backup_without_a_manifest_or_with_a_newer_one_is_none(tmp_path: Path, data: Path) -> None:
    await taken(data, tmp_path / "b")
    manifest = tmp_path / "b" / MANIFEST
    stated = json.loads(manifest.read_text("utf-8"))

    manifest.write_text(json.dumps(stated | {"version": 2}), "utf-8")
    with pytest.raises(StartError, match="newer gateway"):
        read(tmp_path / "b")
    manifest.write_text("{}", "utf-8")
    with pytest.raises(Distrusted, match="no manifest"):
        read(tmp_path / "b")
    manifest.unlink()
    with pytest.raises(StartError, match="not finished"):
        read(tmp_path / "b")


async def test_an_altered_ledger_makes_no_backup(tmp_path: Path, data: Path) -> None:
    file = apsw.Connection(str(data / "ledger.db"))
    file.execute("DROP TRIGGER leaf_body_UPDATE; UPDATE leaf_body SET body = x'7b7d' WHERE seq = 2")
    file.close()

    with pytest.raises(Distrusted, match="entry 2 does not fit"):
        await taken(data, tmp_path / "b")

    assert not (tmp_path / "b" / MANIFEST).exists()


async def test_nothing_is_written_over(tmp_path: Path, data: Path) -> None:
    await taken(data, tmp_path / "b")

    with pytest.raises(StartError, match="folder of its own"):
        await taken(data, tmp_path / "b")
    with pytest.raises(StartError, match="start a gateway there once"):
        await taken(tmp_path / "b", tmp_path / "c")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "m")


@pytest.mark.slow
def test_a_backup_is_typed_beside_a_gateway_and_without_one(machine: Machine) -> None:
    with machine.serving():
        running = machine.typed("backup", "first")
    alone = machine.typed("backup", "second")

    verifier = Verifier.parse(machine.typed("ledger", "key").stdout.strip())
    for done, folder in ((running, "first"), (alone, "second")):
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[-1].startswith("not in it: root.key, kek.key, sign.key.")
        manifest = read(machine.folder / folder)
        assert opened(manifest.checkpoint, verifier).size <= manifest.size
        assert f"on record as {manifest.entry}\n" in done.stdout
    looks = machine.listed("--kind", "access")
    named = [read(machine.folder / folder).entry for folder in ("second", "first")]
    assert [look["id"] for look in looks if look["action"] == "backup"] == named
