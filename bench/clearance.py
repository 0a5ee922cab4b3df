"""What deciding costs of a call: the same calls with the decision made, and with what it came to at hand."""

import asyncio
import json
import math
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import uvloop

from bench.minimal import TARGET
from bench.order import order
from bench.process import BenchError, stop
from bench.report import Claim
from bench.servers import start_sink
from gateway import deciding
from gateway.app import Gateway
from gateway.assemble import Call
from gateway.clearance import Clearance
from gateway.clearance.question import Question
from gateway.outbound.guard import Addresses, system_lookup
from gateway.outbound.http1 import Http1
from gateway.settings import Settings
from gateway.stores import opened

MOST: Final = 0.12
"""Of a call's CPU."""
BUYERS: Final = 320
TOGETHER: Final = 32
ROUNDS: Final = 25
CONTRACTS: Final = Path(__file__).parent / "contracts"
_DECISION: Final = "clear"

_ON_CONSENT: Final = """\
    - why: The courier writes only to people who asked for it.
      purpose: delivery_notification
      legal_basis: consent
      fields: {$.recipient.email: contact.email}
"""
_ALIKE: Final = "nothing known of single people"
_SINGLE: Final = "consents, objections and orders"
_ENTITY: Final = "shop"
_KINDS: Final[Mapping[str, str]] = {_ALIKE: TARGET, _SINGLE: "/parcelgate/v2/announced"}
"""Where each kind of call goes: what is decided once for all who are alike, and what is decided anew for everybody."""
_CHANGES: Final = (
    ("operation: create-shipment", "operation: announced"),
    ("POST /v2/shipments", "POST /v2/announced"),
    ("evidence: {order: $.reference}", "evidence: {order: $.reference, level: live}"),
    ("    - why: Customs needs", _ON_CONSENT + "    - why: Customs needs"),
)

Decides = Callable[[Question], Clearance]


@dataclass(frozen=True, slots=True)
class Share:
    """What calls of one kind cost in microseconds of CPU: with a decision each, and with what it came to at hand."""

    calls: str
    cpu_us: float
    without_us: float

    @property
    def share(self) -> float:
        return 1 - self.without_us / self.cpu_us

    def claim(self) -> Claim:
        return Claim("aim", f"clearance of a call, {self.calls}", self.share, MOST, met=self.share <= MOST)

    def __str__(self) -> str:
        return f"{self.calls:<34} {self.cpu_us:>9,.0f} {self.without_us:>9,.0f} {self.share:>9.3f}"


def clearance(workdir: Path, rounds: int = ROUNDS) -> Sequence[Share]:
    """Measures in this process, one kind of call after the other, with a vendor in a process of its own.

    Calls do not come in over a socket: what that costs is no part of a call here, which makes the shares larger.
    """
    sink = start_sink(workdir)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_measured(workdir, sink.port, rounds))
    finally:
        stop(sink.pid)


def rendered(shares: Sequence[Share]) -> str:
    """The shares for people."""
    heading = f"{'calls':<34} {'CPU us':>9} {'without':>9} {'share':>9}"
    return "\n".join([heading, *map(str, shares), "", *(str(each.claim()) for each in shares)])


async def _measured(workdir: Path, port: int, rounds: int) -> Sequence[Share]:
    contracts = workdir / "contracts"
    _write_contracts(contracts)
    settings = Settings(data=workdir / "data", contracts=contracts, sandbox={"parcelgate": f"http://127.0.0.1:{port}"})
    async with AsyncExitStack() as closing:
        stores = await closing.enter_async_context(opened(settings, lambda: _ENTITY))
        vendors = Http1(Addresses(system_lookup, clock=time.monotonic), total=30.0, connect=5.0)
        closing.push_async_callback(vendors.close)
        gateway = Gateway(settings, stores, vendors)
        closing.callback(gateway.telemetry.close)
        await gateway.activate()
        await stores.desk.put_facts(list(_facts()), by="bench")
        issued = await stores.desk.issue_token({"service": "fulfilment"}, by="bench")
        return [
            await _share(gateway, label, [_call(target, issued["token"], each) for each in _orders(kind)], rounds)
            for kind, (label, target) in enumerate(_KINDS.items())
        ]


