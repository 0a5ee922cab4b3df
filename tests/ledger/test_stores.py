"""What holds of every store, whatever database is under it."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import TypeAlias

import pytest
from clusters import Cluster
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ledger_fakes import PURCHASER, SENT, Repeating, Ticking, shipment
from postgres_stores import prepared

from gateway.errors import StartError
from gateway.frozen import changed
from gateway.ledger import Access, Epoch, Filter, Genesis, Outcome, Purge, Refused, Subject
from gateway.ledger.entry import Event
from gateway.ledger.keys import Keys
from gateway.ledger.scribe import Scribe, Ticket
from gateway.ledger.sealing import Link, Payload
from gateway.ledger.sqlite import SqliteStore
from gateway.ledger.store import Head, NotPurged, Range, Row, Store
from gateway.ledger.tree import Tree, root

Opening: TypeAlias = Callable[[], Store]
KINDS = ("sqlite", "postgres")


@pytest.fixture(params=KINDS)
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> Opening:
    """Opens the store of a kind, each time the same one."""
    if request.param == "sqlite":
        return lambda: SqliteStore(tmp_path / "ledger.db", "main")
    return prepared(request.getfixturevalue("emptied")).open


@pytest.fixture
def store(open_store: Opening) -> Iterator[Store]:
    store = open_store()
    yield store
    store.close()


@pytest.fixture
def write(scribe: Scribe) -> Callable[..., Row]:
    def row(event: Event | None = None, subjects: Sequence[Subject] = (PURCHASER,)) -> Row:
        event = event or shipment()
        return scribe.row(event, subjects, Payload(b"{}", "application/json"))

    return row


Write: TypeAlias = Callable[..., Row]


def outcome(scribe: Scribe, row: Row, seq: int, how: Outcome = SENT, earlier: Sequence[bytes] = ()) -> Row:
    return scribe.outcome(how, Ticket(row.id, seq, row.index), earlier)


def test_rows_stand_where_they_were_put_with_the_hash_of_their_body(store: Store, write: Write) -> None:
    store.claim("n1")
    rows = [write(Genesis(), ()), write(), write(Refused(caller="checkout", code="field.type"), ())]

    first = store.append(rows[:1])
    second = store.append(rows[1:])

    assert (first, second) == (0, 1)
    assert [(leaf.seq, leaf.body, leaf.hash) for leaf in store.leaves(0, 10)] == [
        (seq, row.body, row.hash) for seq, row in enumerate(rows)
    ]
    assert store.tree == store.newest() == Tree().plus(row.hash for row in rows)
    assert store.find([row.id for row in rows] + ["0" * 32]) == {row.id: seq for seq, row in enumerate(rows)}


def test_what_was_appended_is_there_when_it_is_opened_again(open_store: Opening, write: Write) -> None:
    before = open_store()
    before.claim("n1")
    before.append([write(), write()])
    tree = before.tree
    before.close()

    after = open_store()

    assert after.tree == tree
    assert list(after.hashes(0, 2)) == [leaf.hash for leaf in after.leaves(0, 2)]
    after.close()


def test_reopened_it_goes_on(store: Store, write: Write) -> None:
    store.claim("n1")
    store.append([write()])

    store.reopen()

    assert store.append([write()]) == 1
    store.check()
    store.checkpoint()


def test_the_same_entry_is_not_there_twice(store: Store, write: Write) -> None:
    store.claim("n1")
    row = write()
    store.append([row])

    with pytest.raises(Exception, match=r"Constraint|Unique"):
        store.append([row])
    store.reopen()

    assert store.tree.size == 1


def test_epochs_go_up(open_store: Opening, write: Write, scribe: Scribe) -> None:
    numbers = []
    for _ in range(3):
        store = open_store()
        number = store.claim("n1")
        store.append([changed(scribe, epoch=number).row(Epoch("opened"))])
        numbers.append(number)
        store.close()

    assert numbers == [1, 2, 3]


def test_entries_are_found_by_what_they_are(store: Store, write: Write, scribe: Scribe) -> None:
    store.claim("n1")
    intent, other = write(), write(shipment(vendor="payments", operation="pay"), ())
    refusal = write(Refused(caller="checkout", code="consent.missing", vendor="parcels"), ())
    store.append([intent, other, refusal, outcome(scribe, intent, 0), outcome(scribe, other, 1, Outcome("possibly"))])
    [link] = intent.links

    def found(tok: bytes | None = None, **wanted: object) -> list[int]:
        return [entry.seq for entry in store.entries(changed(Filter(), **wanted), tok)]

    assert found() == [4, 3, 2, 1, 0]
    assert found(limit=2, before=3) == [2, 1]
    assert found(after=1) == [4, 3, 2]
    assert found(limit=2, before=4, after=2) == [3]
    assert found(kind="intent") == [1, 0]
    assert found(kind="refusal") == [2]
    assert found(vendor="parcels") == [3, 2, 0]
    assert found(operation="pay", kind="intent") == [1]
    assert found(caller="checkout") == [2]
    assert found(code="consent.missing") == [2]
    assert found(result="sent") == [3, 0]
    assert found(id=refusal.id) == [2]
    assert found(since=refusal.ts) == [4, 3, 2]
    assert found(until=intent.ts) == [0]
    assert found(link.tok) == [0]
    assert found(b"0" * 16) == []
    [shown] = store.entries(Filter(kind="intent", vendor="parcels"), None)
    assert shown.outcome
    assert shown.outcome["result"] == "sent"


def bare(store: Store, links: Sequence[Link]) -> tuple[Link, ...]:
    """As they were before they were stored."""
    return tuple(changed(link, tok=store.blinding.bare(link.tok)) for link in links)


def test_links_lead_to_keys_and_digests_to_the_first_call(store: Store, write: Write, scribe: Scribe) -> None:
    store.claim("n1")
    intent, again = write(), write()
    store.append([intent, again])
    store.append([outcome(scribe, intent, 0, earlier=[b"d" * 16]), outcome(scribe, again, 1, earlier=[b"d" * 16])])
    [link] = intent.links

    linked = store.earlier(b"d" * 16)

    assert linked
    assert (linked.id, bare(store, linked.links)) == (intent.id, (link,))
    assert store.earlier(b"e" * 16) is None
    assert set(store.toks() or {link.tok}) == {link.tok}
    assert store.dek_of(link.tok) == link.dek
    assert store.dek_of(b"0" * 16) is None


def test_entries_are_read_with_all_that_stands_beside_them(store: Store, write: Write, scribe: Scribe) -> None:
    store.claim("n1")
    intent, look = write(subjects=[PURCHASER, Subject("c-2", "consignee", "FR")]), write(Access("anna", "list"))
    store.append([intent, look])
    store.append([settled := outcome(scribe, intent, 0)])

    first, second, third = store.stored(0, 10, links=True)

    assert (first.body, first.hash, bare(store, first.links), first.found_by) == (
        intent.body,
        intent.hash,
        intent.links,
        intent.index,
    )
    assert (second.kind, second.id, second.ts, bare(store, second.links)) == ("access", look.id, look.ts, look.links)
    assert (third.body, third.intent, third.found_by, third.links) == (settled.body, 0, settled.index, ())
    assert store.stored(1, 1, links=False) == [second._replace(links=())]
    assert store.stored(3, 10, links=True) == []


def test_kept_subtrees_are_read_by_where_they_end(store: Store) -> None:
    store.claim("n1")
    spans = {(0, 256): b"a" * 32, (256, 512): b"b" * 32, (0, 65_536): b"c" * 32, (65_280, 65_536): b"d" * 32}
    store.keep(Head(70_000, b"r" * 32, 7, "note", b""), spans, after=0)

    assert store.subtrees(0, 256) == [(0, 256, b"a" * 32)]
    assert store.subtrees(256, 65_536) == [(256, 512, b"b" * 32), (65_280, 65_536, b"d" * 32), (0, 65_536, b"c" * 32)]


def test_checkpoints_are_kept_beside_all_earlier_ones_and_follow_one_another(store: Store, write: Write) -> None:
    store.claim("n1")
    heads = [Head(size, bytes([size]) * 32, 7, f"note {size}", b"") for size in (2, 5, 9)]

    kept = [store.keep(heads[0], {}, after=0), store.keep(heads[1], {(0, 256): b"s" * 32}, after=2)]
    late = store.keep(Head(4, b"x" * 32, 7, "of another node", b""), {(256, 512): b"x" * 32}, after=2)
    kept.append(store.keep(heads[2], {}, after=5))

    assert (kept, late) == ([True, True, True], False)
    assert store.last_head() == heads[2]
    assert list(store.heads(3, 5)) == heads[1:]
    assert list(store.newest_heads(2)) == heads[1:]
    assert store.subtree((0, 256)) == b"s" * 32
    assert store.subtree((256, 512)) is None


def test_intents_of_an_earlier_process_are_open_until_they_are_settled(
    open_store: Opening, write: Write, scribe: Scribe, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("lease", "postgres"):
        monkeypatch.setattr(f"gateway.ledger.{module}.GRACE", 0)
    crashed = open_store()
    crashed.claim("n1")
    settled, left = (changed(write(), lasts=0) for _ in range(2))
    crashed.append([settled, left])
    crashed.append([outcome(scribe, settled, 0)])
    crashed.close()

    store = open_store()
    store.claim("n1")
    found = store.open_intents(10)
    store.append([outcome(scribe, left, 1, Outcome("in_doubt"))])
    store.all_settled()

    assert [(each.seq, each.id, each.index) for each in found] == [(1, left.id, left.index)]
    assert store.open_intents(10) == []
    store.close()


def test_bodies_go_with_a_purge_that_names_them_or_not_at_all(store: Store, write: Write, scribe: Scribe) -> None:
    store.claim("n1")
    intent, left = write(), write(shipment(), ())
    store.append([write(Genesis(), ()), intent, outcome(scribe, intent, 1, earlier=[b"d" * 16]), left])
    store.keep(Head(4, b"r" * 32, 0, "note", b""), {}, after=0)
    hashes = list(store.hashes(0, 4))

    def purge(*ranges: tuple[int, int]) -> int:
        event = Purge(
            policy="", classes=(), ranges=ranges, count=2, set_root="", oldest_ts=1, newest_ts=2, by="somebody"
        )
        return store.append([scribe.purge(event, as_of=0)])

    for too_much in ((0, 0), (1, 1), (2, 2), (3, 3), (4, 4)):
        with pytest.raises(NotPurged):
            purge(too_much)
    place = purge((1, 2))

    assert list(store.hashes(0, 4)) == hashes
    assert [leaf.seq for leaf in store.leaves(0, 10)] == [0, 3, place]
    assert store.earlier(b"d" * 16) is None
    gone = store.purged(1)
    assert gone
    assert (gone.seq, gone.kind, gone.hash, gone.purge) == (1, "intent", hashes[1], place)
    assert store.purged(intent.id) == gone
    assert store.purged(0) is None
    assert store.damage() == ""
    [loose] = store.attic.loose(10)
    assert (loose.tok, loose.dek, loose.linked) == (intent.links[0].tok, intent.links[0].dek, False)
    store.attic.tighten([loose])
    assert store.attic.loose(10) == []
    with pytest.raises(NotPurged):
        purge((1, 2))


def test_nothing_goes_once_somebody_was_held_since_it_was_decided(store: Store, write: Write, scribe: Scribe) -> None:
    store.claim("n1")
    first, second = write(), write()
    store.append([first, second, outcome(scribe, first, 0), outcome(scribe, second, 1)])
    decided = store.tree.size
    store.keep(Head(decided, b"r" * 32, 0, "note", b""), {}, after=0)
    store.append([changed(write(Access("ann", "list"), ()), kind="hold")])

    def purge(places: tuple[Range, ...], as_of: int) -> int:
        event = Purge(policy="", classes=(), ranges=places, count=2, set_root="", oldest_ts=1, newest_ts=2, by="ann")
        return store.append([scribe.purge(event, as_of)])

    with pytest.raises(NotPurged, match="held in the meantime"):
        purge(((0, 0), (2, 2)), decided)

    assert len(store.leaves(0, 10)) == decided + 1
    assert purge(((0, 0), (2, 2)), decided + 1) == decided + 1


def test_old_entries_are_found_with_what_belongs_to_them(store: Store, write: Write, scribe: Scribe) -> None:
    store.claim("n1")
    begun, intent, later = write(Epoch("opened"), ()), write(), write()
    settled, access = outcome(scribe, intent, 1), write(Access("ann", "list"), ())
    store.append([begun, intent, settled, later, access])
    attic = store.attic

    [first, second] = attic.old("intent", 0, 10, 10)

    assert (first.place, second.place) == ((1, intent.ts, intent.hash), (3, later.ts, later.hash))
    assert [place.seq for place in first.with_it] == [2]
    assert [old.place.seq for old in attic.old("access", 0, 10, 10)] == [4]
    assert [old.place.seq for old in attic.old("intent", 0, 3, 10)] == [1]
    assert attic.first_after(begun.ts, 0) == 1
    assert attic.first_after(access.ts, 0) == 5
    assert [body["id"] for body in attic.later(1, 10) or ()] == [later.id]
    assert attic.later(0, 10) is None
    assert [(moment.node, moment.ts) for moment in attic.moments()] == [("n1", begun.ts)]
    attic.shrink(10)


EVENTS = st.lists(st.sampled_from(("intent", "refusal", "epoch")), min_size=1, max_size=30)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kinds=EVENTS, cuts=st.sets(st.integers(1, 29)))
def test_the_same_events_give_the_same_root_on_both(
    kinds: list[str], cuts: set[int], request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("roots")
    found = []
    with ExitStack() as undo:
        postgres: Cluster = request.getfixturevalue("postgres")
        log = prepared(undo.enter_context(postgres.database()))
        stores: list[Store] = [SqliteStore(folder / "ledger.db", "main"), log.open()]
        for at, store in enumerate(stores):
            undo.callback(store.close)
            (folder / str(at)).mkdir()
            keys = Keys.open(folder / str(at), Repeating())
            undo.callback(keys.close)
            scribe = Scribe("main", "n1", "b0", store.claim("n1"), keys, Ticking(), lambda: 7, Repeating())
            rows = [_made(scribe, kind) for kind in kinds]
            places = sorted({0, len(rows)} | {cut for cut in cuts if cut < len(rows)})
            for first, last in pairwise(places):
                store.append(rows[first:last])
            found.append((store.tree.root, [leaf.body for leaf in store.leaves(0, 100)]))

    (one, bodies), (other, same) = found
    assert one == other == root([hashlib.sha256(b"\0" + body).digest() for body in bodies])
    assert bodies == same


def _made(scribe: Scribe, kind: str) -> Row:
    events: dict[str, Event] = {
        "intent": shipment(),
        "refusal": Refused(caller="checkout", code="field.type"),
        "epoch": Epoch("opened"),
    }
    return scribe.row(events[kind], (PURCHASER,) if kind == "intent" else ())


def test_a_store_that_another_process_writes_is_refused(emptied: str) -> None:
    # Of one in a folder the lock says so: see test_ledger_crash.py.
    log = prepared(emptied)
    first, second = log.open(), log.open()
    first.claim("n1")

    with pytest.raises(StartError, match="another gateway writes as node n1"):
        second.claim("n1")

    first.close()
    assert second.claim("n1") == 2
    second.close()
