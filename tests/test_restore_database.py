"""A copy that comes back into a PostgreSQL goes on as the log that was signed, or as one that says what it lacks."""

import asyncio
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from clusters import Cluster, dumped, loaded
from ledger_fakes import PURCHASER, SENT, Ticking, shipment
from postgres_stores import WRITER, Prepared, prepared
from processes import Machine
from stores_of import forgotten, signed

from gateway.errors import Distrusted, StartError
from gateway.ledger import Filter, Ledger, Subject
from gateway.ledger.postgres import PostgresStore
from gateway.ledger.postgres_vault import PostgresVault
from gateway.restore import Asked, Told, taken_up

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
OTHER = Subject("guest-2342", "consignee", "FR")
KEYS = ("root.key", "kek.key", "sign.key")
NOW = 1_767_225_600_000_000


@dataclass
class Shop:
    """Nodes of one database, which copies of it take the place of."""

    folder: Path
    cluster: Cluster
    database: Prepared
    undo: ExitStack
    opened: list[Ledger] = field(default_factory=list)

    def node(self, name: str = "n1") -> Ledger:
        folder = self.folder / name
        if not folder.exists():
            folder.mkdir(mode=0o700)
            for key in KEYS if name != "n1" else ():
                shutil.copy(self.folder / "n1" / key, folder)
        url, loop = self.database.url, asyncio.get_running_loop()
        ledger = Ledger.open(
            folder, node=name, now=Ticking(), loop=loop,
            store=lambda _, log: PostgresStore(url, log), vault=lambda _: PostgresVault(url),
        )  # fmt: skip
        self.opened.append(ledger)
        return ledger

    async def ended(self, *ledgers: Ledger) -> None:
        """In good order; all of them where none is named."""
        for ledger in ledgers or tuple(self.opened):
            self.opened.remove(ledger)
            await ledger.close()

    async def copy(self) -> Path:
        await asyncio.to_thread(dumped, self.cluster.binaries, self.database.owner, self.folder / "dump")
        return self.folder / "dump"

    async def bring(self, copy: Path) -> None:
        """In the place of the database, of which nothing is left."""
        await self.ended()
        owner = self.undo.enter_context(self.cluster.database())
        await asyncio.to_thread(loaded, self.cluster.binaries, copy, owner)
        self.database = Prepared(owner, owner.replace("postgres@", f"{WRITER}@", 1))

    async def take_up(self, name: str = "n1", last: str | None = None, *, anew: bool = False) -> Told:
        folder = self.folder / name
        asked = Asked(into=folder, last=last, anew=anew, high_water=folder / "high-water", by="anna", node=name)
        return await asyncio.to_thread(taken_up, self.database.url, asked, lambda: NOW, guarded=True)


@pytest.fixture
def databases(postgres: Cluster) -> Iterator[ExitStack]:
    with ExitStack() as undo:
        yield undo


@pytest.fixture
async def shop(tmp_path: Path, postgres: Cluster, databases: ExitStack) -> AsyncIterator[Shop]:
    owner = databases.enter_context(postgres.database())
    made = Shop(tmp_path, postgres, prepared(owner), databases)
    yield made
    await made.ended()


async def disclosed(ledger: Ledger, *people: Subject) -> str:
    """The newest checkpoint, with a call in it."""
    ledger.settle(await ledger.intend(shipment(), people, b"{}", within=20), SENT)
    return await signed(ledger)


async def found(ledger: Ledger, person: Subject) -> int:
    return len(await ledger.entries(Filter(subject=person.ref)))


async def test_a_copy_that_has_all_that_was_acknowledged_goes_on(shop: Shop) -> None:
    note = await disclosed(shop.node(), PURCHASER)
    await shop.ended()
    await shop.bring(await shop.copy())

    told = await shop.take_up(last=note)

    ledger = shop.node()
    assert (told.is_new, told.lost) == (False, None)
    assert await found(ledger, PURCHASER) == 1
    [back] = await ledger.entries(Filter(kind="restore"))
    assert (back.body["size"], back.body["by"]) == (told.size, "anna")
    assert len(await ledger.entries(Filter(kind="genesis"))) == 1


async def test_a_copy_that_lacks_what_was_acknowledged_goes_on_only_under_a_new_origin(shop: Shop) -> None:
    ours, theirs = shop.node(), shop.node("n2")
    before = await disclosed(ours, PURCHASER)
    copy = await shop.copy()
    await disclosed(theirs, OTHER)
    last = await disclosed(ours, OTHER)
    await shop.ended(theirs)
    await shop.bring(copy)
    for name in ("n1", "n2"):
        with pytest.raises(Distrusted, match="ROLLBACK_DETECTED"):
            shop.node(name)

    told = await shop.take_up(last=last)
    again = await shop.take_up("n2")

    # What it acknowledged after its last checkpoint, that it ended, is lost as well.
    assert told.lost == (told.size, ours._notary._mark.last.size - 1)
    assert told.is_new
    assert (again.is_new, again.lost, again.origin) == (False, None, told.origin)
    ledger, other = shop.node(), shop.node("n2")
    [genesis, _] = await ledger.entries(Filter(kind="genesis"))
    assert (genesis.seq, genesis.body["lost"], genesis.body["checkpoint"]) == (told.size, list(told.lost), last)
    assert len(await ledger.entries(Filter(kind="restore"))) == 1
    note = await disclosed(other, OTHER)
    assert note.startswith(f"{told.origin}\n")
    assert await ledger.continued(int(before.split("\n")[1]), await ledger.head())
    assert (await found(ledger, PURCHASER), await found(ledger, OTHER)) == (1, 1)


