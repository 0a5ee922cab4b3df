"""Where a test has armed a place the process fails there, and everywhere else nothing happens."""

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from waiting import wait_until

from gateway import failpoints
from gateway.errors import StartError
from gateway.failpoints import NAMES, InjectedError, arm, failpoint, in_pieces, is_armed

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Row:
    kind: str


@pytest.fixture(autouse=True)
def _disarmed() -> Iterator[None]:
    yield
    arm("")


def test_nothing_happens_where_nothing_is_armed() -> None:
    for name in NAMES:
        failpoint(name, (Row("intent"),))

    assert not is_armed()


def test_it_fails_at_the_armed_place_only_and_once() -> None:
    arm("before-commit=raise")

    failpoint("after-commit")
    with pytest.raises(InjectedError):
        failpoint("before-commit")
    failpoint("before-commit")


def test_it_can_wait_for_a_kind_of_row_and_for_a_number_of_times() -> None:
    arm("before-commit:outcome=raise@2,after-commit=raise")

    failpoint("before-commit", (Row("intent"),))
    failpoint("before-commit", (Row("intent"), Row("outcome")))
    failpoint("before-commit", (Row("intent"),))
    with pytest.raises(InjectedError):
        failpoint("before-commit", (Row("outcome"),))
    with pytest.raises(InjectedError):
        failpoint("after-commit")


def test_it_can_take_its_time() -> None:
    arm("after-ack=sleep:0.05")
    before = time.monotonic()

    failpoint("after-ack")

    assert time.monotonic() - before >= 0.05


@pytest.mark.parametrize(("action", "number"), [("kill", signal.SIGKILL), ("stop", signal.SIGSTOP)])
def test_it_ends_or_stops_the_process(action: str, number: signal.Signals) -> None:
    said = f"from gateway.failpoints import arm, failpoint; arm('mid-body={action}'); failpoint('mid-body')"

    with subprocess.Popen([sys.executable, "-c", said], cwd=ROOT) as child:
        state = Path(f"/proc/{child.pid}/stat")
        if action == "stop":
            wait_until(lambda: state.read_text().rpartition(") ")[2][0] == "T")
            child.kill()
        else:
            assert child.wait(60) == -number


@pytest.mark.parametrize("spec", ["nowhere=kill", "mid-body", "mid-body=vanish", "mid-body=sleep:soon", "=kill"])
def test_what_is_no_failpoint_stops_the_start(spec: str) -> None:
    with pytest.raises(StartError, match="is no failpoint"):
        arm(spec)


@dataclass
class Wire:
    pieces: list[bytes] = field(default_factory=list)

    def write(self, data: bytes) -> None:
        self.pieces.append(data)


@pytest.mark.parametrize("name", ["after-first-byte", "mid-body", "after-last-byte"])
async def test_a_part_of_the_request_is_out_at_each_place(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failpoints, "FLUSHED", 0)
    wire, request = Wire(), b"POST / HTTP/1.1\r\n\r\n0123456789"
    arm(f"{name}=raise")

    with pytest.raises(InjectedError):
        await in_pieces(wire, request)

    out = b"".join(wire.pieces)
    assert out == {"after-first-byte": request[:1], "mid-body": request[:-5], "after-last-byte": request}[name]


def test_every_name_is_a_place_in_the_code_and_every_place_has_a_name() -> None:
    source = "".join(file.read_text("utf-8") for file in (ROOT / "gateway").rglob("*.py"))

    placed = set(re.findall(r'failpoint\(\s*"([a-z_-]+)"', source)) | {
        "after-first-byte",
        "mid-body",
        "after-last-byte",
    }

    assert placed == set(NAMES)
