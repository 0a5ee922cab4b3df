"""The servers that are compared, each started the way its makers would."""

import hashlib
import http.client
import json
import platform
import subprocess
import sys
import venv
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from bench.gateway import start_gateway
from bench.minimal import TARGET, VENDOR_TARGET
from bench.process import ROOT, BenchError, Server, environment, free_port, started, stop

LOCK = Path(__file__).parent / "mitmproxy.lock"
MITMPROXY = ROOT / ".bench" / "mitmproxy"
_NO_TOKEN = "not-asked-for"


@dataclass(frozen=True, slots=True)
class SinkServer:
    """The vendor of all servers, and what it has seen."""

    port: int
    pid: int

    @property
    def server(self) -> Server:
        return Server(f"http://127.0.0.1:{self.port}{VENDOR_TARGET}", _NO_TOKEN, self.pid)

    def requests(self) -> int:
        return int(self._seen()["requests"])

    def last(self) -> tuple[str, str]:
        """Head and body of the last order that arrived."""
        seen = self._seen()
        return str(seen["head"]), str(seen["body"])

    def _seen(self) -> Mapping[str, str | int]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("GET", "/seen")
        seen: Mapping[str, str | int] = json.loads(connection.getresponse().read())
        connection.close()
        return seen


def start_sink(workdir: Path) -> SinkServer:
    port = free_port()
    argv = [sys.executable, "-m", "bench.sink", "--port", str(port)]
    return SinkServer(port, started(argv, port=port, log=workdir / "sink.log", env=environment()))


def start_plain(workdir: Path, sink_port: int) -> Server:
    port = free_port()
    argv = [sys.executable, "-m", "bench.plain", "--port", str(port), "--sink", str(sink_port)]
    pid = started(argv, port=port, log=workdir / "plain.log", env=environment())
    return Server(f"http://127.0.0.1:{port}{TARGET}", _NO_TOKEN, pid)


def start_mitmproxy(workdir: Path, sink_port: int) -> Server:
    """A reverse proxy that shows and stores no flow; installed first where that is still to be done."""
    install_mitmproxy()
    port = free_port()
    options = {
        "confdir": str(workdir / "mitmproxy"),
        "flow_detail": "0",
        "termlog_verbosity": "error",
        "onboarding": "false",
        "server_replay_refresh": "false",
    }
    argv = [str(MITMPROXY / "bin" / "mitmdump"), "--mode", f"reverse:http://127.0.0.1:{sink_port}"]
    argv += ["--listen-host", "127.0.0.1", "--listen-port", str(port), "--scripts", str(ROOT / "bench" / "mitm.py")]
    argv += [word for name, value in options.items() for word in ("--set", f"{name}={value}")]
    pid = started(argv, port=port, log=workdir / "mitmproxy.log", env=environment())
    return Server(f"http://127.0.0.1:{port}{TARGET}", _NO_TOKEN, pid)


STARTS: Mapping[str, Callable[[Path, int], Server]] = {
    "gateway": start_gateway,
    "plain": start_plain,
    "mitmproxy": start_mitmproxy,
}


def start(name: str, workdir: Path, sink_port: int, stack: ExitStack) -> Server:
    """Starts a server by its name; the stack ends it."""
    server = STARTS[name](workdir, sink_port)
    stack.callback(stop, server.pid)
    return server


def install_mitmproxy() -> None:
    """Fills the virtual environment of mitmproxy from its lock, once for each state of the lock and of Python."""
    done = MITMPROXY / "done"
    state = hashlib.sha256(LOCK.read_bytes() + sys.version.encode()).hexdigest()
    if done.exists() and done.read_text() == state:
        return
    venv.create(MITMPROXY, clear=True, with_pip=True)
    pip = [str(MITMPROXY / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    try:
        subprocess.run([*pip, "--require-hashes", "-r", str(LOCK)], check=True)
    except subprocess.CalledProcessError:
        raise BenchError("mitmproxy could not be installed; see what pip says above") from None
    done.write_text(state)


def versions() -> Mapping[str, str]:
    """What is measured against what, by name and version; mitmproxy's only once it is installed."""
    ours = {name: metadata.version(name) for name in ("httpx2", "starlette", "uvicorn")}
    folders = [str(folder) for folder in MITMPROXY.glob("lib/python*/site-packages")]
    theirs = {found.name: found.version for found in metadata.distributions(name="mitmproxy", path=folders)}
    return {"python": platform.python_version()} | ours | theirs
