"""Played vendors: one listener for each of their hosts, and one by which they are watched and told what to do."""

import asyncio
import base64
import logging
import socket
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path as Folder
from typing import Any, Final, Literal

import uvicorn
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.body.codecs import CODECS
from gateway.body.document import Document
from gateway.contract.load import load
from gateway.edge import serve_config
from gateway.errors import StartError
from gateway.inforce import InForce, in_force
from gateway.pieces import whole
from gateway.rehearse import Http1
from gateway.sandbox.answer import DECLINED, Model, answer, chosen, models
from gateway.sandbox.arrival import CREDENTIAL, Arrival, Judged, judged
from gateway.wire import StrictProtocol

Behaviour = Literal["answer", "decline", "stall", "drop"]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

LOOPBACK: Final = "127.0.0.1"
STALLED: Final = 60.0
"""Seconds for which a vendor that stalls keeps a call waiting; then it drops it."""
REMEMBERED: Final = 1_000
_CONTROL = ""


class Next(BaseModel):
    """What a vendor, named as such or by one of its hosts, is to do with the next call that reaches it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    vendor: str
    behaviour: Behaviour


@dataclass(frozen=True, slots=True)
class Received:
    """One call that reached a vendor, and what the vendor did with it. `status` is None where it did not answer."""

    number: int
    vendor: str
    arrival: Arrival
    judged: Judged
    behaviour: Behaviour
    status: int | None

    def shown(self) -> dict[str, Any]:
        """For JSON: raw, the body in base64 too, and decoded by kind of place."""
        arrival = self.arrival
        return {
            "number": self.number,
            "vendor": self.vendor,
            "host": arrival.host,
            "operation": self.judged.operation,
            "method": arrival.method,
            "target": arrival.target,
            "headers": [list(pair) for pair in arrival.headers],
            "body": arrival.payload.decode("utf-8", "replace"),
            "body_base64": base64.b64encode(arrival.payload).decode(),
            "decoded": {kind: _plain(document) for kind, document in self.judged.documents.items()},
            "violations": list(self.judged.violations),
            "behaviour": self.behaviour,
            "status": self.status,
        }


def _plain(document: Document) -> Document:
    """A document without what a codec remembers beside its values."""
    if isinstance(document, Mapping):
        return {name: _plain(value) for name, value in document.items()}
    if isinstance(document, list):
        return [_plain(value) for value in document]
    return str(document) if isinstance(document, str) else document


class Sandbox:
    """Every vendor of a set of contracts. It keeps the latest calls that it got, and knows no secret but its own."""

    def __init__(self, contracts: InForce, root: Folder) -> None:
        self.contracts = contracts
        self.received: deque[Received] = deque(maxlen=REMEMBERED)
        self._models = {terms.name: models(terms, root) for terms in contracts.contracts.terms}
        self._orders: dict[str, deque[Behaviour]] = {vendor: deque() for vendor in contracts.contracts.vendors}
        self._calls = 0
        self._answered: Counter[str] = Counter()

    @classmethod
    def of(cls, folder: Folder) -> "Sandbox":
        """The vendors of the contracts in a folder. Raises ContractError."""
        contracts = load(folder)
        key = bytes(32)
        played = in_force(contracts, secrets=lambda _: CREDENTIAL, vendor_key=lambda _: key, is_played=True)
        return cls(played, contracts.root)

    def order(self, wanted: Next) -> None:
        """Tells a vendor what to do with its next call. Raises KeyError for a vendor that is not played."""
        vendor = self.contracts.hosts.get(wanted.vendor, wanted.vendor)
        self._orders[vendor].append(wanted.behaviour)

    def take(self, arrival: Arrival) -> tuple[Received, Http1 | None]:
        """What a vendor says to a call; None where it stalls or drops it."""
        vendor = self.contracts.hosts[arrival.host]
        orders = self._orders[vendor]
        behaviour: Behaviour = orders.popleft() if orders else "answer"
        verdict = judged(arrival, self.contracts)
        says = None if behaviour in ("stall", "drop") else self._says(verdict, vendor, declined=behaviour == "decline")
        self._calls += 1
        received = Received(self._calls, vendor, arrival, verdict, behaviour, int(says.first) if says else None)
        self.received.append(received)
        return received, says

    def _says(self, verdict: Judged, vendor: str, *, declined: bool) -> Http1:
        prepared = verdict.prepared
        if prepared is None or verdict.violations:
            return _wrong(verdict)
        terms, own = prepared.terms, self._models[prepared.terms.name]
        model = self._declining(own, vendor) if declined else chosen(verdict.documents, own)
        if model is None:
            return DECLINED if declined else Http1("200", (), b"{}" if terms.answer else b"")
        if not model.declines:
            self._answered[terms.name] += 1
        return answer(model, terms, verdict.documents, self._answered[terms.name])

    def _declining(self, own: Sequence[Model], vendor: str) -> Model | None:
        """An example of the operation that declines, or else of another operation of the vendor."""
        others = (self._models[terms.name] for terms in self.contracts.contracts.terms if terms.vendor.vendor == vendor)
        return next((model for several in (own, *others) for model in several if model.declines), None)


def _wrong(verdict: Judged) -> Http1:
    """Vendors say what is wrong by place; what was sent is not repeated."""
    document = {"error": {"code": "sandbox_violation", "message": "; ".join(verdict.violations)}}
    return Http1(str(verdict.status), (), whole(CODECS["json"].write(document, document)))


class _Droppable(StrictProtocol):
    """A listener's protocol with a way to end the connection without an answer."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["state"]["drop"] = self.transport.abort


