"""A copy from before a turnover tells of nobody by a name that somebody knows; what is there now tells as before."""

import asyncio
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import apsw
import psycopg
import pytest
from clusters import Cluster, dumped, loaded
from hypothesis import given
from hypothesis import strategies as st
from ledger_fakes import PURCHASER, SENT, Ticking, shipment
from postgres_stores import Prepared, prepared
from stores_of import forgotten
from waiting import until

from gateway import failpoints
from gateway.errors import StartError
from gateway.frozen import changed
from gateway.ledger import Filter, Ledger, StoreError, Subject, postgres_schema, sqlite_schema
from gateway.ledger.blinding import TOGETHER, Blinding, Block, Blocks
from gateway.ledger.kek import Held, KekFile
from gateway.ledger.keys import Keys
from gateway.ledger.postgres import PostgresStore
from gateway.ledger.postgres_vault import PostgresVault
from gateway.ledger.sqlite import SqliteStore
from gateway.ledger.sqlite_vault import SqliteVault
from gateway.ledger.store import Store
from gateway.ledger.vault import Vault

pytestmark = pytest.mark.slow

OTHER = Subject("guest-2342", "consignee", "FR")
KEYS = ("root.key", "kek.key", "sign.key")
NUMBER = "1Z999"  # what the vendor calls the parcel
NAMED = ("link", "earlier", "token")

Tokens = dict[str, set[bytes]]
"""What stands in a copy, by table."""


@dataclass
class Place:
    """Stores in a folder, in files or in a PostgreSQL, and copies of them."""

    folder: Path
    shared: Prepared | None
    cluster: Cluster | None

    def open(self, node: str = "n1") -> Ledger:
        folder = self.folder / node
        if not folder.exists():
            folder.mkdir()
            for key in KEYS if node != "n1" else ():
                shutil.copy(self.folder / "n1" / key, folder)
        store: Callable[[Path, str], Store] = SqliteStore
        vault: Callable[[Path], Vault] = SqliteVault
        if (shared := self.shared) is not None:
            store, vault = lambda _, log: PostgresStore(shared.url, log), lambda _: PostgresVault(shared.url)
        loop = asyncio.get_running_loop()
        return Ledger.open(folder, node=node, now=Ticking(), loop=loop, store=store, vault=vault)

    def copy(self) -> Callable[[], Tokens]:
        """A backup as operators make one; what it returns tells what stands in it."""
        if self.shared is None or self.cluster is None:
            return self._files()
        found, cluster, dump = self.cluster.binaries, self.cluster, self.folder / "dump"
        dumped(found, self.shared.owner, dump)

        def read() -> Tokens:
            with cluster.database() as url:
                loaded(found, dump, url)
                with psycopg.connect(url) as session:
                    return {
                        table: {bytes(each) for (each,) in session.execute(query.encode()).fetchall()}
                        for table, query in zip(NAMED, QUERIES, strict=True)
                    }

        return read

    def put(self, table: str, stored: bytes) -> None:
        """What stands in the only row of a table, as somebody else wrote it."""
        query = QUERIES[NAMED.index(table)].split()
        changed = f"UPDATE {query[3]} SET {query[1]} = "
        if self.shared is not None:
            self.shared.does(f"{changed} '\\x{stored.hex()}'")
            return
        database = apsw.Connection(str(self.folder / "n1" / ("keys.db" if table == "token" else "ledger.db")))
        database.execute(f"{plain(changed)} ?", (stored,))
        database.close()

    def _files(self) -> Callable[[], Tokens]:
        old = self.folder / "old"
        old.mkdir()
        for name in ("ledger.db", "keys.db"):
            source, target = apsw.Connection(str(self.folder / "n1" / name)), apsw.Connection(str(old / name))
            with target.backup("main", source, "main") as copying:
                copying.step()
            source.close()
            target.close()

        def read() -> Tokens:
            found = Tokens()
            for table, query in zip(NAMED, QUERIES, strict=True):
                database = apsw.Connection(str(old / ("keys.db" if table == "token" else "ledger.db")))
                found[table] = {each for (each,) in database.execute(plain(query))}
                database.close()
            return found

        return read


QUERIES = ("SELECT tok FROM ledger.link", "SELECT digest FROM ledger.earlier", "SELECT digest FROM keys.token")


