"""A killed process leaves every acknowledged intent behind, each with an outcome after the restart."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from ledger_fakes import Shop

from gateway.errors import StartError
from gateway.ledger import Filter
from gateway.ledger.canonical import leaf_hash

HERE = Path(__file__).parent


@contextmanager
def running(folder: Path, until: str) -> Iterator["subprocess.Popen[str]"]:
    """A process that has opened the ledger; killed at the latest when the test is over."""
    path = f"{HERE}:{HERE.parents[1]}"
    command = [sys.executable, str(HERE / "dying_shop.py"), str(folder), until]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": path}) as child:
        try:
            assert heard(child) == "opened"
            yield child
        finally:
            child.kill()


def heard(child: "subprocess.Popen[str]") -> str:
    assert child.stdout
    return child.stdout.readline().strip()


@pytest.mark.parametrize(("until", "result"), [("acknowledged", "in_doubt"), ("kept back", "not_sent")])
async def test_an_intent_that_was_acknowledged_survives_a_kill_and_is_in_doubt_unless_it_was_kept_back(
    shop: Shop, until: str, result: str
) -> None:
    with running(shop.folder, until) as child:
        acknowledged = heard(child)
        child.kill()
        child.wait()

    [entry] = await shop.open().entries(Filter(kind="intent"))

    assert entry.body["id"] == acknowledged
    assert entry.outcome
    assert entry.outcome["result"] == result


async def test_a_store_that_acknowledges_too_early_is_found_out(shop: Shop) -> None:
    with running(shop.folder, "lied to") as child:
        acknowledged = heard(child)
        child.kill()
        child.wait()

    entries = await shop.open().entries(Filter(kind="intent"))

    assert acknowledged
    assert entries == []


@pytest.mark.parametrize("calls", [1, 7, 40, 200])
async def test_whenever_the_kill_comes_nothing_acknowledged_is_lost(shop: Shop, calls: int) -> None:
    with running(shop.folder, "killed") as child:
        acknowledged = {heard(child) for _ in range(calls)}
        child.kill()
        child.wait()

    entries = await shop.open().entries(Filter(kind="intent", limit=1_000))
    leaves = shop.store._database.execute("SELECT seq, hash, body FROM leaf JOIN leaf_body USING (seq)").fetchall()

    assert acknowledged <= {str(entry.body["id"]) for entry in entries}
    results = {entry.body["id"]: entry.outcome and entry.outcome["result"] for entry in entries}
    assert {results[each] for each in acknowledged} <= {"sent", "in_doubt"}
    assert set(results.values()) <= {"sent", "in_doubt", "not_sent"}
    assert [seq for seq, *_ in leaves] == list(range(len(leaves)))
    assert all(hashed == leaf_hash(bytes(body)) for _, hashed, body in leaves)  # type: ignore[arg-type]


async def test_a_second_process_is_refused_until_the_first_is_gone(shop: Shop) -> None:
    with running(shop.folder, "opened") as child:
        with pytest.raises(StartError, match="another process"):
            shop.open()
        child.kill()
        child.wait()

    ledger = shop.open()

    assert ledger.healthy
