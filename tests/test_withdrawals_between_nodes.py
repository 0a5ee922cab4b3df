"""A withdrawal that one node has answered counts for every intent of every other, whatever that one has heard."""

import json
import shutil
import threading
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest
from processes import Machine, Serving
from sockets import Client

pytestmark = pytest.mark.slow

DEAF = str(Path(__file__).with_name("deaf_node.py"))
SECRETS = ("root.key", "kek.key", "sign.key")
LIVES = {"kind": "subject", "subject": "c-90", "jurisdiction": "DE"}
YES = {"kind": "consent", "subject": "c-90", "purpose": "fault_repair", "state": "given"}
NO = YES | {"state": "withdrawn"}
BODY = b'{"user":"c-90","page":"cart"}'
CALLERS = 3
ROUNDS = 4
MORE = 200  # rounds, where what is to be noticed may need a call at the right moment
SPELL = 0.08  # seconds for which calls go on after a withdrawal: the node hears of it later than that
PATIENCE = 60.0
Deed = Callable[[], None]


class Vendor(BaseHTTPRequestHandler):
    """Takes whatever comes."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing: what a vendor logs is its own."""


@dataclass(frozen=True)
class Pair:
    """Two nodes on one database: facts are put in at one, and calls come to the other."""

    control: httpx2.Client
    people: httpx2.Client
    other: Serving
    token: str
    database: str

    def put(self, *facts: dict[str, Any]) -> None:
        self.do("facts", facts)

    def ask(self, path: str, asked: dict[str, Any]) -> None:
        """What the person asks themselves, of the privacy API of the first node."""
        reply = self.people.post(path, json=asked)
        assert reply.status_code == 200, reply.text

    def do(self, deed: str, asked: object) -> Any:
        reply = self.control.post(f"/{deed}", json=asked)
        assert reply.status_code == 200, reply.text
        return reply.json()["result"]

    def publish(self, version: str, *, purposes: list[str]) -> None:
        """A version of the policy, by somebody who may."""
        token = self.do("issue", {"service": "stella", "role": "steward"})["token"]
        said = {"version": version, "document": f"sha256:{int(version):064}", "purposes": purposes}
        steps = {"/policies": said | {"vendor_kinds": ["maintenance"]}, f"/policies/{version}/publish": {}}
        for path, body in steps.items():
            reply = self.control.post(path, json=body, headers={"authorization": f"Bearer {token}"})
            assert reply.status_code == 200, reply.text

    def called(self) -> int:
        """The status of a call about the person, over a connection of its own."""
        client = Client(("127.0.0.1", self.other.port))
        head = f"POST /faults/api/surveys HTTP/1.1\r\nHost: a\r\nX-Faults-Auth: Faults key={self.token}\r\n"
        client.say(head.encode() + b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY)
        status = client.reply().status
        client.close()
        return status

    def until(self, status: int) -> int:
        """The status of a call that was tried again until it is this one, as long as anything is heard late."""
        deadline = time.monotonic() + PATIENCE
        while (found := self.called()) != status and time.monotonic() < deadline:
            time.sleep(0.01)
        return found

    def intents(self) -> int:
        """How many are durable at this moment."""
        with psycopg.connect(self.database) as session:
            [(count,)] = session.execute("SELECT count(*) FROM ledger.leaf WHERE kind = 'intent'").fetchall()
        return int(count)