@dataclass(frozen=True, slots=True)
class Listeners:
    """One ASGI application behind several sockets: which host a call is for is told by the port it came to."""

    sandbox: Sandbox
    hosts: Mapping[int, str]
    control: Starlette
    stalled: float = STALLED

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        host = self.hosts.get(scope["server"][1]) if scope["type"] == "http" else None
        if host is None:
            await self.control(scope, receive, send)
            return
        arrival = Arrival(host, scope["method"], _target(scope), _headers(scope), await Request(scope, receive).body())
        received, says = self.sandbox.take(arrival)
        if says is not None:
            await _response(says)(scope, receive, send)
            return
        if received.behaviour == "stall":
            with suppress(TimeoutError):
                await asyncio.wait_for(_gone(receive), self.stalled)
        scope["state"]["drop"]()
        await _gone(receive)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _target(scope: Scope) -> str:
    path, query = scope["raw_path"].decode("ascii"), scope["query_string"].decode("ascii")
    return f"{path}?{query}" if query else str(path)


def _headers(scope: Scope) -> tuple[tuple[str, str], ...]:
    return tuple((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"])


def _response(says: Http1) -> Response:
    headers = dict(says.headers)
    if says.body:
        headers.setdefault("content-type", "application/json")
    return Response(says.body, int(says.first), headers)


def control(sandbox: Sandbox) -> Starlette:
    """`GET /__sandbox/received` shows what vendors got, `POST /__sandbox/next` tells one what to do."""

    async def received(request: Request) -> Response:
        after = request.query_params.get("after", "0")
        if not (after.isascii() and after.isdigit()):
            return _json({"message": "after is the number of the last call that you know"}, 422)
        return _json([each.shown() for each in sandbox.received if each.number > int(after)])

    async def order(request: Request) -> Response:
        try:
            sandbox.order(Next.model_validate_json(await request.body()))
        except (ValidationError, KeyError):
            known = ", ".join(sorted(sandbox.contracts.contracts.vendors))
            return _json({"message": f"send a vendor ({known}) and a behaviour: answer, decline, stall or drop"}, 422)
        return _json({"result": "the next call will see it"})

    return Starlette(
        routes=[
            Route("/__sandbox/received", received, methods=["GET"]),
            Route("/__sandbox/next", order, methods=["POST"]),
        ]
    )


def _json(document: Any, status: int = 200) -> Response:
    return Response(whole(CODECS["json"].write(document, document)), status, media_type="application/json")


Ready = Callable[[Mapping[str, str], str], None]
"""Gets the address of each vendor host, and that of the control listener."""


async def play(folder: Folder, *, port: int, ready: Ready, stalled: float = STALLED) -> None:
    """Plays the vendors of a folder of contracts on loopback until SIGTERM or SIGINT.

    The control listener is at `port`, vendor hosts are at the ports above; 0 takes any that are free.
    Raises ContractError, and StartError where a port is taken.
    """
    sandbox = Sandbox.of(folder)
    names = (_CONTROL, *sorted(sandbox.contracts.hosts))
    sockets = [_bound(port + index if port else 0) for index, _ in enumerate(names)]
    ports = [bound.getsockname()[1] for bound in sockets]
    hosts = dict(zip(ports[1:], names[1:], strict=True))
    config = serve_config(
        Listeners(sandbox, hosts, control(sandbox), stalled),
        on_refused=lambda code: logging.getLogger(__name__).warning("refused at the edge: %s", code),
        protocol=_Droppable,
        graceful=1,
    )
    urls = {name: f"http://{LOOPBACK}:{number}" for name, number in zip(names, ports, strict=True)}
    server = _Server(config)
    server.ready = lambda: ready({name: url for name, url in urls.items() if name != _CONTROL}, urls[_CONTROL])
    await server.serve(sockets=sockets)


class _Server(uvicorn.Server):
    """Says when it listens."""

    ready: Callable[[], None]

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready()


def _bound(port: int) -> socket.socket:
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((LOOPBACK, port))
    except OSError:
        bound.close()
        raise StartError(f"port {port} is taken; give another with --port, or 0 for any") from None
    return bound
