"""Whether a gateway is ready is asked over a socket, by a process that costs next to nothing."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from processes import Machine

from gateway.errors import StartError
from gateway.health import main, unready
from gateway.settings import Settings

HEAVY = {"apsw", "lxml", "psycopg", "sqlalchemy", "starlette", "uvicorn"}


@contextmanager
def saying(status: int, payload: bytes) -> Iterator[Settings]:
    """A listener that says the same to everybody, and the settings that lead to it."""

    class Listener(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert self.path == "/health"
            self.send_response(status)
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name that it has there
            """Nothing is told."""

    with HTTPServer(("127.0.0.1", 0), Listener) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield Settings(operators_port=server.server_port)
        finally:
            server.shutdown()


def test_a_gateway_says_whether_it_is_ready_and_why_it_is_not() -> None:
    with saying(200, b'{"ready": true}') as settings:
        assert unready(settings) is None
    with saying(503, b'{"ready": false, "reason": "disk.full"}') as settings:
        assert unready(settings) == "disk.full"


def test_what_is_no_gateway_is_not_ready() -> None:
    with saying(200, b"hello") as settings, pytest.raises(StartError, match=r"^nothing answers on port "):
        unready(settings)


@pytest.mark.parametrize(
    ("status", "payload", "said"),
    [
        (200, b'{"ready": true}', None),
        (503, b'{"ready": false, "reason": "disk.full"}', "the gateway is not ready: disk.full"),
        (200, b"", "nothing answers on port "),
    ],
)
def test_a_health_check_ends_with_nought_only_where_it_is_ready(
    status: int, payload: bytes, said: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with saying(status, payload) as settings:
        monkeypatch.setenv("GATEWAY_OPERATORS_PORT", str(settings.operators_port))

        if said is None:
            main()
        else:
            with pytest.raises(SystemExit, match=f"^{said}"):
                main()


def loaded(module: str, folder: Path) -> set[str]:
    """What a process has loaded once it has this module."""
    code = f"import sys, {module}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=Machine(folder).environment, capture_output=True, text=True,
        timeout=280, check=True,
    )  # fmt: skip
    return set(done.stdout.split())


def test_a_health_check_loads_nothing_of_what_serving_takes(tmp_path: Path) -> None:
    assert not {*HEAVY, "typer"} & loaded("gateway.health", tmp_path)
    assert loaded("gateway.listeners", tmp_path) >= HEAVY
