"""The demo from its beginning to its end."""

import shlex
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from rich.console import Console

from gateway.demo.processes import Stage, staged
from gateway.demo.promises import broken_by, personal, stored_in, tokens_in, unwritten
from gateway.demo.scene import Scene, played
from gateway.demo.show import Show
from gateway.demo.story import AGREED, ORDERS, REFUSED, SENT, Step
from gateway.errors import StartError

_LOOK = 0.5  # seconds between looks at whether the gateway is there
_PORT = 8080  # where the documents say that it is; another one if something else is there
_SDK = """GATEWAY_TOKEN={token} {python} - <<'EOF'
import os, stripe
stripe.api_key = os.environ["GATEWAY_TOKEN"]
stripe.api_base = "{url}/stripe"
print(stripe.PaymentIntent.create(
    amount=4990, currency="eur", metadata={{"order_id": "A-10045"}}, receipt_email="zoe@example.com"))
EOF"""
_BODY = (
    '{"reference":"A-10045","recipient":{"name":"Zoë Müller","street":"Lindenstr. 7","city":"Dresden",'
    '"country":"DE","email":"zoe@example.com"},"parcel":{"weight":0.5},"note":"ring twice"}'
)


def demo(contracts: Path, console: Console) -> int:
    """Plays the demo and returns how many of its promises were broken. Raises StartError where it cannot begin."""
    show, began = Show(console), time.monotonic()
    with _stage(contracts) as stage:
        show.opening()
        stage.gateway.do("facts", list(ORDERS))
        scenes = list(_played(stage, show))
        broken = _verified(stage, scenes, show)
    show.end(broken, time.monotonic() - began)
    return broken


def serve(contracts: Path, console: Console) -> None:
    """Keeps gateway and vendors running, with a line to try, until Ctrl-C. Raises StartError where one of them ends."""
    show = Show(console)
    with suppress(KeyboardInterrupt), _stage(contracts, port=_PORT) as stage:
        stage.gateway.do("facts", list(ORDERS))
        show.heading("A gateway and its vendors are running", "They end with Ctrl-C, and so does what they wrote.")
        for why, line in _lines(stage):
            show.command(why, line)
        _until_it_ends(stage)


@contextmanager
def _stage(contracts: Path, *, port: int = 0) -> Iterator[Stage]:
    folder = _contracts(contracts)
    # Being told to end is like Ctrl-C, and so is a terminal that is closed: the processes end first.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="gateway-demo-") as below, staged(folder, Path(below), port=port) as stage:
        yield stage


def _contracts(folder: Path) -> Path:
    """The folder that was given, or else the one beside this package, so that the demo runs from anywhere."""
    for each in (folder, Path(__file__).parents[2] / folder):
        if (each / "policy.yaml").is_file():
            return each.resolve()
    raise StartError(f"there are no contracts in {folder}; run this in the folder of the repository")


def _played(stage: Stage, show: Show) -> Iterator[Scene]:
    parts: tuple[tuple[str, str, Sequence[Step], Callable[[int, Scene], None]], ...] = (
        ("What leaves", "Seven calls of an ordinary day.", SENT, show.sent),
        ("What does not", "Four calls that stay here whole.", REFUSED, show.refused),
        ("What changes", "One of the four again.", (AGREED,), show.sent),
    )
    number = seen = 0
    for title, why, steps, tell in parts:
        show.heading(title, why)
        for step in steps:
            number += 1
            scene = played(stage, step, seen)
            seen += len(scene.received)
            tell(number, scene)
            yield scene


def _verified(stage: Stage, scenes: Sequence[Scene], show: Show) -> int:
    """Holds everything that was shown against what was promised."""
    show.heading(
        "What was promised", "Now the gateway is killed without warning, and everything is looked at once more."
    )
    steps = [scene.step for scene in scenes]
    received = stage.vendors.received(0)
    gateway = stage.gateway
    gateway.process.kill()
    problems = [(scene, f"{scene.step.title}: {problem}") for scene in scenes for problem in broken_by(scene)]
    values = personal(steps)
    verdicts: tuple[tuple[str, list[str]], ...] = (
        (
            "Vendors got the expected minimum and nothing that was to stay.",
            [text for scene, text in problems if not scene.step.code],
        ),
        ("Refusals have their codes, and nothing of them was sent.", [text for s, text in problems if s.step.code]),
        ("No token of the shop reached a vendor.", list(tokens_in(received, gateway.tokens))),
        ("Every call and refusal has its entry, read from the disk.", list(unwritten(scenes, gateway.written()))),
        (f"None of {len(values)} values stands in the ledger or a log.", _stored(gateway.data, values)),
    )
    for what, broken in verdicts:
        show.verdict(what, broken)
    return sum(len(broken) for _, broken in verdicts)


def _stored(data: Path, values: dict[str, str]) -> list[str]:
    return [*stored_in(data, values), *stored_in(data.parent, values)]


def _lines(stage: Stage) -> Iterator[tuple[str, str]]:
    gateway = stage.gateway
    call = (
        f"curl -i {gateway.url}/parcelgate/v2/shipments \\\n"
        f"  -H 'Authorization: Bearer {gateway.token('fulfilment')}' \\\n"
        f"  -H 'Content-Type: application/json' \\\n"
        f"  -d '{_BODY}'"
    )
    yield "Try a call, as the warehouse would make it:", call
    sdk = _SDK.format(token=gateway.token("checkout"), python=shlex.quote(sys.executable), url=gateway.url)
    yield "Or with Stripe's SDK, as the checkout would:", sdk
    yield "See what the vendors got:", f"curl -s {stage.vendors.control}/__sandbox/received"
    command = Path(gateway.environment["PATH"]) / "gateway"
    yield "Read the ledger:", f"GATEWAY_DATA={shlex.quote(str(gateway.data))} {command} ledger list"


def _until_it_ends(stage: Stage) -> None:
    """Returns when the gateway ends by itself, which it does not do unless something is wrong."""
    while stage.gateway.process.is_alive:
        time.sleep(_LOOK)
    raise StartError("the gateway has ended")
