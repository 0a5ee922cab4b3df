"""Servers as process groups of their own: started, waited for, measured and ended."""

import os
import signal
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


class BenchError(Exception):
    """The bench cannot go on; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: where orders are posted, with which token, and the leader of its process group."""

    url: str
    token: str
    pid: int


@dataclass(frozen=True, slots=True)
class Stat:
    """One line of /proc/PID/stat: its group, seconds of CPU (those of reaped children included), resident bytes."""

    group: int
    cpu: float
    rss: int


def parse_stat(line: str) -> Stat:
    # The name of the command may hold blanks and parentheses, so counting starts behind the last one.
    fields = line.rpartition(")")[2].split()
    return Stat(int(fields[2]), sum(int(field) for field in fields[11:15]) / _TICKS, int(fields[21]) * _PAGE)


def members(group: int) -> Iterator[Stat]:
    """The living processes of a group."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            stat = parse_stat((entry / "stat").read_text())
        except (FileNotFoundError, ProcessLookupError):
            continue
        if stat.group == group:
            yield stat


def cpu(group: int) -> float:
    """Seconds of CPU, user and system, that a process group has used."""
    return sum(stat.cpu for stat in members(group))


def rss(group: int) -> int:
    """Resident bytes of a process group."""
    return sum(stat.rss for stat in members(group))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def environment(**more: str) -> Mapping[str, str]:
    """What every server is told: nothing of the surroundings, so that no proxy or switch set there can matter."""
    return {"PATH": f"{Path(sys.executable).parent}:{os.defpath}", "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8", **more}


def started(argv: list[str], *, port: int, log: Path, env: Mapping[str, str], within: float = 30) -> int:
    """Starts a server in a group of its own and waits for its port; the id of the group. Raises BenchError."""
    output = (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    actions = [output, (os.POSIX_SPAWN_DUP2, 1, 2)]
    pid = os.posix_spawn(argv[0], argv, env, file_actions=actions, setsid=True)
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if os.waitpid(pid, os.WNOHANG)[0]:
            raise BenchError(f"{log.stem} ended at once:\n{_tail(log)}")
        if _listens(port):
            return pid
        time.sleep(0.05)
    stop(pid)
    raise BenchError(f"{log.stem} does not listen after {within:.0f} s:\n{_tail(log)}")


def stop(pid: int, within: float = 10) -> None:
    """Ends a group: asks first, insists after `within` seconds, and with whatever its leader has left behind."""
    os.killpg(pid, signal.SIGTERM)
    deadline = time.monotonic() + within
    while not os.waitpid(pid, os.WNOHANG)[0]:
        if time.monotonic() > deadline:
            os.killpg(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            break
        time.sleep(0.02)
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-20:])
