"""Several gateways write one log in a PostgreSQL, which must be durable, and which none of them could alter."""

import ast
import asyncio
import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest
from clusters import Cluster, cluster
from ledger_fakes import PURCHASER, SENT, Ticking, shipment
from postgres_stores import WRITER, Prepared, prepared, rows

from gateway import bounded
from gateway.errors import Refusal, StartError
from gateway.frozen import changed
from gateway.ledger import Filter, Ledger, StoreError
from gateway.ledger import session as sessions
from gateway.ledger.canonical import leaf_hash
from gateway.ledger.postgres import PostgresStore
from gateway.ledger.postgres_schema import MIGRATIONS
from gateway.ledger.postgres_vault import PostgresVault
from gateway.ledger.store import Head
from gateway.ledger.tree import Tree

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


@pytest.fixture
def shared_log(emptied: str) -> Prepared:
    return prepared(emptied)


@pytest.fixture
def undo() -> Iterator[ExitStack]:
    with ExitStack() as undo:
        yield undo


@contextmanager
def opened(log: Prepared, node: str) -> Iterator[PostgresStore]:
    store = log.open(node)
    try:
        yield store
    finally:
        store.close()


# Who may do what.


@pytest.mark.parametrize("table", ["leaf", "leaf_body", "checkpoint", "subtree", "purged"])
@pytest.mark.parametrize("act", ["UPDATE {} SET {} = NULL", "DELETE FROM {}", "TRUNCATE {}"])
def test_the_role_of_the_gateway_cannot_alter_what_was_written(shared_log: Prepared, table: str, act: str) -> None:
    column = {"leaf": "kind", "leaf_body": "body", "checkpoint": "note", "subtree": "hash", "purged": "last"}[table]
    # Bodies go with a purge that names them; without one a trigger stops that.
    stopped = psycopg.errors.InsufficientPrivilege, psycopg.errors.RaiseException
    with opened(shared_log, "n1") as store:
        store.append(rows(1))

    with psycopg.connect(shared_log.url) as session, pytest.raises(stopped):
        session.execute(act.format(f"ledger.{table}", column).encode())


@pytest.mark.parametrize("act", ["UPDATE leaf SET kind = 'x'", "DELETE FROM leaf_body", "TRUNCATE leaf"])
def test_its_owner_is_stopped_by_a_trigger(shared_log: Prepared, act: str) -> None:
    with opened(shared_log, "n1") as store:
        store.append(rows(1))

    with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
        shared_log.does(act)

    shared_log.does("ALTER TABLE leaf DISABLE TRIGGER ALL; ALTER TABLE leaf_body DISABLE TRIGGER ALL")
    shared_log.does(act)


def test_the_log_never_gets_shorter(shared_log: Prepared) -> None:
    with opened(shared_log, "n1") as store:
        store.append(rows(2))

    with psycopg.connect(shared_log.url) as session, pytest.raises(psycopg.errors.RaiseException, match="only grows"):
        session.execute("UPDATE ledger.head SET size = 1")


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("ALTER ROLE writer SUPERUSER", "superuser"),
        ("ALTER ROLE writer BYPASSRLS", "row security"),
        ("ALTER TABLE leaf OWNER TO writer", "owns the table leaf"),
        ("GRANT UPDATE ON leaf TO writer", "may UPDATE in the table leaf"),
        ("GRANT DELETE ON checkpoint TO writer", "may DELETE in the table checkpoint"),
        ("GRANT UPDATE ON purged TO writer", "may UPDATE in the table purged"),
        ("GRANT UPDATE (kind) ON leaf TO writer", "may UPDATE in the table leaf"),
        ("ALTER ROLE writer CREATEROLE", "can give itself other roles"),
        ("GRANT TRUNCATE ON leaf_body TO PUBLIC", "may TRUNCATE in the table leaf_body"),
    ],
)
def test_a_role_that_could_alter_the_record_does_not_start(shared_log: Prepared, given: str, why: str) -> None:
    shared_log.does(given)
    try:
        with pytest.raises(StartError, match=why):
            shared_log.open()

        shared_log.open(guarded=False).close()
    finally:
        shared_log.does("ALTER ROLE writer NOSUPERUSER NOBYPASSRLS NOCREATEROLE")


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("GRANT DELETE ON leaf TO boss", "may DELETE in the table leaf"),
        ("ALTER TABLE leaf OWNER TO boss", "owns the table leaf"),
        ("ALTER ROLE boss BYPASSRLS", "row security"),
    ],
)
def test_what_a_role_may_do_once_it_has_taken_on_another_one_counts(shared_log: Prepared, given: str, why: str) -> None:
    shared_log.does("CREATE ROLE boss; ALTER ROLE writer NOINHERIT; GRANT boss TO writer")
    try:
        shared_log.open().close()
        shared_log.does(given)

        with pytest.raises(StartError, match=why):
            shared_log.open()
    finally:
        shared_log.does("ALTER ROLE writer INHERIT; REASSIGN OWNED BY boss TO postgres; DROP OWNED BY boss")
        shared_log.does("DROP ROLE boss")


