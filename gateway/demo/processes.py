"""The processes of the demo: the vendors and the gateway, each on ports of its own on loopback."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx2

from gateway.errors import StartError

Json = dict[str, Any]

_PATIENCE: Final = 20.0
_MODULE: Final = (sys.executable, "-m", "gateway")
_LISTENS = re.compile(r"gateway listens on (http://\S+), operators on port \d+")
_SANDBOX = re.compile(r"GATEWAY_SANDBOX='(.*)'")
_CONTROL = re.compile(r"curl (http://\S+)/__sandbox/received")


@dataclass(slots=True)
class Gateway:
    """A gateway in a process of its own, spoken to by calls and over its control socket."""

    url: str
    data: Path
    environment: Mapping[str, str]
    client: httpx2.Client
    control: httpx2.Client
    process: "Running"
    tokens: dict[str, str] = field(default_factory=dict)

    def do(self, deed: str, asked: Any) -> Any:
        """One deed of the desk. Raises StartError where it is refused."""
        response = self.control.post(f"/{deed}", json=asked, headers={"gateway-by": "demo"})
        if response.status_code != httpx2.codes.OK:
            raise StartError(f"the gateway does not take {deed}: {response.json().get('message', '')}")
        return response.json()["result"]

    def token(self, service: str) -> str:
        """The token of a service, issued when it is first asked for."""
        if service not in self.tokens:
            self.tokens[service] = self.do("issue", {"service": service, "days": 1})["token"]
        return self.tokens[service]

    def entry_of(self, disclosure: str, *, within: float = 3.0) -> Json | None:
        """The settled intent of a disclosure; the reply does not wait for it to be settled."""
        until = time.monotonic() + within
        while time.monotonic() < until:
            for entry in self.do("entries", {"kind": "intent", "limit": 10})["entries"]:
                if entry["disclosure"] == disclosure and "outcome" in entry:
                    return dict(entry)
            time.sleep(0.02)
        return None

    def last_refusal(self) -> Json | None:
        """The newest refusal."""
        page = self.do("entries", {"kind": "refusal", "limit": 1})
        return next((dict(entry) for entry in page["entries"]), None)

    def written(self) -> list[Json]:
        """Every entry, as a process of its own reads it from the disk. The gateway must have ended."""
        command = [*_MODULE, "ledger", "list", "--json", "--limit", "1000"]
        done = subprocess.run(  # noqa: S603  our own command
            command, env=dict(self.environment), capture_output=True, text=True, timeout=60, check=False
        )
        if done.returncode != 0:
            raise StartError(f"the ledger cannot be read: {done.stderr.strip()}")
        entries: list[Json] = json.loads(done.stdout)["entries"]
        return entries


@dataclass(frozen=True, slots=True)
class Vendors:
    """The played vendors, and what they got."""

    hosts: Mapping[str, str]
    control: str
    client: httpx2.Client

    def received(self, after: int) -> list[Json]:
        """What came after the call of this number."""
        found: list[Json] = self.client.get(f"{self.control}/__sandbox/received", params={"after": after}).json()
        return found

    def tell(self, vendor: str, behaviour: str) -> None:
        told = {"vendor": vendor, "behaviour": behaviour}
        self.client.post(f"{self.control}/__sandbox/next", json=told).raise_for_status()


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything that runs."""

    gateway: Gateway
    vendors: Vendors


@contextmanager
def staged(contracts: Path, folder: Path, *, port: int = 0) -> Iterator[Stage]:
    """Vendors and a gateway with these contracts, until the block ends; on a port, or on any if something is there.

    Raises StartError where one does not start.
    """
    with ExitStack() as closing:
        client = closing.enter_context(httpx2.Client(trust_env=False, timeout=30))
        vendors = _vendors(contracts, folder, client, closing)
        settings = {
            "GATEWAY_DATA": str(folder / "data"),
            "GATEWAY_CONTRACTS": str(contracts),
            "GATEWAY_OPERATORS_PORT": "0",
            "GATEWAY_SANDBOX": json.dumps(dict(vendors.hosts)),
        }
        try:
            gateway = _gateway(folder, settings | {"GATEWAY_PORT": str(port)}, client, closing)
        except StartError:
            if not port:
                raise
            # Only whoever opens a port knows that it is free.
            gateway = _gateway(folder, settings | {"GATEWAY_PORT": "0"}, client, closing)
        yield Stage(gateway, vendors)


def _vendors(contracts: Path, folder: Path, client: httpx2.Client, closing: ExitStack) -> Vendors:
    command = [*_MODULE, "sandbox", "--port", "0", "--contracts", str(contracts)]
    running = closing.enter_context(_running(command, folder / "vendors.log", _surroundings()))
    hosts, control = running.line(_SANDBOX), running.line(_CONTROL)
    return Vendors(json.loads(hosts), control, client)


def _gateway(folder: Path, settings: Mapping[str, str], client: httpx2.Client, closing: ExitStack) -> Gateway:
    data, environment = folder / "data", _surroundings(**settings)
    running = closing.enter_context(_running([*_MODULE, "serve"], folder / "gateway.log", environment))
    url = running.line(_LISTENS)
    transport = httpx2.HTTPTransport(uds=str(data / "control.sock"), trust_env=False)
    control = httpx2.Client(transport=transport, base_url="http://gateway", timeout=30, trust_env=False)
    return Gateway(url, data, environment, client, closing.enter_context(control), running)


def _surroundings(**more: str) -> dict[str, str]:
    """Nothing of the surroundings is passed on, so that no proxy or switch set there can matter."""
    return {"PATH": str(Path(sys.executable).parent), "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1", **more}


@dataclass(frozen=True, slots=True)
class Running:
    """A process whose words go to a file."""

    process: subprocess.Popen[bytes]
    log: Path

    def line(self, pattern: re.Pattern[str]) -> str:
        """The first group of the first match in what it says. Raises StartError if it says nothing like that."""
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until:
            said = self.log.read_text("utf-8", "replace")
            if match := pattern.search(said):
                return match[1]
            if not self.is_alive:
                raise StartError(f"`gateway {self.log.stem}` ended at once:\n{said.strip()}")
            time.sleep(0.02)
        raise StartError(f"`gateway {self.log.stem}` does not get ready")

    @property
    def is_alive(self) -> bool:
        return self.process.poll() is None

    def kill(self) -> None:
        """Ends it at once, as a power cut would."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """Asks it to end; insists after a while."""
        if self.is_alive:
            self.process.terminate()
        try:
            self.process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()


@contextmanager
def _running(command: Sequence[str], log: Path, environment: Mapping[str, str]) -> Iterator[Running]:
    with log.open("wb") as said:
        # In a session of its own, Ctrl-C reaches this process alone, and the others end in the order that we choose.
        process = subprocess.Popen(  # noqa: S603  our own command
            list(command), env=dict(environment), stdout=said, stderr=said, start_new_session=True
        )
    running = Running(process, log)
    try:
        yield running
    finally:
        running.stop()