def plain(query: str) -> str:
    """The same for a file, in which there are no schemas."""
    return query.replace("ledger.", "").replace("keys.", "")


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    if request.param == "sqlite":
        yield Place(tmp_path, None, None)
        return
    cluster: Cluster = request.getfixturevalue("postgres")
    yield Place(tmp_path, prepared(request.getfixturevalue("database")), cluster)


@dataclass
class Guess:
    """What somebody knows of a person from elsewhere, and the tables in which that is found."""

    ref: str
    token: str

    def found(self, copy: Tokens, keys: Path, held: Held | None) -> set[str]:
        """With `root.key` and, where there is one, the secret of a generation; everything that can be made of them."""
        root = (keys / "root.key").read_bytes()
        made = Keys.open(keys_of(keys))
        bare = {
            "link": made.token(self.ref),
            "earlier": made.digest("parcels", NUMBER),
            "token": digest_of(made, self.token),
        }
        made.close()
        secrets = [b"", bytes(32), *([held.secret] if held else [])]
        blocks = [block for each in secrets for number in range(4) if (block := Held(number, 0, each).kek(root).block)]
        return {
            table
            for table, tok in bare.items()
            for stored in copy[table]
            if tok in stored or any(block.decrypted(stored[4:]) == tok for block in blocks)
        }


def keys_of(folder: Path) -> Path:
    """A folder with that root key and nothing else: what hangs on it alone."""
    alone = folder.parent / "guessing"
    shutil.rmtree(alone, ignore_errors=True)
    alone.mkdir()
    shutil.copy(folder / "root.key", alone)
    return alone


def digest_of(keys: Keys, token: str) -> bytes:
    keyed = keys._tokens._keyed.copy()
    keyed.update(f"parcels\0{token}".encode())
    return keyed.digest()[:16]


async def disclosed(ledger: Ledger, *people: Subject) -> int:
    ticket = await ledger.intend(shipment(), people, b"{}", within=20)
    ledger.settle(ticket, SENT, [ledger.digest("parcels", NUMBER)])
    await ledger._writer.drained()
    return ticket.seq


async def test_a_copy_from_before_erasure_and_turnover_ties_no_known_name_to_an_entry(place: Place) -> None:
    ledger = place.open()
    guess = Guess(PURCHASER.ref, ledger.tokenise(PURCHASER.ref, "parcels", "88"))
    await disclosed(ledger, PURCHASER)
    old, then = place.copy(), KekFile(place.folder / "n1" / "kek.key").held()

    await forgotten(ledger, PURCHASER.ref)
    await ledger.erasing.turnover("anna")
    await ledger.close()

    copy, now = old(), KekFile(place.folder / "n1" / "kek.key").held()
    assert all(copy.values())
    assert guess.found(copy, place.folder / "n1", now) == set()
    # The control: what the turnover destroyed is what would tell.
    assert guess.found(copy, place.folder / "n1", then) == set(NAMED)


kek = Held.kek


def on_root_alone(root: bytes) -> Block | None:
    return kek(Held(0, 0, b""), root).block


