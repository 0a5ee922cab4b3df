"""The state machine of `tests/ledger/ledger_machine.py`, for longer."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from ledger_machine import LedgerMachine, quick

Told = Callable[[str, int, str, str], None]
Extent = Callable[[int, int], int]

STEPS = 40


@pytest.mark.parametrize("part", range(2))
def test_the_invariants_hold_whatever_the_store_does(
    told: Told, extent: Extent, monkeypatch: pytest.MonkeyPatch, part: int
) -> None:
    quick(monkeypatch)
    examples = extent(60, 2_000)
    how = settings(
        max_examples=examples, stateful_step_count=STEPS, deadline=None, suppress_health_check=list(HealthCheck)
    )

    run_state_machine_as_test(LedgerMachine, settings=how)

    told("each operation of the store fails, persists or hangs", examples, "I1-I5, I7", "in make test: found out")
