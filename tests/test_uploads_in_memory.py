"""A file on its way is in memory as often as honest proof needs it, and no oftener."""

import tracemalloc
from typing import Final

import pytest
from bodies import operation
from parts import MULTIPART, body, part

from gateway.assemble import Call, match, read, write
from gateway.body.multipart import Content
from gateway.minimise import minimise
from gateway.outbound.send import request

SIZE: Final = 4 * 1024 * 1024
STEP: Final = 64 * 1024
MOST: Final = 4.25
"""As it came, as a value, as what leaves of that, and as what is written or goes on the wire."""

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


async def _peak() -> float:
    """The most memory that a call takes from its body to its request, in lengths of its file."""
    headers = (MULTIPART, ("order", "A-10045"))
    call = Call("POST", "/acme/ship/P-1", b"", headers, _received)
    tracemalloc.start()
    try:
        matched, incoming, media = await read(call, match(call, UPLOAD.contracts))
        outgoing = minimise(matched.prepared.sending, incoming, secrets=["gtw-token-1"])
        sending = write(call, matched, incoming, outgoing, media)
        wire = request(matched.prepared.host, sending)
        return tracemalloc.get_traced_memory()[1] / SIZE
    finally:
        tracemalloc.stop()
        assert FILLING * (SIZE // STEP) in wire


async def test_a_file_is_in_memory_four_times_at_most() -> None:
    assert await _peak() < MOST


async def test_a_proof_that_holds_the_file_once_more_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.body.multipart.Digest", Content)

    assert await _peak() > MOST
