"""The command that asks whether the gateway is ready."""

from gateway.cli.console import Json, out
from gateway.errors import StartError
from gateway.health import unready
from gateway.ledger.unready import MEANING, Unready
from gateway.settings import Settings


def health(as_json: Json = False) -> None:
    """Exit with 0 if the gateway on this machine is ready, otherwise with 1 and the reason."""
    reason = _unready()
    if as_json:
        out.print_json(data={"ready": reason is None, "reason": reason})
    if reason is not None:
        raise StartError(reason)


def _unready() -> str | None:
    try:
        reason = unready(Settings())
    except StartError as error:
        return str(error)
    if reason is None:
        return None
    return f"the gateway is not ready: {reason}" + (f", {MEANING[Unready(reason)]}" if reason in MEANING else "")
