"""What every folder of tests shares; it also makes the honest fakes beside this file importable."""

import asyncio
import gc
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import psycopg
import pytest
import uvloop
from clusters import Cluster, binaries, cluster
from hypothesis import HealthCheck, settings

pytest_plugins = ["ledger_fixtures", "registries"]

# How long an example takes says how busy the machine is; `--timeout` sees to the rest.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=50)
settings.register_profile("many", settings.get_profile("busy"), max_examples=100)
settings.load_profile("busy")

SHARED = Path(__file__).parents[2] / "shared"

IN_MEMORY = Path("/dev/shm")
ENOUGH = 2 * 1024**3


def _is_roomy(folder: Path) -> bool:
    """Whether the tests' folders may be in it; some of them run what they put there."""
    if not folder.is_dir():
        return False
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize > ENOUGH and not found.f_flag & os.ST_NOEXEC


# Tests make the disk write so often that they wait for it longer than they compute; in memory there is no such wait.
if _is_roomy(IN_MEMORY):
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(IN_MEMORY))  # noqa: TID251  of the test run

# Ten thousand tests are a lot of objects, and none of them garbage: nothing looks through them again and again.
gc.disable()


def pytest_collection_finish() -> None:
    """What was collected stays to the end."""
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)
    gc.enable()


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Everything is tested on the loop that it runs on."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture(scope="session")
def shared() -> Callable[[str], Path]:
    """A folder of material that others wrote, which stands beside the repository where tests must not skip it."""
    return lambda name: _beside(SHARED / "samples" / name)


@pytest.fixture(scope="session")
def vectors() -> Callable[[str], Path]:
    """A folder of test vectors that others wrote; stands there as well."""
    return lambda name: _beside(SHARED / "vectors" / name)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """A PostgreSQL that is thrown away afterwards, one for each process of the test run."""
    if (found := binaries()) is None:
        _missing("postgres", "PostgreSQL is not installed")
    else:
        root = os.environ.get("PYTEST_DEBUG_TEMPROOT")  # noqa: TID251  of the test run
        with cluster(found, root=root) as running:
            yield running


@pytest.fixture
def database(postgres: Cluster) -> Iterator[str]:
    """The address of a new, empty database, as its superuser."""
    with postgres.database() as url:
        yield url


@pytest.fixture(scope="session")
def _kept(postgres: Cluster) -> Iterator[str]:
    with postgres.database() as url:
        yield url


@pytest.fixture
def emptied(_kept: str) -> str:
    """The address of a database without any table, the same one each time: that is quicker than a new one."""
    with psycopg.connect(_kept, autocommit=True) as session:
        session.execute("DROP SCHEMA IF EXISTS ledger, keys, registry CASCADE")
    return _kept


def _beside(found: Path) -> Path:
    if not found.is_dir():
        _missing("shared", f"{found} is not on this machine")
    return found


def _missing(what: str, why: str) -> None:
    # The environment of the test run, not of the gateway.
    required = os.environ.get("GATEWAY_REQUIRE", "").split(",")  # noqa: TID251
    assert what not in required, why
    pytest.skip(why)
