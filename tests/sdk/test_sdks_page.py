import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from stripe_shop import Shop, shop

pytestmark = pytest.mark.xdist_group("stripe")

PAGE = (Path(__file__).parents[2] / "docs" / "sdks.md").read_text("utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
INTENT = {"id": "pi_7", "object": "payment_intent", "amount": 4990, "currency": "eur", "status": "processing"}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with shop(tmp_path_factory.mktemp("page")) as whole:
        whole.says(INTENT)
        yield whole


def said(block: str, shop: Shop) -> str:
    """What a block prints, run as it stands but for the gateway's port."""
    script = block.replace("127.0.0.1:8080", f"127.0.0.1:{shop.running.ports[0]}")
    environment = {"GATEWAY_TOKEN": shop.running.token("checkout"), "PYTHONWARNINGS": "error"}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_page_has_the_blocks_that_are_run_here() -> None:
    assert len(BLOCKS) == 3
    assert all("127.0.0.1:8080/stripe" in block for block in BLOCKS)


@pytest.mark.parametrize("block", BLOCKS[:2], ids=["by a client", "by the module"])
def test_a_payment_is_made_as_the_page_says(block: str, running: Shop) -> None:
    before = len(running.received)

    printed = said(block, running)

    assert printed == "pi_7 processing\n"
    assert len(running.received) == before + 1


def test_a_refusal_is_caught_as_the_page_says(running: Shop) -> None:
    before = len(running.received)

    printed = said(BLOCKS[2], running)

    assert printed == "refused: 403 subject.unresolved\n"
    assert len(running.received) == before
