"""What every folder of tests shares; it also makes the honest fakes beside this file importable."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest_plugins = ["ledger_fixtures"]

SAMPLES = Path(__file__).parents[2] / "shared" / "samples"


@pytest.fixture(scope="session", autouse=True)
def threads_end() -> Iterator[None]:
    """Gives the threads of a transport a moment: an interpreter that ends together with them is aborted."""
    yield
    time.sleep(0.3)


@pytest.fixture(scope="session")
def shared() -> Callable[[str], Path]:
    """A folder of material that others wrote, which stands beside the repository where tests must not skip it."""

    def folder(name: str) -> Path:
        found = SAMPLES / name
        if not found.is_dir():
            # The environment of the test run, not of the gateway.
            required = os.environ.get("GATEWAY_REQUIRE", "").split(",")  # noqa: TID251
            assert "shared" not in required, f"{found} is missing"
            pytest.skip(f"{found} is not on this machine")
        return found

    return folder
