"""Several gateways on one PostgreSQL, as processes with the demo's contracts and played vendors."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from clusters import Cluster
from postgres_stores import WRITER

from gateway.demo import story
from gateway.demo.processes import _LISTENS, Gateway, Vendors, _running, _surroundings, _vendors

# One shop for all of them; and where others work as well, each process takes its time to start.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("nodes"), pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[1]
CONTRACTS = ROOT / "contracts"
SECRETS = ("root.key", "kek.key", "sign.key")
COMMAND = (sys.executable, "-m", "gateway")


@dataclass
class Shop:
    """Vendors, a prepared database, and any number of gateways, each with a folder of its own."""

    folder: Path
    owner: str
    vendors: Vendors
    client: httpx2.Client
    closing: ExitStack

    @property
    def url(self) -> str:
        return self.owner.replace("postgres@", f"{WRITER}:geheim@", 1)

    def environment(self, node: str) -> Mapping[str, str]:
        return _surroundings(
            GATEWAY_DATA=str(self.folder / node),
            GATEWAY_NODE=node,
            GATEWAY_DATABASE=self.url,
            GATEWAY_DATABASE_OWNER=self.owner,
            GATEWAY_CONTRACTS=str(CONTRACTS),
            GATEWAY_PORT="0",
            GATEWAY_OPERATORS_PORT="0",
            GATEWAY_SANDBOX=json.dumps(dict(self.vendors.hosts)),
        )

    def typed(self, node: str, *words: str, **changed: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*COMMAND, *words],
            env={**self.environment(node), **changed},
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )

    def node(self, name: str) -> Gateway:
        """A gateway that listens."""
        environment, data = self.environment(name), self.folder / name
        running = self.closing.enter_context(_running([*COMMAND, "serve"], self.folder / f"{name}.log", environment))
        url = running.line(_LISTENS)
        transport = httpx2.HTTPTransport(uds=str(data / "control.sock"))
        control = httpx2.Client(transport=transport, base_url="http://gateway", timeout=120, trust_env=False)
        return Gateway(url, data, environment, self.client, self.closing.enter_context(control), running)

    def another(self, name: str, like: str) -> Gateway:
        """A gateway with the secrets of another."""
        (self.folder / name).mkdir(mode=0o700)
        for secret in SECRETS:
            shutil.copy2(self.folder / like / secret, self.folder / name / secret)
        return self.node(name)


@contextmanager
def shop(folder: Path, owner: str) -> Iterator[Shop]:
    with ExitStack() as closing:
        client = closing.enter_context(httpx2.Client(trust_env=False, timeout=120))
        yield Shop(folder, owner, _vendors(CONTRACTS, folder, client, closing), client, closing)


def sent(gateway: Gateway, token: str, order: str) -> "httpx2.Response":
    body = {"reference": order, "recipient": {"name": "Zoë", "street": "Weg 7", "city": "Dresden", "country": "DE",
            "postal_code": "01067"}, "parcel": {"weight": 1}}  # fmt: skip
    headers = {"gateway-token": token, "content-type": "application/json", "idempotency-key": f"parcel-{order}"}
    return gateway.client.post(f"{gateway.url}/parcelgate/v2/shipments", headers=headers, content=json.dumps(body))


def entries(gateway: Gateway, **wanted: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = gateway.do("entries", {"limit": 500, **wanted})["entries"]
    return found


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, postgres: Cluster) -> Iterator[tuple[Shop, Gateway]]:
    """A shop with one node, called one."""
    with postgres.database() as owner, shop(tmp_path_factory.mktemp("nodes"), owner) as ready:
        done = ready.typed("one", "ledger", "prepare")
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip() == f"the database is ready for gateways that come as {WRITER}"
        yield ready, ready.node("one")


def test_two_nodes_serve_from_one_database(running: tuple[Shop, Gateway]) -> None:
    ready, one = running
    two = ready.another("two", like="one")
    one.do("facts", list(story.ORDERS))
    token = one.token("fulfilment")

    # A token of one and facts that were put in there are good at the other.
    replies = [sent(gateway, token, "A-10045") for gateway in (one, two, one, two)]
    disclosures = [reply.headers["gateway-disclosure"] for reply in replies]
    settled = two.entry_of(disclosures[0]), one.entry_of(disclosures[1])
    in_one, in_two = entries(one), entries(two)
    two.process.kill()
    again = ready.node("two")
    again.process.stop()

    assert [reply.status_code for reply in replies] == [201] * 4
    assert len(ready.vendors.received(0)) == 4
    assert all(entry and entry["outcome"]["result"] == "sent" for entry in settled)
    # Both read the same log; the second look finds the entry of the first.
    assert in_two[1:] == in_one
    assert [entry["seq"] for entry in in_two] == list(range(len(in_two) - 1, -1, -1))
    assert {entry["node"] for entry in in_two} == {"one", "two"}
    assert not list(ready.folder.glob("*/*.db"))
    assert "geheim" not in "".join(log.read_text("utf-8") for log in ready.folder.glob("*.log"))


def test_a_node_without_the_secrets_of_the_others_does_not_start(running: tuple[Shop, Gateway]) -> None:
    ready, _ = running

    done = ready.typed("three", "serve")

    assert done.returncode == 1
    assert "copy root.key, kek.key and sign.key from another node" in done.stderr
    assert not (ready.folder / "three" / "root.key").exists()


def test_the_log_of_several_nodes_verifies_and_is_copied_by_the_server_alone(running: tuple[Shop, Gateway]) -> None:
    ready, _ = running

    verified = ready.typed("one", "ledger", "verify")
    copied = ready.typed("one", "backup", str(ready.folder / "backup"))

    assert verified.returncode == 0, verified.stdout
    assert "V8  ok" in verified.stdout
    assert copied.returncode == 1
    assert "pg_basebackup" in copied.stderr


def test_a_second_node_of_one_name_does_not_start(running: tuple[Shop, Gateway]) -> None:
    ready, _ = running
    (ready.folder / "copy").mkdir(mode=0o700)
    for secret in SECRETS:
        shutil.copy2(ready.folder / "one" / secret, ready.folder / "copy" / secret)

    done = ready.typed("copy", "serve", GATEWAY_NODE="one")

    assert done.returncode == 1
    assert "another gateway writes as node one; give each a GATEWAY_NODE of its own" in done.stderr


def test_a_role_that_owns_the_tables_is_for_trials(running: tuple[Shop, Gateway]) -> None:
    ready, _ = running
    (ready.folder / "trial").mkdir(mode=0o700)
    for secret in SECRETS:
        shutil.copy2(ready.folder / "one" / secret, ready.folder / "trial" / secret)

    refused = ready.typed("trial", "ledger", "checkpoint", GATEWAY_DATABASE=ready.owner)
    trial = ready.typed(
        "trial", "ledger", "checkpoint", GATEWAY_DATABASE=ready.owner, GATEWAY_DATABASE_UNGUARDED="true"
    )

    assert refused.returncode == 1
    assert "GATEWAY_DATABASE could alter the record: it is a superuser" in refused.stderr
    assert trial.returncode == 0, trial.stderr
    assert trial.stdout.startswith("gateway/")