@pytest.mark.slow
async def test_what_another_node_acknowledged_beyond_that_is_not_passed_over(shop: Shop) -> None:
    ours, theirs = shop.node(), shop.node("n2")
    await disclosed(ours, PURCHASER)
    copy = await shop.copy()
    await shop.ended(ours)
    mark = ours._notary._mark.last.size
    for _ in range(3):
        await disclosed(theirs, OTHER)
    await shop.bring(copy)

    first = await shop.take_up()
    with pytest.raises(Distrusted, match="ROLLBACK_DETECTED"):
        shop.node("n2")
    second = await shop.take_up("n2")

    assert first.lost == (first.size, mark - 1)
    assert second.lost == (first.size, theirs._notary._mark.last.size - 1)
    assert second.is_new
    assert second.origin != first.origin
    assert await found(shop.node("n2"), PURCHASER) == 1


@pytest.mark.slow
async def test_nobody_who_was_erased_since_comes_back_whichever_node_did_it(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.ledger.aftercare.LOOKED_AFTER", 0.05)
    ours, theirs = shop.node(), shop.node("n2")
    await disclosed(ours, PURCHASER)
    copy = await shop.copy()
    await forgotten(ours, PURCHASER.ref)
    async with asyncio.timeout(20):
        while theirs._keys.hierarchy.erased == 0:  # noqa: ASYNC110 - it happens in a database
            await asyncio.sleep(0.02)
    await shop.bring(copy)

    for name in ("n1", "n2"):
        with pytest.raises(Distrusted, match="older than an erasure"):
            await shop.take_up(name, anew=True)
        with pytest.raises(Distrusted, match="ROLLBACK_DETECTED"):
            shop.node(name)


@pytest.mark.slow
async def test_who_was_erased_before_the_copy_stays_erased(shop: Shop) -> None:
    ledger = shop.node()
    await disclosed(ledger, PURCHASER, OTHER)
    await forgotten(ledger, PURCHASER.ref)
    await shop.bring(await shop.copy())

    await shop.take_up(anew=True)

    ledger = shop.node()
    assert (await found(ledger, PURCHASER), await found(ledger, OTHER)) == (0, 1)


@pytest.mark.slow
async def test_a_copy_that_was_altered_is_not_gone_on_with(shop: Shop) -> None:
    await disclosed(shop.node(), PURCHASER)
    await shop.bring(await shop.copy())
    shop.database.does("ALTER TABLE leaf_body DISABLE TRIGGER ALL; UPDATE leaf_body SET body = '{}' WHERE seq = 2")

    with pytest.raises(Distrusted, match="entry 2 does not fit"):
        await shop.take_up(anew=True)


async def test_while_a_gateway_runs_or_nothing_is_known_nothing_is_done(shop: Shop) -> None:
    await disclosed(shop.node(), PURCHASER)
    shop.node("n2")
    await shop.ended(shop.opened[0])
    with pytest.raises(StartError, match="n2 still runs"):
        await shop.take_up()

    await shop.ended()
    (shop.folder / "n1" / "high-water").unlink()
    with pytest.raises(StartError, match="how far the log was signed is not known"):
        await shop.take_up()
    (shop.folder / "n1" / "kek.key").unlink()
    with pytest.raises(StartError, match=r"put kek\.key into"):
        await shop.take_up()


@pytest.mark.slow
async def test_an_empty_database_is_no_copy(shop: Shop) -> None:
    shop.node()
    await shop.ended()
    with shop.cluster.database() as owner:
        shop.database = prepared(owner)
        with pytest.raises(StartError, match="no log in the database"):
            await shop.take_up(anew=True)


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_copy_is_gone_on_with_as_somebody_types_it(tmp_path: Path, postgres: Cluster) -> None:
    with postgres.database() as owner, postgres.database() as later:
        url = owner.replace("postgres@", f"{WRITER}@", 1)
        machine = Machine(tmp_path, settings={"DATABASE": url, "DATABASE_OWNER": owner})
        assert machine.typed("ledger", "prepare").returncode == 0
        with machine.serving():
            machine.typed("ledger", "list")
        dumped(postgres.binaries, owner, tmp_path / "dump")
        with machine.serving():
            newest = machine.typed("ledger", "checkpoint").stdout
        (tmp_path / "newest.txt").write_text(newest, "utf-8")
        loaded(postgres.binaries, tmp_path / "dump", later)
        machine.settings = {"DATABASE": later.replace("postgres@", f"{WRITER}@", 1)}

        refused = machine.typed("ledger", "list")
        with_folder = machine.typed("restore", "b", "--into", "new")
        done = machine.typed("restore", "--last-checkpoint", "newest.txt")
        assert done.returncode == 0, done.stderr
        with machine.serving():
            listed = machine.listed("--kind", "restore")
        (tmp_path / "kept").write_text(machine.typed("ledger", "checkpoint").stdout, "utf-8")
        exported = machine.typed("ledger", "export", "out")
        judged = subprocess.run(
            [sys.executable, str(ROOT / "ledger_verify.py"), "out"],
            cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip

    assert (refused.returncode, with_folder.returncode) == (65, 1)
    assert "pg_restore" in with_folder.stderr
    assert "the origin before has ended" in done.stdout
    assert "are lost: ask vendors" in done.stdout
    assert len(listed) == 1
    assert exported.returncode == 0, exported.stderr
    assert judged.returncode == 0, judged.stdout
