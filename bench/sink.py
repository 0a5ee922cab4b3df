"""A vendor that costs as little as possible: it answers every order the same way, counts, and keeps the last one."""

import argparse
import asyncio
import json
import re
from dataclasses import dataclass
from typing import cast

import uvloop

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_END = b"\r\n\r\n"
SEEN = b"GET /seen "
_ANSWER = (
    b'{"tracking_number":"PG-%012d","status":"accepted",'
    b'"reference":"psn_00000000000000000000000000","driver":{"name":"Bob"}}'
)
_HEAD = b"HTTP/1.1 %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"


@dataclass(slots=True)
class Seen:
    """What has arrived so far."""

    requests: int = 0
    octets: int = 0
    last: bytes = b""

    def report(self) -> bytes:
        head, _, body = self.last.partition(_END)
        return json.dumps(
            {"requests": self.requests, "octets": self.octets, "head": head.decode("latin-1"), "body": body.decode()}
        ).encode()


class Sink(asyncio.Protocol):
    """HTTP/1.1, keep-alive, bodies by Content-Length alone; anything else is answered 411 and closed."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses of asyncio's.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (start := self._buffer.find(_END)) >= 0:
            length = _LENGTH.search(self._buffer, 0, start)
            if length is None and self._buffer.startswith(b"POST"):
                self._refuse()
                return
            end = start + len(_END) + (int(length[1]) if length else 0)
            if len(self._buffer) < end:
                return
            request, self._buffer = self._buffer[:end], self._buffer[end:]
            self._answer(request)

    def _answer(self, request: bytes) -> None:
        if request.startswith(SEEN):
            self._write(b"200 OK", self._seen.report())
            return
        self._seen.requests += 1
        self._seen.octets += len(request)
        self._seen.last = request
        # A tracking number of its own for every parcel, as a carrier gives.
        self._write(b"201 Created", _ANSWER % self._seen.requests)

    def _refuse(self) -> None:
        self._write(b"411 Length Required", b"{}")
        self._transport.close()

    def _write(self, status: bytes, body: bytes) -> None:
        self._transport.write(_HEAD % (status, len(body)) + body)


async def serve(port: int) -> None:
    """Answers on loopback until the process is ended."""
    seen = Seen()
    server = await asyncio.get_running_loop().create_server(lambda: Sink(seen), "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.sink")
    parser.add_argument("--port", type=int, required=True)
    uvloop.run(serve(parser.parse_args().port))


if __name__ == "__main__":
    main()
