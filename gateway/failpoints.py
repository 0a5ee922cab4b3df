"""Places at which a test of faults can end, stop or slow down the process; nothing happens there otherwise.

`NAME[:KIND]=ACTION[:SECONDS][@N]`, several with commas between them: at NAME, where a row of this kind is written, on
the Nth time. Actions: `kill` (SIGKILL), `stop` (SIGSTOP), `raise` (InjectedError), `sleep:SECONDS`.
"""

import asyncio
import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from gateway.errors import StartError

NAMES = (
    "before-enqueue",
    "after-begin",
    "after-insert-leaf",
    "after-insert-leaf_body",
    "after-insert-link",
    "after-insert-earlier",
    "after-insert-purged",
    "after-delete",
    "after-destroy-loose",
    "after-shrink",
    "before-commit",
    "after-commit",
    "after-ack",
    "after-first-byte",
    "mid-body",
    "after-last-byte",
    "after-response",
    "after-pending",
    "after-entry",
    "after-row",
    "after-forget",
    "erasure-entered",
    "erasure-counted",
    "erasure-destroyed",
    "registry-erased",
    "erasure-told",
    "erasure-wiped",
    "turnover-begun",
    "turnover-part",
    "turnover-moved",
    "turnover-wrapped",
    "turnover-ended",
    "registry-moved",
    "ledger-moved",
)
FLUSHED = 0.02  # seconds in which a loop hands what it was given to the kernel

_SPEC = re.compile(
    r"(?P<name>[a-z_-]+)(:(?P<kind>[a-z]+))?=(?P<action>[a-z]+)(:(?P<seconds>\d+(\.\d+)?))?(@(?P<n>\d+))?"
)


class InjectedError(Exception):
    """What `raise` raises: a fault that nobody foresaw."""


class Kinded(Protocol):
    """A row that is written."""

    @property
    def kind(self) -> str: ...


class Writing(Protocol):
    """A transport."""

    def write(self, data: bytes) -> None: ...


@dataclass(slots=True)
class _Fault:
    kind: str
    act: Callable[[float], None]
    seconds: float
    left: int

    def met(self, rows: Iterable[Kinded]) -> None:
        if self.kind and all(row.kind != self.kind for row in rows):
            return
        self.left -= 1
        if self.left == 0:
            self.act(self.seconds)


_armed: dict[str, list[_Fault]] = {}


def failpoint(name: str, rows: Iterable[Kinded] = ()) -> None:
    """Does nothing, unless a test has armed this place."""
    if _armed:
        for fault in _armed.get(name, ()):
            fault.met(rows)


def arm(specs: str) -> None:
    """Takes the place of what was armed before; an empty text disarms. Raises StartError for what is none."""
    _armed.clear()
    for spec in filter(None, specs.split(",")):
        match = _SPEC.fullmatch(spec)
        if match is None or match["name"] not in NAMES or match["action"] not in _ACTIONS:
            raise StartError(
                f"{spec} is no failpoint: NAME[:KIND]=ACTION[:SECONDS][@N], NAME one of {', '.join(NAMES)}"
            )
        fault = _Fault(
            match["kind"] or "", _ACTIONS[match["action"]], float(match["seconds"] or 0), int(match["n"] or 1)
        )
        _armed.setdefault(match["name"], []).append(fault)


def is_armed() -> bool:
    """Whether anything is armed at all."""
    return bool(_armed)


async def in_pieces(transport: Writing, request: bytes) -> None:
    """Writes a request so that a part of it is on its way at each failpoint; only where something is armed."""
    for name, piece in zip(("after-first-byte", "mid-body", "after-last-byte"), _pieces(request), strict=True):
        transport.write(piece)
        await flushed(name)


async def flushed(name: str) -> None:
    """The same place, once what a transport was given is on its way."""
    await asyncio.sleep(FLUSHED)
    failpoint(name)


def _pieces(request: bytes) -> tuple[bytes, bytes, bytes]:
    """The first byte, up to the middle of the body, and the rest."""
    middle = (request.index(b"\r\n\r\n") + 4 + len(request)) // 2
    return request[:1], request[1:middle], request[middle:]


def _kill(_: float) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _stop(_: float) -> None:
    # To this thread: sent to the process, another one takes it, and this one goes on for a moment.
    signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)


def _raise(_: float) -> None:
    raise InjectedError


_ACTIONS: Mapping[str, Callable[[float], None]] = {"kill": _kill, "stop": _stop, "raise": _raise, "sleep": time.sleep}
