"""A server that does not answer is left, and one that has nothing to say is not."""

import psycopg
import pytest

from gateway.bounded import Bounded


def test_an_answer_that_does_not_come_is_not_waited_for_and_not_taken_for_another(emptied: str) -> None:
    session = Bounded.connect(emptied, autocommit=True)
    session.within = 0.1

    with pytest.raises(psycopg.OperationalError):
        session.execute("SELECT pg_sleep(5)")

    assert session.closed


def test_an_answer_that_comes_in_time_is_taken(emptied: str) -> None:
    with Bounded.connect(emptied, autocommit=True) as session:
        session.within = 5.0

        assert session.execute("SELECT 1 FROM pg_sleep(0.2)").fetchall() == [(1,)]


def test_who_waits_for_news_for_a_while_goes_on_afterwards(emptied: str) -> None:
    with Bounded.connect(emptied, autocommit=True) as session:
        session.execute("LISTEN news")

        assert list(session.notifies(timeout=0.05)) == []
        assert not session.closed
