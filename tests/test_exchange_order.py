"""What must come before what: the record before the first byte, a withdrawal before whatever is decided after it."""

import asyncio
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from ledger_stores import Stalling, Where
from running import CREATED, Running, running, shipment
from sockets import Reply
from vendors import Script, answers
from waiting import wait_until

from gateway.app import Gateway
from gateway.contract.model import PolicyDraft
from gateway.exchange import Book
from gateway.frozen import changed
from gateway.ledger import Filter, Intent, Ledger, Subject, Ticket
from gateway.ledger.sqlite import SqliteStore
from gateway.ledger.store import Row
from gateway.pieces import Payload
from gateway.registry.basis import NOTHING, Basis
from gateway.registry.entered import ROWS
from gateway.registry.facts import Facts
from gateway.registry.stored import PolicyRow, RevocationRow
from gateway.vocabulary import Clause, Purpose, VendorKind

SHIP = "/parcels/shipments"
COUNT = """
import apsw, sys
database = apsw.Connection(sys.argv[1], flags=apsw.SQLITE_OPEN_READONLY)
[(intents,)] = database.execute("SELECT count(*) FROM leaf WHERE kind = 'intent'")
print(intents)
"""
SURVEY = b'{"user":"c-90","page":"cart"}'
YES = {"kind": "consent", "subject": "c-90", "purpose": "fault_repair", "state": "given"}
NO = YES | {"state": "withdrawn"}


async def intents_on_disk(folder: Path) -> int:
    """How many there are for somebody who opens the ledger in a process of their own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", COUNT, str(folder / "data" / "ledger.db"), stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    return int(said)


def suspicious(gateway: Running, seen: list[int]) -> Script:
    """A vendor that looks at the ledger when the first byte of a call comes, before it reads on."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(1)
        seen.append(await intents_on_disk(gateway.folder))
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
        await reader.readexactly(int(length.partition(b":")[2]))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n")
        writer.write(b"content-length: %d\r\n\r\n" % len(CREATED) + CREATED)
        await writer.drain()

    return script