@contextmanager
def pair(folder: Path, database: str, how: str) -> Iterator[Pair]:
    with ExitStack() as closing:
        server = closing.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), Vendor))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        closing.callback(server.shutdown)
        url = f"http://127.0.0.1:{server.server_address[1]}"
        hosts = json.dumps(dict.fromkeys(("faults", "parcels", "payments"), url))
        shared = {"SANDBOX": hosts, "DATABASE": database, "DATABASE_UNGUARDED": "true"}
        one = Machine(folder / "one", settings={**shared, "NODE": "one", "PRIVACY_PORT": "0"})
        two = Machine(folder / "two", settings={**shared, "NODE": "two"})
        first = closing.enter_context(one.serving())
        (two.folder / "data").mkdir(mode=0o700)
        for secret in SECRETS:
            shutil.copy2(one.folder / "data" / secret, two.folder / "data" / secret)
        other = closing.enter_context(two.serving(DEAF, how))
        transport = httpx2.HTTPTransport(uds=str(one.folder / "data" / "control.sock"))
        control = closing.enter_context(
            httpx2.Client(transport=transport, base_url="http://gateway", timeout=60, trust_env=False)
        )
        token = control.post("/issue", json={"service": "shop-web"}).json()["result"]["token"]
        own = control.post("/issue", json={"role": "subject", "subject": "c-90"}).json()["result"]["token"]
        people = closing.enter_context(
            httpx2.Client(
                base_url=f"http://127.0.0.1:{first.privacy_port}",
                headers={"authorization": f"Bearer {own}"},
                timeout=60,
                trust_env=False,
            )
        )
        yield Pair(control, people, other, token, database)


def at_the_desk(nodes: Pair) -> tuple[Deed, Deed]:
    return lambda: nodes.put(YES), lambda: nodes.put(NO)


def at_the_privacy_api(nodes: Pair) -> tuple[Deed, Deed]:
    yes = {"purpose": "fault_repair", "method": "account_setting"}
    no = {"purpose": "fault_repair"}
    return lambda: nodes.ask("/v1/consents", yes), lambda: nodes.ask("/v1/consents/withdraw", no)


def late(nodes: Pair, give: Deed, withdraw: Deed, rounds: int = ROUNDS) -> tuple[int, int]:
    """How many intents became durable after the answer to a withdrawal that they did not see, and how many at all.

    After some there are no more rounds.
    """
    count = 0
    nodes.put(LIVES)
    stop = threading.Event()

    def calling() -> None:
        while not stop.wait(0.002):
            nodes.called()

    with ThreadPoolExecutor(CALLERS) as pool:
        calls = [pool.submit(calling) for _ in range(CALLERS)]
        try:
            while rounds and not count:
                rounds -= 1
                give()
                nodes.until(200)
                withdraw()
                answered = nodes.intents()
                time.sleep(SPELL)
                count = nodes.intents() - answered
        finally:
            stop.set()
        for call in calls:
            call.result(60)
    return count, nodes.intents()


def id_of(token: str) -> str:
    payload = token.split(".")[1]
    claims = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return str(claims["jti"])


def test_no_intent_of_another_node_is_durable_after_the_answer_to_a_withdrawal(tmp_path: Path, emptied: str) -> None:
    with pair(tmp_path, emptied, "checked") as nodes:
        count, every = late(nodes, *at_the_desk(nodes))
        asked, more = late(nodes, *at_the_privacy_api(nodes))
        nodes.put(YES)
        given = nodes.until(200)
        nodes.put({"kind": "suspension", "vendor": "faults", "operation": "survey"})
        suspended = nodes.called()
        nodes.put({"kind": "suspension", "vendor": "faults", "operation": "survey", "lifted": True})
        lifted = nodes.until(200)
        nodes.publish("2", purposes=["delivery"])
        narrowed, counted = nodes.called(), nodes.intents()
        nodes.publish("3", purposes=["delivery", "fault_repair"])
        nodes.put(YES)
        widened = nodes.until(200)
        before = nodes.intents()
        nodes.do("revoke", id_of(nodes.token))
        revoked = nodes.called()

        assert (count, asked) == (0, 0)
        assert every > ROUNDS
        assert more > every + ROUNDS
        assert (given, suspended, lifted, revoked) == (200, 403, 200, 401)
        assert (narrowed, widened) == (403, 200)
        assert counted < before
        assert nodes.intents() == before


def test_a_node_that_does_not_ask_what_changed_is_noticed(tmp_path: Path, emptied: str) -> None:
    with pair(tmp_path, emptied, "unchecked") as nodes:
        count, _ = late(nodes, *at_the_desk(nodes), MORE)
        asked, _ = late(nodes, *at_the_privacy_api(nodes), MORE)

    assert count > 0
    assert asked > 0
