"""The command that asks whether the gateway is ready."""

from gateway.errors import StartError
from gateway.health import unready
from gateway.ledger.unready import MEANING, Unready
from gateway.settings import Settings


def health() -> None:
    """Exit with 0 if the gateway on this machine is ready, otherwise with 1 and the reason."""
    if (reason := unready(Settings())) is not None:
        raise StartError(
            f"the gateway is not ready: {reason}" + (f", {MEANING[Unready(reason)]}" if reason in MEANING else "")
        )
