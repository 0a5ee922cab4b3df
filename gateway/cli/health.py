"""The command that asks whether the gateway is ready."""

import json

from gateway.cli.console import Json
from gateway.errors import StartError
from gateway.health import unready
from gateway.ledger.unready import MEANING, Unready
from gateway.settings import Settings


def health(as_json: Json = False) -> None:
    """Exit with 0 if the gateway on this machine is ready, otherwise with 1 and the reason."""
    reason = unready(Settings())
    if as_json:
        print(json.dumps({"ready": reason is None, "reason": reason}))  # noqa: T201  it is loaded often, and little
    if reason is not None:
        raise StartError(
            f"the gateway is not ready: {reason}" + (f", {MEANING[Unready(reason)]}" if reason in MEANING else "")
        )
