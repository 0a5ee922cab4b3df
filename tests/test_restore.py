"""What is brought back is the log that was signed, or a new origin that says what it lacks, or nothing."""

import asyncio
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from ledger_fakes import PURCHASER, Shop
from processes import Machine
from stores_of import forgotten, grown, signed, with_keys, with_registry

from gateway import backup, restore
from gateway.backup import FILES, backed_up, read
from gateway.errors import Distrusted, StartError
from gateway.ledger import Entry, Filter, Ledger
from gateway.ledger.checkpoint import Checkpoint, number_of, opened
from gateway.ledger.note import NoteError, Verifier
from gateway.restore import Asked, Told, restored

VERIFIER = Path(__file__).parents[1] / "ledger_verify.py"
NOW = 1_767_225_600_000_000


async def taken(data: Path, into: Path) -> Path:
    await asyncio.to_thread(backed_up, data, into, lambda: NOW, entry="")
    return into


async def brought(folder: Path, into: Path, last: str | None = None, *, anew: bool = False) -> Told:
    asked = Asked(into=into, last=last, anew=anew, high_water=into / "high-water", by="anna", node="n1")
    return await asyncio.to_thread(restored, folder, asked, lambda: NOW)


@pytest.fixture
async def data(tmp_path: Path) -> Path:
    await grown(tmp_path / "data")
    await asyncio.to_thread(with_registry, tmp_path / "data")
    return tmp_path / "data"


async def about(ledger: Ledger, kind: str) -> Sequence[Entry]:
    return await ledger.entries(Filter(kind=kind))


def size_of(note: str) -> int:
    return int(note.split("\n")[1])


async def test_a_log_that_has_all_that_was_signed_goes_on(tmp_path: Path, data: Path) -> None:
    note = await grown(data)
    folder = await taken(data, tmp_path / "b")
    before = {name: (data / name).read_bytes() for name in ("kek.key", "sign.key", "root.key")}

    told = await brought(folder, with_keys(tmp_path / "new", data, "high-water"))

    ledger = Shop(tmp_path / "new").open()
    verifier = Verifier.parse(ledger.vkey)
    assert (told.is_new, told.lost, told.origin) == (False, None, verifier.name)
    assert number_of(told.origin) == 1
    assert (await ledger.continued(size_of(note), await ledger.head())).startswith(f"old {size_of(note)}\n")
    [entry] = await about(ledger, "restore")
    assert (entry.body["size"], entry.body["by"]) == (told.size, "anna")
    assert len(await about(ledger, "intent")) == 2
    assert {name: (tmp_path / "new" / name).read_bytes() for name in before} == before
    assert len(await ledger.entries(Filter(subject=PURCHASER.ref))) == 2
    await ledger.close()


async def test_a_log_that_lacks_what_was_signed_ends_and_another_origin_goes_on(tmp_path: Path, data: Path) -> None:
    folder = await taken(data, tmp_path / "b")
    before = await grown(data, 3)
    old = Verifier.parse(await key_of(data))

    told = await brought(folder, with_keys(tmp_path / "new", data), before)

    ledger = Shop(tmp_path / "new").open()
    verifier = Verifier.parse(ledger.vkey)
    note = await signed(ledger)
    assert told.lost == (told.size, size_of(before) - 1)
    assert (told.is_new, told.origin, verifier.name, verifier.key) == (True, verifier.name, f"{old.name}/2", old.key)
    [genesis, first] = await about(ledger, "genesis")
    assert genesis.seq == told.size
    assert {name: genesis.body.get(name) for name in ("origin", "previous", "checkpoint", "size", "lost")} == {
        "origin": 2,
        "previous": old.name,
        "checkpoint": before,
        "size": told.size,
        "lost": list(told.lost),
    }
    assert "origin" not in first.body
    assert opened(note, verifier).origin == verifier.name
    with pytest.raises(NoteError):
        opened(note, old)
    await ledger.close()


async def key_of(data: Path) -> str:
    ledger = Shop(data).open()
    await ledger.close()
    return ledger.vkey


def verified(file: Path, vkey: str, kept: str) -> "subprocess.CompletedProcess[str]":
    """What an auditor is told of a copy, who kept a checkpoint of the origin before."""
    (file.parent / "kept").write_text(kept, "utf-8")
    command = [sys.executable, str(VERIFIER), str(file), "--key", vkey, "--since", str(file.parent / "kept")]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=280)


