import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from running import Running
from shipped import order, shipped
from stripe_shop import Shop, shop

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("stripe")]

PAGE = (Path(__file__).parents[2] / "docs" / "sdks.md").read_text("utf-8")
ALL = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
BLOCKS = [block for block in ALL if "8080/stripe" in block]
INTENT = {"id": "pi_7", "object": "payment_intent", "amount": 4990, "currency": "eur", "status": "processing"}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with shop(tmp_path_factory.mktemp("page")) as whole:
        whole.says(INTENT)
        yield whole


def said(block: str, running: Running, service: str = "checkout", folder: Path | None = None) -> str:
    """What a block prints, run as it stands but for the gateway's port."""
    script = block.replace("127.0.0.1:8080", f"127.0.0.1:{running.ports[0]}")
    environment = {"GATEWAY_TOKEN": running.token(service), "PYTHONWARNINGS": "error"}
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_page_has_the_blocks_that_are_run_here() -> None:
    assert len(BLOCKS) == 4
    assert [re.findall(r"8080/([a-z]+)", block) for block in ALL if block not in BLOCKS] == [
        ["easypost"],
        ["adyen"],
        ["sentry"],
    ]


@pytest.mark.parametrize("block", BLOCKS[:2], ids=["by a client", "by the module"])
def test_a_payment_is_made_as_the_page_says(block: str, running: Shop) -> None:
    before = len(running.received)

    printed = said(block, running.running)

    assert printed == "pi_7 processing\n"
    assert len(running.received) == before + 1


def test_a_refusal_is_caught_as_the_page_says(running: Shop) -> None:
    before = len(running.received)

    printed = said(BLOCKS[2], running.running)

    assert printed == "refused: 403 subject.unresolved\n"
    assert len(running.received) == before


def test_a_label_is_made_as_the_page_says(tmp_path: Path) -> None:
    [block] = [block for block in ALL if "8080/easypost" in block]
    with shipped(
        tmp_path, "easypost", secrets={"EASYPOST_KEY": "EZAK-1"}, facts=[order("10045", "consignee")]
    ) as easypost:
        easypost.says({"id": "shp_7", "object": "Shipment", "status": "unknown"}, status=201)

        assert said(block, easypost.running, "fulfilment") == "shp_7 unknown\n"


def test_a_card_is_charged_as_the_page_says(tmp_path: Path) -> None:
    [block] = [block for block in ALL if "8080/adyen" in block]
    with shipped(tmp_path, "adyen", secrets={"ADYEN_KEY": "AQE-1"}, facts=[order("10045", "purchaser")]) as adyen:
        adyen.says({"pspReference": "NC6HT9CRT65ZGN82", "resultCode": "Authorised"})

        assert said(block, adyen.running) == "NC6HT9CRT65ZGN82 Authorised\n"


def test_a_fault_is_reported_as_the_page_says(tmp_path: Path) -> None:
    [block] = [block for block in ALL if "8080/sentry" in block]
    with shipped(tmp_path, "sentry", secrets={"SENTRY_KEY": "e12d836b", "SENTRY_PROJECT": "4507"}, facts=[]) as sentry:
        sentry.says({"id": "9f2c"})

        printed = said(block, sentry.running)

        [received] = sentry.received
        assert (printed, received.line) == ("", "POST /api/4507/envelope/ HTTP/1.1")
        assert b'"type":"KeyError","value":"The text is in our own log."' in received.payload


def test_a_file_is_uploaded_as_the_page_says(running: Shop, tmp_path: Path) -> None:
    (tmp_path / "delivery-note.pdf").write_bytes(b"%PDF-1.7")
    running.running.reset()
    running.says({"id": "file_7", "object": "file", "purpose": "dispute_evidence"})

    printed = said(BLOCKS[3], running.running, folder=tmp_path)

    running.says(INTENT)
    assert printed == "file_7 dispute_evidence\n"
    [received] = running.received
    assert b'filename="file.pdf"' in received.payload
    assert b"delivery-note" not in received.payload
