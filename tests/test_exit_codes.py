"""Whoever supervises the process tells by its exit status what is wrong with the record."""

from pathlib import Path

import apsw
import pytest
from processes import PATIENCE, Machine

pytestmark = pytest.mark.slow


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    machine = Machine(tmp_path)
    assert machine.typed("ledger", "checkpoint").returncode == 0
    return machine


def acted(machine: Machine, *acts: str) -> None:
    database = apsw.Connection(str(machine.folder / "data" / "ledger.db"))
    for (name,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
        database.execute(f"DROP TRIGGER {name}")
    for act in acts:
        database.execute(act)


def test_an_altered_record_is_65_and_opens_no_port(machine: Machine) -> None:
    acted(machine, "UPDATE leaf_body SET body = x'7b7d' WHERE seq = 1")

    done = machine.typed("serve")

    assert (done.returncode, done.stdout) == (65, "")
    assert done.stderr.startswith("CORRUPT: the ledger was altered: entry 1 does not fit its hash; ")
    assert "listens" not in done.stderr


def test_an_older_copy_of_the_record_is_65_and_opens_no_port(machine: Machine) -> None:
    ledger = machine.folder / "data" / "ledger.db"
    older = ledger.read_bytes()
    assert machine.typed("ledger", "list").returncode == 0
    ledger.write_bytes(older)

    done = machine.typed("serve")

    assert (done.returncode, done.stdout) == (65, "")
    assert done.stderr.startswith("ROLLBACK_DETECTED: the database is an older copy, or another one: it has ")
    assert "listens" not in done.stderr


@pytest.mark.parametrize(("name", "status"), [("IOError", 74), ("MemoryError", 70)])
def test_a_disk_that_fails_ends_the_process_with_74_and_a_fault_of_ours_with_70(
    machine: Machine, tmp_path: Path, name: str, status: int
) -> None:
    raised = {"IOError": "StoreError('IOError', lasting=True)", "MemoryError": "MemoryError()"}[name]
    # As the store raises it; a real disk is made to fail in tests/faults.
    (tmp_path / "failing.py").write_text(
        "from gateway.ledger import StoreError\nfrom gateway.ledger.sqlite import SqliteStore\n"
        "from gateway.cli.main import main\n"
        "append = SqliteStore.append\n"
        "def failing(store, rows):\n"
        f"    if any(row.kind == 'token' for row in rows): raise {raised}\n"
        "    return append(store, rows)\n"
        "SqliteStore.append = failing\nmain()\n"
    )

    with machine.serving("failing.py") as serving:
        refused = machine.typed("token", "issue", "--service", "fulfilment")
        ended = serving.process.wait(PATIENCE)

    assert refused.returncode == 1
    assert "ledger.unavailable" in refused.stderr
    assert ended == status
