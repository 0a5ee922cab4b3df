"""Whoever supervises the process tells by its exit status what is wrong with the record."""

from pathlib import Path

import apsw
import pytest
from processes import Machine


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
