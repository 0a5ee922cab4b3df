"""What many calls leave in a server's memory."""

import time
from contextlib import ExitStack
from pathlib import Path

from bench.process import Server, rss, stop
from bench.report import Memory
from bench.servers import SinkServer, start, start_sink
from bench.verify import verify
from bench.wrk import load_until

_SETTLE = 3.0
_WITHIN = 1800


def memory(name: str, workdir: Path, *, first: int, more: int) -> Memory:
    """Resident memory after `first` calls, and after `more` on top. Raises BenchError where they do not get through."""
    with ExitStack() as stack:
        sink = start_sink(workdir)
        stack.callback(stop, sink.pid)
        server = start(name, workdir, sink.port, stack)
        verify(name, server, sink)
        first_calls, first_rss, errors = _after(first, server, sink)
        last_calls, last_rss, more_errors = _after(first_calls + more, server, sink)
    return Memory(first_calls, first_rss, last_calls, last_rss, errors + more_errors)


def _after(calls: int, server: Server, sink: SinkServer) -> tuple[int, int, int]:
    load = load_until(server, lambda: sink.requests() >= calls, connections=32, within=_WITHIN)
    time.sleep(_SETTLE)
    return sink.requests(), rss(server.pid), load.errors
