"""The time, as people read it."""

from gateway.clock import moment


def test_a_time_of_the_ledger_is_shown_in_utc() -> None:
    assert moment(1_767_225_600_000_000) == "2026-01-01 00:00:00"