def test_a_database_that_was_not_prepared_says_how(emptied: str) -> None:
    with pytest.raises(StartError, match="gateway ledger prepare"):
        PostgresStore(emptied, "main")


def test_a_database_of_a_newer_version_is_refused(shared_log: Prepared) -> None:
    shared_log.does(f"UPDATE version SET number = {len(MIGRATIONS) + 1}")

    with pytest.raises(StartError, match="newer gateway"):
        shared_log.open()
    with pytest.raises(StartError, match="newer gateway"):
        prepared(shared_log.owner)


def test_preparing_again_changes_nothing(shared_log: Prepared) -> None:
    with opened(shared_log, "n1") as store:
        store.append(rows(3))
        tree = store.tree

    prepared(shared_log.owner)

    with opened(shared_log, "n1") as store:
        assert store.tree == tree


def test_a_password_is_in_no_error(postgres: Cluster) -> None:
    url = f"postgresql://writer:geheim@/nowhere?host={postgres.folder}"

    with pytest.raises(StartError, match="GATEWAY_DATABASE cannot be reached") as raised:
        PostgresStore(url, "main")

    assert "geheim" not in str(raised.value)
    assert raised.value.__cause__ is None


# What a commit rests on.


@pytest.mark.parametrize(
    ("setting", "found"),
    [("synchronous_commit = 'off'", "synchronous_commit is off"), ("synchronous_commit = 'local'", "is local")],
)
@pytest.mark.parametrize("where", [f"ROLE {WRITER}", "DATABASE {}"])
def test_a_setting_that_loses_commits_stops_the_start(
    shared_log: Prepared, where: str, setting: str, found: str
) -> None:
    [(name,)] = shared_log.does("SELECT current_database()")
    where = where.format(name)
    shared_log.does(f"ALTER {where} SET {setting}")
    try:
        with pytest.raises(StartError, match=found):
            shared_log.open()
    finally:
        shared_log.does(f"ALTER {where} RESET ALL")

    shared_log.open().close()


@pytest.fixture(scope="module")
def own(postgres: Cluster) -> Iterator[Cluster]:
    """A cluster whose settings a test may change, and which it may stop."""
    with cluster(postgres.binaries) as own:
        yield own


@pytest.mark.parametrize("setting", ["fsync", "full_page_writes", "synchronous_commit"])
def test_a_setting_that_is_changed_meanwhile_stops_writing_until_it_is_back(own: Cluster, setting: str) -> None:
    with own.database() as url, opened(prepared(url), "n1") as store:
        store.append(rows(1))
        own.alter(f"ALTER SYSTEM SET {setting} = off")
        try:
            with pytest.raises(StoreError, match=f"{setting} is off"):
                store.append(rows(1))
            with pytest.raises(StoreError, match=f"{setting} is off"):
                store.reopen()
        finally:
            own.alter(f"ALTER SYSTEM RESET {setting}")
        store.reopen()

        assert store.append(rows(1)) == 1


