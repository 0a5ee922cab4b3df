"""Builds every part and joins them; nothing else does."""

import asyncio
import contextlib
import gc
import ipaddress
import logging
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

import uvicorn
import uvloop

from gateway import api, failpoints, privacy, public, webhook
from gateway.assemble import Call
from gateway.contract.load import ContractSet, load
from gateway.daily import MINUTE, daily, often
from gateway.desk import Desk
from gateway.due import Due
from gateway.errors import StartError
from gateway.exceptional.office import Office, Rules
from gateway.exchange import Exchange, Limits
from gateway.forecast import Foresight
from gateway.identity import Environment, Tokens
from gateway.inforce import InForce, as_entered, check_keys, in_force
from gateway.intake import Intake
from gateway.ledger import postgres_schema
from gateway.ledger.housekeeping import ContractActivated, PolicyActivated
from gateway.ledger.ledger import LOG, Ledger
from gateway.ledger.postgres import PostgresStore
from gateway.ledger.postgres_vault import PostgresVault
from gateway.ledger.room import Room
from gateway.ledger.sqlite import SqliteStore
from gateway.ledger.sqlite_vault import SqliteVault
from gateway.ledger.store import Filter, Store
from gateway.ledger.vault import Vault
from gateway.outbound.guard import Addresses, system_lookup
from gateway.outbound.http1 import Http1
from gateway.outbound.mail import Letterhead, MailDrop
from gateway.outbound.send import Vendors
from gateway.oversight import agenda
from gateway.oversight.canaries import Canaries
from gateway.oversight.incidents import Incidents
from gateway.proxy import Proxy
from gateway.record import Recorder
from gateway.registry import engine as registry_engine
from gateway.registry.registry import Registry
from gateway.reply import Reply
from gateway.report.making import Reports
from gateway.retention import RetentionClass
from gateway.rights.consents import ConsentDesk
from gateway.rights.delivery import Delivery
from gateway.rights.direct import Direct
from gateway.rights.erasing import Erasures
from gateway.rights.notices import Notices
from gateway.rights.report import ReportDesk
from gateway.rights.requests import RequestDesk
from gateway.settings import Settings
from gateway.spool import Spools
from gateway.telemetry import Telemetry
from gateway.vocabulary import LEVELS, Level
from gateway.vocabulary.notices import NoticeWay
from gateway.wire import serve_config

CONTROL: Final = "control.sock"
BY_ITSELF: Final = "gateway"  # who did what nobody asked for
MAIL: Final = "mail"
LAST_WORDS: Final = 1.0  # seconds in which calls on their way are still answered, once nothing can be written any more
_YOUNG: Final = 20_000
log = logging.getLogger(__name__)


def utc() -> datetime:
    return datetime.now(UTC)


def microseconds() -> int:
    return time.time_ns() // 1000


@dataclass(frozen=True, slots=True)
class Stores:
    """The stores of a data folder, held by one process at a time, and what works on them without any contract."""

    ledger: Ledger
    registry: Registry
    intake: Intake
    tokens: Tokens
    desk: Desk
    notices: Notices
    erasures: Erasures
    direct: Direct


