"""However long a body of lines is, only a few of its lines are in memory; that this is measured has a control."""

import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest
from bodies import operation

from gateway.assemble import Call, match, read, write
from gateway.frozen import changed
from gateway.minimise import Minimised, minimise
from gateway.outbound.send import Sending, request
from gateway.pieces import Payload, peek
from gateway.spool import Spools

MIB: Final = 1024 * 1024
SIZE: Final = 6 * MIB
MOST: Final = 1.5
"""Mebibytes that the longest may take, and all that is around it: of the steps in which bodies are read, of what leaves
as of what came, a few are in memory at once."""

EVENTS = operation("""
body: ndjson
max_bytes: 16 MiB
groups:
  - {why: What happened., category: not_personal, fields: [$.*.event]}
  - {why: What the parcel looks like., category: parcel.measure, fields: [$.*.picture]}
  - {why: What the driver should know., form: scrub, fields: {$.*.note: delivery.note}}
""")
PICTURE: Final = "iVBORw0KGgo" * 2_000
LINE: Final = f'{{"event":"left","picture":"{PICTURE}","who":"Zoe","first_name":"Zoe","note":"for Zoe"}}\n'.encode()
LINES: Final = SIZE // len(LINE)


def _lines() -> Iterator[bytes]:
    return (LINE for _ in range(LINES))


async def _received(limit: int) -> bytes:
    assert limit > SIZE
    return b"".join(_lines())


class Elsewhere:
    """The same lines in a file."""

    is_away = True

    def __init__(self, spools: Spools) -> None:
        self._spools = spools
        self.begun = [spools.begin(), spools.begin()]

    async def take(self, limit: int) -> Payload:
        assert limit > SIZE
        for line in _lines():
            self.begun[0].write(line)
        return self.begun[0].done()

    def keep(self, steps: object) -> Payload:
        for step in steps:  # type: ignore[attr-defined]
            self.begun[1].write(step)
        return self.begun[1].done()


IN_MEMORY = Call(
    "POST", "/acme/ship/P-1", b"", (("content-type", "application/x-ndjson"), ("order", "A-10045")), _received
)


async def _left(call: Call) -> tuple[Minimised, Sending, Payload]:
    matched, incoming, media = await read(call, match(call, EVENTS.contracts))
    keep = call.long.keep if call.long else b"".join
    outgoing = minimise(matched.prepared.sending, incoming, secrets=["gtw-token-1"], keep=keep)
    sending = write(call, matched, incoming, outgoing, media)
    return outgoing, sending, request(matched.prepared.host, sending)


async def _peak(call: Call = IN_MEMORY) -> float:
    """The most memory that a call takes from its body to its request, in mebibytes."""
    # What is loaded once and kept, such as the plans of telephone numbers, is not the call's.
    await _left(IN_MEMORY)
    tracemalloc.start()
    try:
        outgoing, sending, wire = await _left(call)
        peak = tracemalloc.get_traced_memory()[1] / MIB
    finally:
        tracemalloc.stop()
    assert sum(outgoing.counts) == 1 + 3 * LINES
    assert peek(sending.body, len(sending.body) - 23, 23) == b'"note":"for <PERSON>"}\n'
    assert len(wire) > len(sending.body) > LINES * len(PICTURE)
    return peak


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Elsewhere]:
    made = Elsewhere(Spools(tmp_path, most=4 * SIZE))
    with closing(made.begun[0]), closing(made.begun[1]):
        yield made


async def test_of_long_lines_few_are_in_memory(elsewhere: Elsewhere) -> None:
    assert await _peak(changed(IN_MEMORY, long=elsewhere)) < MOST


async def test_of_lines_that_are_in_memory_all_are() -> None:
    assert await _peak() > 3 * SIZE / MIB
