"""A real gateway on loopback ports, in front of vendors that answer as told, in a thread of its own."""

import asyncio
import json
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import uvloop
from shop_contracts import FACTS, FILES, SECRETS
from sockets import Client, Reply
from vendors import Vendor, answers, at_loopback, authority

from gateway.app import Gateway
from gateway.clearance import NOTICE_DUE
from gateway.configured import first_entity
from gateway.contract.words import Name
from gateway.ledger import Entry, Filter
from gateway.ledger.sqlite import SqliteStore
from gateway.ledger.store import Store
from gateway.listeners import Server, listener, port_of
from gateway.outbound.guard import Addresses
from gateway.outbound.http1 import Http1
from gateway.settings import Settings
from gateway.stores import Stores, opened

PATIENCE = 60.0
BY = "a test"
NAMES = ("parcels", "payments", "faults")
HOSTS = ("api.parcels.test", "api.payments.test", "in.faults.test")
CREATED = b'{"tracking":"T-1","status":"accepted"}'

T = TypeVar("T")


@dataclass
class Running:
    """What a test may do to a gateway from its own thread."""

    gateway: Gateway
    stores: Stores
    vendors: Mapping[str, Vendor]
    folder: Path
    ports: tuple[int, ...]
    loop: asyncio.AbstractEventLoop
    _tokens: dict[tuple[object, ...], str] = field(default_factory=dict)

    def do(self, deed: Callable[[], Awaitable[T]]) -> T:
        """The result of something that runs on the gateway's loop."""

        async def doing() -> T:
            return await deed()

        return asyncio.run_coroutine_threadsafe(doing(), self.loop).result(PATIENCE)

    @property
    def parcels(self) -> Vendor:
        return self.vendors["parcels"]

    @property
    def received(self) -> list[bytes]:
        """Every byte that reached any vendor, by connection."""
        return [bytes(raw) for vendor in self.vendors.values() for raw in vendor.connections if raw]

    def reset(self) -> None:
        """Vendors forget, and answer as at first."""
        for vendor in self.vendors.values():
            vendor.received.clear()
            for raw in vendor.connections:
                raw.clear()
            vendor.script = accepts

    def set_clock(self, now: Callable[[], datetime]) -> None:
        """What calls are decided by takes it to be this time from now on."""
        exchange = self.gateway.exchange
        exchange._now = exchange.deciding._now = now

    def put(self, *facts: Mapping[str, Any]) -> int:
        return self.do(lambda: self.stores.desk.put_facts(list(facts), by=BY)) if facts else 0

    def token(self, service: Name = "fulfilment", *, fresh: bool = False, **asked: Any) -> str:
        """A token of a service, the same one each time unless it is to be fresh."""
        key = (service, *sorted(asked.items()))
        if fresh or key not in self._tokens:
            self._tokens[key] = self.issued(service, **asked)["token"]
        return self._tokens[key]

    def issued(self, service: Name = "fulfilment", **asked: Any) -> dict[str, Any]:
        return self.do(lambda: self.stores.desk.issue_token({"service": service, **asked}, by=BY))

    def entries(self, **wanted: Any) -> Sequence[Entry]:
        """What stands in the ledger once everything queued is written, newest first."""

        async def reading() -> Sequence[Entry]:
            await self.stores.ledger._writer.drained()
            return await self.stores.ledger.entries(Filter(limit=1000, **wanted))

        return self.do(reading)

    def record(self, **wanted: Any) -> list[dict[str, Any]]:
        """The same as plain documents, each intent with its outcome."""
        return [{**entry.body, "outcome": entry.outcome} for entry in self.entries(**wanted)]

    def said(self, raw: bytes, *, operators: bool = False, listener: int = 0) -> Reply:
        """The first answer to these bytes, over a connection of its own, from the listener of this number."""
        client = Client(("127.0.0.1", self.ports[listener or operators]))
        try:
            client.say(raw)
            return client.reply()
        finally:
            client.close()

    def client(self, *, operators: bool = False) -> Client:
        return Client(("127.0.0.1", self.ports[operators]))

    def call(self, method: str, target: str, *fields: str, body: bytes = b"", token: str | None = None) -> Reply:
        """A call with a token of `fulfilment` in Authorization, unless another one or none ("") is given."""
        return self.said(self.raw(method, target, *fields, body=body, token=token))

    def raw(self, method: str, target: str, *fields: str, body: bytes = b"", token: str | None = None) -> bytes:
        token = self.token() if token is None else token
        lines = [f"{method} {target} HTTP/1.1", "Host: gateway.test", *fields]
        if token:
            lines.append(f"Authorization: Bearer {token}")
        if body:
            lines.append(f"Content-Length: {len(body)}")
            if not any(line.lower().startswith("content-type:") for line in fields):
                lines.append("Content-Type: application/json")
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + body

    def ship(self, *fields: str, token: str | None = None, **members: object) -> Reply:
        """A parcel, with these members of its JSON besides what it must have."""
        return self.call("POST", "/parcels/shipments", *fields, body=shipment(**members), token=token)


