"""The commands that run a gateway, and the vendors that are played for one."""

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from gateway import listeners
from gateway.cli.console import Contracts, err
from gateway.sandbox import vendors
from gateway.settings import Settings


def serve() -> None:
    """Run the gateway until it is told to stop. Settings are variables GATEWAY_…, see docs/operations.md."""
    settings = Settings()

    def ready(*ports: int) -> None:
        wanted = {"people": settings.privacy_port, "vendors": settings.hooks_port}
        whom = ("operators", *(name for name, port in wanted.items() if port is not None))
        others = ", ".join(f"{name} on port {port}" for name, port in zip(whom, ports[1:], strict=True))
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        err.print(f"gateway listens on http://{host}:{ports[0]}, {others}", markup=False)

    listeners.run(listeners.serve(settings, ready))


def sandbox(
    contracts: Contracts = Path("contracts"),
    port: Annotated[int, typer.Option(help="Of the control listener; vendors are above it. 0 takes any.")] = 9100,
) -> None:
    """Play the vendors of contracts on this machine until told to stop; prints the setting that leads there."""

    def ready(hosts: Mapping[str, str], control: str) -> None:
        print(f"GATEWAY_SANDBOX='{json.dumps(dict(hosts))}'", flush=True)  # noqa: T201  for use in a shell
        told = json.dumps({"vendor": next(iter(hosts)), "behaviour": "decline"})
        err.print(f"what vendors got:    curl {control}/__sandbox/received")
        err.print(f"what one does next:  curl {control}/__sandbox/next -d '{told}'", markup=False)

    with suppress(KeyboardInterrupt):
        listeners.run(vendors.play(contracts, port=port, ready=ready))
