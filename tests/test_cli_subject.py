"""What makes the record forget is a command, with a gateway running or without."""

from pathlib import Path

import pytest
from processes import Machine


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_the_keys_are_turned_over_beside_calls_and_without_a_gateway(machine: Machine) -> None:
    with machine.serving():
        beside = machine.typed("keys", "turnover")
    alone = machine.typed("keys", "turnover")
    entries = machine.listed("--kind", "key")

    assert "generation 2 is in force" in beside.stdout
    assert "generation 3 is in force" in alone.stdout
    told = [(each["generation"], each["state"]) for each in entries if "generation" in each]
    assert told == [(2, "destroyed"), (3, "created"), (1, "destroyed"), (2, "created"), (1, "created")]
    assert all(each["by"] for each in entries if each.get("generation") == 3)


@pytest.mark.parametrize("step", ["turnover-begun", "turnover-part", "turnover-wrapped", "turnover-ended"])
def test_a_turnover_that_is_killed_is_brought_to_its_end_by_the_next_start(machine: Machine, step: str) -> None:
    killed = Machine(machine.folder, settings={"FAILPOINTS": f"{step}=kill"})

    assert killed.typed("keys", "turnover").returncode == -9
    entries = machine.listed("--kind", "key")

    told = sorted((each["generation"], each["state"]) for each in entries if "generation" in each)
    assert told == [(1, "created"), (1, "destroyed"), (2, "created")]
    assert "generation 3 is in force" in machine.typed("keys", "turnover").stdout