async def _share(gateway: Gateway, label: str, calls: Sequence[Call], rounds: int) -> Share:
    known: dict[tuple[str, ...], Clearance] = {}
    decide: Decides = getattr(deciding, _DECISION)

    def remembering(question: Question) -> Clearance:
        known[_people(question)] = decided = decide(question)
        return decided

    def at_hand(question: Question) -> Clearance:
        return known[_people(question)]

    blocks = [calls[start : start + TOGETHER] for start in range(0, len(calls), TOGETHER)]
    for block in blocks:
        await _cost(gateway, block, remembering)
    least: dict[Decides, list[float]] = {decide: [math.inf] * len(blocks), at_hand: [math.inf] * len(blocks)}
    for round_ in range(rounds):
        for number, block in enumerate(blocks):
            # Each comes first as often as the other. What else runs on the machine only adds, so that the least counts.
            for turn in (decide, at_hand) if (number + round_) % 2 else (at_hand, decide):
                least[turn][number] = min(least[turn][number], await _cost(gateway, block, turn))
    return Share(label, *(sum(each) / len(calls) for each in least.values()))


async def _cost(gateway: Gateway, calls: Sequence[Call], decides: Decides) -> float:
    """CPU of this process in microseconds: of all its threads, also of the one that writes the ledger."""
    with _deciding(decides):
        began = time.process_time_ns()
        replies = await asyncio.gather(*map(gateway.exchange.reply, calls))
        took = (time.process_time_ns() - began) / 1000
    if wrong := [reply.status for reply in replies if reply.status != HTTPStatus.CREATED]:
        raise BenchError(f"a call was answered with {wrong[0]}")
    return took


@contextmanager
def _deciding(decides: Decides) -> Iterator[None]:
    """Calls are decided like this until the block ends."""
    own = getattr(deciding, _DECISION)
    setattr(deciding, _DECISION, decides)
    try:
        yield
    finally:
        setattr(deciding, _DECISION, own)


def _people(question: Question) -> tuple[str, ...]:
    return tuple(person.ref for person in question.facts.people.values())


def _orders(kind: int) -> Iterator[bytes]:
    """Each kind of call has buyers of its own."""
    return (order(number).encode() for number in range(kind * BUYERS, (kind + 1) * BUYERS))


def _call(target: str, token: str, payload: bytes) -> Call:
    async def read(_: int) -> bytes:
        return payload

    headers = (("authorization", f"Bearer {token}"), ("content-type", "application/json"))
    return Call("POST", target, b"", headers, read)


def _facts() -> Iterator[Mapping[str, Any]]:
    """Of everybody who is met with the second kind of call: what they said, and the order that it is about."""
    for each in map(json.loads, _orders(1)):
        buyer, number = each["customer_id"], each["reference"]
        yield {"kind": "consent", "subject": buyer, "purpose": "delivery_notification", "state": "given"}
        yield {"kind": "flag", "subject": buyer, "flag": "objected", "purpose": "delivery_notification"}
        yield {"kind": "order", "order": number, "people": [{"role": "purchaser", "subject": buyer}]}
        yield {"kind": "order_state", "order": number, "state": "open"}


def _write_contracts(folder: Path) -> None:
    """Those of the bench, and an operation beside theirs that asks for more."""
    shutil.copytree(CONTRACTS, folder)
    policy, shipment = folder / "policy.yaml", folder / "parcelgate" / "create-shipment.yaml"
    policy.write_text(policy.read_text("utf-8").replace("[delivery]", "[delivery, delivery_notification]"), "utf-8")
    text = shipment.read_text("utf-8")
    for old, new in _CHANGES:
        text = text.replace(old, new)
    (folder / "parcelgate" / "announced.yaml").write_text(text, "utf-8")
