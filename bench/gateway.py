"""Our own gateway as the bench runs it: a durable ledger, a contract for the order, the sink in the vendor's place."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from bench.minimal import TARGET
from bench.process import BenchError, Server, environment, free_port, started, stop

CONTRACTS = Path(__file__).parent / "contracts"
_COMMAND = (sys.executable, "-m", "gateway")


def start_gateway(workdir: Path, sink_port: int) -> Server:
    """A gateway with an empty ledger below `workdir`, and a token of the service that its contract lets call."""
    port, data = free_port(), workdir / "gateway"
    data.mkdir(mode=0o700)
    env = environment(
        GATEWAY_DATA=str(data),
        GATEWAY_CONTRACTS=str(CONTRACTS),
        GATEWAY_PORT=str(port),
        GATEWAY_OPERATORS_PORT=str(free_port()),
        GATEWAY_SANDBOX=json.dumps({"parcelgate": f"http://127.0.0.1:{sink_port}"}),
    )
    pid = started([*_COMMAND, "serve"], port=port, log=workdir / "gateway.log", env=env)
    try:
        return Server(f"http://127.0.0.1:{port}{TARGET}", _token(env), pid)
    except BenchError:
        stop(pid)
        raise


def _token(env: Mapping[str, str]) -> str:
    command = [*_COMMAND, "token", "issue", "--service", "fulfilment"]
    issued = subprocess.run(command, env=dict(env), capture_output=True, text=True, timeout=60, check=False)
    if issued.returncode != 0 or not issued.stdout.strip():
        raise BenchError(f"no token was issued:\n{issued.stderr}")
    return issued.stdout.strip()
