import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# One worker, so that the demo is played once and not by each of them.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("demo")]

ROOT = Path(__file__).parents[2]
DEMO = [sys.executable, "-m", "gateway", "demo"]


def demo(*arguments: str, below: Path) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.defpath, "TMPDIR": str(below), "LANG": "C.UTF-8"}
    return subprocess.run(
        [*DEMO, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=280, check=False
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def played(folder: Path) -> subprocess.CompletedProcess[str]:
    return demo(below=folder)


def test_the_demo_ends_by_itself_and_everything_is_as_promised(played: subprocess.CompletedProcess[str]) -> None:
    assert (played.returncode, played.stderr) == (0, "")
    assert "All as promised" in played.stdout
    assert "✗" not in played.stdout


def test_the_demo_leaves_nothing_behind(played: subprocess.CompletedProcess[str], folder: Path) -> None:
    assert played.returncode == 0
    assert list(folder.glob("gateway-demo-*")) == []


@pytest.mark.parametrize(
    "line",
    [
        "recipient.name            Zoë Müller                Zoë Müller",
        "recipient.email           zoe.mueller@example.com   —  no consent to it",
        "items.0.title             Retinol Night Serum       Cosmetics",
        "crm.skin                  rosacea, sensitive        —  no line names it",
        "metadata.order            A-10045                   psn_",
        "user.email                zoe.mueller@example.com   —  no line names it",
        "performance_of_contract, legitimate_interest · 13 left, 7 stayed",
        "refused  403 agreement.expired",
        "refused  403 consent.missing",
        "refused  422 field.refused",
        "refused  422 field.type",
        'answer   402 {"error": {"type": "card_error", "code": "declined"}}',
    ],
)
def test_the_demo_shows(line: str, played: subprocess.CompletedProcess[str]) -> None:
    assert any(shown.strip().startswith(line) for shown in played.stdout.splitlines())


def test_what_is_piped_is_plain_text_of_80_columns(played: subprocess.CompletedProcess[str]) -> None:
    assert "\x1b" not in played.stdout
    assert max(map(len, played.stdout.splitlines())) <= 80


@pytest.fixture(scope="module")
def sabotaged(folder: Path) -> subprocess.CompletedProcess[str]:
    contracts = folder / "contracts"
    shutil.copytree(ROOT / "contracts", contracts)
    _change(contracts / "parcelgate/create-shipment.yaml", "unit: address.unit", "birthday: address.unit")
    _change(contracts / "elbkurier/vendor.yaml", "until: 2025-12-31", "until: 2095-12-31")
    return demo("--contracts", str(contracts), below=folder)


def _change(file: Path, old: str, new: str) -> None:
    text = file.read_text("utf-8")
    assert text.count(old) == 1
    file.write_text(text.replace(old, new), "utf-8")


def test_contracts_that_break_a_promise_make_the_demo_fail(sabotaged: subprocess.CompletedProcess[str]) -> None:
    assert sabotaged.returncode == 1
    assert "not as promised." in sabotaged.stdout


@pytest.mark.parametrize(
    "said",
    [
        "A parcel: parcelgate got something else than the expected minimum",
        "A parcel: the value at $.recipient.birthday was to stay",
        "An agreement that has ended: elbkurier got it, though it was to be refused",
        "An agreement that has ended: the reply is 201 instead of 403",
    ],
)
def test_a_demo_that_fails_says_what_is_not_as_promised(said: str, sabotaged: subprocess.CompletedProcess[str]) -> None:
    assert said in " ".join(sabotaged.stdout.split())


def test_a_demo_without_contracts_says_so_in_one_line(folder: Path) -> None:
    done = demo("--contracts", str(folder / "nowhere"), below=folder)

    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "there are no contracts" in done.stderr


def test_a_terminal_that_is_closed_leaves_no_process_and_no_file(tmp_path_factory: pytest.TempPathFactory) -> None:
    # Not the folder of this test, whose path is too long for a socket.
    folder = tmp_path_factory.mktemp("closed")
    environment = {"PATH": os.defpath, "TMPDIR": str(folder), "LANG": "C.UTF-8"}
    with subprocess.Popen([*DEMO, "--serve"], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        while "ledger list" not in process.stdout.readline():
            assert process.poll() is None

        process.send_signal(signal.SIGHUP)

        assert process.wait(30) == 0
    assert list(folder.iterdir()) == []


@pytest.fixture(scope="module")
def serving(folder: Path) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """The demo kept running, and the commands that it offers."""
    environment = {"PATH": os.defpath, "TMPDIR": str(folder), "LANG": "C.UTF-8"}
    with subprocess.Popen(
        [*DEMO, "--serve"], cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        lines: list[str] = []
        while not lines or "ledger list" not in lines[-1]:
            lines.append(process.stdout.readline())
            assert lines[-1], "".join(lines)
        text = "".join(lines)
        call = text[text.index("curl -i") : text.index("\n\nOr with")]
        sdk = text[text.index("GATEWAY_TOKEN=") : text.index("\n\nSee what")]
        got = next(line for line in lines if line.startswith("curl -s"))
        yield process, [call, sdk, got, lines[-1]]
        process.send_signal(signal.SIGINT)
        try:
            process.communicate(timeout=120)
        finally:
            process.kill()  # where whoever runs this has it ignore Ctrl-C, waiting would never end


def pasted(command: str) -> str:
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here to paste a line for")
def test_the_lines_to_try_work_as_pasted(serving: tuple[subprocess.Popen[str], list[str]]) -> None:
    _, (call, sdk, got, ledger) = serving

    reply = pasted(call)
    paid = pasted(sdk)
    received, payment = json.loads(pasted(got))
    listed = pasted(ledger)

    assert reply.startswith("HTTP/1.1 201")
    assert "gateway-sent: yes" in reply
    assert "ring twice" not in received["body"]
    assert "Zoë Müller" in received["body"]
    assert '"object": "payment_intent"' in paid
    assert payment["body"].startswith("amount=4990&currency=eur&metadata[order_id]=psn_")
    assert "zoe" not in payment["body"]
    assert "intent" in listed


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="children are listed in /proc, which is not here")
def test_what_was_kept_running_ends_on_ctrl_c_with_everything_it_started(
    serving: tuple[subprocess.Popen[str], list[str]], folder: Path
) -> None:
    process, _ = serving
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()

    process.send_signal(signal.SIGINT)

    assert process.wait(30) == 0
    assert len(children) == 2
    assert not any(Path(f"/proc/{child}").exists() for child in children)
    assert list(folder.glob("gateway-demo-*")) == []
