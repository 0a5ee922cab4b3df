"""People are counted by the hour where intents become durable: over restarts, over nodes, and none of them twice."""

import tracemalloc
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledger_fakes import Repeating, shipment
from postgres_stores import prepared

from gateway.ledger import Subject
from gateway.ledger.hours import HOUR, OverLimitError, Toks
from gateway.ledger.keys import Keys
from gateway.ledger.scribe import Scribe
from gateway.ledger.sealing import Payload
from gateway.ledger.sqlite import SqliteStore
from gateway.ledger.store import Cap, Row, Store

SCOPE = "{0.vendor}/{0.operation}".format(shipment().manner)
NOON = 494_028 * HOUR


@pytest.fixture(params=["sqlite", "postgres"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., Store]:
    """Opens the store, on PostgreSQL as a node."""
    if request.param == "sqlite":
        return lambda _: SqliteStore(tmp_path / "ledger.db", "main")
    return prepared(request.getfixturevalue("emptied")).open


@pytest.fixture
def clock() -> list[int]:
    return [NOON]


@pytest.fixture
def about(tmp_path: Path, clock: list[int]) -> Iterator[Callable[..., Row]]:
    """An intent about these people, of an operation that may be about so many in an hour."""
    (tmp_path / "keys").mkdir()
    keys = Keys.open(tmp_path / "keys", Repeating())
    scribe = Scribe("main", "n1", "b0", 1, keys, lambda: clock[0], lambda: 7, Repeating())

    def row(*refs: str, most: int | None = 2, scope: str = SCOPE) -> Row:
        people = [Subject(ref, "purchaser", "DE") for ref in refs]
        cap = Cap(scope, most) if most is not None else None
        return scribe.row(shipment(), people, Payload(b"{}", "application/json"), cap=cap)

    yield row
    keys.close()


def taken(store: Store, *rows: Row) -> list[bool]:
    """Which of them are written, as the writer goes about it."""
    try:
        store.append(rows)
    except OverLimitError as over:
        left = [row for row in rows if row.id not in over.ids]
        if left:
            store.append(left)
        return [row.id not in over.ids for row in rows]
    return [True] * len(rows)


def test_one_person_too_many_is_not_written_and_whoever_was_there_may_come_again(
    opened: Callable[..., Store], about: Callable[..., Row]
) -> None:
    store = opened("n1")

    found = [taken(store, about(ref)) for ref in ("c-1", "c-2", "c-3", "c-1", "c-2")]

    assert found == [[True], [True], [False], [True], [True]]
    assert store.tree.size == 4
    store.close()


def test_in_one_batch_each_is_counted_after_those_before_it(
    opened: Callable[..., Store], about: Callable[..., Row]
) -> None:
    store = opened("n1")

    assert taken(store, about("c-1"), about("c-2", "c-3"), about("c-4"), about("c-1"), about("c-5")) == [
        True, False, True, True, False,
    ]  # fmt: skip
    store.close()


def test_a_store_that_is_opened_anew_goes_on_counting_where_the_log_stands(
    opened: Callable[..., Store], about: Callable[..., Row], clock: list[int]
) -> None:
    first = opened("n1")
    clock[0] -= HOUR
    assert taken(first, about("c-8"), about("c-9")) == [True, True]
    clock[0] += HOUR
    assert taken(first, about("c-1"), about("c-2", most=None)) == [True, True]
    first.close()

    second = opened("n1")

    assert taken(second, about("c-3"), about("c-2"), about("c-1")) == [False, True, True]
    second.close()


def test_with_each_hour_of_the_clock_counting_begins_anew(
    opened: Callable[..., Store], about: Callable[..., Row], clock: list[int]
) -> None:
    store = opened("n1")
    clock[0] = NOON + HOUR - 1
    assert taken(store, about("c-1"), about("c-2"), about("c-3")) == [True, True, False]

    clock[0] += 1

    assert taken(store, about("c-3"), about("c-4"), about("c-1")) == [True, True, False]
    store.close()


def test_each_operation_has_a_bound_of_its_own_and_one_without_has_none(
    opened: Callable[..., Store], about: Callable[..., Row]
) -> None:
    store = opened("n1")

    assert taken(store, *(about(f"c-{number}", most=None) for number in range(5))) == [True] * 5
    assert taken(store, about("c-1", "c-2", scope="other/one"), about("c-3", scope="other/one")) == [True, False]
    store.close()


def test_what_another_node_has_written_counts(emptied: str, about: Callable[..., Row]) -> None:
    database = prepared(emptied)
    one = database.open("n1")
    assert taken(one, about("c-1")) == [True]
    other = database.open("n2")

    found = [taken(store, about(ref)) for store, ref in ((other, "c-2"), (one, "c-3"), (other, "c-1"), (other, "c-4"))]

    assert found == [[True], [False], [True], [False]]
    for store in (one, other):
        store.close()


@given(st.lists(st.integers(0, 200)))
def test_tokens_are_kept_like_a_set_keeps_them(numbers: list[int]) -> None:
    toks, wanted = Toks(), set[bytes]()
    for number in numbers:
        toks.add(tok_of(number))
        wanted.add(tok_of(number))

    assert len(toks) == len(wanted)
    assert [tok_of(number) in toks for number in range(201)] == [tok_of(number) in wanted for number in range(201)]


def test_thirty_thousand_people_of_an_hour_take_less_than_two_mebibytes() -> None:
    def taken(kept: Toks | set[bytes]) -> float:
        tracemalloc.start()
        try:
            for number in range(30_000):
                kept.add(tok_of(number))
            return tracemalloc.get_traced_memory()[0] / 2**20
        finally:
            tracemalloc.stop()

    assert taken(Toks()) < 2
    assert taken(set()) > 3, "a set would do"


def tok_of(number: int) -> bytes:
    return sha256(number.to_bytes(4, "big")).digest()[:16]