async def test_the_old_origin_signs_nothing_more_and_what_it_signed_still_holds(tmp_path: Path, data: Path) -> None:
    folder = await taken(data, tmp_path / "b")
    kept = backup.read(folder).checkpoint
    before = await grown(data, 3)
    await brought(folder, with_keys(tmp_path / "new", data), before)

    ledger = Shop(tmp_path / "new").open()
    head = await ledger.head(ledger._store.tree.size)

    verifier = Verifier.parse(ledger.vkey)
    origins = {size_of(each.note): opened(each.note, verifier).origin for each in await ledger.heads(0, 1_000)}
    assert {number_of(origin) for size, origin in origins.items() if size <= size_of(kept)} == {1}
    assert {number_of(origin) for size, origin in origins.items() if size > size_of(kept)} == {2}
    assert (await ledger.continued(size_of(kept), head)).startswith(f"old {size_of(kept)}\n")
    assert (await ledger.proved(0)).startswith("c2sp.org/tlog-proof@v1\n")
    await ledger.close()
    judged = await asyncio.to_thread(verified, tmp_path / "new" / "ledger.db", ledger.vkey, kept)
    assert judged.returncode == 0, judged.stdout
    again = Shop(tmp_path / "new").open()
    assert again.vkey == ledger.vkey
    await again.close()


