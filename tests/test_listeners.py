"""The process: what it does not start beside or with, and that it ends without losing a call."""

import asyncio
import contextlib
import signal
import socket
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx2
import pytest
from processes import Machine
from sockets import Client

from gateway import listeners
from gateway.errors import ContractError, StartError
from gateway.ledger import Filter
from gateway.settings import Settings
from gateway.stores import opened

pytestmark = pytest.mark.slow

BODY = b'{"release":"shop@1"}'


class Slow(BaseHTTPRequestHandler):
    """A vendor that takes its time."""

    arrived = threading.Event()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.arrived.set()
        time.sleep(1)
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing: what a vendor logs is its own."""


@contextmanager
def slow_vendor() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Slow) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


FEW_FILES = """
import resource, runpy
resource.setrlimit(resource.RLIMIT_NOFILE, (128, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
runpy.run_module("gateway", run_name="__main__", alter_sys=True)
"""


def test_more_callers_stay_than_the_files_that_a_process_may_open_at_first(tmp_path: Path) -> None:
    with ExitStack() as closing:
        serving = closing.enter_context(Machine(tmp_path).serving("-c", FEW_FILES))
        where = ("127.0.0.1", serving.port)
        clients = [closing.enter_context(contextlib.closing(Client(where))) for _ in range(200)]
        for client in clients:
            client.say(b"GET /nobody/here HTTP/1.1\r\nHost: a\r\n\r\n")
        codes = [client.reply().code for client in clients]

    assert codes == ["vendor.unknown"] * 200


def test_told_to_stop_it_ends_the_calls_that_are_on_their_way_and_writes_them_down(tmp_path: Path) -> None:
    with slow_vendor() as url:
        hosts = f'{{"faults": "{url}", "parcels": "{url}", "payments": "{url}"}}'
        machine = Machine(tmp_path, settings={"SANDBOX": hosts})
        token = machine.typed("token", "issue", "--service", "checkout").stdout.strip()
        with machine.serving() as serving:
            client = Client(("127.0.0.1", serving.port))
            head = f"POST /faults/api/events HTTP/1.1\r\nHost: a\r\nX-Faults-Auth: {token}\r\n"
            client.say(
                head.encode() + b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY
            )
            assert Slow.arrived.wait(60)

            status = serving.stopped()
            reply = client.reply()
            client.close()

        assert (status, reply.status, reply.headers["gateway-sent"]) == (0, 200, "yes")
        [intent] = machine.listed("--kind", "intent")
        assert (intent["outcome"]["result"], intent["environment"]) == ("sent", "sandbox")
        states = [entry["state"] for entry in machine.listed("--kind", "epoch")]
        assert "closed" in states


def test_one_folder_belongs_to_one_process(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    with machine.serving():
        second = machine.typed("serve")

    assert second.returncode == 1
    assert "another process uses the ledger" in second.stderr


def test_a_port_that_is_taken_ends_the_start_with_a_word_and_leaves_no_socket(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        done = Machine(tmp_path, settings={"PORT": str(port)}).typed("serve")

    assert done.returncode == 1
    assert f"port {port} of 127.0.0.1 cannot be opened" in done.stderr
    assert not (tmp_path / "data" / "control.sock").exists()


def test_a_listener_may_be_given_by_the_name_of_this_machine(tmp_path: Path) -> None:
    machine = Machine(tmp_path, settings={"OPERATORS_HOST": "localhost"})

    with machine.serving() as serving:
        reached = httpx2.get(f"http://localhost:{serving.operators_port}/health", trust_env=False)

        assert reached.status_code == 200
        assert serving.stopped() == 0


def test_killed_it_says_what_was_open_and_starts_again(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    with machine.serving() as serving:
        serving.process.send_signal(signal.SIGKILL)
        serving.process.wait(60)
        left = (tmp_path / "data" / "control.sock").exists()

    with machine.serving():
        states = [entry["state"] for entry in machine.listed("--kind", "epoch")]

    assert left
    assert states == ["opened", "opened"]


def test_only_the_owner_of_the_folder_can_ask_the_running_gateway(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    with machine.serving():
        control = (tmp_path / "data" / "control.sock").stat()

        assert stat.S_ISSOCK(control.st_mode)
        assert control.st_mode & 0o077 == 0
        assert (tmp_path / "data").stat().st_mode & 0o077 == 0


def settings(folder: Path, **given: object) -> Settings:
    return Settings.model_validate({"data": folder / "data", "contracts": folder / "contracts", **given})


async def started(given: Settings) -> None:
    await listeners.serve(given, lambda *_: None)


async def test_a_folder_whose_name_is_too_long_for_a_socket_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    data = tmp_path / ("d" * 100)

    with pytest.raises(StartError, match="too long"):
        await started(settings(tmp_path, data=data))

    assert not data.exists()


async def test_without_its_secrets_it_does_not_start(tmp_path: Path) -> None:
    Machine(tmp_path)

    with pytest.raises(StartError, match="FAULTS_KEY, PARCELS_KEY, PAYMENTS_ACCOUNT, PAYMENTS_KEY"):
        await started(settings(tmp_path))


async def test_with_contracts_that_do_not_load_it_does_not_start_and_lets_the_folder_go(tmp_path: Path) -> None:
    Machine(tmp_path, files={"policy.yaml": "markets: [EU]\n"})

    with pytest.raises(ContractError):
        await started(settings(tmp_path))

    async with opened(settings(tmp_path), lambda: "shop-eu") as stores:
        assert len(await stores.ledger.entries(Filter(kind="epoch"))) == 3


def test_what_is_run_runs_on_the_loop_that_is_measured() -> None:
    async def which() -> str:
        return type(asyncio.get_running_loop()).__module__

    assert listeners.run(which()).startswith("uvloop")
