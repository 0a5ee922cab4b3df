"""A PostgreSQL whose volumes are full: the one of its tables, and the one of its write-ahead log."""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import psycopg
import pytest
from clusters import Cluster, binaries, owned

from faults.nodes import CREATED, UNAVAILABLE, Shared, await_started, found_hasty, one_more
from faults.small_disks import filled, small_disk
from faults.world import Victim, World

Told = Callable[[str, int, str, str], None]

MOST = 400
SETTINGS = {"min_wal_size": "32MB", "max_wal_size": "32MB", "shared_buffers": "16MB"}


@pytest.fixture
def tables(postgres: Cluster) -> Iterator[Path]:
    """The volume on which the server is, with what it writes ahead."""
    with small_disk(160) as disk:
        yield disk


@pytest.fixture
def ahead(postgres: Cluster) -> Iterator[Path]:
    """The volume of what the server writes ahead."""
    with small_disk(80) as disk:
        yield disk


@pytest.fixture
def server(tables: Path, ahead: Path) -> Iterator[Cluster]:
    found = binaries()
    assert found is not None
    for disk in (tables, ahead):
        owned(disk)
    made = Cluster(tables, found, SETTINGS)
    made.create()
    shutil.copytree(tables / "data" / "pg_wal", ahead / "pg_wal")
    shutil.rmtree(tables / "data" / "pg_wal")
    (tables / "data" / "pg_wal").symlink_to(ahead / "pg_wal")
    for each in (ahead / "pg_wal", *(ahead / "pg_wal").rglob("*")):
        owned(each)
    made.start()
    yield made
    made.stop("immediate")


def until_refused(world: World, gateway: Victim, server: Cluster, *, hurry: str = "") -> int:
    """Orders until one is refused, which statement `hurry` may bring on; tells how many there were."""
    for count in range(1, MOST):
        with suppress(psycopg.Error), ExitStack() as session:
            if hurry:
                session.enter_context(server.session()).execute(hurry.encode())
        reply = world.call(gateway)
        if reply is None or reply.status != CREATED:
            assert reply is None or reply.status == UNAVAILABLE
            return count
    pytest.fail("the volume did not fill up")


@pytest.mark.parametrize("volume", ["tables", "ahead"])
def test_a_full_volume_of_the_server_refuses_calls_and_loses_nothing(
    shared: Shared, server: Cluster, told: Told, request: pytest.FixtureRequest, volume: str
) -> None:
    disk: Path = request.getfixturevalue(volume)
    world = shared()
    gateway = world.serving()
    world.call(gateway)
    world.await_settled()

    filled(disk / "filler")
    # What was made ready for later is used up first.
    runs = until_refused(world, gateway, server, hurry="SELECT pg_switch_wal()" if volume == "ahead" else "")
    arrived, acknowledged = world.arrived(), len(world.acknowledged)
    (disk / "filler").unlink()
    time.sleep(1.0)
    await_started(server)
    one_more(world, gateway)
    gateway.stop()
    found = world.breaches()

    assert (arrived, found) == (acknowledged, [])
    assert ("PANIC" if volume == "ahead" else "No space left on device") in server.log
    told(f"PostgreSQL: a full volume ({volume})", runs, "I1-I5, 503, comes back", found_hasty(shared))
