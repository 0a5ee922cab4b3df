"""A gateway, its vendor and its shop, each a process; one of them is hurt, and then everything is looked up."""

import json
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Self

import httpx2
from sockets import Client, Reply

from bench.minimal import TARGET
from bench.order import order
from faults import victim
from faults.books import Book, book_at
from faults.invariants import arrivals, breaches, canaries, results

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0
STOPPED = (0, -signal.SIGTERM)
_PORTS = re.compile(r"listens on http://127\.0\.0\.1:(\d+), operators on port (\d+)")
_WRITER = re.compile(r"^writer (\d+)$", re.MULTILINE)


@dataclass
class Victim:
    """A gateway that serves."""

    process: ForkServerProcess
    log: Path
    began: int  # where its part of the log begins
    token: str = ""

    @property
    def pid(self) -> int:
        assert self.process.pid is not None
        return self.process.pid

    @property
    def said(self) -> str:
        return self.log.read_text(errors="replace")[self.began :]

    @property
    def port(self) -> int:
        found = _PORTS.search(self.said)
        assert found, self.said
        return int(found[1])

    @property
    def operators_port(self) -> int:
        found = _PORTS.search(self.said)
        assert found, self.said
        return int(found[2])

    @property
    def writer(self) -> int:
        """The id of the thread that writes."""
        return int(_WRITER.findall(self.said)[-1])

    @property
    def is_ready(self) -> bool:
        return _PORTS.search(self.said) is not None

    @property
    def exit_status(self) -> int | None:
        return self.process.exitcode

    def ended(self, within: float = PATIENCE) -> int:
        """Its exit status, once it has ended."""
        self.process.join(within)
        assert self.process.exitcode is not None, f"it goes on: {self.said}"
        return self.process.exitcode

    def kill(self) -> None:
        self.process.kill()
        self.process.join(PATIENCE)

    def stop(self) -> int:
        self.process.terminate()
        return self.ended()

    def health(self) -> int:
        client = Client(("127.0.0.1", self.operators_port))
        try:
            client.say(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            return client.reply().status
        finally:
            client.close()


@dataclass
class World:
    """One data folder and all that happens to it. `built` names how the gateway is built wrongly.

    With `owner`, the ledger is in the PostgreSQL of this address, and the gateway writes there as `database` says.
    """

    folder: Path
    owner: str = ""
    database: str = ""
    built: str = ""
    checkpoints: bool = False
    settings: Mapping[str, str] = field(default_factory=dict)
    acknowledged: list[str] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    _calls: int = 0

    def __enter__(self) -> Self:
        self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        command = [sys.executable, "-m", "faults.oracle", self.where, str(self.file)]
        path = f"{ROOT / 'tests'}:{ROOT}"
        self._vendor = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": path})
        assert self._vendor.stdout
        self.vendor_port = int(self._vendor.stdout.readline())
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._victims:
            if process.is_alive():
                process.kill()
                process.join(PATIENCE)
        if self._vendor.poll() is None:
            self._vendor.kill()
            self._vendor.communicate()

    @cached_property
    def _victims(self) -> list[ForkServerProcess]:
        return []

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def file(self) -> Path:
        return self.folder / "arrived"

    @property
    def where(self) -> str:
        return self.owner or str(self.data / "ledger.db")

    @property
    def book(self) -> Book:
        return book_at(self.where)

    @property
    def vendor(self) -> subprocess.Popen[str]:
        return self._vendor

    def environment(self) -> dict[str, str]:
        own = {
            "DATA": str(self.data),
            "CONTRACTS": str(ROOT / "bench" / "contracts"),
            "PORT": "0",
            "OPERATORS_PORT": "0",
            "INTENT_DEADLINE": "5",
            "SANDBOX": json.dumps({"parcelgate": f"http://127.0.0.1:{self.vendor_port}"}),
            **self.settings,
        }
        there = {"DATABASE": self.database} if self.database else {}
        return {f"GATEWAY_{name}": value for name, value in (own | there).items()}

    def launched(self, **more: str) -> Victim:
        """A gateway that was started just now, with these variables besides."""
        log = self.folder / "gateway.log"
        began = len(log.read_text(errors="replace")) if log.exists() else 0
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["faults.victim"])
        arguments = (self.environment() | more, log, self.built)
        process = context.Process(target=victim.serve, args=arguments, kwargs={"checkpoints": self.checkpoints})
        process.start()
        self._victims.append(process)
        return Victim(process, log, began)

    def serving(self, **more: str) -> Victim:
        """A gateway that listens, with a token for it."""
        gateway = self.launched(**more)
        self.await_ready(gateway)
        gateway.token = self.token()
        return gateway

    def await_ready(self, gateway: Victim, within: float = PATIENCE) -> None:
        until = time.monotonic() + within
        while not (gateway.log.exists() and gateway.is_ready):
            assert gateway.exit_status is None, f"exit status {gateway.exit_status}: {gateway.said}"
            assert time.monotonic() < until, gateway.said
            time.sleep(0.005)

    def token(self) -> str:
        """Issued over the control socket; good for every gateway with this folder."""
        kept = self.folder / "token"
        if not kept.exists():
            transport = httpx2.HTTPTransport(uds=str(self.data / "control.sock"))
            with httpx2.Client(transport=transport, base_url="http://gateway", timeout=PATIENCE) as client:
                answer = client.post("/issue", json={"service": "fulfilment"})
                (self.folder / "vkey").write_text(client.post("/key", json=None).json()["result"])
            kept.write_text(answer.json()["result"]["token"])
        return kept.read_text()

    def call(self, gateway: Victim, *, patience: float = PATIENCE) -> Reply | None:
        """One order. None where the connection ended without an answer; what was answered with 201 is acknowledged."""
        self._calls += 1
        self.numbers.append(self._calls)
        return self._called(gateway, self._calls, patience)

    def calls(self, gateway: Victim, count: int, *, at_once: int = 8) -> list[Reply | None]:
        first, self._calls = self._calls + 1, self._calls + count
        numbers = range(first, first + count)
        self.numbers.extend(numbers)
        with ThreadPoolExecutor(at_once) as pool:
            return list(pool.map(lambda number: self._called(gateway, number, PATIENCE), numbers))

    def _called(self, gateway: Victim, number: int, patience: float) -> Reply | None:
        body = order(number).encode()
        head = [
            f"POST {TARGET} HTTP/1.1",
            "Host: gateway.test",
            f"Authorization: Bearer {gateway.token}",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
        ]
        try:
            client = Client(("127.0.0.1", gateway.port), patience=patience)
        except OSError:
            return None
        try:
            client.say("\r\n".join([*head, "", ""]).encode() + body)
            reply = client.reply()
        except (OSError, EOFError):
            return None
        finally:
            client.close()
        if reply.status == 201 and "gateway-disclosure" in reply.headers:
            self.acknowledged.append(reply.headers["gateway-disclosure"])
        return reply

    def results(self) -> list[str]:
        """The current result of each intent, in their order; empty where it has none yet."""
        leaves = self.book.leaves()
        ends = results(leaves)
        return [ends.get(leaf.said["id"], "") for leaf in leaves if leaf.said.get("kind") == "intent"]

    def await_settled(self) -> None:
        """Returns when every intent has a result."""
        until = time.monotonic() + PATIENCE
        while not all(self.results()):
            assert time.monotonic() < until
            time.sleep(0.005)

    def arrived(self, attempt: str | None = None) -> int:
        """How often the vendor got something, of one attempt or at all."""
        return sum(attempt in (None, arrival.attempt) for arrival in arrivals(self.file))

    def reopened(self) -> Victim:
        """After any fault: the gateway starts, and one more order goes through."""
        gateway = self.serving()
        reply = self.call(gateway)
        assert reply is not None, gateway.said
        assert reply.status == 201, (reply, gateway.said)
        return gateway

    def breaches(self, *, reopen: bool = True) -> list[str]:
        """Every breach of I1 to I5, after the gateway was started and stopped once more.

        What a dead node of several left open is settled by another one, later.
        """
        if reopen:
            assert self.reopened().stop() in STOPPED
        found = breaches(self.book, arrivals(self.file), self.acknowledged, closed=reopen and not self.owner)
        verified = self._verified() if reopen and not self.owner else []
        return [*found, *verified, *canaries(self.folder, secrets(self.numbers))]

    def _verified(self) -> list[str]:
        """What an auditor finds in a copy."""
        copy = self.folder / "copy.db"
        self.book.copied(copy)
        command = [sys.executable, str(ROOT / "ledger_verify.py"), str(copy)]
        key = ["--key", (self.folder / "vkey").read_text()]
        done = subprocess.run([*command, *key], capture_output=True, text=True, timeout=PATIENCE, check=False)
        copy.unlink()
        return [] if done.returncode == 0 else [f"V{done.returncode - 10} {done.stdout}{done.stderr}"]


def secrets(numbers: Sequence[int]) -> list[str]:
    """What must stand nowhere: of the first orders and of all their people alike."""
    own = [f"{name}-{number:014d}" for number in numbers[:5] for name in "AC"]
    return ["Annegret", "Lindenstr", "+4930901820", "annegret@example.com", "Retinol", *own]


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """A process that is stopped until the block ends."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
