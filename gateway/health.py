"""Whether the gateway on this machine is ready. It is asked often, so nothing is loaded here but what asking takes."""

import json
import sys
from http.client import HTTPConnection, HTTPException

from gateway.errors import StartError
from gateway.settings import Settings

_PATIENCE = 4.0
_READY = 200


def unready(settings: Settings) -> str | None:
    """Why it is not ready, as its operators' listener says; None where it is. Raises StartError where nobody says."""
    connection = HTTPConnection(settings.operators_host, settings.operators_port, timeout=_PATIENCE)
    try:
        connection.request("GET", "/health")
        reply = connection.getresponse()
        said = json.loads(reply.read())
    except (OSError, HTTPException, ValueError):
        raise StartError(f"nothing answers on port {settings.operators_port}") from None
    finally:
        connection.close()
    return None if reply.status == _READY else str(said["reason"])


def main() -> None:
    """`python -m gateway.health`, for health checks of containers: ends with 0 if it is ready, else with 1 and why."""
    try:
        reason = unready(Settings())
    except (StartError, ValueError) as error:
        sys.exit(str(error))
    if reason is not None:
        sys.exit(f"the gateway is not ready: {reason}")


if __name__ == "__main__":
    main()
