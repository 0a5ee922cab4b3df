"""System calls of a running thread: listed, or answered with an error or a death of one's choice (strace(1))."""

import os
import re
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import pytest

PATIENCE = 60.0
DISK = ("pwrite64", "write", "fdatasync", "fsync", "ftruncate", "openat", "unlink", "fallocate", "mmap")
"""What a thread does to a disk."""
WIRE = (*DISK, "sendto", "sendmsg", "writev", "recvfrom", "recvmsg", "read", "socket", "connect", "close")
_CALL = re.compile(r"^(?:\d+ +)?([a-z0-9_]+)\(", re.MULTILINE)


def demand_strace() -> str:
    """Where strace is; skips without it, but fails where it must be there."""
    found = shutil.which("strace")
    if found is None:
        required = os.environ.get("GATEWAY_REQUIRE", "").split(",")  # noqa: TID251  of the test run
        assert "strace" not in required, "strace is missing"
        pytest.skip("strace is not on this machine")
    if not _may_trace(found):
        pytest.skip("nobody may trace on this machine, as in many containers")
    return found


@lru_cache
def _may_trace(program: str) -> bool:
    """Whether another process can be taken hold of, as the tests do it."""
    with subprocess.Popen(["sleep", "60"]) as other:
        try:
            command = [program, "-p", str(other.pid), "-o", os.devnull]
            with subprocess.Popen(command, stderr=subprocess.PIPE) as tracer:
                assert tracer.stderr
                said = tracer.stderr.readline()
                tracer.terminate()
        finally:
            other.kill()
    return b"attached" in said


@contextmanager
def traced(thread: int, calls: Sequence[str], *inject: str, log: Path | None = None) -> Iterator[None]:
    """One thread under strace from when the block begins; `inject` as `-e inject=` takes it behind the calls."""
    names = ",".join(calls)
    output = ["-o", str(log)] if log else ["-o", os.devnull]
    options = [option for each in inject for option in ("-e", f"inject={names}:{each}")]
    command = [demand_strace(), "-p", str(thread), *output, "-e", f"trace={names}", *options]
    process = subprocess.Popen(command, stderr=subprocess.PIPE)
    try:
        _await_attached(process)
        yield
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)


def listed(log: Path) -> list[str]:
    """The names of the calls in a log, in their order."""
    return _CALL.findall(log.read_text(errors="replace"))


def _await_attached(process: "subprocess.Popen[bytes]") -> None:
    assert process.stderr
    until, heard = time.monotonic() + PATIENCE, b""
    # Not select(2), which knows no descriptor beyond the first thousand.
    ready = select.poll()
    ready.register(process.stderr, select.POLLIN)
    while b"attached" not in heard:
        assert time.monotonic() < until, heard
        if ready.poll(100):
            part = os.read(process.stderr.fileno(), 4096)
            assert part, heard.decode()
            heard += part
