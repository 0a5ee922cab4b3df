import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pydantic import ValidationError

from gateway.errors import StartError
from gateway.sandbox.arrival import Arrival
from gateway.sandbox.vendors import REMEMBERED, Next, Sandbox, play

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("sandbox")]

ROOT = Path(__file__).parents[2]
FORM = f"amount=4200&currency=eur&source=tok_9&metadata[order]=psn_{'7' * 26}"
HEADERS = (("content-type", "application/x-www-form-urlencoded"), ("authorization", "Bearer sandbox"))
CHARGE = Arrival("northpay", "POST", "/v1/charges", HEADERS, FORM.encode())


@dataclass(frozen=True)
class Running:
    """A sandbox in a process of its own: its control listener and vendor hosts, as its first line said."""

    client: httpx2.Client
    control: str
    hosts: dict[str, str]

    def charge(self, **more: str) -> httpx2.Response:
        return self.client.post(f"{self.hosts['northpay']}/v1/charges", content=FORM, headers=[*HEADERS, *more.items()])

    def next(self, behaviour: str, vendor: str = "northpay") -> httpx2.Response:
        return self.client.post(f"{self.control}/__sandbox/next", json={"vendor": vendor, "behaviour": behaviour})

    def received(self, after: int = 0) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.client.get(f"{self.control}/__sandbox/received?after={after}").json()
        return found


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    command = [sys.executable, "-m", "gateway", "sandbox", "--contracts", str(ROOT / "contracts"), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield from played(process)
        except BaseException:
            # Nobody would stop it otherwise, and a process that goes on is waited for.
            process.kill()
            raise
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=280)
    assert process.returncode == 0


def played(process: "subprocess.Popen[str]") -> Iterator[Running]:
    assert process.stdout is not None
    assert process.stderr is not None
    name, _, value = process.stdout.readline().strip().partition("=")
    assert name == "GATEWAY_SANDBOX"
    hosts = json.loads(value.strip("'"))
    control = process.stderr.readline().split()[-1].removesuffix("/__sandbox/received")
    told = json.dumps({"vendor": min(hosts), "behaviour": "decline"})
    assert process.stderr.readline().endswith(f"-d '{told}'\n")
    with httpx2.Client(trust_env=False, timeout=280) as client:
        yield Running(client, control, hosts)


def test_a_vendor_answers_as_its_example_does(running: Running) -> None:
    response = running.charge()

    assert response.status_code == 200
    assert response.json()["amount"] == 4200


def test_what_arrived_is_remembered_raw_and_decoded(running: Running) -> None:
    before = len(running.received())
    running.charge()

    [received] = running.received(before)

    assert (received["vendor"], received["operation"], received["status"]) == ("northpay", "create-charge", 200)
    assert (received["method"], received["target"], received["body"]) == ("POST", "/v1/charges", FORM)
    assert received["decoded"]["body"]["metadata"] == {"order": f"psn_{'7' * 26}"}
    assert ["authorization", "Bearer sandbox"] in received["headers"]
    assert received["violations"] == []


def test_a_member_that_no_contract_names_is_a_violation_on_record(running: Running) -> None:
    response = running.charge(cookie="sid=1")

    assert response.status_code == 422
    assert running.received()[-1]["violations"] == ["header:cookie: no contract line lets this out"]


def test_a_vendor_declines_the_next_call_and_no_other(running: Running) -> None:
    running.next("decline")

    declined, next_one = running.charge(), running.charge()

    assert (declined.status_code, declined.json()["error"]["code"]) == (402, "declined")
    assert next_one.status_code == 200


def test_a_vendor_drops_a_call_without_a_word(running: Running) -> None:
    running.next("drop")

    with pytest.raises(httpx2.RemoteProtocolError):
        running.charge()

    assert (running.received()[-1]["behaviour"], running.received()[-1]["status"]) == ("drop", None)


def test_a_vendor_stalls(running: Running) -> None:
    running.next("stall")

    with pytest.raises(httpx2.ReadTimeout):
        running.client.get(f"{running.hosts['northpay']}/v1/charges", timeout=0.3)


def test_only_the_vendor_that_was_told_changes(running: Running) -> None:
    running.next("decline", vendor="stripe")

    assert running.charge().status_code == 200


@pytest.mark.parametrize("asked", [{"vendor": "nobody", "behaviour": "drop"}, {"vendor": "stripe"}, []])
def test_an_order_that_cannot_be_followed_is_refused(running: Running, asked: object) -> None:
    response = running.client.post(f"{running.control}/__sandbox/next", json=asked)

    assert response.status_code == 422


def test_a_vendor_without_an_example_that_declines_declines_all_the_same() -> None:
    sandbox = Sandbox.of(ROOT / "contracts")
    sandbox.order(Next(vendor="faultline", behaviour="decline"))
    auth = (("x-faultline-auth", "Faultline key=sandbox, version=1"), ("content-type", "application/json"))

    _, says = sandbox.take(Arrival("faultline", "POST", "/api/sandbox/events", auth, b'{"event_id":"1"}'))

    assert says is not None
    assert says.first == "402"


def test_the_sandbox_keeps_only_the_latest_calls() -> None:
    sandbox = Sandbox.of(ROOT / "contracts")

    for _ in range(REMEMBERED + 5):
        sandbox.take(CHARGE)

    assert len(sandbox.received) == REMEMBERED
    assert sandbox.received[-1].number == REMEMBERED + 5


def test_a_behaviour_is_one_of_four() -> None:
    with pytest.raises(ValidationError):
        Next.model_validate({"vendor": "stripe", "behaviour": "explode"})


async def test_a_port_that_is_taken_is_said_in_one_line(running: Running) -> None:
    port = int(running.control.rpartition(":")[2])

    with pytest.raises(StartError, match=f"port {port} is taken"):
        await play(ROOT / "contracts", port=port, ready=lambda *_: None)
