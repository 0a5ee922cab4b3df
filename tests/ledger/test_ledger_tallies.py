"""Months and years are counted where intents become durable: over restarts, over nodes, and no mark of them twice."""

from collections.abc import Callable

import pytest
from ledger_fakes import Opening, shipment

from gateway.frozen import changed
from gateway.ledger import Erased, Subject
from gateway.ledger.blinding import Blinding, Block
from gateway.ledger.oblivion import Forgotten, tombstone
from gateway.ledger.scribe import Scribe
from gateway.ledger.sealing import Payload
from gateway.ledger.store import Row, Store
from gateway.ledger.tallies import Count, Tally, TooOftenError

RARE = Tally("rare", "2026-11", "parcels delivery", most=2)
PEOPLE = Tally("people", "2026", "shop-eu")
Writing = Callable[..., Row]


@pytest.fixture
def about(scribe: Scribe) -> Writing:
    """An intent about these people, each of whom is counted."""

    def row(*refs: str, tally: Tally = PEOPLE) -> Row:
        people = [Subject(ref, "purchaser", "CN") for ref in refs]
        counted = changed(tally, people=tuple(range(len(refs))))
        return scribe.row(shipment(), people, Payload(b"{}", "application/json"), tallies=[counted])

    return row


@pytest.fixture
def rare(scribe: Scribe) -> Writing:
    """An intent of a disclosure of this number, of which there may be two in a month."""

    def row(number: int, tally: Tally = RARE) -> Row:
        counted = changed(tally, marks=(number.to_bytes(16),))
        return scribe.row(shipment(), [], Payload(b"{}", "application/json"), tallies=[counted])

    return row


def taken(store: Store, *rows: Row) -> list[bool]:
    """Which of them are written, as the writer goes about it."""
    try:
        store.append(rows)
    except TooOftenError as over:
        store.append([row for row in rows if row.id not in over.ids])
        return [row.id not in over.ids for row in rows]
    return [True] * len(rows)


def numbers(store: Store) -> dict[str, int]:
    return {f"{count.what} {count.period} {count.scope}": count.n for count in store.tallies()}


def test_each_person_is_counted_once_in_a_year(opened: Opening, about: Writing) -> None:
    store = opened("n1")

    store.append([about("c-1", "c-2"), about("c-2"), about("c-3")])
    store.append([about("c-1"), about("c-4", tally=changed(PEOPLE, scope="shop-uk"))])
    store.append([about("c-1", tally=changed(PEOPLE, period="2027"))])

    assert store.tallies() == [
        Count("people", "2026", "shop-eu", 3),
        Count("people", "2026", "shop-uk", 1),
        Count("people", "2027", "shop-eu", 1),
    ]


def test_one_time_too_many_is_not_written_and_an_attempt_more_is_no_time_more(opened: Opening, rare: Writing) -> None:
    store = opened("n1")

    assert taken(store, rare(1), rare(1), rare(2), rare(3)) == [True, True, True, False]
    assert taken(store, rare(2), rare(4)) == [True, False]
    assert numbers(store) == {"rare 2026-11 parcels delivery": 2}
    assert taken(store, rare(5, tally=changed(RARE, most=None))) == [True]
    assert taken(store, rare(6, tally=changed(RARE, period="2026-12"))) == [True]


def test_a_store_that_is_opened_anew_and_another_node_go_on_counting(
    opened: Opening, rare: Writing, about: Writing
) -> None:
    first = opened("n1")
    assert taken(first, rare(1), about("c-1")) == [True, True]
    first.close()

    second = opened("n2")

    assert taken(second, rare(2), rare(3), about("c-1")) == [True, False, True]
    assert numbers(second) == {"rare 2026-11 parcels delivery": 2, "people 2026 shop-eu": 1}


def test_an_erasure_takes_the_mark_of_a_person_and_leaves_the_number(
    opened: Opening, about: Writing, scribe: Scribe
) -> None:
    store = opened("n1")
    store.append([about("c-1"), about("c-2")])
    tok = scribe.keys.token("c-1")
    known = store.oblivion.known(tok)
    erased = scribe.row(Erased(reason="request", by="anna", links=1, keys=1, root="", generation=1))

    store.append([changed(erased, forgets=Forgotten(tok, known.links, tuple(map(tombstone, known.deks))))])

    assert numbers(store) == {"people 2026 shop-eu": 2}
    store.append([about("c-2")])
    assert numbers(store) == {"people 2026 shop-eu": 2}
    scribe.keys.lost([tok])
    # Nobody can tell any more that it is somebody who was there.
    store.append([about("c-1")])
    assert numbers(store) == {"people 2026 shop-eu": 3}


def test_a_turnover_moves_marks_and_counts_nobody_twice(opened: Opening, about: Writing) -> None:
    store = opened("n1")
    blocks = {generation: Block(bytes([generation]) * 16) for generation in (1, 2)}
    store.blinding = Blinding(lambda: {1: blocks[1]})
    store.append([about("c-1"), about("c-2")])
    store.blinding = Blinding(lambda: blocks)

    store.append([about("c-2")])
    while store.reblind():
        pass
    store.blinding = Blinding(lambda: {2: blocks[2]})
    store.append([about("c-1", "c-2", "c-3")])

    assert numbers(store) == {"people 2026 shop-eu": 3}


def test_marks_of_a_year_that_is_over_go_and_its_number_stays(opened: Opening, about: Writing) -> None:
    store = opened("n1")
    store.append([about("c-1"), about("c-2")])

    store.append([about("c-3", tally=changed(PEOPLE, period="2027"))])
    store.append([about("c-1"), about("c-2")])

    # A late one of the old year would be counted anew: its marks are gone.
    assert numbers(store) == {"people 2026 shop-eu": 4, "people 2027 shop-eu": 1}
