"""Load from wrk, and what it says about it."""

import itertools
import json
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.order import template
from bench.process import BenchError, Server, environment

SCRIPT = Path(__file__).parent / "order.lua"
_RUNS = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Load:
    """What one run of wrk saw: answers, seconds, latencies in microseconds, and whatever was no success."""

    requests: int
    seconds: float
    p50_us: float
    p99_us: float
    errors: int


def parse_load(output: str) -> Load:
    """The summary that order.lua prints as the last line. Raises BenchError where there is none."""
    lines = output.strip().splitlines()
    if not lines or not lines[-1].startswith("{"):
        raise BenchError(f"wrk printed no summary:\n{output}")
    return Load(**json.loads(lines[-1]))


def load(server: Server, *, connections: int, seconds: int) -> Load:
    """Posts orders for some seconds, none of them twice."""
    argv, env = _command(server, connections, seconds)
    run = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=seconds + 60, check=False)
    return parse_load(run.stdout or run.stderr)


def load_until(server: Server, enough: Callable[[], bool], *, connections: int, within: int) -> Load:
    """Posts orders until there are enough. Raises BenchError when that takes more than `within` seconds."""
    argv, env = _command(server, connections, within)
    with subprocess.Popen(argv, env=env, stdout=subprocess.PIPE, text=True) as run:
        while run.poll() is None and not enough():
            time.sleep(0.02)
        if run.poll() is None:
            run.send_signal(signal.SIGINT)
        output, _ = run.communicate(timeout=60)
    if not enough():
        raise BenchError(f"not enough calls within {within} s:\n{output}")
    return parse_load(output)


def _command(server: Server, connections: int, seconds: int) -> tuple[Sequence[str], dict[str, str]]:
    wrk = shutil.which("wrk")
    if wrk is None:
        raise BenchError("wrk is not installed; on Debian: apt-get install wrk")
    argv = [wrk, "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", str(SCRIPT), server.url]
    env = environment(BENCH_BODY=template(), BENCH_TOKEN=server.token, BENCH_RUN=f"{next(_RUNS):04d}")
    return argv, dict(env)