def test_an_idle_gateway_looks_at_the_settings_too(own: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.ledger.postgres.CHECKED", 0)
    with own.database() as url, opened(prepared(url), "n1") as store:
        store.check()
        own.alter("ALTER SYSTEM SET fsync = off")
        try:
            with pytest.raises(StoreError, match="fsync is off"):
                store.check()
        finally:
            own.alter("ALTER SYSTEM RESET fsync")


def test_a_database_in_another_encoding_is_refused(postgres: Cluster) -> None:
    with postgres.session() as session:
        session.execute("CREATE DATABASE latin ENCODING LATIN1 TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'")
    log = prepared(postgres.url("latin"))

    with pytest.raises(StartError, match="server_encoding is LATIN1"):
        log.open()


def test_a_read_only_database_is_refused(shared_log: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.ledger.postgres.WRITING", {"default_transaction_read_only": "on"})

    with pytest.raises(StartError, match=r"cannot be reached|takes no writes"):
        shared_log.open()


def test_an_old_server_is_refused(shared_log: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "OLDEST", 99)

    with pytest.raises(StartError, match="older than 99"):
        shared_log.open()


# Several nodes.


def test_entries_of_several_nodes_stand_in_one_log_without_gaps(shared_log: Prepared, undo: ExitStack) -> None:
    first = undo.enter_context(opened(shared_log, "n1"))
    first.append(rows(1))
    stores = [first, *(undo.enter_context(opened(shared_log, f"n{n}")) for n in (2, 3))]

    def writing(store: PostgresStore) -> list[tuple[int, int]]:
        return [(store.append(rows(size)), size) for size in [1, 7, 30, 2] * 5]

    with ThreadPoolExecutor(3) as pool:
        places = [place for found in pool.map(writing, stores) for place in found]

    covered = sorted(seq for first, size in places for seq in range(first, first + size))
    leaves = first.leaves(0, 10_000)
    assert covered == list(range(1, len(leaves)))
    assert all(leaf.hash == leaf_hash(leaf.body) for leaf in leaves)
    assert {store.newest() for store in stores} == {Tree().plus(leaf.hash for leaf in leaves)}


def test_two_nodes_never_sign_side_by_side(shared_log: Prepared, undo: ExitStack) -> None:
    one, other = undo.enter_context(opened(shared_log, "n1")), None
    one.append(rows(4))
    other = undo.enter_context(opened(shared_log, "n2"))
    heads = [Head(size, b"r" * 32, 0, "note", b"") for size in (3, 4)]

    with ThreadPoolExecutor(2) as pool:
        kept = list(pool.map(lambda pair: pair[0].keep(pair[1], {}, after=0), zip((one, other), heads, strict=True)))

    assert sorted(kept) == [False, True]
    assert len(one.heads(0, 10)) == 1


def test_a_second_node_of_one_name_is_refused_while_the_first_lives(shared_log: Prepared, undo: ExitStack) -> None:
    first = undo.enter_context(opened(shared_log, "n1"))
    first.append(rows(1))
    second = shared_log.open()
    undo.callback(second.close)

    with pytest.raises(StartError, match="another gateway writes as node n1"):
        second.claim("n1")

    assert first.append(rows(1)) == 1


def test_a_node_whose_process_is_gone_starts_again_at_once(shared_log: Prepared) -> None:
    crashed = shared_log.open("n1")
    crashed.append(rows(1))
    crashed._session.close()

    with opened(shared_log, "n1") as again:
        with pytest.raises(StoreError, match="another node took over") as raised:
            crashed.reopen()
        assert again.append(rows(1, epoch=2)) == 1
    crashed.close()

    assert raised.value.lasting


# As if the first node had said for so long that it lives no more.
SILENT = "UPDATE lease SET expires = clock_timestamp() - interval '1 min' WHERE node = 'n1'"


def test_what_a_dead_node_left_open_is_settled_by_one_other_and_only_when_it_cannot_be_sent(
    shared_log: Prepared, undo: ExitStack
) -> None:
    stopped, first = undo.enter_context(opened(shared_log, "n1")), rows(1)
    stopped.append(first)
    stopped.append(rows(2, kind="intent", lasts=600_000))
    others = [undo.enter_context(opened(shared_log, f"n{n}")) for n in (2, 3)]

    alive = [store.open_intents(10) for store in others]
    shared_log.does(SILENT)
    early = [store.open_intents(10) for store in others]
    shared_log.does("UPDATE open_intent SET not_after = clock_timestamp() - interval '1 min'")
    for store in others:
        store._lease.renew(store._session)
    late = [[intent.seq for intent in store.open_intents(10)] for store in others]

    assert alive == early == [[], []]
    assert sorted(late) == [[], [1, 2]]
    assert [store.open_intents(10) for store in others] == [[], []]
    # It wakes up, and cannot say anything else any more.
    with pytest.raises(StoreError, match="another node took over"):
        stopped.append(rows(1))


def test_a_node_that_was_late_but_not_missed_goes_on(shared_log: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.ledger.lease.LEASE", 0)
    with opened(shared_log, "n1") as store:
        store.append(rows(1, kind="intent", lasts=60_000))

        assert store.append(rows(1)) == 1
        store.reopen()
        assert store.append(rows(1)) == 2


def test_a_log_that_lost_entries_or_is_another_one_is_written_no_more(shared_log: Prepared, undo: ExitStack) -> None:
    store = undo.enter_context(opened(shared_log, "n1"))
    store.append(rows(2))
    shared_log.does("ALTER TABLE head DISABLE TRIGGER ALL; ALTER TABLE leaf DISABLE TRIGGER ALL")

    shared_log.does("UPDATE head SET root = sha256('x')")
    with pytest.raises(StoreError, match="another log") as other:
        store.append(rows(1))
    shared_log.does("UPDATE head SET size = 1")
    with pytest.raises(StoreError, match="lost entries") as less:
        store.reopen()

    assert other.value.lasting
    assert less.value.lasting


def ledger_of(log: Prepared, folder: Path, node: str) -> Ledger:
    return Ledger.open(
        folder, node=node, now=Ticking(), loop=asyncio.get_running_loop(),
        store=lambda _, name: PostgresStore(log.url, name), vault=lambda _: PostgresVault(log.url),
    )  # fmt: skip


async def test_what_a_dead_node_left_open_is_in_doubt_soon(
    shared_log: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.ledger.aftercare.LOOKED_AFTER", 0.1)
    monkeypatch.setattr("gateway.ledger.scribe.LEAVES", 0)
    monkeypatch.setattr("gateway.ledger.postgres.GRACE", 0)
    monkeypatch.setattr("gateway.ledger.lease.GRACE", 0)
    one = ledger_of(shared_log, tmp_path / "one", "n1")
    shutil.copytree(
        tmp_path / "one", tmp_path / "two", ignore=shutil.ignore_patterns("ledger.lock", "high-water", "releases")
    )
    ticket = await one.intend(shipment(deadline_ms=100), [PURCHASER], b"{}", within=20)
    one._looking.cancel()
    await one._writer.stop()
    shared_log.does(SILENT)
    two = ledger_of(shared_log, tmp_path / "two", "n2")

    async with asyncio.timeout(60):
        while not (found := await two.entries(Filter(id=ticket.intent)))[0].outcome:  # noqa: ASYNC110 - it happens in a database
            await asyncio.sleep(0.05)
    # The outcome that the first one would write comes too late.
    with pytest.raises(StoreError, match="another node took over"):
        one._store.append([one._scribe.outcome(SENT, ticket)])
    await two.close()
    one._notary._mark.close()
    one._releases.close()
    one._store.close()
    one._keys.close()
    one._readers.shutdown()
    os.close(one._lock)

    outcome = found[0].outcome
    assert outcome
    assert (outcome["result"], outcome["node"]) == ("in_doubt", "n2")


async def test_what_a_killed_node_left_open_is_settled_at_its_next_start(shared_log: Prepared, tmp_path: Path) -> None:
    killed = ledger_of(shared_log, tmp_path, "n1")
    tickets = [await killed.intend(shipment(), [PURCHASER], b"{}", within=20) for _ in range(2)]
    assert killed.release(tickets[0])
    killed._looking.cancel()
    await killed._writer.stop()
    killed._store._session.close()  # type: ignore[attr-defined]
    killed._notary._mark.close()
    killed._releases.close()
    killed._store.close()
    killed._keys.close()
    killed._readers.shutdown()
    os.close(killed._lock)

    again = ledger_of(shared_log, tmp_path, "n1")
    found = [entry.outcome for ticket in tickets for entry in await again.entries(Filter(id=ticket.intent))]
    await again.close()

    assert [outcome and outcome["result"] for outcome in found] == ["in_doubt", "not_sent"]


# Commits of which nobody knows.


def test_every_exception_from_commit_leaves_it_to_the_ids(own: Cluster) -> None:
    """The server dies in the middle again and again: nothing acknowledged is lost, and nothing is there twice."""
    with own.database() as url, opened(prepared(url), "n1") as store:
        acknowledged: dict[str, int] = {}
        unknown = 0
        for _ in range(4):
            killer = threading.Timer(0.15, lambda: own.stop("immediate"))
            killer.start()
            while True:
                batch = rows(3)
                try:
                    first = store.append(batch)
                except StoreError:
                    unknown += 1
                    break
                acknowledged |= {row.id: seq for seq, row in enumerate(batch, first)}
            killer.join()
            own.start()
            store.reopen()
            found = store.find([row.id for row in batch])
            assert len(found) in (0, 3)
            acknowledged |= found

        assert store.find(list(acknowledged)) == acknowledged
        assert store.newest().size == len(acknowledged)
        assert unknown == 4


def test_a_commit_that_no_standby_has_counts_as_unknown(own: Cluster) -> None:
    with own.database() as url, opened(prepared(url), "n1") as store:
        store.append(rows(1))
        own.alter("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
        tried: list[str] = []
        waits = threading.Event()

        def appending() -> None:
            # The process that has commits wait may hear of the setting after everybody else.
            while not waits.is_set():
                [row] = rows(1)
                tried.append(row.id)
                store.append([row])

        cancelling = threading.Thread(target=_cancel_waiting, args=(own, waits))
        cancelling.start()
        try:
            with pytest.raises(StoreError, match="on no other machine"):
                appending()
        finally:
            waits.set()
            cancelling.join()
            own.alter("ALTER SYSTEM RESET synchronous_standby_names")
        store.reopen()

        assert list(store.find(tried[-1:]).values()) == [len(tried)]


def test_without_a_look_at_the_warning_it_would_count_as_written(own: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control of the test before."""
    monkeypatch.setattr(PostgresStore, "_demand_replicated", lambda _: None)
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        test_a_commit_that_no_standby_has_counts_as_unknown(own)


def _cancel_waiting(own: Cluster, waits: threading.Event) -> None:
    query = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
    with own.session() as session:
        while not (found := session.execute(query).fetchall()) and not waits.is_set():
            time.sleep(0.02)
        waits.set()
        for pid in found:
            session.execute("SELECT pg_cancel_backend(%s)", pid)


def test_a_node_that_stops_while_it_holds_the_head_stops_nobody_for_long(shared_log: Prepared, undo: ExitStack) -> None:
    holder = undo.enter_context(opened(shared_log, "n1"))
    holder.append(rows(1))
    other = undo.enter_context(opened(shared_log, "n2"))
    holder._locked(rows(1))  # and then it is stopped

    while True:
        try:
            other.append(rows(1))
            break
        except StoreError:
            _reopened(other)

    with pytest.raises(psycopg.errors.IdleInTransactionSessionTimeout):
        holder._session.execute("COMMIT")


def _reopened(store: PostgresStore) -> None:
    for _ in range(1_500):
        try:
            store.reopen()
        except StoreError:
            time.sleep(0.02)
        else:
            return


def test_a_server_that_stands_still_is_not_waited_for(own: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    with own.database() as url, opened(prepared(url), "n1") as store:
        store.append(rows(1))
        backend = store._session.info.backend_pid
        os.kill(backend, signal.SIGSTOP)
        try:
            with monkeypatch.context() as hasty:
                hasty.setattr(bounded, "ANSWER", 0.5)
                with pytest.raises(StoreError):
                    store.append(rows(1))
        finally:
            os.kill(backend, signal.SIGCONT)
        _reopened(store)

        assert store.append(rows(1)) == 1


LONG = 6.0  # seconds: nothing else holds up a loop for half of it


@pytest.mark.parametrize("on_the_loop", [False, True])
async def test_a_server_that_stands_still_holds_up_neither_a_call_nor_the_loop(
    own: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, on_the_loop: bool
) -> None:
    for module in ("readers", "vault"):
        monkeypatch.setattr(f"gateway.ledger.postgres_{module}.ASIDE", LONG)
    if on_the_loop:
        monkeypatch.setattr("gateway.ledger.keys.Keys.far", lambda *_: ())
    with own.database() as url:
        ledger = ledger_of(prepared(url), tmp_path, "n1")
        await ledger.intend(shipment(), [PURCHASER], b"{}", within=20)
        name = ledger._store._session.info.dbname  # type: ignore[attr-defined]
        with own.session() as session:
            found = session.execute("SELECT pid FROM pg_stat_activity WHERE datname = %s", [name]).fetchall()
        for (pid,) in found:
            os.kill(pid, signal.SIGSTOP)
        gaps = [0.0]

        async def ticking() -> None:
            while True:
                before = time.monotonic()
                await asyncio.sleep(0.01)
                gaps.append(time.monotonic() - before)

        ticks = asyncio.get_running_loop().create_task(ticking())
        await asyncio.sleep(0.1)
        try:
            with pytest.raises(Refusal, match=r"ledger\.unavailable"):
                await ledger.intend(shipment(), [changed(PURCHASER, ref="somebody else")], b"{}", within=0.5)
            await asyncio.sleep(0.1)
        finally:
            for (pid,) in found:
                os.kill(pid, signal.SIGCONT)
            ticks.cancel()
        async with asyncio.timeout(60):
            while not ledger.healthy:  # noqa: ASYNC110 - it happens in another thread
                await asyncio.sleep(0.05)
        await ledger.close()

    assert (max(gaps) < LONG / 2) is not on_the_loop


def test_what_the_server_says_of_a_lost_transaction_is_never_asked() -> None:
    """After a crash it may call a transaction committed that is not there."""
    asked = [file.name for file in (ROOT / "gateway").rglob("*.py") if "pg_xact_status" in _code(file)]

    assert asked == []


def _code(file: Path) -> str:
    return ast.dump(ast.parse(file.read_text("utf-8")))