def shipment(**members: object) -> bytes:
    return json.dumps({"reference": "A-10045", "weight": 1, **members}).encode()


accepts = answers(200, CREATED, "content-type: application/json", "x-secret: 1")


@contextmanager
def running(
    folder: Path,
    *,
    files: Mapping[str, str] = FILES,
    secrets: Mapping[str, str] = SECRETS,
    store: Callable[[Path, str], Store] = SqliteStore,
    built: Callable[..., Gateway] = Gateway,
    facts: Sequence[Mapping[str, Any]] = FACTS,
    **settings: Any,
) -> Iterator[Running]:
    """A gateway with its stores in a folder, until the block ends. `built` makes it, where a test wants it broken."""
    ready: Future[Running] = Future()
    stop = threading.Event()
    run = _Run(folder, files, secrets, store, built, settings)
    thread = threading.Thread(target=run.in_thread, args=(ready, stop), daemon=True)
    thread.start()
    try:
        gateway = ready.result(PATIENCE)
        if facts:
            gateway.put(*facts)
        yield gateway
    finally:
        stop.set()
        thread.join(PATIENCE)


class _Prompt(Server):
    """Ends when it is told to: uvicorn looks ten times a second, and then waits once more as long."""

    async def main_loop(self) -> None:
        await self.on_tick(0)
        while not self.should_exit:  # noqa: ASYNC110  nobody tells it otherwise
            await asyncio.sleep(0.005)

    async def shutdown(self, sockets: object = None) -> None:
        del sockets
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        await self._wait_tasks_to_complete()
        await self.lifespan.shutdown()


@dataclass(frozen=True)
class _Run:
    folder: Path
    files: Mapping[str, str]
    secrets: Mapping[str, str]
    store: Callable[[Path, str], Store]
    built: Callable[..., Gateway]
    settings: Mapping[str, Any]

    def in_thread(self, ready: "Future[Running]", stop: threading.Event) -> None:
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(self.serve(ready, stop))
        except BaseException as error:
            if ready.done():
                raise
            ready.set_exception(error)

    async def serve(self, ready: "Future[Running]", stop: threading.Event) -> None:
        certified = authority(*HOSTS)
        async with AsyncExitStack() as closing:
            vendors = {name: await closing.enter_async_context(Vendor(accepts, tls=certified.server)) for name in NAMES}
            settings = self._settings({name: vendor.port for name, vendor in vendors.items()})
            addresses = Addresses(at_loopback, clock=time.monotonic)
            carrier = Http1(addresses, total=settings.vendor_total, connect=settings.vendor_connect, ca=certified.pem)
            stores = await closing.enter_async_context(opened(settings, lambda: first_entity(settings), self.store))
            closing.push_async_callback(carrier.close)
            gateway = self.built(settings, stores, carrier)
            closing.callback(gateway.telemetry.close)
            await gateway.activate()
            closing.push_async_callback(gateway.proxy.drained)
            await self._listen(gateway, vendors, ready, stop)

    async def _listen(
        self, gateway: Gateway, vendors: Mapping[str, Vendor], ready: "Future[Running]", stop: threading.Event
    ) -> None:
        apps = (gateway.proxy, gateway.operators(), gateway.privacy(), gateway.hooks.app)
        servers = [_Prompt(listener(each, gateway.telemetry, host="127.0.0.1", port=0).config) for each in apps]
        loop = asyncio.get_running_loop()
        serving = [loop.create_task(server.serve()) for server in servers]
        while not all(server.started for server in servers):  # noqa: ASYNC110  uvicorn has nothing to wait for
            await asyncio.sleep(0.005)
        ports = tuple(map(port_of, servers))
        ready.set_result(Running(gateway, gateway.stores, vendors, self.folder, ports, loop))
        while not stop.is_set():  # noqa: ASYNC110  the test is in another thread
            await asyncio.sleep(0.01)
        for server in servers:
            server.should_exit = True
        await asyncio.gather(*serving)

    def _settings(self, ports: Mapping[str, int]) -> Settings:
        files = dict(self.files)
        for name, port in ports.items():
            files = {file: text.replace(f"@{name}@", str(port)) for file, text in files.items()}
        write_files(self.folder / "contracts", files)
        write_files(self.folder / "secrets", self.secrets)
        # A shared disk may take seconds to write; what a test is not about must not end it.
        slow: dict[str, Any] = {"intent_deadline": 30.0, "vendor_connect": 15.0, "vendor_total": 30.0}
        given = {**slow, **self.settings}
        # Of the two in the order one bought for the other, who has been told of it where a test is not about that.
        given["levels"] = {NOTICE_DUE: "off", **given.get("levels", {})}
        return Settings(
            data=self.folder / "data", contracts=self.folder / "contracts", secrets=self.folder / "secrets", **given
        )


def write_files(root: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, "utf-8")