async def test_where_the_blinding_hangs_on_the_root_key_alone_it_tells(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control of the test before."""
    monkeypatch.setattr(Held, "kek", lambda held, root: changed(kek(held, root), block=on_root_alone(root)))
    with pytest.raises(AssertionError):
        await test_a_copy_from_before_erasure_and_turnover_ties_no_known_name_to_an_entry(place)


async def test_who_is_not_erased_is_found_in_all_that_was_written_under_any_generation(place: Place) -> None:
    ledger = place.open()
    token = ledger.tokenise(PURCHASER.ref, "parcels", "88")
    people = [Subject(f"c-{number}", "purchaser", "DE") for number in range(TOGETHER + 3)]
    await asyncio.gather(*(ledger.intend(shipment(), [each], b"{}", within=20) for each in people))
    places = [await disclosed(ledger, PURCHASER, OTHER)]
    for _ in range(2):
        await ledger.erasing.turnover("anna")
        places.append(await disclosed(ledger, PURCHASER))
    await ledger.erasing.hold(OTHER.ref, reason="court-order", by="anna")

    for _ in range(2):
        assert [entry.seq for entry in await ledger.entries(Filter(subject=PURCHASER.ref))] == places[::-1]
        for each in people[::50]:
            assert len(await ledger.entries(Filter(subject=each.ref))) == 1
        assert await ledger.earlier(ledger.digest("parcels", NUMBER)) == (PURCHASER, OTHER)
        assert ledger.behind("parcels", token) == "88"
        assert ledger.tokenise(PURCHASER.ref, "parcels", "88") == token
        assert await ledger.archive.strange(0, 1_000) == []
        assert await ledger.erasing.release(OTHER.ref, by="anna") in (0, 1)
        await ledger.close()
        ledger = place.open()
    await forgotten(ledger, PURCHASER.ref)
    assert await ledger.entries(Filter(subject=PURCHASER.ref)) == []
    await ledger.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("step", ["turnover-begun", "turnover-part", "turnover-moved", "turnover-wrapped"])
async def test_a_turnover_that_broke_off_is_ended_by_the_next_start(place: Place, step: str) -> None:
    ledger = place.open()
    token = ledger.tokenise(PURCHASER.ref, "parcels", "88")
    seq = await disclosed(ledger, PURCHASER, OTHER)
    old = await asyncio.to_thread(place.copy)
    failpoints.arm(f"{step}=raise")
    turning = asyncio.ensure_future(ledger.erasing.turnover("anna"))
    assert await ledger.ended == 70
    turning.cancel()
    failpoints.arm("")
    await ledger.close()

    again = place.open()

    assert again._keys.hierarchy.generation == 2
    assert not again._keys.hierarchy.is_turning
    assert [entry.seq for entry in await again.entries(Filter(subject=OTHER.ref))] == [seq]
    assert await again.earlier(again.digest("parcels", NUMBER)) == (PURCHASER, OTHER)
    assert again.behind("parcels", token) == "88"
    await again.close()
    now = KekFile(place.folder / "n1" / "kek.key").held()
    assert Guess(PURCHASER.ref, token).found(old(), place.folder / "n1", now) == set()


async def test_other_nodes_go_on_during_a_turnover_and_forget_with_it(database: str, tmp_path: Path) -> None:
    place = Place(tmp_path, prepared(database), None)
    ours = place.open()
    token = ours.tokenise(PURCHASER.ref, "parcels", "88")
    first = await disclosed(ours, PURCHASER)
    theirs = place.open("n2")
    for ledger in (ours, theirs):
        ledger._looking.cancel()
    hierarchy, move = ours._keys.hierarchy, ours._store.reblind
    key = (tmp_path / "n2" / "kek.key").read_bytes()

    # Up to where the other one is at its calls between two steps.
    assert await ours._deed(hierarchy.begin) == 2
    second = await disclosed(theirs, PURCHASER)
    assert await ours._deed(move)
    assert [entry.seq for entry in await theirs.entries(Filter(subject=PURCHASER.ref))] == [second, first]
    third = await disclosed(theirs, OTHER, PURCHASER)
    assert theirs.behind("parcels", token) == "88"
    await ours._deed(hierarchy.rewrap)
    assert theirs.tokenise(PURCHASER.ref, "parcels", "88") == token
    assert theirs.behind("parcels", token) == "88"
    await ours.erasing._end()
    await theirs.erasing.keep_up()

    for ledger in (ours, theirs):
        assert [entry.seq for entry in await ledger.entries(Filter(subject=PURCHASER.ref))] == [third, second, first]
        assert await ledger.earlier(ledger.digest("parcels", NUMBER)) == (PURCHASER,)
        assert len(ledger._store.oblivion.known(ledger._keys.token(PURCHASER.ref)).deks) == 1
        assert (ledger._keys.hierarchy.generation, ledger._keys.hierarchy.is_turning) == (2, False)
    assert (tmp_path / "n2" / "kek.key").read_bytes() != key
    held = [KekFile(tmp_path / name / "kek.key").held() for name in ("n1", "n2")]
    assert held[0] == held[1]
    for ledger in (ours, theirs):
        await ledger.close()


@pytest.mark.slow
async def test_a_node_that_has_nothing_to_do_follows_by_itself(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.ledger.aftercare.LOOKED_AFTER", 0.05)
    place = Place(tmp_path, prepared(database), None)
    ours, theirs = place.open(), place.open("n2")
    await disclosed(ours, PURCHASER)

    await ours.erasing.turnover("anna")

    files = [KekFile(tmp_path / name / "kek.key") for name in ("n1", "n2")]
    await until(lambda: files[0].held() == files[1].held(), within=20)
    for ledger in (ours, theirs):
        await ledger.close()


async def test_what_was_written_before_there_was_a_blinding_is_blinded_at_the_next_start(place: Place) -> None:
    ledger = place.open()
    token = ledger.tokenise(PURCHASER.ref, "parcels", "88")
    seq = await disclosed(ledger, PURCHASER)
    bare = {"link": ledger._keys.token(PURCHASER.ref), "earlier": ledger.digest("parcels", NUMBER)}
    bare["token"] = digest_of(ledger._keys, token)
    await ledger.close()
    for table, tok in bare.items():
        place.put(table, bytes(4) + tok)

    again = place.open()

    assert [entry.seq for entry in await again.entries(Filter(subject=PURCHASER.ref))] == [seq]
    assert await again.earlier(again.digest("parcels", NUMBER)) == (PURCHASER,)
    assert again.behind("parcels", token) == "88"
    await again.close()
    copy = place.copy()()
    assert not [tok for table, tok in bare.items() for stored in copy[table] if tok in stored]


async def test_a_ledger_of_a_generation_that_nobody_knows_does_not_open(tmp_path: Path) -> None:
    place = Place(tmp_path, None, None)
    ledger = place.open()
    await disclosed(ledger, PURCHASER)
    await ledger.close()
    place.put("link", (7).to_bytes(4) + bytes(16))

    with pytest.raises(StartError, match="another generation"):
        place.open()


BLOCKS: Blocks = {number: block for number in (3, 4) if (block := Held(number, 0, b"s").kek(b"r" * 32).block)}
TOKS = st.lists(st.binary(min_size=16, max_size=16), max_size=5)


@given(TOKS)
def test_what_is_stored_comes_back_and_sorts_after_all_that_is_older(toks: list[bytes]) -> None:
    none, older, newer = Blinding(), Blinding(lambda: {3: BLOCKS[3]}), Blinding(lambda: BLOCKS)

    stored = [each.stored(toks) for each in (none, older, newer)]

    assert all([newer.bare(each) for each in some] == toks for some in stored)
    assert [now for _, now in newer.anew(stored[1])] == stored[2]
    assert [newer.found(tok) for tok in toks] == [list(pair) for pair in zip(stored[1], stored[2], strict=True)]
    assert all(each < newer.first for each in stored[0] + stored[1])
    assert all(each >= newer.first for each in stored[2])


def test_a_token_of_a_generation_that_is_gone_tells_nothing() -> None:
    [stored] = Blinding(lambda: {3: BLOCKS[3]}).stored([b"t" * 16])

    with pytest.raises(StoreError):
        Blinding(lambda: {4: BLOCKS[4]}).bare(stored)
    assert b"t" * 16 not in stored


def test_equal_tokens_look_otherwise_under_each_generation() -> None:
    three, four = Blinding(lambda: {3: BLOCKS[3]}), Blinding(lambda: {4: BLOCKS[4]})

    assert three.stored([b"t" * 16])[0][4:] != four.stored([b"t" * 16])[0][4:]


def test_tables_from_before_there_was_a_blinding_are_brought_up(
    emptied: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of both databases; what stands in them is then of no generation yet."""
    for schema, version in ((postgres_schema, 4), (sqlite_schema, 6)):
        monkeypatch.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:version])
    later = ("tally", "tallied")
    grants = {table: each for table, each in postgres_schema.GRANTS.items() if table not in later}
    monkeypatch.setattr(postgres_schema, "GRANTS", grants)
    SqliteStore(tmp_path / "ledger.db", "main").close()
    shared, file = prepared(emptied), apsw.Connection(str(tmp_path / "ledger.db"))
    shared.does(f"INSERT INTO link VALUES(0, 0, decode('{'ab' * 16}', 'hex'), '1', '2')")
    file.execute(f"INSERT INTO link VALUES(0, 0, x'{'ab' * 16}', x'01', x'02')")
    monkeypatch.undo()

    prepared(emptied)
    SqliteStore(tmp_path / "ledger.db", "main").close()

    [(tok,)] = shared.does("SELECT tok FROM link")
    assert tok == file.execute("SELECT tok FROM link").fetchall()[0][0] == bytes(4) + b"\xab" * 16
    assert Blinding().bare(bytes(4) + b"\xab" * 16) == b"\xab" * 16
    file.close()
