"""The file is opened durably or not at all, and only grows."""

import os
from pathlib import Path

import apsw
import pytest
from ledger_fakes import Shop

from gateway.errors import StartError
from gateway.ledger import database
from gateway.ledger.sqlite import SqliteStore
from gateway.ledger.sqlite_schema import MIGRATIONS


@pytest.fixture
async def written(shop: Shop) -> apsw.Connection:
    ledger = shop.open()
    await ledger.close()
    return apsw.Connection(str(shop.folder / "ledger.db"))


@pytest.mark.parametrize(
    "act",
    [
        "UPDATE leaf SET hash = zeroblob(32)",
        "DELETE FROM leaf",
        "INSERT OR REPLACE INTO leaf SELECT * FROM leaf",
        "UPDATE leaf_body SET body = x'00'",
        "DELETE FROM leaf_body",
        "INSERT OR REPLACE INTO leaf_body SELECT * FROM leaf_body",
    ],
)
def test_leaves_are_append_only(written: apsw.Connection, act: str) -> None:
    before = written.execute("SELECT * FROM leaf JOIN leaf_body USING (seq)").fetchall()
    written.pragma("recursive_triggers", 1)

    with pytest.raises(apsw.ConstraintError, match="append-only"):
        written.execute(act)

    assert before
    assert written.execute("SELECT * FROM leaf JOIN leaf_body USING (seq)").fetchall() == before


def test_without_the_triggers_leaves_could_be_changed(written: apsw.Connection) -> None:
    written.execute("DROP TRIGGER leaf_DELETE")

    written.execute("DELETE FROM leaf")

    assert written.changes()


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("synchronous", "NORMAL"),
        ("journal_mode", "DELETE"),
        ("secure_delete", "OFF"),
        ("cell_size_check", "OFF"),
        ("trusted_schema", "ON"),
        ("mmap_size", 65_536),
        ("wal_autocheckpoint", 1_000),
        ("fullfsync", "OFF"),
        ("recursive_triggers", "OFF"),
    ],
)
def test_a_setting_that_did_not_take_is_found(tmp_path: Path, setting: str, value: str | int) -> None:
    connection = database.writable(tmp_path / "ledger.db")
    database.demand_durable(connection)
    connection.pragma(setting, value)

    with pytest.raises(StartError, match=setting):
        database.demand_durable(connection)


@pytest.mark.parametrize(
    ("setting", "made"),
    [("auto_vacuum", "PRAGMA page_size = 4096; PRAGMA auto_vacuum = NONE"), ("page_size", "PRAGMA page_size = 1024")],
)
def test_a_file_that_was_made_with_another_setting_is_refused(tmp_path: Path, setting: str, made: str) -> None:
    apsw.Connection(str(tmp_path / "ledger.db")).execute(f"{made}; CREATE TABLE there(was)")

    with pytest.raises(StartError, match=setting):
        SqliteStore(tmp_path / "ledger.db", "main")


def test_a_file_with_the_larger_pages_of_earlier_ones_goes_on(tmp_path: Path) -> None:
    apsw.Connection(str(tmp_path / "ledger.db")).execute(
        "PRAGMA page_size = 8192; PRAGMA auto_vacuum = INCREMENTAL; VACUUM"
    )

    store = SqliteStore(tmp_path / "ledger.db", "main")

    assert store.tree.size == 0


def test_an_old_sqlite_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "OLDEST_SQLITE", (99, 0, 0))

    with pytest.raises(StartError, match="can corrupt the ledger"):
        SqliteStore(tmp_path / "ledger.db", "main")


def mounted(tmp_path: Path, kind: str, device: int) -> Path:
    """What the machine would say if a device were a file system of this kind."""
    lines = [
        "22 28 0:21 / /sys rw,nosuid - sysfs sysfs rw",
        f"30 28 {os.major(device)}:{os.minor(device)} / /srv/some\\040where rw shared:1 - {kind} server:/x rw,vers=4",
        "31 28 0:40 / /mnt rw - nfs4 elsewhere:/y rw",
    ]
    (tmp_path / "mountinfo").write_text("\n".join(lines) + "\n")
    return tmp_path / "mountinfo"


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "9p", "ceph", "fuse.sshfs"])
def test_a_network_file_system_is_refused(tmp_path: Path, kind: str) -> None:
    with pytest.raises(StartError, match=rf"network file system \({kind}\)"):
        database.demand_local(tmp_path, mounted(tmp_path, kind, tmp_path.stat().st_dev))


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs", "overlay", "zfs"])
def test_a_disk_of_this_machine_is_not(tmp_path: Path, kind: str) -> None:
    database.demand_local(tmp_path, mounted(tmp_path, kind, tmp_path.stat().st_dev))
    database.demand_local(tmp_path, mounted(tmp_path, "nfs4", os.makedev(0, 9_999)))
    database.demand_local(tmp_path, tmp_path / "nobody says")
    database.demand_local(tmp_path)

    assert kind not in database.REMOTE


def test_a_folder_on_one_is_not_even_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = {line.partition(" - ")[2].split()[0] for line in Path("/proc/self/mountinfo").read_text().splitlines()}
    monkeypatch.setattr(database, "REMOTE", kinds)

    with pytest.raises(StartError, match="network file system"):
        database.locked(tmp_path / "data")

    assert list((tmp_path / "data").iterdir()) == []


def test_a_file_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    SqliteStore(tmp_path / "ledger.db", "main").close()
    apsw.Connection(str(tmp_path / "ledger.db")).pragma("user_version", len(MIGRATIONS) + 1)

    with pytest.raises(StartError, match="newer gateway"):
        SqliteStore(tmp_path / "ledger.db", "main")


async def test_the_wal_is_copied_back_between_commits(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.ledger.sqlite.CHECKPOINT_PAGES", 1)
    ledger = shop.open()

    await ledger.close()

    wal = shop.folder / "ledger.db-wal"
    assert not wal.exists() or wal.stat().st_size == 0
