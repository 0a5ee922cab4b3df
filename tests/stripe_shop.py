"""A shop that pays with Stripe: the contracts of the repository, a real gateway, and a recording vendor behind it."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import stripe
from running import Running, running
from vendors import Received, Script, Vendor, answers

CONTRACTS = Path(__file__).parents[1] / "contracts"
KEY = "sk_live_4f9a0d17c2"
ORDER = "10045"
FACTS = [
    {
        "kind": "order",
        "order": order,
        "people": [{"role": "purchaser", "subject": subject, "jurisdiction": country}],
    }
    for order, subject, country in ((ORDER, "88", "DE"), ("10046", "89", "CN"))
] + [{"kind": "subject", "subject": "88", "jurisdiction": "DE"}]


@dataclass(frozen=True)
class Shop:
    """What a test may do: call Stripe through the gateway as one of the shop's services, and see what arrived."""

    running: Running

    @property
    def vendor(self) -> Vendor:
        return self.running.vendors["payments"]

    def client(self, service: str = "checkout", *, retries: int = 0, key: str | None = None) -> stripe.StripeClient:
        """The SDK as a service sets it up: a token for its key, the gateway for its address."""
        http = stripe.RequestsClient(timeout=60)
        # The SDK waits between its tries; a test need not.
        http.INITIAL_DELAY = 0.01
        return stripe.StripeClient(
            key if key is not None else self.running.token(service),
            base_addresses={
                "api": f"http://127.0.0.1:{self.running.ports[0]}/stripe",
                "files": f"http://127.0.0.1:{self.running.ports[0]}/stripe-files",
            },
            max_network_retries=retries,
            http_client=http,
        )

    def says(self, *documents: Mapping[str, Any], status: int = 200) -> None:
        """What Stripe answers, one document a call; the last goes on."""
        scripts = [_answer(document, status) for document in documents]

        async def script(reader: Any, writer: Any) -> None:
            await (scripts.pop(0) if len(scripts) > 1 else scripts[0])(reader, writer)

        self.vendor.script = script

    @property
    def received(self) -> list[Received]:
        return self.vendor.received


def _answer(document: Mapping[str, Any], status: int) -> Script:
    return answers(status, json.dumps(document).encode(), "content-type: application/json", "request-id: req_7")


@contextmanager
def shop(folder: Path, *, port: str = "@payments@", **settings: Any) -> Iterator[Shop]:
    """The shop with its gateway, until the block ends; Stripe is at another port where one is given."""
    (folder / "secrets").mkdir()
    (folder / "secrets" / "STRIPE_KEY").write_text(KEY)
    with running(folder, files=_files(port), facts=FACTS, **settings) as gateway:
        yield Shop(gateway)


def _files(port: str) -> dict[str, str]:
    names = ("policy.yaml", "entities.yaml", *(f"stripe/{file.name}" for file in (CONTRACTS / "stripe").glob("*.yaml")))
    files = {name: (CONTRACTS / name).read_text("utf-8") for name in names}
    vendor = files["stripe/vendor.yaml"].replace("\nhosts:\n", "\nnetworks: [127.0.0.0/8]\nhosts:\n")
    for host in ("api.stripe.com", "files.stripe.com"):
        assert vendor.count(f"https://{host}\n") == 1
        vendor = vendor.replace(f"https://{host}\n", f"https://api.payments.test:{port}\n")
    return files | {"stripe/vendor.yaml": vendor}
