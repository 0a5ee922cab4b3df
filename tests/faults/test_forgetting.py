"""Erasures, turnovers and purges that are killed between their steps, and copies from before that come back."""

import asyncio
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import httpx2
import pytest
from ledger_fakes import PURCHASER
from old_logs import sent
from test_retention_typed import AGO

from faults.world import STOPPED, World
from gateway.clock import since_boot
from gateway.ledger import Ledger

Worlds = Callable[..., World]
Told = Callable[[str, int, str, str], None]

KILLED, DISTRUSTED = -9, 65
PERSON = "C-00000000000001"  # of the first order
ERASING = (
    "after-forget",
    "erasure-entered",
    "erasure-counted",
    "erasure-destroyed",
    "registry-erased",
    "erasure-told",
    "erasure-wiped",
)
TURNING = ("turnover-begun", "turnover-part", "turnover-moved", "turnover-wrapped", "turnover-ended")
PURGING = ("after-insert-purged", "after-delete", "after-destroy-loose", "after-shrink")


def asked(world: World, deed: str, of: object) -> Any:
    """What the control socket answers; None where the process died of it."""
    transport = httpx2.HTTPTransport(uds=str(world.data / "control.sock"))
    try:
        with httpx2.Client(transport=transport, base_url="http://gateway", timeout=20) as client:
            return client.post(f"/{deed}", json=of).json()
    except httpx2.HTTPError:
        return None


def erase(world: World) -> Any:
    # Forced, since nobody has told the vendor yet.
    return asked(world, "erase", {"subject": PERSON, "reason": "request", "force": True})


def links(world: World) -> int:
    """Of the first intent."""
    [first, *_] = [leaf.seq for leaf in world.book.leaves() if leaf.said.get("kind") == "intent"]
    return _count(world, f"SELECT count(*) FROM link WHERE seq = {first}")


def _count(world: World, query: str) -> int:
    database = apsw.Connection(world.where, flags=apsw.SQLITE_OPEN_READONLY)
    [[count]] = database.execute(query)
    database.close()
    return int(str(count))


def entries(world: World, kind: str) -> int:
    return sum(leaf.said.get("kind") == kind for leaf in world.book.leaves())


@pytest.mark.parametrize("step", ERASING)
def test_an_erasure_that_was_killed_is_whole_or_has_not_begun(worlds: Worlds, told: Told, step: str) -> None:
    world = worlds()
    gateway = world.serving(GATEWAY_FAILPOINTS=f"{step}=kill")
    world.call(gateway)
    world.await_settled()
    before = links(world)

    erase(world)
    status = gateway.ended()
    found = world.breaches()

    assert (before, status, found) == (1, KILLED, [])
    assert links(world) == (1 if step == "after-forget" else 0)
    assert entries(world, "erase") == (0 if step == "after-forget" else 2)
    told(f"SIGKILL {step}", 1, "I1-I6, V1-V14", "before it: linked")


@pytest.mark.parametrize("step", TURNING)
def test_a_turnover_that_was_killed_loses_no_key(worlds: Worlds, told: Told, step: str) -> None:
    world = worlds()
    gateway = world.serving(GATEWAY_FAILPOINTS=f"{step}=kill")
    world.call(gateway)
    world.await_settled()

    asked(world, "turnover", None)
    status = gateway.ended()
    gateway = world.reopened()
    again = asked(world, "turnover", None)
    shown = asked(world, "entries", {"subject": PERSON})
    gateway.stop()
    found = world.breaches()

    assert (status, found) == (KILLED, [])
    assert "result" in again
    assert shown["result"], shown
    told(f"SIGKILL {step}", 1, "I1-I5, every key", "erased: nobody found")


@pytest.mark.parametrize("ledger", ["old", "new"])
@pytest.mark.parametrize("keys", ["old", "new"])
def test_whichever_copy_comes_back_nothing_links_to_who_was_erased(
    worlds: Worlds, told: Told, ledger: str, keys: str
) -> None:
    world = worlds()
    gateway = world.serving()
    world.call(gateway)
    gateway.stop()
    old = world.folder / "old"
    shutil.copytree(world.data, old)
    gateway = world.serving()
    erase(world)
    assert gateway.stop() in STOPPED
    for name, which in (("ledger.db", ledger), ("keys.db", keys)):
        if which == "old":
            shutil.copy(old / name, world.data / name)
    shutil.rmtree(old)

    again = world.launched()
    if ledger == "old":
        status = again.ended()
        said = again.said
        assert status == DISTRUSTED
        assert "ROLLBACK_DETECTED" in said or "older than an erasure" in said
    else:
        world.await_ready(again)
        shown = asked(world, "entries", {"subject": PERSON})
        again.stop()
        assert world.breaches() == []
        assert (links(world), shown["result"]["entries"] if "entries" in shown["result"] else shown["result"]) == (
            0,
            [],
        )
    held = "does not start" if ledger == "old" else "erased again, nobody found"
    told(f"after an erasure: {ledger} ledger, {keys} keys", 1, held, "before it: linked")


@pytest.mark.parametrize("step", PURGING)
def test_a_purge_that_was_killed_is_whole_or_has_not_begun(
    worlds: Worlds, told: Told, tmp_path: Path, step: str
) -> None:
    world = worlds()
    place = asyncio.run(_old(world.data))
    gateway = world.serving(GATEWAY_FAILPOINTS=f"{step}=kill")

    asked(world, "purge", {"rehearsed": False})
    gateway.process.join(3)
    status = gateway.exit_status
    if status is None:
        gateway.kill()
    gateway = world.serving()
    done = asked(world, "purge", {"rehearsed": False})
    gateway.stop()
    found = world.breaches()

    assert status in (KILLED, None)
    assert "result" in done
    # An entry of six years ago was made before this machine was started, which V6 does not believe; V1 to V5 hold.
    assert [each for each in found if not each.startswith("V6")] == []
    assert world.book.leaves()[place].body is None
    told(f"SIGKILL {step}", int(status == KILLED), "I1-I5, V1-V5", "forged: V5 (tamperings)")


async def _old(folder: Path) -> int:
    """A disclosure of six years ago, as far as the clocks can tell."""
    loop = asyncio.get_running_loop()

    def mono() -> int:
        return since_boot() - AGO // 1_000

    ledger = Ledger.open(folder, node="gateway", now=lambda: _now() - AGO, mono=mono, loop=loop)
    try:
        return await sent(ledger, PURCHASER)
    finally:
        await ledger.close()


def _now() -> int:

    return time.time_ns() // 1_000