async def test_without_the_rule_for_earlier_names_it_would_not_even_start(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = await taken(data, tmp_path / "b")
    before = await grown(data)
    await brought(folder, with_keys(tmp_path / "new", data), before)
    monkeypatch.setattr("gateway.ledger.checkpoint._is_earlier", lambda _origin, _name: False)

    with pytest.raises(Distrusted, match="CORRUPT"):
        Shop(tmp_path / "new").open()


async def test_the_high_water_mark_alone_begins_an_origin_that_nobody_has_used(tmp_path: Path, data: Path) -> None:
    folder = await taken(data, tmp_path / "b")
    await grown(data, 3)

    told = await brought(folder, with_keys(tmp_path / "new", data, "high-water"))

    assert (told.is_new, number_of(told.origin)) == (True, NOW // 1_000_000 + 1)
    assert told.lost is not None
    assert told.lost[0] == told.size
    ledger = Shop(tmp_path / "new").open()
    await ledger.close()


async def test_a_second_loss_begins_a_third_origin(tmp_path: Path, data: Path) -> None:
    folder = await taken(data, tmp_path / "b")
    first = await grown(data, 3)
    await brought(folder, with_keys(tmp_path / "second", data), first)
    second = await grown(tmp_path / "second", 5)

    told = await brought(folder, with_keys(tmp_path / "third", data), second)

    assert (number_of(Checkpoint.parse(second.partition("\n\n")[0] + "\n").origin), number_of(told.origin)) == (2, 3)


async def test_where_nothing_is_known_it_has_to_be_said(tmp_path: Path, data: Path) -> None:
    folder = await taken(data, tmp_path / "b")
    into = with_keys(tmp_path / "new", data)

    with pytest.raises(StartError, match="--last-checkpoint"):
        await brought(folder, into)
    assert not any((into / name).exists() for name in (*FILES, "restoring"))

    assert (await brought(folder, into, anew=True)).is_new


async def test_a_checkpoint_of_another_log_is_refused(tmp_path: Path, data: Path) -> None:
    folder = await taken(data, tmp_path / "b")
    other = await grown(tmp_path / "other", 3)
    into = with_keys(tmp_path / "new", data)

    with pytest.raises(StartError, match="no checkpoint of this log"):
        await brought(folder, into, other)


async def test_a_branch_of_the_log_is_refused_unless_a_new_origin_is_wanted(tmp_path: Path, data: Path) -> None:
    await asyncio.to_thread(shutil.copytree, data, tmp_path / "branch")
    await grown(data, 1)
    note = await grown(tmp_path / "branch", 1)
    await grown(data, 5)
    folder = await taken(data, tmp_path / "b")
    into = with_keys(tmp_path / "new", data)

    with pytest.raises(StartError, match="another log than this backup"):
        await brought(folder, into, note)

    assert (await brought(folder, into, note, anew=True)).is_new


@pytest.mark.parametrize("missing", ["root.key", "kek.key", "sign.key"])
async def test_without_the_keys_nothing_is_brought_back(tmp_path: Path, data: Path, missing: str) -> None:
    folder = await taken(data, tmp_path / "b")
    into = with_keys(tmp_path / "new", data, "high-water")
    (into / missing).unlink()

    with pytest.raises(StartError, match=f"put {missing} into"):
        await brought(folder, into)


@pytest.mark.parametrize("name", ["root.key", "sign.key"])
async def test_keys_of_something_else_are_refused(tmp_path: Path, data: Path, name: str) -> None:
    folder = await taken(data, tmp_path / "b")
    into = with_keys(tmp_path / "new", data, "high-water")
    (into / name).write_bytes(bytes(32))

    with pytest.raises(StartError):
        await brought(folder, into)

    assert not any((into / each).exists() for each in (*FILES, "restoring"))


async def test_nothing_is_written_over(tmp_path: Path, data: Path) -> None:
    folder = await taken(data, tmp_path / "b")

    with pytest.raises(StartError, match="nothing is written over"):
        await brought(folder, data)


async def test_a_folder_in_use_is_refused(tmp_path: Path, data: Path) -> None:
    folder = await taken(data, tmp_path / "b")
    ledger = Shop(data).open()
    for name in FILES:
        (data / name).rename(tmp_path / name)

    with pytest.raises(StartError, match="another process"):
        await brought(folder, data)

    await ledger.close()


async def test_a_backup_from_before_an_erasure_does_not_bring_anybody_back(tmp_path: Path, data: Path) -> None:
    folder = await taken(data, tmp_path / "b")
    ledger = Shop(data).open()
    await forgotten(ledger, PURCHASER.ref)
    await ledger.close()
    into = with_keys(tmp_path / "new", data, "high-water")

    with pytest.raises(Distrusted, match="older than an erasure"):
        await brought(folder, into)

    assert not any((into / each).exists() for each in (*FILES, "restoring"))


async def test_with_a_key_from_before_it_too_nobody_could_tell(tmp_path: Path, data: Path) -> None:
    folder = await taken(data, tmp_path / "b")
    into = with_keys(tmp_path / "new", data)
    ledger = Shop(data).open()
    await forgotten(ledger, PURCHASER.ref)
    last = await signed(ledger)
    await ledger.close()

    assert (await brought(folder, into, last)).is_new


async def test_a_backup_from_after_an_erasure_comes_back_without_the_person(tmp_path: Path, data: Path) -> None:
    ledger = Shop(data).open()
    await forgotten(ledger, PURCHASER.ref)
    await ledger.close()
    folder = await taken(data, tmp_path / "b")

    await brought(folder, with_keys(tmp_path / "new", data, "high-water"))

    again = Shop(tmp_path / "new").open()
    assert await again.entries(Filter(subject=PURCHASER.ref)) == []
    assert len(await about(again, "intent")) == 1
    await again.close()


@pytest.mark.parametrize("step", ["mark", "ledger.db"])
async def test_what_was_cut_short_does_not_start(
    tmp_path: Path, data: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = await taken(data, tmp_path / "b")
    last = await grown(data, 3)
    into = with_keys(tmp_path / "new", data)
    flush = restore._flush_path

    def cut(path: Path) -> None:
        if step in ("mark", path.name):
            raise InterruptedError
        flush(path)

    monkeypatch.setattr(restore, "_flush_path", cut)
    with pytest.raises(InterruptedError):
        await brought(folder, into, last)

    with pytest.raises(StartError):
        Shop(into).open()

    monkeypatch.undo()
    for name in FILES:
        (into / name).unlink(missing_ok=True)
    assert (await brought(folder, into, last)).is_new


@pytest.mark.slow
def test_a_backup_is_brought_back_as_somebody_types_it(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    with machine.serving():
        machine.typed("backup", "b")
    (tmp_path / "last").write_text(asyncio.run(grown(tmp_path / "data")), "utf-8")
    with_keys(tmp_path / "new", tmp_path / "data")

    done = machine.typed("restore", "b", "--into", "new", "--last-checkpoint", "last")

    assert done.returncode == 0, done.stderr
    assert f"is on record as {read(tmp_path / 'b').entry}\n" in done.stdout
    assert "/main/2\n" in done.stdout
    assert "hand out the new public key" in done.stdout
    assert "are lost: ask vendors" in done.stdout
    assert asyncio.run(key_of(tmp_path / "new")).split("+")[0].endswith("/main/2")
