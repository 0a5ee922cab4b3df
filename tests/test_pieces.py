"""Bytes that are not in memory are the same bytes, wherever they are cut and however they are looked at."""

from collections.abc import AsyncIterator, Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stores_in_memory import away

from gateway import pieces
from gateway.errors import Refusal
from gateway.pieces import STEP, Payload, Pieces, gathered, joined, peek, rest, stepwise, whole

DATA = b"".join(b"%06d" % number for number in range(STEP // 2))


@st.composite
def cut(draw: st.DrawFn) -> tuple[bytes, Pieces]:
    """Bytes, and the same ones of which some are there and some stand elsewhere."""
    start, length = draw(st.integers(0, 100)), draw(st.integers(0, 3 * STEP))
    data = DATA[start : start + length]
    cuts = sorted({0, len(data), *draw(st.lists(st.integers(0, len(data)), max_size=6))})
    parts: list[Payload] = [
        away(data[one:other]) if draw(st.booleans()) else data[one:other] for one, other in pairwise(cuts)
    ]
    return data, whole_of(parts)


def whole_of(parts: Sequence[Payload]) -> Pieces:
    made = joined([*parts, away(b"")])
    assert isinstance(made, Pieces)
    return made


@given(cut())
def test_they_come_in_order_and_never_many_at_once(made: tuple[bytes, Pieces]) -> None:
    data, payload = made

    steps = list(payload.steps())

    assert b"".join(steps) == whole(payload) == data
    assert len(payload) == len(data)
    assert all(len(step) <= STEP for step in steps)
    assert list(stepwise(payload)) == steps


@given(cut(), st.data())
def test_a_part_of_them_is_the_same_part(made: tuple[bytes, Pieces], drawn: st.DataObject) -> None:
    data, payload = made
    start = drawn.draw(st.integers(0, len(data)))
    size = drawn.draw(st.integers(0, len(data) + 10))

    assert whole(payload.part(start, size)) == peek(payload, start, size) == peek(data, start, size)
    assert whole(rest(payload, start)) == rest(data, start) == data[start:]


@given(cut(), st.data())
def test_what_stands_in_them_is_found_where_it_stands(made: tuple[bytes, Pieces], drawn: st.DataObject) -> None:
    data, payload = made
    start, size = drawn.draw(st.integers(0, len(data))), drawn.draw(st.integers(12, 80))
    needle = data[start : start + size] or b"x"

    assert payload.find(needle) == data.find(needle)
    assert payload.find(needle + b"x") == -1
    overlaps_itself = any(needle.endswith(needle[:length]) for length in range(1, len(needle)))
    assert overlaps_itself or payload.count(needle) == data.count(needle)


def test_what_stands_across_pieces_shorter_than_itself_is_found() -> None:
    payload = joined([away(b"n"), b"ee", away(b"d"), b"le"])

    assert (whole(payload).find(b"needle"), payload.find(b"needle"), payload.count(b"needle")) == (0, 0, 1)


@pytest.mark.parametrize("shift", range(-12, 3))
def test_what_stands_across_the_end_of_a_step_is_found_once(shift: int) -> None:
    data = bytes(STEP + shift) + b"needle-here" + bytes(STEP)

    assert away(data).find(b"needle-here") == STEP + shift
    assert away(data).count(b"needle-here") == 1


def test_a_search_that_looks_at_each_step_alone_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces.Pieces, "_windows", lambda self, _: ((0, step) for step in self.steps()))

    with pytest.raises(AssertionError):
        test_what_stands_across_the_end_of_a_step_is_found_once(-3)


def test_what_is_all_in_memory_is_joined_in_memory() -> None:
    assert joined([b"a", b"", b"bc"]) == b"abc"
    assert joined([]) == b""


def test_what_is_in_memory_stands_together() -> None:
    made = joined([b"a", b"b", away(b"cd"), b"e", b"f"])

    assert isinstance(made, Pieces)
    assert [piece for piece in made.pieces if isinstance(piece, bytes)] == [b"ab", b"ef"]
    assert whole(made) == b"abcdef"


async def coming(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def test_a_stream_is_gathered_up_to_its_bound_and_not_a_byte_beyond() -> None:
    assert await gathered(coming(b"abc", b"", b"de"), 5) == b"abcde"
    with pytest.raises(Refusal) as refused:
        await gathered(coming(b"abc", b"def"), 5)

    assert refused.value.code == "body.too_large"
