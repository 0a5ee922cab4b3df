"""What forgetting a person does to every store: links go with the entry that says so, or nothing does."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from ledger_fakes import PURCHASER, SENT, Opening, shipment
from postgres_stores import prepared

from gateway.frozen import changed
from gateway.ledger import Erased, Hold, Subject
from gateway.ledger.entry import Event
from gateway.ledger.oblivion import Forgotten, Known, NotErased, Pending, tombstone
from gateway.ledger.scribe import Scribe, Ticket
from gateway.ledger.sealing import Payload
from gateway.ledger.sqlite import SqliteStore
from gateway.ledger.store import ErasedKeysError, Filter, Row, Store

OTHER = Subject("guest-2342", "consignee", "FR")
ERASED = Erased(reason="request", by="anna", links=1, keys=1, root="", generation=1)


@pytest.fixture
def store(opened: Opening) -> Store:
    return opened("n1")


def call(scribe: Scribe, subjects: Sequence[Subject], event: Event | None = None) -> Row:
    return scribe.row(event or shipment(), subjects, Payload(b"{}"))


def erasure(scribe: Scribe, tok: bytes, known: Known) -> Row:
    stones = tuple(sorted(map(tombstone, known.deks)))
    return changed(scribe.row(ERASED), forgets=Forgotten(tok, known.links, stones))


def test_with_the_entry_go_the_links_and_what_leads_to_them(store: Store, scribe: Scribe) -> None:
    tok, dek = scribe.keys.token(PURCHASER.ref), scribe.keys.of(scribe.keys.token(PURCHASER.ref)).id
    for digest in (b"1" * 16, b"2" * 16):
        row = call(scribe, [PURCHASER, OTHER])
        place = store.append([row])
        store.append([scribe.outcome(SENT, Ticket(row.id, place, row.index), [digest])])
    store.append([call(scribe, [OTHER])])
    before = store.tree.size
    assert store.oblivion.known(tok) == Known(2, [dek])

    place = store.append([erasure(scribe, tok, store.oblivion.known(tok))])

    assert (place, store.tree.size) == (before, before + 1)
    assert store.oblivion.known(tok) == Known(0, [])
    assert store.oblivion.pending() == [Pending(place, tok)]
    assert (store.oblivion.count(), store.oblivion.tombstones(0)) == (1, [tombstone(dek)])
    assert store.oblivion.tombstones(1) == []
    assert store.earlier(b"1" * 16) is store.earlier(b"2" * 16) is None
    assert store.entries(Filter(), tok) == []
    assert len(store.entries(Filter(), scribe.keys.token(OTHER.ref))) == 3
    store.oblivion.told(place)
    store.oblivion.wipe()
    assert store.oblivion.pending() == []


@pytest.mark.parametrize("known", [Known(1, []), Known(2, [b"x" * 16])])
def test_where_more_is_known_than_was_decided_on_nothing_goes(store: Store, scribe: Scribe, known: Known) -> None:
    tok = scribe.keys.token(PURCHASER.ref)
    store.append([call(scribe, [PURCHASER]), call(scribe, [PURCHASER])])

    with pytest.raises(NotErased):
        store.append([erasure(scribe, tok, known)])

    assert (store.tree.size, store.oblivion.known(tok).links, store.oblivion.count()) == (2, 2, 0)
    store.append([erasure(scribe, tok, store.oblivion.known(tok))])
    assert store.oblivion.count() == 1


def test_erasures_are_counted_through(store: Store, scribe: Scribe) -> None:
    toks = [scribe.keys.token(each.ref) for each in (PURCHASER, OTHER)]
    store.append([call(scribe, [PURCHASER, OTHER])])
    known = [store.oblivion.known(tok) for tok in toks]

    for tok, each in zip(toks, known, strict=True):
        store.append([erasure(scribe, tok, each)])
    # As where somebody asks again: a tombstone stands there once.
    store.append([erasure(scribe, toks[0], Known(0, known[0].deks))])

    assert store.oblivion.count() == 2
    assert store.oblivion.tombstones(0) == [tombstone(dek) for each in known for dek in each.deks]
    assert len(store.oblivion.pending()) == 3


def test_the_outcome_of_an_intent_about_somebody_who_was_erased_is_remembered_under_nothing(
    store: Store, scribe: Scribe
) -> None:
    whole, spoiled = call(scribe, [OTHER]), call(scribe, [PURCHASER, OTHER])
    store.append([whole, spoiled])
    tok = scribe.keys.token(PURCHASER.ref)
    store.append([erasure(scribe, tok, store.oblivion.known(tok))])

    store.append([scribe.outcome(SENT, Ticket(whole.id, 0, whole.index), [b"1" * 16])])
    store.append([scribe.outcome(SENT, Ticket(spoiled.id, 1, spoiled.index), [b"2" * 16])])

    assert store.earlier(b"1" * 16) is not None
    assert store.earlier(b"2" * 16) is None


def test_entries_of_a_kind_are_told_with_their_people(store: Store, scribe: Scribe) -> None:
    store.append([call(scribe, [PURCHASER]), call(scribe, [OTHER], Hold("court-order", "anna"))])

    [(tok, body)] = store.oblivion.about("hold")

    assert (tok, body["reason"]) == (scribe.keys.token(OTHER.ref), "court-order")
    assert store.oblivion.about("hold_release") == []


def test_what_another_node_sealed_under_a_key_that_was_erased_is_not_written(database: str, scribe: Scribe) -> None:
    shared = prepared(database)
    ours = shared.open("n1")
    tok = scribe.keys.token(PURCHASER.ref)
    ours.append([call(scribe, [PURCHASER])])
    theirs = shared.open("n2")
    late, other = call(scribe, [PURCHASER]), call(scribe, [OTHER])
    ours.append([erasure(scribe, tok, ours.oblivion.known(tok))])

    with pytest.raises(ErasedKeysError) as raised:
        theirs.append([late, other])

    assert (raised.value.ids, raised.value.toks) == ([late.id], [tok])
    assert theirs.append([other]) == 2
    assert theirs.oblivion.known(tok) == Known(0, [])
    with scribe.keys.erasing(tok):
        assert theirs.append([call(scribe, [PURCHASER])]) == 3
    ours.close()
    theirs.close()


def test_what_is_known_again_by_the_same_token_is_not_overwritten(tmp_path: Path, scribe: Scribe) -> None:
    store = SqliteStore(tmp_path / "ledger.db", "main")
    tok = scribe.keys.token(PURCHASER.ref)
    row = call(scribe, [PURCHASER])
    store.append([row])
    store.append([scribe.outcome(SENT, Ticket(row.id, 0, row.index), [b"1" * 16])])
    store.oblivion.wipe()
    stored = store.blinding.stored([tok, b"1" * 16])
    found = store.oblivion.residue(stored)
    assert {each.bytes for each in found} == set(stored)

    store.oblivion.overwrite(found)

    assert store.oblivion.residue(stored) == found
    assert store.oblivion.known(tok).links == 1
    store.close()


def test_what_stands_in_no_row_any_more_is_overwritten(tmp_path: Path, scribe: Scribe) -> None:
    store = SqliteStore(tmp_path / "ledger.db", "main")
    # As where SQLite moved a row and left a copy of it where it was.
    store._database.pragma("secure_delete", 0)
    store.append([call(scribe, [PURCHASER, OTHER]) for _ in range(50)])
    tok = scribe.keys.token(PURCHASER.ref)
    traces = store.oblivion.traces(tok)
    place = store.append([erasure(scribe, tok, store.oblivion.known(tok))])
    store.oblivion.told(place)
    store.oblivion.wipe()
    found = store.oblivion.residue(traces)
    assert {*store.blinding.stored([tok])} <= {each.bytes for each in found}

    store.oblivion.overwrite(found)

    assert store.oblivion.residue(traces) == []
    store.append([call(scribe, [OTHER]) for _ in range(50)])
    store.oblivion.wipe()
    assert store.oblivion.residue(traces) == []
    assert store.damage() == ""
    assert store.oblivion.known(scribe.keys.token(OTHER.ref)).links == 100
    store.close()
