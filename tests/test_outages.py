"""Vendors and disks that fail in the middle of a call: what the caller is told, what is recorded, and what left."""

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import cast

import pytest
from ledger_stores import Stalling
from running import Running, accepts, running, shipment
from shop_contracts import FILES
from sockets import Reply
from vendors import hangs_up, stays_silent
from waiting import wait_until

from gateway.frozen import changed
from gateway.ledger import Entry
from gateway.outbound.http1 import Http1

SHIP = "/parcels/shipments"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("outages")) as gateway:
        yield gateway


@pytest.fixture
def gateway(shared: Running) -> Running:
    shared.reset()
    return shared


def outcomes(gateway: Running) -> list[tuple[object, object]]:
    return [(entry.body["result"], entry.body.get("code")) for entry in gateway.entries(kind="outcome")]


def last_intent(gateway: Running) -> Entry:
    return gateway.entries(kind="intent")[0]


def test_a_vendor_that_cannot_be_reached_got_nothing_and_the_record_says_so(tmp_path: Path) -> None:
    files = {name: text.replace("@parcels@", "9") for name, text in FILES.items()}
    with running(tmp_path, files=files) as gateway:
        reply = gateway.ship()

        assert (reply.status, reply.code) == (502, "vendor.unreachable")
        assert reply.headers["gateway-sent"] == "no"
        assert outcomes(gateway) == [("not_sent", "vendor.unreachable")]
        assert reply.headers["gateway-disclosure"] == last_intent(gateway).body["disclosure"]


def test_a_vendor_that_does_not_answer_in_time_may_have_it_and_the_record_says_so(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        gateway.ship()
        gateway.reset()
        gateway.parcels.script = stays_silent
        # The connection stands by now, so that what takes too long is the answer alone.
        cast("Http1", gateway.gateway.exchange._vendors)._total = 1.0

        reply = gateway.ship()

        assert (reply.status, reply.code) == (504, "vendor.timeout")
        assert reply.headers["gateway-sent"] == "possibly"
        assert outcomes(gateway)[0] == ("possibly", "vendor.timeout")
        assert len(gateway.parcels.received) == 1


def test_a_vendor_that_hangs_up_may_have_it(gateway: Running) -> None:
    gateway.parcels.script = hangs_up

    reply = gateway.ship()

    assert (reply.status, reply.code) == (504, "vendor.broken")
    assert reply.headers["gateway-sent"] == "possibly"


def test_a_caller_that_goes_away_changes_nothing_in_the_record(gateway: Running) -> None:
    arrived, go_on = threading.Event(), threading.Event()

    async def slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        arrived.set()
        await asyncio.to_thread(go_on.wait, 20)
        await accepts(reader, writer)

    gateway.parcels.script = slowly
    before = len(gateway.entries(kind="outcome"))
    client = gateway.client()
    client.say(gateway.raw("POST", SHIP, body=shipment()))
    assert arrived.wait(60)

    client.close()
    go_on.set()

    wait_until(lambda: not gateway.gateway.proxy.busy)
    ended = gateway.entries(kind="outcome")
    assert len(ended) == before + 1
    assert (ended[0].body["result"], ended[0].body["http_status"]) == ("sent", 200)


def test_a_caller_that_goes_away_before_its_body_is_whole_sends_nothing(gateway: Running) -> None:
    client = gateway.client()
    client.say(gateway.raw("POST", SHIP, "Content-Length: 100", "Content-Type: application/json") + b'{"reference"')

    wait_until(lambda: gateway.gateway.proxy.busy == 1)

    client.close()

    wait_until(lambda: gateway.gateway.proxy.busy == 0)
    assert gateway.received == []


def test_more_calls_at_once_than_allowed_are_refused(tmp_path: Path) -> None:
    go_on = threading.Event()

    async def slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.to_thread(go_on.wait, 20)
        await accepts(reader, writer)

    with running(tmp_path, in_flight=2) as gateway, ThreadPoolExecutor(2) as pool:
        gateway.parcels.script = slowly
        gateway.token()

        taken = [pool.submit(gateway.ship) for _ in range(2)]
        wait_until(lambda: gateway.gateway.proxy.busy == 2)
        refused = [gateway.ship() for _ in range(4)]
        go_on.set()

        assert [(reply.status, reply.code) for reply in refused] == [(503, "gateway.overloaded")] * 4
        assert [call.result(60).status for call in taken] == [200, 200]
        assert len(gateway.parcels.received) == 2


@pytest.fixture
def stalling(tmp_path: Path) -> Iterator[tuple[Running, Stalling]]:
    stores: list[Stalling] = []

    def store(path: Path, log: str) -> Stalling:
        stores.append(Stalling(path, log))
        return stores[-1]

    with running(tmp_path, store=store) as gateway:
        gateway.token()
        try:
            yield gateway, stores[0]
        finally:
            stores[0].full = False
            stores[0].going.set()


def ship_within(gateway: Running, seconds: float) -> Reply:
    """The reply to a call whose intent has so long to become durable."""
    exchange = gateway.gateway.exchange
    exchange._limits = changed(exchange._limits, intent=seconds)
    return gateway.ship()


def test_a_disk_that_stalls_is_answered_at_the_deadline_and_nothing_is_sent_even_after_it(
    stalling: tuple[Running, Stalling],
) -> None:
    gateway, store = stalling
    store.going.clear()
    began = time.monotonic()

    reply = ship_within(gateway, 0.3)
    waited = time.monotonic() - began
    store.going.set()
    ended = gateway.entries(kind="outcome")

    assert (reply.status, reply.code) == (503, "ledger.unavailable")
    assert (reply.headers["gateway-sent"], reply.headers["retry-after"]) == ("no", "1")
    assert waited > 0.25
    assert [(entry.body["result"], entry.body["code"]) for entry in ended] == [("not_sent", "ledger.unavailable")]
    assert gateway.received == []


def test_while_the_disk_stalls_nobody_else_waits(stalling: tuple[Running, Stalling]) -> None:
    gateway, store = stalling
    store.going.clear()
    ship_within(gateway, 0.3)

    # None that waited for its deadline would be answered before the test gives up.
    replies = [ship_within(gateway, 600.0) for _ in range(5)]

    assert {(reply.status, reply.code) for reply in replies} == {(503, "ledger.unavailable")}
    assert gateway.received == []


def test_when_the_disk_goes_on_so_do_calls(stalling: tuple[Running, Stalling]) -> None:
    gateway, store = stalling
    store.going.clear()
    ship_within(gateway, 0.3)

    store.going.set()
    gateway.entries()

    assert ship_within(gateway, 20.0).status == 200
    assert len(gateway.parcels.received) == 1


def test_a_ledger_that_cannot_be_written_lets_nothing_out_and_the_health_check_sees_it(
    stalling: tuple[Running, Stalling],
) -> None:
    gateway, store = stalling
    store.full = True

    reply = gateway.ship()
    again = gateway.ship()
    health = gateway.said(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n", operators=True)

    assert (reply.status, reply.code) == (503, "ledger.unavailable")
    assert (again.status, again.code) == (503, "ledger.unavailable")
    said = b'{"ready":false,"reason":"ledger.unwritten"}'
    assert (health.status, health.payload) == (503, said)
    assert gateway.received == []
