"""Whatever a store does, and in whatever order things happen, what is promised of the ledger holds."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.errors import FlakyFailure, FlakyStrategyDefinition
from hypothesis.stateful import run_state_machine_as_test
from ledger_machine import PEOPLE, FaultyStore, LedgerMachine, quick
from stubborn import StubbornStore

from gateway.frozen import changed
from gateway.ledger import Ledger, StoreError
from gateway.ledger.entry import Intent
from gateway.ledger.store import Row
from gateway.ledger.writer import Item

QUIET = list(HealthCheck)
EXAMPLES, STEPS, TRIES = 30, 25, 3


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    quick(monkeypatch)


def test_the_invariants_hold_whatever_the_store_does() -> None:
    how = settings(max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, suppress_health_check=QUIET)

    run_state_machine_as_test(LedgerMachine, settings=how)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # who is killed closes no session
def test_the_invariants_hold_on_postgresql_too(emptied: str) -> None:
    how = settings(max_examples=15, stateful_step_count=STEPS, deadline=None, suppress_health_check=QUIET)

    run_state_machine_as_test(type("Shared", (LedgerMachine,), {"database": emptied}), settings=how)


class Hasty(Ledger):
    """Lets a call go before its intent is durable."""

    async def _durable(self, row: Row, within: float) -> int:
        if row.kind != Intent.kind:
            return await super()._durable(row, within)
        self._writer.put(Item(row))
        return 1


class StubbornFaultyStore(StubbornStore, FaultyStore):
    """The same where every operation can fail."""


class SwallowingStore(FaultyStore):
    """Takes a commit that raised for one that happened."""

    def append(self, rows: Sequence[Row]) -> int:
        try:
            return super().append(rows)
        except StoreError:
            return self._size


class RememberingStore(FaultyStore):
    """Writes an erasure down, and erases nothing."""

    def append(self, rows: Sequence[Row]) -> int:
        return super().append([changed(row, forgets=None) for row in rows])


class StandingStore(FaultyStore):
    """Leaves whoever is found by a token under the generation that a turnover destroys."""

    def reblind(self) -> int:
        return 0


class Heedless(Ledger):
    """Knows of no hold."""

    @classmethod
    def open(cls, folder: Path, **given: Any) -> Ledger:
        ledger = super().open(folder, **given)
        setattr(ledger.erasing, "_holds", lambda _: ())  # noqa: B010 - as a build would have it that leaves it out
        return ledger


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    "wrong",
    [
        {"built": Hasty},
        {"store": StubbornFaultyStore},
        {"store": SwallowingStore},
        {"store": RememberingStore},
        {"store": StandingStore},
        {"built": Heedless},
    ],
    ids=[
        "does not wait for the commit",
        "keeps its tree after an error",
        "acknowledges a commit that raised",
        "erases nobody",
        "moves no token",
        "heeds no hold",
    ],
)
def test_a_ledger_that_is_built_wrongly_is_found_out(wrong: dict[str, object]) -> None:
    how = settings(
        max_examples=200, stateful_step_count=STEPS, deadline=None, suppress_health_check=QUIET,
        phases=[Phase.generate], database=None, derandomize=True, print_blob=False, report_multiple_bugs=False,
    )  # fmt: skip
    machine = type("Wrong", (LedgerMachine,), wrong)

    def run() -> None:
        # Threads of its own make a run that cannot be repeated; what was wrong in it shows in another one too.
        for _ in range(TRIES):
            with suppress(FlakyStrategyDefinition):
                run_state_machine_as_test(machine, settings=how)

    # What is wrong shows; whether it shows again, threads decide.
    with pytest.raises((AssertionError, FlakyFailure)):
        run()


def test_of_somebody_who_was_erased_before_they_were_held_an_entry_may_go() -> None:
    machine, person = LedgerMachine(), PEOPLE[0]
    machine.calls(count=1, person=person)
    machine.ends_in_good_order()
    machine.a_person_is_erased(person=person)
    machine.a_person_is_held(person=person)
    machine.years_go_by()
    machine.what_is_over_is_purged()

    machine.ends_in_good_order()

    assert [leaf for leaf in machine.book.leaves() if leaf.body is None]
    machine.teardown()