@asynccontextmanager
async def opened(
    settings: Settings, entity: Callable[[], str], store: Callable[[Path, str], Store] | None = None
) -> AsyncIterator[Stores]:
    """Opens the stores, and closes them in the order that loses nothing. Raises StartError."""
    failpoints.arm(settings.failpoints or "")
    if failpoints.is_armed():
        log.warning("GATEWAY_FAILPOINTS is set: this process will fail, as tests of faults want it to")
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    loop = asyncio.get_running_loop()
    shared = settings.database.get_secret_value() if settings.database else None
    vault: Callable[[Path], Vault] = SqliteVault
    if shared is not None:
        if settings.database_unguarded:
            prepare(shared, shared)
        store = partial(_store_at, shared, guarded=not settings.database_unguarded)
        vault = partial(_vault_at, shared)
    elif store is None:
        room = Room(settings.data, watermark=settings.disk_watermark, ballast=settings.disk_ballast)
        store = partial(SqliteStore, room=room)
    ledger = Ledger.open(
        settings.data,
        node=settings.node,
        now=microseconds,
        loop=loop,
        store=store,
        vault=vault,
        high_water=settings.high_water,
    )
    async with AsyncExitStack() as closing:
        closing.push_async_callback(ledger.close)
        registry = Registry.open(shared or settings.data / "registry.db", now=utc)
        closing.callback(registry.close)
        tokens = Tokens(ledger.named("token"), now=time.time, revoked=registry.is_revoked)
        registry.listen(loop)
        intake = await closing.enter_async_context(Intake(registry, ledger, node=settings.node).open())
        await ledger.erasing.resume(registry)
        notices = Notices(
            ledger, registry, intake, lambda: contracts_of(settings), now=utc, within=timedelta(settings.notice_days)
        )
        direct = Direct(ledger, registry, lambda: contracts_of(settings), environment=environment_of(settings), now=utc)
        erasures = Erasures(notices, intake, registry, ledger, until=settings.erasure, now=utc)
        desk = Desk(
            intake,
            ledger,
            tokens,
            environment=environment_of(settings),
            entity=entity,
            people=registry,
            notices=notices,
            erasures=erasures,
            direct=direct,
            foresight=Foresight(
                ledger,
                registry,
                lambda: notices.contracts(),  # noqa: PLW0108  the gateway puts another in its place
                levels=levels_of(settings),
                cn_separate=settings.cn_sensitive_requires_separate_consent,
                now=utc,
            ),
            operations=lambda: [each.name for each in notices.contracts().terms],
        )
        yield Stores(ledger, registry, intake, tokens, desk, notices, erasures, direct)


def _store_at(url: str, _: Path, log: str, *, guarded: bool) -> Store:
    return PostgresStore(url, log, guarded=guarded)


def _vault_at(url: str, _: Path) -> Vault:
    return PostgresVault(url)


def prepare(owner: str, url: str) -> str:
    """Makes everything that a gateway needs in a PostgreSQL, and tells as which role it will run. Raises StartError."""
    role = postgres_schema.prepare(owner, url, LOG)
    registry_engine.prepare(owner, role)
    return role


async def with_entered(contracts: ContractSet, registry: Registry) -> ContractSet:
    """The set with the papers and reviews that were entered beside its files. Raises Refusal."""
    return as_entered(contracts, (await registry.about([], consents=False, order=None)).papers)


def environment_of(settings: Settings) -> Environment:
    """With vendors played on this machine nothing is in earnest."""
    return "sandbox" if settings.sandbox else settings.environment


def contracts_of(settings: Settings) -> ContractSet:
    """The contracts of the folder in the settings. Raises ContractError with every finding, and StartError."""
    contracts = load(settings.contracts, environment=environment_of(settings), sandbox=settings.sandbox)
    hosts = {name for vendor in contracts.vendors.values() for name in vendor.hosts or {}}
    if unknown := settings.sandbox.keys() - hosts:
        raise StartError(f"GATEWAY_SANDBOX: no vendor has {_all(unknown)} under `hosts`; there are {_all(hosts)}")
    return contracts


