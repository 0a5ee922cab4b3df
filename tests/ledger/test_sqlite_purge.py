"""A body goes with a purge that covers it, or not at all; what is left of it can be proved."""

from base64 import b64decode, b64encode

import apsw
import pytest
from ledger_fakes import PURCHASER, SENT, Shop, shipment

from gateway.errors import Refusal
from gateway.ledger import Access, Filter, Ledger, Outcome, Purge, Refused, Resolved, Ticket
from gateway.ledger.entry import Index
from gateway.ledger.purging import set_root
from gateway.ledger.store import NotPurged, Row

REFUSED = Refused(caller="checkout", code="consent.missing", vendor="parcels", operation="create-shipment")
Ranges = tuple[tuple[int, int], ...]


class Filled:
    """A signed log: 0 genesis, 1 and 2 keys, 3 epoch, 4 and 5 an intent and its outcome, 6 a refusal, 7 an open one."""

    def __init__(self, shop: Shop, ledger: Ledger) -> None:
        self.shop, self.ledger = shop, ledger

    def row(self, ranges: Ranges) -> Row:
        leaves = [leaf for first, last in ranges for leaf in self.shop.store.leaves(first, last + 1 - first)]
        root = b64encode(set_root((leaf.seq, leaf.hash) for leaf in leaves)).decode()
        return self.ledger._scribe.purge(
            Purge(
                policy="", classes=(), ranges=ranges, count=2, set_root=root, oldest_ts=1, newest_ts=2, by="somebody"
            ),
            as_of=0,
        )

    def purge(self, *ranges: tuple[int, int]) -> int:
        return self.shop.store.append([self.row(ranges)])

    @property
    def bodies(self) -> list[int]:
        return [leaf.seq for leaf in self.shop.store.leaves(0, 1_000)]


@pytest.fixture
async def filled(shop: Shop) -> Filled:
    ledger = shop.open()
    digest = ledger.digest("parcels", "1Z999")
    ledger.settle(await ledger.intend(shipment(), [PURCHASER], b"{}", within=20), SENT, [digest])
    await ledger.record(REFUSED)
    await ledger.intend(shipment(), [], b"{}", within=20)
    await ledger.head(8)
    await ledger._writer.drained()
    return Filled(shop, ledger)


async def test_bodies_links_and_digests_go_and_hashes_stay(filled: Filled) -> None:
    store = filled.shop.store
    before = list(store.hashes(0, 7))
    digest, tok = filled.ledger.digest("parcels", "1Z999"), filled.ledger._keys.token(PURCHASER.ref)
    assert store.earlier(digest) is not None

    place = filled.purge((4, 6))

    assert list(store.hashes(0, 7)) == before
    assert filled.bodies == [0, 1, 2, 3, 7, place]
    assert store.earlier(digest) is None
    assert store.dek_of(tok) is None
    gone = store.purged(4)
    assert gone is not None
    assert (gone.seq, gone.kind, gone.hash, gone.purge) == (4, "intent", before[4], place)
    assert store.purged(gone.id) == gone


async def test_what_somebody_found_out_goes_with_its_intent(filled: Filled) -> None:
    ledger = filled.ledger
    ledger.settle(Ticket("0" * 32, 7, Index()), Outcome("in_doubt"))
    [entry] = await ledger.entries(Filter(kind="intent", result="in_doubt"))
    id_ = await ledger.resolve(entry, Resolved("sent", "asked", "rita"))
    [doubt] = await ledger.entries(Filter(kind="outcome", result="in_doubt"))
    [found] = await ledger.entries(Filter(id=id_))
    await ledger.head(found.seq + 1)

    with pytest.raises(NotPurged, match="is to stay"):
        filled.purge((7, 7), (doubt.seq, doubt.seq))
    filled.purge((7, 7), (doubt.seq, found.seq))

    assert not {7, doubt.seq, found.seq} & set(filled.bodies)


async def test_what_is_there_and_what_never_was_is_not_purged(filled: Filled) -> None:
    filled.purge((6, 6))

    assert [filled.shop.store.purged(seq) for seq in (5, 7, 1_000)] == [None] * 3
    assert filled.shop.store.purged("0" * 32) is None


async def test_the_key_of_somebody_without_another_link_is_loose(filled: Filled) -> None:
    tok = filled.ledger._keys.token(PURCHASER.ref)
    dek = filled.shop.store.dek_of(tok)

    filled.purge((4, 5))

    assert filled.shop.store._database.execute("SELECT tok, dek FROM loose").fetchall() == [
        (*filled.ledger._keys.blinding.stored([tok]), dek)
    ]


