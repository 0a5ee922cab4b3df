"""What listens is the strict edge as it was tested, or nothing does; calls under way are not cut off with it."""

import asyncio

import pytest
import uvicorn
from sockets import Listening, Patient
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gateway.edge import check_edge, serve_config
from gateway.errors import StartError


class LaxParser:
    """A parser that lets everything pass."""

    def __init__(self, protocol: object) -> None:
        self.protocol = protocol

    def feed_data(self, data: bytes) -> None:
        self.fed = data


def test_another_protocol_class_does_not_start() -> None:
    config = uvicorn.Config(Listening(), http=HttpToolsProtocol)

    with pytest.raises(StartError, match="strict protocol"):
        check_edge(config)


def test_an_untested_server_does_not_start() -> None:
    config = serve_config(Listening(), on_refused=print)

    with pytest.raises(StartError, match=r"0\.55\.0 is installed"):
        check_edge(config, version="0.55.0")


def test_a_lax_parser_does_not_start() -> None:
    config = serve_config(Listening(), on_refused=print)

    with pytest.raises(StartError, match="Content-Length and Transfer-Encoding"):
        check_edge(config, parser=LaxParser)


@pytest.mark.parametrize("ends_calls", [False, True], ids=["as calls are served", "control"])
async def test_a_call_under_way_is_not_cut_off_when_the_listener_ends(ends_calls: bool) -> None:
    slow = Patient()
    config = serve_config(slow, on_refused=print, graceful=1, ends_calls=ends_calls)
    server = uvicorn.Server(config)
    serving = asyncio.ensure_future(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has nothing to wait for
        await asyncio.sleep(0.005)
    port = server.servers[0].sockets[0].getsockname()[1]
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: gateway.test\r\n\r\n")
    await slow.begun.wait()
    writer.close()

    server.should_exit = True
    await serving
    slow.go_on.set()
    await asyncio.sleep(0.01)

    assert slow.ended == (not ends_calls)
