"""A file on its way is in memory as often as honest proof needs it, and no oftener; a long one is not at all."""

import tracemalloc
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest
from bodies import operation
from parts import MULTIPART, body, part

from gateway.assemble import Call, match, read, write
from gateway.body.parting import Content
from gateway.frozen import changed
from gateway.minimise import minimise
from gateway.outbound.send import request
from gateway.pieces import Payload, whole
from gateway.spool import Spool, Spools

SIZE: Final = 4 * 1024 * 1024
STEP: Final = 64 * 1024
MOST: Final = 4.25
"""As it came, as a value, as what leaves of that, and as what is written or goes on the wire."""
LEAST: Final = 0.25
"""As far as somebody looks at it at once: not more than a mebibyte of it, however long it is."""

UPLOAD = operation("""
body: multipart
max_bytes: 8 MiB
nested: {$.file: {body: opaque, media: [application/pdf], max_bytes: 8 MiB}}
groups:
  - why: The papers that customs asks for.
    fields: {$.file: order.declared_value}
""")
BEFORE, BEHIND = body(part("file", "%PDF-|", "Content-Type: application/pdf", filename="zoe.pdf")).split(b"|")
FILLING = bytes(STEP)


async def _received(limit: int) -> bytes:
    """A body as it is put together out of what a socket gave."""
    assert limit > SIZE
    return b"".join([BEFORE, *[FILLING] * (SIZE // STEP), BEHIND])


class Elsewhere:
    """The same body in a file."""

    is_away = True

    def __init__(self, spool: Spool) -> None:
        self._spool = spool

    async def take(self, limit: int) -> Payload:
        assert limit > SIZE
        for each in (BEFORE, *[FILLING] * (SIZE // STEP), BEHIND):
            self._spool.write(each)
        return self._spool.done()

    def keep(self, steps: Iterable[bytes]) -> Payload:
        raise NotImplementedError


IN_MEMORY = Call("POST", "/acme/ship/P-1", b"", (MULTIPART, ("order", "A-10045")), _received)


async def _peak(call: Call = IN_MEMORY) -> float:
    """The most memory that a call takes from its body to its request, in lengths of its file."""
    tracemalloc.start()
    try:
        matched, incoming, media = await read(call, match(call, UPLOAD.contracts))
        outgoing = minimise(matched.prepared.sending, incoming, secrets=["gtw-token-1"])
        sending = write(call, matched, incoming, outgoing, media)
        wire = request(matched.prepared.host, sending)
        return tracemalloc.get_traced_memory()[1] / SIZE
    finally:
        tracemalloc.stop()
        assert FILLING * (SIZE // STEP) in whole(wire)


async def test_a_file_is_in_memory_four_times_at_most() -> None:
    assert await _peak() < MOST


async def test_a_proof_that_holds_the_file_once_more_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.body.multipart.Digest", Content)

    assert await _peak() > MOST


async def test_a_long_file_is_hardly_in_memory(tmp_path: Path) -> None:
    with closing(Spools(tmp_path, most=2 * SIZE).begin()) as spool:
        assert await _peak(changed(IN_MEMORY, long=Elsewhere(spool))) < LEAST
