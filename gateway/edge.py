"""How uvicorn serves an application behind the strict edge, and that it is the strict edge that listens."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httptools
import uvicorn

from gateway.errors import StartError
from gateway.wire import StrictProtocol

TESTED_UVICORN = "0.54."
"""The release whose internals the strict protocol builds on."""

_ALWAYS: Mapping[str, Any] = {
    "ws": "none",
    "loop": "uvloop",
    "lifespan": "on",
    "interface": "asgi3",
    "access_log": False,
    "log_config": None,
    # A caller's forwarding headers must not decide who it is.
    "proxy_headers": False,
    "forwarded_allow_ips": [],
    "server_header": False,
    "date_header": False,
    # It counts idle connections, and then refuses everybody; MAX_CONNECTIONS stands in for it.
    "limit_concurrency": None,
    "backlog": 512,
    "workers": 1,
    "root_path": "",
}
"""What holds on every listener."""


def serve_config(
    app: Callable[..., Any],
    *,
    on_refused: Callable[[str], None],
    host: str = "127.0.0.1",
    port: int = 0,
    uds: Path | None = None,
    keep_alive: int = 15,
    in_flight: int = 0,
    graceful: int = 35,
    ends_calls: bool = True,
    protocol: type[StrictProtocol] = StrictProtocol,
) -> uvicorn.Config:
    """How uvicorn serves `app` on one listener, over TCP or a Unix socket. Times are whole seconds.

    There may be as many connections as calls `in_flight`, and more where the protocol allows it. What is still under
    way `graceful` seconds after the end began is cancelled, unless `ends_calls` is false.

    Raises StartError where the strict protocol, or the parser that it is built on, would not be what listens.
    """
    most = max(protocol.MAX_CONNECTIONS, in_flight)
    bounds: dict[str, Any] = {"unended": None if ends_calls else set(), "MAX_CONNECTIONS": most}
    edge = type("Edge", (protocol,), {"on_refused": staticmethod(on_refused)} | bounds)
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        uds=None if uds is None else str(uds),
        http=edge,
        timeout_keep_alive=keep_alive,
        timeout_graceful_shutdown=graceful,
        **_ALWAYS,
    )
    check_edge(config)
    return config


def check_edge(
    config: uvicorn.Config,
    *,
    version: str = uvicorn.__version__,
    parser: Callable[[object], Any] = httptools.HttpRequestParser,
) -> None:
    """Raises StartError unless this configuration listens with the strict protocol over a strict httptools parser."""
    if not version.startswith(TESTED_UVICORN):
        raise StartError(f"the edge is tested with uvicorn {TESTED_UVICORN}x only, and {version} is installed")
    if not config.loaded:
        config.load()
    if not (isinstance(config.http_protocol_class, type) and issubclass(config.http_protocol_class, StrictProtocol)):
        raise StartError("the listener does not use the strict protocol of gateway.wire")
    if not _is_strict(parser(object())):
        raise StartError("the HTTP parser lets a request pass that has both Content-Length and Transfer-Encoding")


def _is_strict(parser: Any) -> bool:
    try:
        parser.feed_data(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n")
    except httptools.HttpParserError:
        return True
    return False
