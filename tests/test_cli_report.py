"""The command that makes reports, as a job of a pipeline uses it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from processes import Machine, Serving
from sockets import Client

pytestmark = pytest.mark.slow

ORDER = {"kind": "order", "order": "A-1", "people": [{"role": "purchaser", "subject": "c-1", "jurisdiction": "DE"}]}


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    return Machine(tmp_path_factory.mktemp("machine"))


@pytest.fixture(scope="module")
def serving(machine: Machine) -> Iterator[Serving]:
    with machine.serving() as serving:
        machine.typed("facts", "put", "-", stdin=json.dumps(ORDER))
        yield serving


def shipped(machine: Machine, serving: Serving, **members: object) -> int:
    token = machine.asked("token", "issue", "--service", "fulfilment")["token"]
    body = json.dumps({"reference": "A-1", "weight": 1, **members}).encode()
    head = f"POST /parcels/shipments HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n"
    client = Client(("127.0.0.1", serving.port))
    client.say(head.encode() + b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    try:
        return client.reply().status
    finally:
        client.close()


def test_a_pipeline_fails_when_a_service_sends_what_no_line_names(machine: Machine, serving: Serving) -> None:
    shipped(machine, serving)
    before = machine.typed("report", "drift", "--fail")
    shipped(machine, serving, colour="blue")
    after = machine.typed("report", "drift", "--fail", "--json")
    without = machine.typed("report", "drift", "--json")

    rows = json.loads(after.stdout)["rows"]
    assert (before.returncode, after.returncode, without.returncode) == (0, 1, 0)
    assert [row["operation"] for row in rows if row["what"] == "no contract line names it"] == ["parcels/ship"]
    assert before.stderr.endswith(" rows, 0 of which should not be there\n")
    assert after.stderr == f"{len(rows)} rows, 1 of which should not be there\n"
    assert without.stderr == ""


def test_a_pipeline_fails_on_a_sale_and_not_on_none(machine: Machine, serving: Serving) -> None:
    done = machine.typed("report", "sales", "--fail")

    assert (done.returncode, done.stderr) == (0, "0 rows, 0 of which should not be there\n")


def test_what_nothing_can_fail_is_no_job_of_a_pipeline(machine: Machine, serving: Serving) -> None:
    done = machine.typed("report", "vendors", "--fail")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "no row of vendors is wrong by itself; --fail goes with drift, sales, withdrawals\n"


def test_without_a_gateway_a_pipeline_fails_the_same(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    with machine.serving() as serving:
        machine.typed("facts", "put", "-", stdin=json.dumps(ORDER))
        shipped(machine, serving, colour="blue")

    done = machine.typed("report", "drift", "--fail", "--output", str(tmp_path / "drift.csv"))

    assert (done.returncode, done.stdout) == (1, "")
    assert "no contract line names it" in (tmp_path / "drift.csv").read_text("utf-8")
