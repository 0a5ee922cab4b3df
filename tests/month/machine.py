"""The processes of the month: played vendors and a gateway, asked as anybody asks them."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

PATIENCE = 60.0  # seconds in which a process gets ready, or a command ends
_READY = re.compile(r"listens on (http://\S+), operators on port (\d+), people on port (\d+)")
_HOSTS = re.compile(r"GATEWAY_SANDBOX='(.*)'")
_CONTROL = re.compile(r"curl (http://\S+)/__sandbox/received")


@dataclass(frozen=True)
class Machine:
    """A folder with contracts and data, a gateway on it, and the vendors behind it."""

    folder: Path
    environment: Mapping[str, str]
    gateway: str
    operators: str
    privacy: str
    sandbox: str
    client: httpx2.Client

    def typed(self, *words: str) -> str:
        """What a command prints. Raises AssertionError where it does not end well."""
        done = subprocess.run(
            [sys.executable, "-m", "gateway", *words],
            env=dict(self.environment), capture_output=True, text=True, timeout=PATIENCE * 5, check=False,
        )  # fmt: skip
        assert done.returncode == 0, (words, done.stderr)
        return done.stdout

    def token(self, name: str, *words: str) -> str:
        return self.typed("token", "issue", "--service", name, *words).strip()

    def operate(self, token: str, method: str, path: str, asked: object = None) -> Any:
        """What the operators' listener answers."""
        document = self._asked(f"{self.operators}{path}", token, method, asked)
        return document.get("result", document)

    def people(self, token: str, method: str, path: str, asked: object = None) -> Any:
        """What the privacy API answers."""
        return self._asked(f"{self.privacy}{path}", token, method, asked)

    def _asked(self, url: str, token: str, method: str, asked: object) -> Any:
        reply = self.client.request(method, url, headers={"authorization": f"Bearer {token}"}, json=asked)
        assert reply.status_code == httpx2.codes.OK, reply.text
        return reply.json()

    def received(self, after: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.client.get(
            f"{self.sandbox}/__sandbox/received", params={"after": after}
        ).json()
        return found


@contextmanager
def machine(folder: Path) -> Iterator[Machine]:
    """Vendors and a gateway with the contracts in a folder, until the block ends."""
    contracts, data = folder / "contracts", folder / "data"
    with ExitStack() as closing:
        client = closing.enter_context(httpx2.Client(trust_env=False, timeout=PATIENCE))
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}  # noqa: TID251
        base = {**inherited, "GATEWAY_CONTRACTS": str(contracts), "GATEWAY_DATA": str(data)}
        log = closing.enter_context(_process(folder, "sandbox", base, "--port", "0", "--contracts", str(contracts)))
        hosts, control = _said(log, _HOSTS)[1], _said(log, _CONTROL)[1]
        own = {
            "GATEWAY_SANDBOX": json.dumps(json.loads(hosts)),
            "GATEWAY_PORT": "0",
            "GATEWAY_OPERATORS_PORT": "0",
            "GATEWAY_PRIVACY_PORT": "0",
            "GATEWAY_DISK_BALLAST": "0",
            "GATEWAY_INTENT_DEADLINE": "20",
            "GATEWAY_ENTRIES_A_DAY": "1000000",  # one reviewer looks at the whole month in a day
        }
        log = closing.enter_context(_process(folder, "serve", base | own))
        ready = _said(log, _READY)
        operators, privacy = (f"http://127.0.0.1:{port}" for port in (ready[2], ready[3]))
        yield Machine(folder, base | own, ready[1], operators, privacy, control, client)


@contextmanager
def _process(folder: Path, command: str, environment: Mapping[str, str], *words: str) -> Iterator[Path]:
    log = folder / f"{command}.log"
    with log.open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "gateway", command, *words],
            env=dict(environment), stdout=said, stderr=said, start_new_session=True,
        )  # fmt: skip
    try:
        yield log
    finally:
        process.terminate()
        process.wait(PATIENCE)


def _said(log: Path, pattern: re.Pattern[str]) -> re.Match[str]:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if match := pattern.search(log.read_text("utf-8", "replace")):
            return match
        time.sleep(0.05)
    raise AssertionError(f"{log.name} does not say {pattern.pattern}: {log.read_text('utf-8', 'replace')}")
