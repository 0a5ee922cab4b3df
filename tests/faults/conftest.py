"""The fault suite: what it runs at all, what it runs in ten minutes, and the table at its end."""

import os
import resource
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from _pytest.terminal import TerminalReporter
from clusters import Cluster, binaries, cluster

from faults.nodes import Cable, Shared, await_started, same_secrets
from faults.world import World
from gateway.stores import prepare

Worlds = Callable[..., World]

# What fails and fills up here is a disk.
os.environ.pop("PYTEST_DEBUG_TEMPROOT", None)  # noqa: TID251  of the test run

_HERE = Path(__file__).parent
_PATIENCE = 1_800  # seconds for one test: some take all the faults there are, one after the other
_ROW = "fault"
_WIDTHS = (52, 7, 48)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--faults", choices=("ci", "all"), default="all", help="ci: what fits ten minutes")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "nightly: not where time is short")
    # Hundreds of worlds leave pipes and files to the garbage collector.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--faults") == "ci":
        items[:] = [item for item in items if item.get_closest_marker("nightly") is None]
    for item in items:
        if item.path.is_relative_to(_HERE):
            item.add_marker(pytest.mark.timeout(_PATIENCE))


@pytest.fixture(scope="session")
def extent(request: pytest.FixtureRequest) -> Callable[[int, int], int]:
    """How much of something: the first number where time is short, else the second."""
    short = request.config.getoption("--faults") == "ci"
    return lambda ci, everything: ci if short else everything


@pytest.fixture
def told(record_property: Callable[[str, object], None]) -> Callable[[str, int, str, str], None]:
    """Puts a line into the table: the fault, how often it was run, what held, and how the wrong build failed."""
    return lambda fault, runs, held, control: record_property(_ROW, [fault, runs, held, control])


@pytest.fixture
def worlds(tmp_path: Path) -> Iterator[Worlds]:
    """Makes worlds that end with the test; a folder of one that went well is not kept."""
    made: list[World] = []

    def make(**given: object) -> World:
        world = World(**{"folder": tmp_path / str(len(made)), **given})  # type: ignore[arg-type]
        made.append(world)
        return world.__enter__()

    yield make
    for world in made:
        world.__exit__()
        shutil.rmtree(world.folder, ignore_errors=True)


@pytest.fixture
def server(postgres: Cluster) -> Iterator[Cluster]:
    """A PostgreSQL of the test's own, which it may hurt."""
    found = binaries()
    assert found is not None
    with cluster(found) as running:
        yield running


@pytest.fixture
def shared(worlds: Worlds, server: Cluster) -> Iterator[Shared]:
    """Makes nodes over one log: each a world with a folder of its own and the secrets of the first."""
    with server.database() as owner:
        role = owner.replace("//postgres@", "//writer@")
        prepare(owner, role)
        made: list[World] = []

        def make(*, through: Callable[[str], str] = lambda url: url, node: str = "", **given: object) -> World:
            name = node or f"n{len(made)}"
            settings = {"NODE": name, **given.pop("settings", {})}  # type: ignore[dict-item]
            world = worlds(owner=owner, database=through(role), settings=settings, **given)
            if made:
                same_secrets(made[0], world)
            made.append(world)
            return world

        yield make
        for world in made:
            world.__exit__()
        await_started(server)


@pytest.fixture
def cable(server: Cluster) -> Iterator[Cable]:
    # The path of a socket is short.
    with tempfile.TemporaryDirectory(prefix="cable-") as folder:
        cable = Cable(server.folder / ".s.PGSQL.5432", Path(folder))
        yield cable
        cable.listener.close()


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    reports = terminalreporter.getreports("passed")
    rows = [value for report in reports for name, value in report.user_properties if name == _ROW]
    if not rows:
        return
    terminalreporter.section("faults")
    for fault, runs, held, control in [("fault", "runs", "held", "the wrong build"), *sorted(rows)]:
        line = [str(cell).ljust(width) for cell, width in zip((fault, runs, held), _WIDTHS, strict=True)]
        terminalreporter.write_line("  ".join([*line, str(control)]))
