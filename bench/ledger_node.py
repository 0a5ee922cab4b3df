"""One node of the ledger under load: `python -m bench.ledger_node`, a process that prints what it measured."""

import argparse
import asyncio
import gc
import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import uvloop
from ledger_fakes import SENT, shipment

from gateway.frozen import changed
from gateway.ledger import ContractActivated, Intent, Ledger, PolicyActivated, Subject, TokenChanged
from gateway.ledger.postgres import PostgresStore
from gateway.ledger.sqlite import SqliteStore
from gateway.ledger.store import Store

PAYLOAD = b"x" * 800
WITHIN = 20.0
_ORDER = shipment()


@dataclass(frozen=True, slots=True)
class Load:
    """What a node did: disclosures, each with two durable leaves, and how long it was waited for an intent."""

    clients: int
    disclosures: int
    seconds: float
    p50_ms: float
    p99_ms: float

    @property
    def rate(self) -> float:
        return self.disclosures / self.seconds


def intent(number: int) -> Intent:
    return changed(_ORDER, disclosure=f"{number:032x}")


async def begun(ledger: Ledger) -> None:
    """What an auditor wants to find before the first intent."""
    manner = _ORDER.manner
    contract = manner.contract.partition("@")[2]
    await ledger.record(ContractActivated(manner.vendor, manner.operation, contract, manner.contract_digest))
    await ledger.record(PolicyActivated(manner.policy, manner.contract_digest))
    await ledger.record(TokenChanged(manner.token, manner.caller, "issued"))


async def loaded(ledger: Ledger, clients: int, seconds: float) -> Load:
    """So many clients, each with one disclosure after the other, each about a person of its own."""
    waits: list[float] = []
    until = time.perf_counter() + seconds

    async def client(number: int) -> None:
        while (asked := time.perf_counter()) < until:
            number += clients
            subject = Subject(f"customer-{number}", "purchaser", "DE")
            ticket = await ledger.intend(intent(number), [subject], PAYLOAD, within=WITHIN)
            waits.append(time.perf_counter() - asked)
            ledger.settle(ticket, SENT)

    started = time.perf_counter()
    await asyncio.gather(*map(client, range(clients)))
    await ledger._writer.drained()
    took = time.perf_counter() - started
    waits.sort()
    return Load(clients, len(waits), took, _at(waits, 0.5), _at(waits, 0.99))


def _at(waits: list[float], share: float) -> float:
    return waits[min(len(waits) - 1, int(len(waits) * share))] * 1000 if waits else 0.0


def opened(folder: Path, node: str, database: str) -> Ledger:
    """In the folder, or, with the address of a database, there."""

    def store(path: Path, log: str) -> Store:
        return PostgresStore(database, log) if database else SqliteStore(path, log)

    loop = asyncio.get_running_loop()
    return Ledger.open(folder, node=node, now=lambda: time.time_ns() // 1_000, loop=loop, store=store)


async def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.ledger_node")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--node", default="n1")
    parser.add_argument("--database", default="")
    parser.add_argument("--clients", type=int, required=True)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--wait", action="store_true", help="until a line comes in, so that nodes begin together")
    asked = parser.parse_args()
    ledger = opened(asked.folder, asked.node, asked.database)
    await begun(ledger)
    # As the gateway does once it is built.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    await loaded(ledger, asked.clients, 0.5)
    if asked.wait:
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
    load = await loaded(ledger, asked.clients, asked.seconds)
    await ledger.close()
    print(json.dumps(asdict(load)))


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