async def test_the_key_of_somebody_with_another_link_is_not_loose(filled: Filled) -> None:
    await filled.ledger.intend(shipment(), [PURCHASER], b"{}", within=20)

    filled.purge((4, 5))

    assert filled.shop.store._database.execute("SELECT * FROM loose").fetchall() == []


@pytest.mark.parametrize(
    ("ranges", "reason"),
    [
        (((4, 4),), "go together"),
        (((5, 5),), "go together"),
        (((7, 7),), "go together"),
        (((3, 6),), "kind that stays"),
        (((4, 6), (100, 100)), "no body"),
    ],
    ids=["intent alone", "outcome alone", "open intent", "epoch", "nothing there"],
)
async def test_what_must_stay_stays_and_nothing_is_written(filled: Filled, ranges: Ranges, reason: str) -> None:
    before, size = filled.bodies, filled.shop.store.tree.size

    with pytest.raises(NotPurged, match=reason):
        filled.purge(*ranges)

    assert (filled.bodies, filled.shop.store.tree.size) == (before, size)
    assert filled.purge((4, 6)) == size


async def test_what_is_not_signed_yet_stays(filled: Filled) -> None:
    await filled.ledger.record(REFUSED)

    with pytest.raises(NotPurged, match="not signed"):
        filled.purge((8, 8))


async def test_nothing_goes_twice(filled: Filled) -> None:
    filled.purge((6, 6))

    with pytest.raises(NotPurged, match="no body"):
        filled.purge((4, 6))


@pytest.mark.parametrize(
    "act",
    [
        "DELETE FROM leaf_body WHERE seq = 7",
        "DELETE FROM leaf_body WHERE seq = 3",
        "INSERT INTO purged VALUES(4, 5, 3)",
        "INSERT INTO purged VALUES(6, 7, {place})",
        "INSERT INTO purged VALUES(5, 4, {place})",
        "INSERT INTO purged VALUES(7, 1000, {place})",
        "DELETE FROM purged",
        "UPDATE purged SET last = 1000",
        "INSERT OR REPLACE INTO purged VALUES(6, 1000, {place})",
    ],
)
async def test_nothing_goes_around_a_purge(filled: Filled, act: str) -> None:
    place = filled.purge((6, 6))
    file = apsw.Connection(str(filled.shop.folder / "ledger.db"))
    file.pragma("recursive_triggers", 1)

    with pytest.raises(apsw.ConstraintError):
        file.execute(act.format(place=place))

    assert filled.bodies == [0, 1, 2, 3, 4, 5, 7, place]


async def test_even_a_forged_range_does_not_take_what_tells_how_to_read_the_rest(filled: Filled) -> None:
    place = filled.purge((6, 6))
    file = apsw.Connection(str(filled.shop.folder / "ledger.db"))
    file.execute("INSERT INTO purged VALUES(0, 3, ?)", (place,))

    with pytest.raises(apsw.ConstraintError, match="append-only"):
        file.execute("DELETE FROM leaf_body WHERE seq = 0")


async def test_without_the_trigger_a_body_could_go_without_a_trace(filled: Filled) -> None:
    file = apsw.Connection(str(filled.shop.folder / "ledger.db"))
    file.execute("DROP TRIGGER leaf_body_DELETE; DELETE FROM leaf_body WHERE seq = 7")

    assert 7 not in filled.bodies


async def test_a_log_with_a_purge_in_it_is_signed_and_read_on(filled: Filled) -> None:
    filled.purge((4, 6))
    await filled.ledger.record(Access("uid:1000", "list"))

    head = await filled.ledger.head(filled.shop.store.tree.size)

    assert filled.ledger.healthy
    await filled.ledger.close()
    again = filled.shop.open()
    assert again._store.tree.size > head.size
    assert (await again.continued(7, await again.head(again._store.tree.size))).startswith("old 7\n")


async def test_a_proof_of_what_is_gone_gives_its_hash_and_the_purge(filled: Filled) -> None:
    [before] = list(filled.shop.store.hashes(4, 5))
    place = filled.purge((4, 5))

    proof = await filled.ledger.proved(4)

    extra = b64decode(proof.split("\n")[1].removeprefix("extra "))
    assert extra == b'{"leaf_hash":"%s","purge":%d}' % (b64encode(before), place)


async def test_a_proof_of_what_was_taken_without_a_purge_is_refused(filled: Filled) -> None:
    file = apsw.Connection(str(filled.shop.folder / "ledger.db"))
    file.execute("DROP TRIGGER leaf_body_DELETE; DELETE FROM leaf_body WHERE seq = 4")

    with pytest.raises(Refusal) as refused:
        await filled.ledger.proved(4)

    assert "no purge took it" in refused.value.failures[0].detail
    assert filled.ledger._notary.altered
