"""Retention as somebody types it: told first, then done, and what went can still be asked for."""

import asyncio
import json
import time
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path

import pytest
from ledger_fakes import PURCHASER
from old_logs import DAY, sent
from processes import Machine
from waiting import wait_until

from gateway.app import BY_ITSELF
from gateway.clock import since_boot
from gateway.ledger import Ledger

pytestmark = pytest.mark.slow

AGO = 6 * 366 * DAY
# What is done a minute after the start is done at once.
EARLY = """
from gateway import daily

daily.FIRST = 0.1

from gateway.cli.main import main

main()
"""


async def _old(folder: Path) -> int:
    """Where a disclosure stands that was made six years ago, as far as the clocks can tell."""
    loop = asyncio.get_running_loop()
    ledger = Ledger.open(
        folder,
        node="gateway",
        now=lambda: time.time_ns() // 1_000 - AGO,
        mono=lambda: since_boot() - AGO // 1_000,
        loop=loop,
    )
    try:
        return await sent(ledger, PURCHASER)
    finally:
        await ledger.close()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.fixture
def old(machine: Machine) -> int:
    return asyncio.run(_old(machine.folder / "data"))


@pytest.fixture(params=["running", "alone"])
def somewhere(machine: Machine, old: int, request: pytest.FixtureRequest) -> Iterator[int]:
    if request.param == "alone":
        yield old
        return
    with machine.serving():
        yield old


def test_what_is_over_is_told_and_then_goes(machine: Machine, somewhere: int) -> None:
    old = somewhere
    told = machine.typed("ledger", "purge", "--dry-run")
    [went] = machine.asked("ledger", "purge")
    again = machine.typed("ledger", "purge")
    shown = json.loads(machine.typed("ledger", "show", str(old)).stdout)
    proof = machine.typed("ledger", "prove", str(old))

    assert told.stdout.splitlines()[-1] == "2 entries would go"
    assert "routine" in told.stdout
    assert (went["ranges"], went["count"]) == ([[old, old + 1]], 2)
    assert again.stdout == "0 entries went, in 0 purges\n"
    assert (shown["seq"], shown["kind"], shown.keys() & {"vendor", "subjects", "disclosed"}) == (old, "intent", set())
    purge = json.loads(machine.typed("ledger", "show", str(shown["purged"])).stdout)
    assert (purge["kind"], purge["ranges"], purge["by"]) == ("purge", [[old, old + 1]], went["by"])
    assert json.loads(_extra(proof.stdout)) == {"leaf_hash": shown["leaf_hash"], "purge": shown["purged"]}


def _extra(proof: str) -> str:
    return b64decode(proof.split("\n")[1].removeprefix("extra ")).decode()


def test_a_policy_that_keeps_too_little_stops_the_start_with_the_rule(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    policy = tmp_path / "contracts" / "policy.yaml"
    policy.write_text(policy.read_text("utf-8") + "retention: {routine: P1Y}\n", "utf-8")

    done = machine.typed("serve")

    assert done.returncode == 1
    assert "contract.retention: `routine` is kept for P1Y, and the least is P3Y (PIPL Art. 56" in done.stderr


def test_a_gateway_that_serves_takes_away_what_is_over_by_itself(machine: Machine, old: int) -> None:
    (machine.folder / "early.py").write_text(EARLY, "utf-8")

    with machine.serving("early.py"):
        wait_until(lambda: "purged" in machine.typed("ledger", "show", str(old)).stdout, 60)
        [purge] = machine.listed("--kind", "purge")

    assert (purge["by"], purge["ranges"]) == (BY_ITSELF, [[old, old + 1]])
