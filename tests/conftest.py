"""What every folder of tests shares; it also makes the honest fakes beside this file importable."""

import time
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def threads_end() -> Iterator[None]:
    """Gives the threads of a transport a moment: an interpreter that ends together with them is aborted."""
    yield
    time.sleep(0.3)
