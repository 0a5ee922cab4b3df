"""The listeners of a gateway, and the process around them: from the first port until the last call is written down."""

import asyncio
import contextlib
import gc
import ipaddress
import logging
import os
import resource
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import uvicorn
import uvloop

from gateway.app import Gateway
from gateway.configured import demand_contracts
from gateway.daily import AGAIN, MINUTE, daily, often
from gateway.edge import serve_config
from gateway.errors import StartError
from gateway.outbound.guard import Addresses, system_lookup
from gateway.outbound.http1 import Http1
from gateway.settings import LOOPBACK, Settings
from gateway.stores import opened
from gateway.telemetry import Telemetry

LAST_WORDS: Final = 1.0  # seconds in which calls on their way are still answered, once nothing can be written any more
_YOUNG: Final = 20_000
log = logging.getLogger(__name__)


class Server(uvicorn.Server):
    """One listener of several: signals are for the process, which ends all of them."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listener(app: Any, telemetry: Telemetry, **where: Any) -> Server:
    return Server(serve_config(app, on_refused=telemetry.edge, **where))


async def serve(settings: Settings, ready: Callable[..., None]) -> None:
    """Runs a gateway until SIGTERM or SIGINT. `ready` gets the ports once everything listens: two, three or four.

    Raises StartError or ContractError before a port opens.
    """
    _check_listener(settings)
    _open_many()
    demand_contracts(settings)
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
        closing.callback(settings.control.unlink, missing_ok=True)
        await _listen(gateway, ready)


def _ends_the_process(ended: "asyncio.Future[int]") -> None:
    """After a failed disk nothing is closed in good order: that would write, and an fsync that works proves nothing."""
    asyncio.get_running_loop().call_later(LAST_WORDS, os._exit, ended.result())


def _open_many() -> None:
    """Every call under way has two connections, and the 1,024 files that most systems begin with are soon open."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    # Where the system has a bound of its own below that, what it began with stays.
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _check_listener(settings: Settings) -> None:
    control = settings.control
    if len(str(control.absolute())) > 100:  # noqa: PLR2004  a Unix socket's path has 107 bytes
        raise StartError("the path of the data folder is too long for a socket in it; use a shorter one")
    if not _is_loopback(settings.operators_host):
        log.warning("the operators' listener is open to other machines")


def _is_loopback(host: str) -> bool:
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host in LOOPBACK


async def _listen(gateway: Gateway, ready: Callable[..., None]) -> None:
    control = gateway.settings.control
    control.unlink(missing_ok=True)
    servers = _servers(gateway, control)
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
            _settle_memory()
            aside.append(running.create_task(daily(gateway.each_day)))
            told = daily(gateway.notify, again=AGAIN, what="telling the webhook what is due")
            aside.append(running.create_task(told))
            aside.append(running.create_task(often(gateway.tell)))
            aside += [
                running.create_task(often(each, every=MINUTE))
                for each in (gateway.office.escalate, gateway.lookout.refresh, gateway.turn, gateway.notify_new)
            ]
            # The last is the control socket, which has none.
            ready(*map(port_of, servers[:-1]))
    for server, listener in zip(servers, served, strict=True):
        if not listener.result():
            where = f"port {server.config.port} of {server.config.host}"
            raise StartError(f"{where} cannot be opened; is that this machine, and is nothing else listening there?")


def _servers(gateway: Gateway, control: Path) -> list[Server]:
    """The listeners: for calls, for operators, for people and vendors where they are wanted, and the control socket."""
    settings, telemetry = gateway.settings, gateway.telemetry
    people, vendors = settings.privacy_port, settings.hooks_port
    return [
        listener(
            gateway.proxy,
            telemetry,
            host=settings.host,
            port=settings.port,
            in_flight=settings.in_flight,
            ends_calls=False,
        ),
        listener(gateway.operators(), telemetry, host=settings.operators_host, port=settings.operators_port),
        *([] if people is None else [listener(gateway.privacy(), telemetry, host=settings.privacy_host, port=people)]),
        *([] if vendors is None else [listener(gateway.hooks.app, telemetry, host=settings.hooks_host, port=vendors)]),
        listener(gateway.control(), telemetry, uds=control),
    ]


def _settle_memory() -> None:
    # What was built to stay is not looked through again whenever garbage is collected.
    gc.collect()
    gc.freeze()
    # A call leaves no circles behind, so there is little to look for, and looking costs every call.
    gc.set_threshold(_YOUNG, 20, 50)


async def _served(server: Server, stop: Callable[[], None]) -> bool:
    """Whether a listener could be opened; one that cannot, or that ends, ends the others."""
    try:
        await server.serve()
    except SystemExit:
        return False
    finally:
        stop()
    return True


def port_of(server: Server) -> int:
    return int(server.servers[0].sockets[0].getsockname()[1])


def run(main: Any) -> Any:
    """Runs a coroutine on the loop that the gateway is measured with."""
    with runner() as running:
        return running.run(main)


def runner() -> asyncio.Runner:
    """The same for several coroutines, one after the other."""
    return asyncio.Runner(loop_factory=uvloop.new_event_loop)
