"""Lines of an export hold an entry as it is stored, byte for byte, and peaks are those of the tree."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledger_fakes import PURCHASER, SENT, Shop, shipment

from gateway.ledger import Access, Ledger, Refused
from gateway.ledger.archive import line
from gateway.ledger.canonical import base64
from gateway.ledger.entry import Index
from gateway.ledger.sealing import Link
from gateway.ledger.store import Stored
from gateway.ledger.tree import Tree
from ledger_verify import FoundBy, row_of

words = st.none() | st.text(min_size=1)


@given(
    index=st.builds(Index, vendor=words, operation=words, caller=words, code=words, result=words),
    intent=st.none() | st.integers(0, 2**62),
    links=st.lists(st.builds(Link, *[st.binary(min_size=1, max_size=20)] * 3), max_size=3),
    with_links=st.booleans(),
)
def test_the_verifier_reads_what_was_written(
    index: Index, intent: int | None, links: list[Link], with_links: bool
) -> None:
    body = '{"body":"ü,\\"body\\":","b":[{}]}'.encode()
    stored = Stored(7, bytes(32), body, "a" * 32, "outcome", 5, intent, index, tuple(links))

    row = row_of(line(stored, links=with_links).encode())

    assert (row.seq, row.hash, row.body) == (7, bytes(32), body)
    assert row.found_by == FoundBy(
        "a" * 32, "outcome", 5, intent, **{n: getattr(index, n) for n in FoundBy._fields[4:]}
    )
    expected = [(link.tok, link.dek, link.sealed) for link in links] if with_links else None
    assert (row.links if row.links is None else [tuple(link) for link in row.links]) == expected


def test_of_a_purged_entry_the_hash_is_left() -> None:
    row = row_of(line(Stored(7, b"h" * 32, None, "a" * 32, "intent", 5, None, Index()), links=True).encode())

    assert (row.body, row.hash, row.links) == (None, b"h" * 32, [])


async def test_the_peaks_of_every_size_are_those_of_the_tree(shop: Shop) -> None:
    ledger = shop.open()
    for _ in range(20):
        await ledger.record(Access("rita", "list"))
    hashes = list(ledger._store.hashes(0, 100))

    for size in range(len(hashes) + 1):
        assert await ledger.archive.peaks(size) == [base64(peak) for peak in Tree().plus(hashes[:size]).peaks]


@pytest.fixture
async def filled(shop: Shop) -> Ledger:
    ledger = shop.open()
    for _ in range(150):
        ledger.settle(await ledger.intend(shipment(), [PURCHASER], b"{}", within=20), SENT)
        ledger.note(Refused(caller="checkout", code="consent.missing"), [PURCHASER])
    await ledger.head(ledger._store.tree.size)
    await ledger._writer.drained()
    return ledger


async def test_stored_entries_are_those_that_were_written_with_all_that_stands_beside_them(filled: Ledger) -> None:
    store = filled._store
    found = store.stored(10, 60, links=True)

    assert [(each.seq, each.body, each.hash) for each in found] == [tuple(leaf) for leaf in store.leaves(10, 60)]
    intents = [each for each in found if each.kind == "intent"]
    assert all(len(each.links) == 1 and each.found_by.vendor == "parcels" for each in intents)
    outcomes = [each for each in found if each.kind == "outcome"]
    assert all(each.intent is not None and each.found_by.result == "sent" and not each.links for each in outcomes)
    assert [each._replace(links=()) for each in found] == store.stored(10, 60, links=False)


async def test_subtrees_are_handed_out_by_where_they_end(filled: Ledger) -> None:
    [(first, last, digest)] = filled._store.subtrees(0, 10**6)

    assert (first, last) == (0, 256)
    assert digest == Tree().plus(filled._store.hashes(0, 256)).root
    assert filled._store.subtrees(256, 10**6) == []
    assert filled._store.subtrees(0, 255) == []
    assert [await filled.archive.subtrees(0, 256)] == [[f'{{"first":0,"last":256,"hash":"{base64(digest)}"}}']]
