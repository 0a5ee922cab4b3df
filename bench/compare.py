"""The comparison: every server under the same load, in turns, several rounds."""

import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench.disk import fdatasync_us
from bench.process import Server, cpu, stop
from bench.report import CONNECTIONS, Comparison, Sample
from bench.servers import SinkServer, start, start_sink, versions
from bench.verify import verify
from bench.wrk import load

_WARM_UP = 2
_SETTLE = 0.3
"""Seconds after a load in which what the reply did not wait for is finished, and counted."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure: which servers, how many rounds, how many seconds each."""

    names: Sequence[str]
    rounds: int
    seconds: int


def compare(plan: Plan, workdir: Path) -> Comparison:
    """Starts everything in process groups on loopback, measures, and ends it. Raises BenchError where it cannot."""
    disk = fdatasync_us(workdir)
    with ExitStack() as stack:
        sink = start_sink(workdir)
        stack.callback(stop, sink.pid)
        servers = {name: start(name, workdir, sink.port, stack) for name in plan.names}
        for name, server in servers.items():
            verify(name, server, sink)
        for server in servers.values():
            load(server, connections=max(CONNECTIONS), seconds=_WARM_UP)
            time.sleep(_SETTLE)
        samples = _rounds(plan, {"sink": sink.server} | servers, sink)
    return Comparison(samples, disk, plan.rounds, plan.seconds, versions())


def _rounds(plan: Plan, servers: Mapping[str, Server], sink: SinkServer) -> list[Sample]:
    samples = []
    for number in range(plan.rounds):
        # Every other round goes backwards, so that no server always stands behind the same one.
        names = list(servers)[:: 1 if number % 2 == 0 else -1]
        for connections in CONNECTIONS:
            for name in names:
                sample = measured(name, servers[name], sink, connections=connections, seconds=plan.seconds)
                print(f"round {number + 1}: {sample}", file=sys.stderr)
                samples.append(sample)
    return samples


def measured(name: str, server: Server, sink: SinkServer, *, connections: int, seconds: int) -> Sample:
    """One load on one server, with the CPU that its whole process group took for it."""
    seen, used = sink.requests(), cpu(server.pid)
    seen_by_wrk = load(server, connections=connections, seconds=seconds)
    time.sleep(_SETTLE)
    carried, used = sink.requests() - seen, cpu(server.pid) - used
    # What was under way when wrk stopped reached the vendor too, one call a connection at most.
    astray = 0 if 0 <= carried - seen_by_wrk.requests <= connections else abs(carried - seen_by_wrk.requests)
    return Sample(
        server=name,
        connections=connections,
        rate=seen_by_wrk.requests / seen_by_wrk.seconds,
        p50_us=seen_by_wrk.p50_us,
        p99_us=seen_by_wrk.p99_us,
        cpu_us=used * 1e6 / max(carried, 1),
        errors=seen_by_wrk.errors + astray,
    )
