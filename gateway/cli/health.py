"""The command that asks whether the gateway is ready."""

from gateway.cli.console import Json, out
from gateway.errors import StartError
from gateway.health import unready
from gateway.ledger.unready import MEANING, Unready
from gateway.settings import Settings


def health(as_json: Json = False) -> None:
    """Exit with 0 if the gateway on this machine is ready, otherwise with 1 and the reason."""
    try:
        if (reason := unready(Settings())) is not None:
            raise StartError(
                f"the gateway is not ready: {reason}" + (f", {MEANING[Unready(reason)]}" if reason in MEANING else "")
            )
    except StartError as error:
        if as_json:
            out.print_json(data={"ready": False, "reason": str(error)})
        raise
    if as_json:
        out.print_json(data={"ready": True, "reason": None})