def _all(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


def levels_of(settings: Settings) -> Mapping[str, Level]:
    """How much each ground counts that the settings speak of. Raises StartError for a code that always refuses."""
    if unknown := settings.levels.keys() - LEVELS.keys():
        raise StartError(f"GATEWAY_LEVELS: {_all(unknown)} can be no level; there are {_all(LEVELS)}")
    return {code: Level(level) for code, level in settings.levels.items()}


def first_entity(settings: Settings) -> str:
    """The company that a token is for where nobody says otherwise."""
    return next(iter(contracts_of(settings).entities.entities))


class Gateway:
    """A running gateway, without its listeners."""

    def __init__(self, settings: Settings, stores: Stores, vendors: Vendors) -> None:
        self.settings = settings
        self.stores = stores
        self.telemetry = Telemetry()
        self.reports = Reports(stores.ledger, self.as_entered, utc)
        environment = environment_of(settings)
        deadline = settings.intent_deadline
        exchange = partial(
            Exchange,
            self._bound(contracts_of(settings)),
            registry=stores.registry,
            ledger=stores.ledger,
            tokens=stores.tokens,
            recorder=Recorder(stores.ledger.named("names"), environment=environment, deadline_ms=int(deadline * 1000)),
            environment=environment,
            limits=Limits(
                deadline,
                settings.answer_bytes,
                levels_of(settings),
                settings.cn_sensitive_requires_separate_consent,
                settings.derogations_a_month,
            ),
            now=utc,
            counted=self.telemetry.call,
            unnamed=self.telemetry.unnamed,
        )
        self.exchange: Exchange = exchange(vendors=vendors)
        # The same path, with a folder at its end in place of a vendor.
        self._mailing: Exchange = exchange(
            vendors=MailDrop(settings.notice_mail or settings.data / MAIL, self._letterhead)
        )
        self.delivery = Delivery(
            stores.notices,
            stores.ledger,
            stores.registry,
            stores.tokens,
            {NoticeWay.HTTPS: self.exchange.reply, NoticeWay.MAIL: self._mailed},
            environment=environment,
            now=utc,
        )
        parts = stores.intake, stores.registry, stores.ledger
        self.requests = RequestDesk(*parts, utc)
        self.disclosures = ReportDesk(
            stores.registry, stores.ledger, self.contracts, now=utc, inquiries=settings.report_inquiries
        )
        self.consents = ConsentDesk(*parts, self.contracts, now=utc, stops=settings.withdraw_all_stops_contract)
        self.incidents = Incidents(stores.ledger, stores.intake, now=utc)
        self.canaries = Canaries(stores.ledger, self.incidents, now=utc)
        self.office = Office(
            stores.registry,
            stores.ledger,
            stores.intake,
            contracts=self.contracts,
            rules=Rules(environment, settings.exceptional_delay, deadline),
            now=utc,
        )
        self.proxy = Proxy(
            self.exchange,
            spools=Spools(settings.data, most=settings.spool_bytes),
            body_deadline=settings.body_deadline,
            in_flight=settings.in_flight,
        )
        stores.notices.contracts = stores.direct.contracts = self.contracts
        self.telemetry.gauge("gateway.calls.in_flight", "Calls on their way.", lambda: self.proxy.busy)

    def _bound(self, contracts: ContractSet) -> InForce:
        ledger = self.stores.ledger
        if not self.settings.sandbox:
            check_keys(contracts, environment_of(self.settings), self.settings.secret)
        return in_force(
            contracts,
            secrets=(lambda _: "sandbox") if self.settings.sandbox else self.settings.secret,
            vendor_key=lambda vendor: ledger.named(f"pseudonym/{vendor}"),
            is_played=bool(self.settings.sandbox),
        )

    async def activate(self) -> int:
        """Puts on record which contracts and policy are in force now, and returns how many contracts there are."""
        return await self._recorded(self.exchange.contracts.contracts)

    async def _recorded(self, contracts: ContractSet) -> int:
        for terms in contracts.terms:
            event = ContractActivated(
                terms.vendor.vendor, terms.operation.operation, str(terms.operation.version), terms.digest
            )
            await self._once(event, Filter(kind="contract", vendor=event.vendor, operation=event.operation, limit=1))
        published = [version for version in contracts.policy.versions if version.published <= utc()]
        if version := max(published, key=lambda version: version.published, default=None):
            await self._once(PolicyActivated(version.version, version.document), Filter(kind="policy", limit=1))
        return len(contracts.terms)

    async def _once(self, event: ContractActivated | PolicyActivated, last: Filter) -> None:
        found = await self.stores.ledger.entries(last)
        if not found or any(found[0].body.get(name) != value for name, value in event.members().items()):
            await self.stores.ledger.record(event)

    def contracts(self) -> ContractSet:
        """Those in force."""
        return self.exchange.contracts.contracts

    async def as_entered(self) -> ContractSet:
        """The same with the papers and reviews that stand beside their files. Raises Refusal."""
        return await with_entered(self.contracts(), self.stores.registry)

    def keeps(self) -> Mapping[RetentionClass, str]:
        """What the policy in force says of retention."""
        return self.exchange.contracts.contracts.policy.retention

    async def due(self) -> list[Due]:
        """What has to be done by when, as far as any part knows."""
        known = agenda.of_registry(self.stores.registry), agenda.of_contracts(self.as_entered, utc)
        counted = agenda.of_counts(self.stores.ledger.tallies, self.contracts, utc)
        keys = agenda.of_keys(self.stores.ledger.entries)
        return await agenda.deadlines((self.office.due, self.incidents.due, counted, keys, *known))

    async def purge(self) -> None:
        """Takes away what is over by now."""
        await self.stores.desk.purge({}, self.keeps(), by=BY_ITSELF)

    async def tell(self) -> None:
        """Opens a notice for each vendor that is to be told, delivers what is due, and closes what is answered."""
        await self.stores.notices.plan(by=BY_ITSELF)
        await self.delivery.deliver()
        await self.requests.close_answered(BY_ITSELF)
        if self.settings.erasure == "confirmed":
            await self._finish_erasures()

    async def each_day(self) -> None:
        """Takes away what is over by now, and forgets who is to be forgotten."""
        await self.purge()
        await self._finish_erasures()

    async def notify(self, post: Callable[[str, list[Due], datetime], Awaitable[None]] = webhook.tell) -> None:
        """Posts what has to be done by when, where somebody wants to hear it."""
        if (url := self.settings.webhook) is not None:
            await post(url.get_secret_value(), await self.due(), utc())

    async def _finish_erasures(self) -> None:
        await self.stores.erasures.finish(lambda asked: self.stores.desk.erase(asked, by=BY_ITSELF))

    async def _mailed(self, call: Call) -> Reply:
        self._mailing.contracts = self.exchange.contracts
        return await self._mailing.reply(call)

    def _letterhead(self, host: str) -> Letterhead:
        """Between whom a mail goes that stands for a call to a host."""
        in_force, contracts = self.exchange.contracts, self.exchange.contracts.contracts
        vendor = contracts.vendors[in_force.hosts[host]]
        sender = next(iter(contracts.entities.entities.values())).contact
        return Letterhead(sender, vendor.notices.to or vendor.legal_entity.contact)

    def privacy(self) -> Any:
        """Where people ask about their data."""
        return privacy.listener(privacy.endpoints(self.requests, self.consents, self.disclosures), self.stores.tokens)

    def page(self, kind: str) -> public.Page:
        """A public page, made from the contracts in force now."""
        contracts, now = self.exchange.contracts.contracts, utc()
        pages = {
            "policy": lambda: public.policy(contracts.policy, now),
            "history": lambda: public.history(contracts.policy, now),
            "recipients": lambda: public.recipients(contracts, now),
        }
        return pages[kind]()

    async def reload(self) -> int:
        """Takes the contracts anew. Raises ContractError or StartError, and then those in force stay in force."""
        contracts = await asyncio.to_thread(contracts_of, self.settings)
        bound = self._bound(contracts)
        # First on record, so that no call names a contract that was never put in force.
        count = await self._recorded(contracts)
        self.exchange.contracts = bound
        return count


class _Server(uvicorn.Server):
    """One listener of several: signals are for the process, which ends all of them."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _on(app: Any, telemetry: Telemetry, **where: Any) -> _Server:
    return _Server(serve_config(app, on_refused=telemetry.edge, **where))


async def serve(settings: Settings, ready: Callable[..., None]) -> None:
    """Runs a gateway until SIGTERM or SIGINT. `ready` gets the ports once everything listens: two, or three.

    Raises StartError or ContractError before a port opens.
    """
    _check_listener(settings)
    addresses = Addresses(system_lookup, clock=time.monotonic)
    ca = settings.ca.read_bytes() if settings.ca else None
    gateway: Gateway

    def entity() -> str:
        return next(iter(gateway.exchange.contracts.contracts.entities.entities))

    async with AsyncExitStack() as closing:
        vendors = Http1(
            addresses,
            total=settings.vendor_total,
            connect=settings.vendor_connect,
            silence=settings.vendor_silence,
            ca=ca,
        )
        stores = await closing.enter_async_context(opened(settings, entity))
        stores.ledger.ended.add_done_callback(_ends_the_process)
        closing.push_async_callback(vendors.close)
        gateway = Gateway(settings, stores, vendors)
        closing.callback(gateway.telemetry.close)
        await gateway.activate()
        # Calls end before the ledger does: the listeners stop first, then what is on its way, then the stores.
        closing.push_async_callback(gateway.proxy.drained)
        closing.callback((settings.data / CONTROL).unlink, missing_ok=True)
        await _listen(gateway, ready)


def _ends_the_process(ended: "asyncio.Future[int]") -> None:
    """After a failed disk nothing is closed in good order: that would write, and an fsync that works proves nothing."""
    asyncio.get_running_loop().call_later(LAST_WORDS, os._exit, ended.result())


def _check_listener(settings: Settings) -> None:
    control = settings.data / CONTROL
    if len(str(control.absolute())) > 100:  # noqa: PLR2004  a Unix socket's path has 107 bytes
        raise StartError("the path of the data folder is too long for a socket in it; use a shorter one")
    if not ipaddress.ip_address(settings.operators_host).is_loopback:
        log.warning("the operators' listener is open to other machines")


async def _listen(gateway: Gateway, ready: Callable[..., None]) -> None:
    settings, stores, telemetry = gateway.settings, gateway.stores, gateway.telemetry
    control = settings.data / CONTROL
    control.unlink(missing_ok=True)
    port = settings.privacy_port
    operators = api.operators(
        stores.desk,
        gateway.reports,
        stores.tokens,
        telemetry,
        lambda: stores.ledger.unready,
        gateway.page,
        gateway.office,
        gateway.incidents,
        gateway.canaries,
        gateway.due,
    )
    servers = [
        _on(gateway.proxy, telemetry, host=settings.host, port=settings.port, ends_calls=False),
        _on(operators, telemetry, host=settings.operators_host, port=settings.operators_port),
        *([_on(gateway.privacy(), telemetry, host=settings.privacy_host, port=port)] if port is not None else []),
        _on(
            api.control(
                stores.desk,
                gateway.reports,
                gateway.reload,
                gateway.keeps,
                stores.tokens,
                gateway.office,
                gateway.incidents,
                gateway.canaries,
                privacy.spoken(gateway.requests, gateway.disclosures),
            ),
            telemetry,
            uds=control,
        ),
    ]
    aside: list[asyncio.Task[None]] = []

    def stop() -> None:
        for server in servers:
            server.should_exit = True
        for task in aside:
            task.cancel()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    async with asyncio.TaskGroup() as running:
        served = [running.create_task(_served(server, stop)) for server in servers]
        # uvicorn tells by an attribute, and by nothing to wait for, that a listener is open.
        while not all(server.started or server.should_exit for server in servers):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        if all(server.started for server in servers):
            control.chmod(0o600)
            # What was built to stay is not looked through again whenever garbage is collected.
            gc.collect()
            gc.freeze()
            # A call leaves no circles behind, so there is little to look for, and looking costs every call.
            gc.set_threshold(_YOUNG, 20, 50)
            aside += [running.create_task(daily(each)) for each in (gateway.each_day, gateway.notify)]
            aside.append(running.create_task(often(gateway.tell)))
            aside.append(running.create_task(often(gateway.office.escalate, every=MINUTE)))
            ready(*(_port(server) for server in servers[: 2 if port is None else 3]))
    for server, listener in zip(servers, served, strict=True):
        if not listener.result():
            raise StartError(f"port {server.config.port} cannot be opened; is something else listening there?")


async def _served(server: _Server, stop: Callable[[], None]) -> bool:
    """Whether a listener could be opened; one that cannot, or that ends, ends the others."""
    try:
        await server.serve()
    except SystemExit:
        return False
    finally:
        stop()
    return True


def _port(server: _Server) -> int:
    return int(server.servers[0].sockets[0].getsockname()[1])


def run(main: Any) -> Any:
    """Runs a coroutine on the loop that the gateway is measured with."""
    with runner() as running:
        return running.run(main)


def runner() -> asyncio.Runner:
    """The same for several coroutines, one after the other."""
    return asyncio.Runner(loop_factory=uvloop.new_event_loop)


def moment(microseconds: int) -> str:
    """A time of the ledger for people to read, in UTC."""
    return datetime.fromtimestamp(microseconds / 1_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S")