class Hasty:
    """A ledger that says that an intent is durable before anything is."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    async def intend(
        self, intent: Intent, subjects: Sequence[Subject], payload: Payload, *, within: float, basis: Basis, **more: Any
    ) -> Ticket:
        del payload, within, basis, more
        return Ticket("0" * 32, 0, intent.index, tuple(subjects), 2**63)

    def settle(self, *_: object) -> None:
        """The ticket is made up, so nothing can be joined to it."""


def hasty(*arguments: Any) -> Gateway:
    gateway = Gateway(*arguments)
    book: Book = Hasty(gateway.stores.ledger)
    gateway.exchange._ledger = book
    return gateway


@pytest.mark.parametrize(
    ("built", "durable"), [(Gateway, [1, 2, 3]), (hasty, [0])], ids=["the real ledger", "one that does not wait"]
)
def test_each_intent_is_durable_before_the_first_byte(
    tmp_path: Path, built: Callable[..., Gateway], durable: list[int]
) -> None:
    seen: list[int] = []
    with running(tmp_path, built=built) as gateway:
        gateway.parcels.script, gateway.parcels.eager = suspicious(gateway, seen), True

        replies = [gateway.ship().status for _ in durable]

        assert replies == [200] * len(durable)
        assert seen == durable


class Late(Hasty):
    """A ledger whose first intent is durable, and the process then stops until it may not be sent any more."""

    tickets = 0

    async def intend(
        self, intent: Intent, subjects: Sequence[Subject], payload: Payload, *, within: float, basis: Basis, **more: Any
    ) -> Ticket:
        ticket = await self._ledger.intend(intent, subjects, payload, within=within, basis=basis, **more)
        self.tickets += 1
        return changed(ticket, not_after=0) if self.tickets == 1 else ticket

    def settle(self, *given: Any) -> None:
        self._ledger.settle(*given)


def late(*arguments: Any) -> Gateway:
    gateway = Gateway(*arguments)
    book: Book = Late(gateway.stores.ledger)
    gateway.exchange._ledger = book
    return gateway


def test_what_may_not_be_sent_any_more_is_written_down_anew_before_it_is(tmp_path: Path) -> None:
    with running(tmp_path, built=late) as gateway:
        reply = gateway.ship()

        assert reply.status == 200
        assert len(gateway.parcels.received) == 1
        assert [entry["outcome"]["result"] for entry in gateway.record(kind="intent")] == ["sent", "not_sent"]


class Deaf:
    """A registry for which nothing ever changes between a decision and its sending."""

    def __init__(self, registry: Any) -> None:
        self._registry = registry

    def __getattr__(self, name: str) -> Any:
        return getattr(self._registry, name)

    def basis(self, _token: str) -> Basis:
        return NOTHING

    async def about(self, *mentions: Any, **asked: Any) -> Facts:
        facts: Facts = await self._registry.about(*mentions, **asked)
        return changed(facts, basis=NOTHING)


def deaf(*arguments: Any) -> Gateway:
    gateway = Gateway(*arguments)
    gateway.exchange._registry = gateway.exchange.deciding._people = Deaf(gateway.stores.registry)
    return gateway


@contextmanager
def stalling(folder: Path, built: Callable[..., Gateway] = Gateway) -> Iterator[tuple[Running, Stalling]]:
    stores: list[Stalling] = []

    def store(path: Path, log: str) -> Stalling:
        stores.append(Stalling(path, log))
        return stores[-1]

    with running(folder, store=store, built=built, intent_deadline=10.0) as gateway:
        gateway.put(YES)
        gateway.token("shop-web")
        gateway.token()
        try:
            yield gateway, stores[0]
        finally:
            stores[0].going.set()


def survey(gateway: Running) -> Reply:
    auth = f"X-Faults-Auth: Faults key={gateway.token('shop-web')}"
    return gateway.call("POST", "/faults/api/surveys", auth, body=SURVEY, token="")


def decided(
    store: Stalling, call: Callable[[], Reply], pool: ThreadPoolExecutor, stalls: Where = "before"
) -> "Future[Reply]":
    """A call that has been decided, and whose intent waits for a disk that has stopped, before or after its commit."""
    store.stalls = stalls
    store.going.clear()
    store.reached.clear()
    waiting = pool.submit(call)
    assert store.reached.wait(60)
    return waiting


def put_past_the_ledger(gateway: Running, *rows: dict[str, Any]) -> None:
    """A change of facts that has been answered while the disk of the ledger stands."""
    gateway.do(lambda: gateway.stores.registry.put(ROWS.validate_python(rows)))


@pytest.mark.parametrize(("stalls", "results"), [("before", []), ("after", ["not_sent"])])
def test_what_was_decided_before_a_withdrawal_does_not_leave_after_it(
    tmp_path: Path, stalls: Where, results: list[str]
) -> None:
    with stalling(tmp_path) as (gateway, store), ThreadPoolExecutor() as pool:
        waiting = decided(store, lambda: survey(gateway), pool, stalls)

        put_past_the_ledger(gateway, NO)
        store.going.set()
        reply = waiting.result(30)

        assert (reply.status, reply.code) == (403, "consent.withdrawn")
        assert gateway.received == []
        assert [intent["outcome"]["result"] for intent in gateway.record(kind="intent")] == results


def test_a_registry_that_does_not_look_again_is_noticed(tmp_path: Path) -> None:
    with stalling(tmp_path, deaf) as (gateway, store), ThreadPoolExecutor() as pool:
        waiting = decided(store, lambda: survey(gateway), pool)

        put_past_the_ledger(gateway, NO)
        store.going.set()

        assert waiting.result(30).status == 200
        assert len(gateway.received) == 1


def test_what_was_decided_before_a_suspension_does_not_leave_after_it(tmp_path: Path) -> None:
    with stalling(tmp_path) as (gateway, store), ThreadPoolExecutor() as pool:
        waiting = decided(store, gateway.ship, pool)

        put_past_the_ledger(gateway, {"kind": "suspension", "vendor": "parcels"})
        store.going.set()
        reply = waiting.result(30)

        assert (reply.status, reply.code) == (403, "vendor.suspended")
        assert gateway.received == []


NARROWER = PolicyRow(
    state="published",
    id="0" * 32,
    draft=PolicyDraft(
        version="2", document="sha256:" + "0" * 64, purposes=(Purpose.DELIVERY,), vendor_kinds=(VendorKind.LOGISTICS,)
    ),
    drafted_by="a test",
    drafted=datetime(2026, 1, 1, tzinfo=UTC),
    published_by="a test",
)


@pytest.mark.parametrize(("stalls", "results"), [("before", []), ("after", ["not_sent"])])
def test_what_was_decided_under_an_older_policy_does_not_leave_after_a_new_one_was_published(
    tmp_path: Path, stalls: Where, results: list[str]
) -> None:
    with stalling(tmp_path) as (gateway, store), ThreadPoolExecutor() as pool:
        waiting = decided(store, gateway.ship, pool, stalls)

        gateway.do(lambda: gateway.stores.registry.put([NARROWER]))
        store.going.set()
        reply = waiting.result(30)

        assert (reply.status, reply.code) == (403, "policy.purpose")
        assert gateway.received == []
        assert [intent["outcome"]["result"] for intent in gateway.record(kind="intent")] == results


END = {"kind": "agreement_end", "vendor": "parcels", "agreement": "DPA-1"}


def test_what_was_decided_before_a_paper_ended_does_not_leave_after_it(tmp_path: Path) -> None:
    with stalling(tmp_path) as (gateway, store), ThreadPoolExecutor() as pool:
        waiting = decided(store, gateway.ship, pool)

        put_past_the_ledger(gateway, END)
        store.going.set()
        reply = waiting.result(30)

        assert (reply.status, reply.code) == (403, "agreement.not_active")
        assert gateway.received == []


def test_a_paper_is_ended_and_entered_while_calls_go_and_each_is_on_record(tmp_path: Path) -> None:
    paper = {"type": "nda", "id": "NDA-1", "signed": "2026-01-01", "until": "2095-12-31"}
    with running(tmp_path) as gateway:
        gateway.put(END)
        ended = gateway.ship()
        gateway.put({"kind": "agreement", "vendor": "parcels", "agreement": paper})
        unfit = gateway.ship()
        terms = paper | {"type": "standard_terms", "clauses": [clause.value for clause in Clause]}
        gateway.put({"kind": "agreement", "vendor": "parcels", "agreement": terms})
        going = gateway.ship()

        assert [(each.status, each.code) for each in (ended, unfit)] == [(403, "agreement.not_active")] * 2
        assert going.status == 200
        assert gateway.record(kind="intent")[0]["agreements"] == ["NDA-1"]
        told = [(each["fact"], each["state"], each["vendor"]) for each in gateway.record(kind="fact")]
        assert ("agreement:DPA-1", "ended", "parcels") in told
        assert told.count(("agreement:NDA-1", "entered", "parcels")) == 2


def test_a_change_that_takes_no_ground_away_only_costs_another_decision(tmp_path: Path) -> None:
    with stalling(tmp_path) as (gateway, store), ThreadPoolExecutor() as pool:
        waiting = decided(store, lambda: survey(gateway), pool)

        put_past_the_ledger(gateway, YES)
        store.going.set()
        reply = waiting.result(30)

        assert reply.status == 200
        assert len(gateway.received) == 1
        intents = gateway.record(kind="intent")
        assert [(each["attempt"], each["outcome"]["result"]) for each in intents] == [(2, "sent")]


def test_a_change_about_somebody_else_costs_nothing(tmp_path: Path) -> None:
    with stalling(tmp_path) as (gateway, store), ThreadPoolExecutor() as pool:
        waiting = decided(store, lambda: survey(gateway), pool)

        put_past_the_ledger(gateway, NO | {"subject": "c-88"})
        store.going.set()

        assert waiting.result(30).status == 200
        assert len(gateway.record(kind="intent")) == 1


def test_under_load_nothing_is_decided_for_a_person_after_their_withdrawal_was_answered(tmp_path: Path) -> None:
    with running(tmp_path) as gateway, ThreadPoolExecutor(8) as pool:
        gateway.put(YES)
        gateway.token("shop-web")
        begun: list[tuple[float, Reply]] = []
        stop = threading.Event()

        def calling() -> None:
            while not stop.is_set():
                at = time.monotonic()
                begun.append((at, survey(gateway)))

        running_calls = [pool.submit(calling) for _ in range(6)]
        wait_until(lambda: any(reply.status == 200 for _, reply in list(begun)))
        gateway.put(NO)
        answered = time.monotonic()
        wait_until(lambda: sum(at > answered for at, _ in list(begun)) > 20)
        stop.set()
        for call in running_calls:
            call.result(30)

        after = {reply.status for at, reply in begun if at > answered}
        assert after == {403}


def test_a_token_that_was_revoked_is_refused_at_the_next_call(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        issued = gateway.issued()
        first = gateway.ship(token=issued["token"])

        gateway.do(lambda: gateway.stores.desk.revoke_token(issued["id"], by="anna"))
        second = gateway.ship(token=issued["token"])

        assert first.status == 200
        assert (second.status, second.code) == (401, "caller.unknown")
        assert len(gateway.parcels.received) == 1


def test_contracts_are_swapped_as_a_whole_and_bad_ones_leave_the_good_ones_in_force(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        gateway.token()
        file = gateway.folder / "contracts" / "parcels" / "ship.yaml"
        good = file.read_text("utf-8")
        file.write_text(good.replace("status: enforce", "status: nonsense"), "utf-8")
        with pytest.raises(Exception, match="status"):
            gateway.do(gateway.gateway.reload)
        still = gateway.call("POST", SHIP, body=shipment())

        file.write_text(good.replace("callers: [fulfilment]", "callers: [checkout]"), "utf-8")
        gateway.do(gateway.gateway.reload)
        now = gateway.call("POST", SHIP, body=shipment())

        assert still.status == 200
        assert (now.status, now.code) == (403, "caller.not_allowed")


def test_a_call_that_is_under_way_ends_by_the_contract_by_which_it_began(tmp_path: Path) -> None:
    reached, going = threading.Event(), threading.Event()
    said = answers(201, b'{"tracking":"T-1","status":"ok"}', "content-type: application/json")

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.set()
        await asyncio.to_thread(going.wait, 20)
        await said(reader, writer)

    with running(tmp_path) as gateway, ThreadPoolExecutor() as pool:
        gateway.token()
        gateway.parcels.script = slow
        waiting = pool.submit(gateway.ship)
        assert reached.wait(60)
        file = gateway.folder / "contracts" / "parcels" / "ship.yaml"
        file.write_text(file.read_text("utf-8").replace("$.status, header", "header"), "utf-8")
        gateway.do(gateway.gateway.reload)
        going.set()
        before, after = waiting.result(60), gateway.ship()

        [later, earlier] = gateway.record(kind="intent")
        assert (before.payload, after.payload) == (b'{"tracking":"T-1","status":"ok"}', b'{"tracking":"T-1"}')
        assert earlier["contract_digest"] != later["contract_digest"]


def said_yes(gateway: Running) -> int:
    """How many intents about the person are in the ledger, without waiting for those that are on their way."""

    async def counted() -> int:
        store, keys = gateway.stores.ledger._store, gateway.stores.ledger._keys
        return len(store.entries(Filter(kind="intent", limit=1_000), keys.token("c-90")))

    return gateway.do(counted)


def more_said_yes(gateway: Running, than: int) -> bool:
    return said_yes(gateway) > than


class Sluggish(SqliteStore):
    """A disk that takes its time, so that something is on its way at every moment."""

    def append(self, rows: Sequence[Row]) -> int:
        time.sleep(0.01)
        return super().append(rows)


def after_withdrawals(folder: Path, built: Callable[..., Gateway], rounds: int) -> int:
    """How many intents became durable after the answer to a withdrawal, while calls came in all the time.

    After some there are no more rounds.
    """
    with running(folder, built=built, store=Sluggish) as gateway, ThreadPoolExecutor(3) as pool:
        gateway.token("shop-web")
        stop = threading.Event()

        def calling() -> None:
            while not stop.wait(0.005):
                survey(gateway)

        calls = [pool.submit(calling) for _ in range(3)]
        late = answered = 0
        try:
            while rounds and not late:
                rounds -= 1
                gateway.put(YES)
                wait_until(partial(more_said_yes, gateway, answered))
                gateway.put(NO)
                answered = said_yes(gateway)
                time.sleep(0.03)
                late = said_yes(gateway) - answered
        finally:
            stop.set()
        for call in calls:
            call.result(30)
        return late


def test_no_intent_is_durable_after_the_answer_to_the_withdrawal_that_it_did_not_see(tmp_path: Path) -> None:
    assert after_withdrawals(tmp_path, Gateway, 8) == 0


def test_a_ledger_that_does_not_ask_whether_the_facts_still_hold_is_noticed(tmp_path: Path) -> None:
    assert after_withdrawals(tmp_path, hurried, 500) > 0


def hurried(*arguments: Any) -> Gateway:
    """A gateway that answers a change without regard to what is being written."""
    gateway = deaf(*arguments)
    gateway.stores.ledger.passed = _at_once  # type: ignore[method-assign]
    return gateway


async def _at_once(within: float = 0) -> None:
    del within


def test_a_change_is_answered_when_what_came_before_it_is_written(tmp_path: Path) -> None:
    with stalling(tmp_path) as (gateway, store), ThreadPoolExecutor() as pool:
        waiting = decided(store, lambda: survey(gateway), pool, "after")
        put = pool.submit(gateway.do, lambda: gateway.stores.desk.revoke_token("0" * 32, by="anna"))
        time.sleep(0.2)
        early = put.done()

        store.going.set()
        put.result(30)

        assert not early
        assert waiting.result(30).status == 200


def test_a_token_that_was_revoked_while_its_call_is_written_down_takes_the_call_with_it(tmp_path: Path) -> None:
    with stalling(tmp_path) as (gateway, store), ThreadPoolExecutor() as pool:
        issued = gateway.issued()
        waiting = decided(store, lambda: gateway.ship(token=issued["token"]), pool)

        gateway.do(lambda: gateway.stores.registry.put([RevocationRow(token=issued["id"])]))
        store.going.set()
        reply = waiting.result(30)

        assert (reply.status, reply.code) == (401, "caller.unknown")
        assert gateway.received == []
        assert gateway.record(kind="intent") == []
