"""The log is signed as it grows, and never once the database holds something else than what was written."""

import asyncio
import hashlib
import itertools
import logging
import time
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import apsw
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from ledger_fakes import PURCHASER, SENT, BalkyStore, Shop, shipment
from tampering import ALTERED, CHECKPOINTS, altered, file

from gateway.errors import Refusal
from gateway.ledger import Access, Filter, Ledger, StoreError
from gateway.ledger import notary as module
from gateway.ledger.canonical import leaf_hash
from gateway.ledger.checkpoint import opened, signer_of
from gateway.ledger.entry import Index
from gateway.ledger.notary import AlteredError, head_tree
from gateway.ledger.sqlite import SqliteStore
from gateway.ledger.sqlite_schema import MIGRATIONS
from gateway.ledger.store import Head, Row
from gateway.ledger.tree import Span, consistency, is_consistent, root
from gateway.ledger.unready import Unready

PATIENCE = 60.0
LOOK = Access("uid:1000", "list")


@pytest.fixture(autouse=True)
def _only_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PERIOD", 600.0)


async def signed(ledger: Ledger, size: int) -> Head:
    """The newest checkpoint, once there is one of at least this size and no other is on its way."""
    async with asyncio.timeout(PATIENCE):
        while (head := ledger._store.last_head()) is None or head.size < size:
            ledger._notary.hurry()
            await ledger.record(LOOK)
        # Twice with a batch in between: at the first look it may be about to begin what it was hurried to.
        while not (rests(ledger) and await ledger.record(LOOK) and rests(ledger)):
            await ledger.record(LOOK)
    return ledger._store.last_head() or head


def rests(ledger: Ledger) -> bool:
    """Whether nothing is being signed, and nothing will be for as long as nobody hurries it."""
    return ledger._notary._due > time.monotonic() and not ledger._notary.is_busy


async def refused(ledger: Ledger) -> None:
    """Returns once the ledger has been found altered."""
    async with asyncio.timeout(PATIENCE):
        while not ledger._notary.altered:
            ledger._notary.hurry()
            await ledger.record(LOOK)


async def grown(shop: Shop, count: int) -> Ledger:
    """A ledger with a checkpoint, and some entries after it that nothing vouches for yet."""
    ledger = shop.open()
    await signed(ledger, 1)
    for ticket in await asyncio.gather(
        *(ledger.intend(shipment(), [PURCHASER], b"{}", within=20) for _ in range(count))
    ):
        ledger.settle(ticket, SENT)
    await ledger.record(LOOK)
    return ledger


async def test_a_log_is_signed_as_soon_as_there_is_one(shop: Shop) -> None:
    head = await signed(shop.open(), 3)

    hashes = [row[0] for row in file(shop).execute("SELECT hash FROM leaf WHERE seq < ? ORDER BY seq", (head.size,))]
    assert head.root == root(hashes)
    assert head.note.split("\n")[1:3] == [str(head.size), b64encode(head.root).decode()]


async def test_anybody_with_the_public_key_can_check_the_signature(shop: Shop) -> None:
    ledger = shop.open()
    head = await signed(ledger, 1)

    name, id_, public = ledger._notary.verifier.vkey.split("+", 2)
    text, _, line = head.note.rpartition("\n\n")
    raw = b64decode(line.split(" ")[2])
    assert text.split("\n")[0] == name == line.split(" ")[1]
    assert raw[:4].hex() == id_ == hashlib.sha256(name.encode() + b"\n" + b64decode(public)).hexdigest()[:8]
    Ed25519PublicKey.from_public_bytes(b64decode(public)[1:]).verify(raw[4:], f"{text}\n".encode())


async def test_all_checkpoints_are_kept_and_each_continues_those_before(shop: Shop) -> None:
    ledger = shop.open()
    for size in (1, 8, 20, 41):
        await signed(ledger, size)
    await ledger.close()
    again = shop.open()
    await signed(again, 60)

    heads = again._store.heads(0, 1000)
    hashes = list(again._store.hashes(0, heads[-1].size))
    assert len(heads) >= 5
    assert [head.size for head in heads] == sorted({head.size for head in heads})
    for old, new in itertools.combinations(heads, 2):
        proof = [root(hashes[first:last]) for first, last in consistency(old.size, new.size)]
        assert is_consistent(old.size, old.root, new.size, new.root, proof)
        assert opened(new.note, again._notary.verifier).root == new.root


