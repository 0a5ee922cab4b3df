"""Gateways over one log in a PostgreSQL: what is asked of them after something was done to it, and the line to it."""

import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from clusters import Cluster

from faults.world import Victim, World

Shared = Callable[..., World]

CREATED, UNAVAILABLE = 201, 503
SECRETS = ("root.key", "kek.key", "sign.key")


def await_started(server: Cluster) -> None:
    """Starts it again where it has ended."""
    if server.process is None or server.process.poll() is not None:
        server.start()


def one_more(world: World, gateway: Victim, within: float = 60.0) -> float:
    """Seconds until an order goes through again."""
    began = time.monotonic()
    while (reply := world.call(gateway)) is None or reply.status != CREATED:
        assert time.monotonic() - began < within, (reply, gateway.said[-3000:])
        time.sleep(0.05)
    return time.monotonic() - began


def found_hasty(shared: Shared) -> str:
    """A gateway that does not wait for the commit is found out by the vendor."""
    world = shared(built="hasty there")
    gateway = world.serving(GATEWAY_FAILPOINTS="before-commit:intent=sleep:0.3@1")
    world.call(gateway)
    gateway.kill()
    found = world.breaches(reopen=False)
    assert any(each.startswith("I1") for each in found), found
    return "hasty: I1"


@contextmanager
def under_load(world: World, gateway: Victim, at_once: int = 6) -> Iterator[None]:
    """Orders without a pause, until the block ends."""
    going = threading.Event()
    going.set()

    def orders(number: int) -> None:
        while going.is_set():
            world._called(gateway, number, 15.0)
            number += 1

    with ThreadPoolExecutor(at_once) as pool:
        asked = [pool.submit(orders, 1_000_000 * (each + 1)) for each in range(at_once)]
        try:
            yield
        finally:
            going.clear()
            for each in asked:
                each.result()


def same_secrets(first: World, second: World) -> None:
    """Nodes of one log have the same; the second one was made before the first had any."""
    for secret in SECRETS:
        if (made := first.data / secret).exists():
            shutil.copy(made, second.data / secret)


@dataclass
class Cable:
    """A line to the server. While it is cut, what is said still arrives, and no answer comes back."""

    server: Path
    folder: Path
    is_cut: bool = False
    dead: set[socket.socket] = field(default_factory=set)
    lines: list[socket.socket] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.folder / self.server.name))
        self.listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        self.is_cut = True
        self.dead.update(self.lines)

    def mend(self) -> None:
        """New connections are whole; those that there were never are again."""
        self.is_cut = False

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(str(self.server))
                self.lines.append(client)
                if self.is_cut:
                    self.dead.add(client)
                for source, sink in ((client, server), (server, client)):
                    threading.Thread(target=self._carry, args=(source, sink), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        with source, suppress(OSError):
            while data := source.recv(65_536):
                if sink not in self.dead:
                    sink.sendall(data)
            if sink not in self.dead:
                sink.shutdown(socket.SHUT_WR)
