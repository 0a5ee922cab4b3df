"""Whoever supervises the process tells by its exit status what is wrong with the record."""

from pathlib import Path

import apsw
import pytest
from processes import PATIENCE, Machine

pytestmark = pytest.mark.slow


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    machine = Machine(tmp_path)
    with machine.serving():
        pass
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


@pytest.mark.parametrize("within", ["the last entry", "the last signature"])
def test_a_stop_that_cannot_finish_writing_is_75_and_the_next_start_settles_it(
    machine: Machine, tmp_path: Path, within: str
) -> None:
    method = {"the last entry": "append", "the last signature": "keep"}[within]
    # A disk that hangs, from the moment at which the process is told to stop.
    (tmp_path / "hanging.py").write_text(
        "import time\nfrom gateway.ledger.ledger import Ledger\nfrom gateway.ledger.sqlite import SqliteStore\n"
        "from gateway.cli.main import main\n"
        f"done, close = SqliteStore.{method}, Ledger.close\n"
        "async def closing(ledger):\n"
        f"    SqliteStore.{method} = lambda *given, **named: (time.sleep({3 * PATIENCE}), done(*given, **named))[1]\n"
        "    await close(ledger, within=0.5)\n"
        "Ledger.close = closing\nmain()\n"
    )

    with machine.serving("hanging.py") as serving:
        stopped = serving.stopped()
        with machine.serving() as again:
            settled = again.stopped()

    assert (stopped, settled) == (75, 0)


def test_a_disk_that_fails_while_the_last_entries_are_signed_is_74(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "failing.py").write_text(
        "from gateway.ledger import StoreError\nfrom gateway.ledger.notary import Notary\n"
        "from gateway.cli.main import main\n"
        "def failing(notary): raise StoreError('IOError', lasting=True)\n"
        "Notary.finish = failing\nmain()\n"
    )

    with machine.serving("failing.py") as serving:
        stopped = serving.stopped()

    assert stopped == 74


def test_a_guard_that_was_taken_away_is_missed_and_put_back_by_a_command(machine: Machine) -> None:
    acted(machine)

    refused = machine.typed("serve")
    put_back, again = (machine.typed("ledger", "prepare").stdout for _ in range(2))
    verified = machine.typed("ledger", "verify")

    assert refused.returncode == 1
    assert "not guarded as they were made: checkpoint_DELETE, checkpoint_UPDATE, " in refused.stderr
    assert put_back.startswith("put back: checkpoint_DELETE, checkpoint_UPDATE, ")
    assert again == "everything is guarded as it was made\n"
    assert verified.returncode == 0, verified.stdout