async def test_after_a_restart_the_key_and_the_name_are_the_same(shop: Shop) -> None:
    first = shop.open()
    await first.close()

    assert shop.open()._notary.verifier == first._notary.verifier
    other = signer_of("main", bytes(32)).verifier
    assert other.name != first._notary.verifier.name


async def test_a_log_that_does_not_grow_is_not_signed_again(shop: Shop) -> None:
    ledger = shop.open()
    await signed(ledger, 3)
    for _ in range(20):
        ledger._notary.hurry()
        await ledger._writer.caught_up()

    heads = ledger._store.heads(0, 100)

    assert heads[-1].size == ledger._store.tree.size
    assert len({head.size for head in heads}) == len(heads) <= 4


async def test_a_log_that_grows_is_signed_without_being_asked(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PERIOD", 0.01)
    ledger = shop.open()
    await ledger.record(LOOK)
    size = ledger._store.tree.size

    async with asyncio.timeout(PATIENCE):
        # Nobody is told of a checkpoint.
        while (head := ledger._store.last_head()) is None or head.size < size:  # noqa: ASYNC110
            await asyncio.sleep(0.01)

    assert head.size == size


@contextmanager
def left(shop: Shop) -> Iterator[SqliteStore]:
    """What a process that has ended left in the folder."""
    with closing(SqliteStore(shop.folder / "ledger.db", "main")) as store:
        yield store


async def test_an_orderly_end_is_signed_with_all_that_was_before_it(shop: Shop) -> None:
    ledger = await grown(shop, 600)
    await ledger.close()

    with left(shop) as store:
        head = store.last_head()
        assert head is not None
        assert head.size == store.tree.size
        [last] = store.leaves(head.size - 1, 1)
    assert b'"state":"closed"' in last.body


@pytest.mark.parametrize("failing", ["the disk", "the time"])
async def test_an_end_that_cannot_be_signed_says_so(
    shop: Shop, failing: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = await grown(shop, 600)
    before = ledger._store.last_head()
    if failing == "the disk":
        monkeypatch.setattr(ledger._store, "keep", _full)
    else:
        monkeypatch.setattr(module, "LAST", -1.0)

    with caplog.at_level(logging.ERROR):
        await ledger.close()

    assert "the last entries of the ledger are not signed: the next start signs them" in caplog.text
    with left(shop) as store:
        assert store.last_head() == before
    await signed(shop.open(), ledger._store.tree.size)


def _full(head: Head, complete: Mapping[Span, bytes], *, after: int) -> bool:
    raise StoreError("FullError")


async def test_an_end_after_something_was_altered_is_not_signed(shop: Shop) -> None:
    ledger = await grown(shop, 5)
    before = ledger._store.last_head()
    altered(shop, ALTERED["a body"])

    await ledger.close()

    with left(shop) as store:
        assert store.last_head() == before


async def test_what_is_read_in_parts_gives_the_same_checkpoint(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PART", 3)
    ledger = await grown(shop, 20)

    head = await signed(ledger, 40)

    assert head.root == root(ledger._store.hashes(0, head.size))


@pytest.mark.parametrize("act", ALTERED.values(), ids=ALTERED.keys())
async def test_what_was_altered_behind_our_back_is_not_signed(
    shop: Shop, caplog: pytest.LogCaptureFixture, act: str
) -> None:
    ledger = await grown(shop, 5)
    before = ledger._store.last_head()
    altered(shop, act)

    with caplog.at_level(logging.ERROR):
        await refused(ledger)

    assert before is not None
    assert ledger._store.last_head() == before
    assert ledger.unready == Unready.ALTERED
    [line] = [record.getMessage() for record in caplog.records if "altered" in record.getMessage()]
    assert line.startswith("the ledger was altered and is not signed any more: entry ")


async def test_what_was_altered_with_its_hash_is_not_signed(shop: Shop) -> None:
    ledger = await grown(shop, 5)
    before = ledger._store.last_head()
    body = b'{"kind":"nothing happened"}'
    seq = ledger._store.tree.size - 3
    altered(shop, "UPDATE leaf_body SET body = ? WHERE seq = ?", body, seq)
    altered(shop, "UPDATE leaf SET hash = ? WHERE seq = ?", leaf_hash(body), seq)

    await refused(ledger)

    assert ledger._store.last_head() == before


async def test_an_altered_log_takes_outcomes_and_looks_but_no_intent(shop: Shop) -> None:
    ledger = await grown(shop, 5)
    ticket = await ledger.intend(shipment(), [PURCHASER], b"{}", within=20)
    altered(shop, ALTERED["a hash"])
    await refused(ledger)

    with pytest.raises(Refusal) as refusal:
        await ledger.intend(shipment(), [PURCHASER], b"{}", within=20)
    ledger.settle(ticket, SENT)
    await ledger.record(LOOK)

    assert refusal.value.failures[0].detail == "the ledger was altered"
    [entry] = await ledger.entries(Filter(id=ticket.intent))
    assert entry.outcome
    assert entry.outcome["result"] == "sent"


@pytest.mark.parametrize("act", CHECKPOINTS.values(), ids=CHECKPOINTS.keys())
async def test_where_the_last_checkpoint_does_not_hold_none_follows(shop: Shop, act: str) -> None:
    ledger = await grown(shop, 5)
    altered(shop, act)
    before = ledger._store.heads(0, 100)

    await refused(ledger)

    assert ledger._store.heads(0, 100) == before


async def test_a_checkpoint_that_another_key_signed_does_not_count(shop: Shop) -> None:
    ledger = await grown(shop, 5)
    head = await signed(ledger, 3)

    with pytest.raises(Exception, match="no signature of the key"):
        head_tree(head, signer_of("main", bytes(32)))
    with pytest.raises(AlteredError):
        head_tree(Head(head.size, head.root, head.ts, head.note, b""), ledger._notary._signer)


@pytest.mark.parametrize("kept", [False, True], ids=["not persisted", "persisted"])
async def test_after_a_commit_that_raised_the_tree_is_that_of_the_database(shop: Shop, kept: bool) -> None:
    ledger = await grown(shop, 5)
    (shop.store.after if kept else shop.store.before).append(StoreError("FullError"))
    with pytest.raises(Refusal):
        await ledger.intend(shipment(), [PURCHASER], b"{}", within=20)
    await ledger._writer.drained()

    size = ledger._store.tree.size
    head = await signed(ledger, size)

    assert ledger._store.tree.root == root(ledger._store.hashes(0, ledger._store.tree.size))
    assert head.root == root(ledger._store.hashes(0, head.size))
    assert ledger.healthy


async def test_the_tree_does_not_grow_before_the_commit(shop: Shop) -> None:
    ledger = await grown(shop, 1)
    await ledger.close()
    store = SqliteStore(shop.folder / "ledger.db", "main")
    before = store.tree
    other = file(shop)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(StoreError):
        store.append([Row("0" * 32, "epoch", 0, 9, b"{}", leaf_hash(b"{}"), Index())])

    assert store.tree == before
    other.execute("ROLLBACK")
    store.close()


class Forgetful(BalkyStore):
    """Fails to keep the next checkpoints; some are there nevertheless."""

    def __init__(self, path: Path, log: str) -> None:
        super().__init__(path, log)
        self.failing: list[bool] = [False, True]

    def keep(self, head: Head, complete: Mapping[Span, bytes], *, after: int) -> bool:
        if not self.failing:
            return super().keep(head, complete, after=after)
        if self.failing.pop(0):
            super().keep(head, complete, after=after)
        raise StoreError("FullError")


async def test_a_checkpoint_that_could_not_be_kept_is_tried_again(
    shop: Shop, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    stores: list[Forgetful] = []

    def store(path: Path, log: str) -> BalkyStore:
        stores.append(Forgetful(path, log))
        return stores[-1]

    monkeypatch.setattr(shop, "_store", store)
    ledger = shop.open()

    with caplog.at_level(logging.ERROR):
        head = await signed(ledger, 40)

    assert ledger.healthy
    assert stores[0].failing == []
    assert caplog.text.count("could not be signed: FullError") == 2
    assert head.root == root(ledger._store.hashes(0, head.size))


async def test_checkpoints_are_append_only(shop: Shop) -> None:
    ledger = shop.open()
    await signed(ledger, 3)
    await ledger.close()
    database = file(shop)
    database.pragma("recursive_triggers", 1)

    for act in (
        "UPDATE checkpoint SET ts = 0",
        "DELETE FROM checkpoint",
        "INSERT OR REPLACE INTO checkpoint SELECT * FROM checkpoint",
    ):
        with pytest.raises(apsw.ConstraintError, match="append-only"):
            database.execute(act)


async def test_a_file_of_the_first_version_goes_on_as_it_was_and_is_signed(shop: Shop) -> None:
    written = await grown(shop, 5)
    await written.close()
    database = file(shop)
    database.execute(
        "DROP TABLE checkpoint; DROP TABLE subtree; DROP TABLE purged; DROP TABLE loose"
        "; DROP TABLE erased; DROP TABLE erasing; DROP TABLE tally; DROP TABLE tallied"
    )
    database.execute("DROP INDEX earlier_seq")
    database.execute("UPDATE link SET tok = substr(tok, 5); UPDATE earlier SET digest = substr(digest, 5)")
    database.pragma("user_version", 1)
    before = database.execute("SELECT * FROM leaf JOIN leaf_body USING (seq) ORDER BY seq").fetchall()
    database.close()

    ledger = shop.open()
    head = await signed(ledger, len(before))

    after = file(shop).execute("SELECT * FROM leaf JOIN leaf_body USING (seq) ORDER BY seq").fetchall()
    assert after[: len(before)] == before
    assert head.root == root(hashes_of(after)[: head.size])


def hashes_of(found: Sequence[tuple[object, ...]]) -> list[bytes]:
    return [leaf_hash(body) for *_, hash_, body, _v, _o, _c, _d, _r in found if isinstance(body, bytes) and hash_]


def test_the_tables_of_a_new_file_are_those_of_one_that_was_brought_up(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "new").mkdir()
    SqliteStore(tmp_path / "new" / "ledger.db", "main").close()
    SqliteStore(tmp_path / "old" / "ledger.db", "main").close()
    old = apsw.Connection(str(tmp_path / "old" / "ledger.db"))
    for kind, name in old.execute("SELECT type, name FROM sqlite_schema WHERE name NOT LIKE 'sqlite%'").fetchall():
        if kind in ("table", "trigger"):
            old.execute(f"DROP {kind} IF EXISTS {name}")
    old.execute(MIGRATIONS[0] + "INSERT INTO log VALUES('main', 'active')")
    old.pragma("user_version", 1)
    old.close()

    SqliteStore(tmp_path / "old" / "ledger.db", "main").close()

    schemas = [
        apsw.Connection(str(tmp_path / name / "ledger.db"))
        .execute("SELECT type, name, sql FROM sqlite_schema")
        .fetchall()
        for name in ("old", "new")
    ]
    assert sorted(map(str, schemas[0])) == sorted(map(str, schemas[1]))


async def test_the_key_that_signs_hangs_on_no_other_and_the_log_names_its_public_half(shop: Shop) -> None:
    ledger = shop.open()
    seed = (shop.folder / "sign.key").read_bytes()

    [entry] = [each for each in await ledger.entries(Filter(kind="key")) if "vkey" in each.body]

    assert seed not in (ledger.named("checkpoint"), (shop.folder / "root.key").read_bytes())
    assert ledger.vkey == entry.body["vkey"] == signer_of("main", seed).verifier.vkey
    assert (entry.body["use"], entry.body["state"]) == ("checkpoint", "created")
