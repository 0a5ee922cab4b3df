"""The vendor of the fault suite: on the first byte of a request it looks up, by itself, whether an intent is durable.

`python -m faults.oracle LEDGER FILE` prints its port. Each request carries its attempt in `x-attempt`; until that has
come, there must be as many intents as requests have begun.
"""

import os
import re
import socket
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path

from faults.books import Book, book_at

ANSWER = b'{"tracking_number":"PG-77","status":"accepted"}'
HEAD = b"HTTP/1.1 201 Created\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(ANSWER)
NOBODY = "0" * 32
_ATTEMPT = re.compile(rb"x-attempt: ([0-9a-f]{32})\r\n")
_LENGTH = re.compile(rb"content-length: (\d+)\r\n")


@dataclass(slots=True)
class Oracle:
    """Writes down each attempt with the place and hash of its intent, or that there is none; durably, then answers."""

    book: Book
    file: int
    writing: threading.Lock = field(default_factory=threading.Lock)
    begun: int = 0

    def serve(self, connection: socket.socket) -> None:
        with connection:
            while first := _received(connection, 1):
                self._demand_as_many()
                if not (head := _until(connection, first, b"\r\n\r\n")):
                    return
                self._look(head)
                _rest(connection, head)
                connection.sendall(HEAD + ANSWER)

    def _demand_as_many(self) -> None:
        with self.writing:
            self.begun += 1
            if self.book.intents() < self.begun:
                self._write(f"{NOBODY} - -\n")

    def _look(self, head: bytes) -> None:
        found = _ATTEMPT.search(head)
        attempt = found[1].decode() if found else NOBODY
        place = self.book.place(attempt)
        with self.writing:
            self._write(f"{attempt} {place[0]} {place[1].hex()}\n" if place else f"{attempt} - -\n")

    def _write(self, line: str) -> None:
        os.write(self.file, line.encode())
        os.fsync(self.file)


def _received(connection: socket.socket, most: int) -> bytes:
    """What came, or nothing where the other side has gone."""
    try:
        return connection.recv(most)
    except ConnectionError:
        return b""


def _until(connection: socket.socket, raw: bytes, end: bytes) -> bytes:
    """What came up to an end, or nothing where the other side has gone."""
    while end not in raw:
        if not (more := _received(connection, 65_536)):
            return b""
        raw += more
    return raw


def _rest(connection: socket.socket, raw: bytes) -> None:
    """Reads the body to its end, or to that of the connection."""
    found = _LENGTH.search(raw)
    left = int(found[1]) - len(raw.partition(b"\r\n\r\n")[2]) if found else 0
    while left > 0 and (more := _received(connection, left)):
        left -= len(more)


def main(ledger: str, file: Path) -> None:
    written = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    oracle = Oracle(book_at(ledger), written)
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:
        sys.stdout.write(f"{listener.getsockname()[1]}\n")
        sys.stdout.flush()
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=oracle.serve, args=(connection,), daemon=True).start()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
