"""A compressed body is unpacked whole, within bounds, or not at all."""

import gzip
import re
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from bodies import operation
from hypothesis import given
from hypothesis import strategies as st
from packers import PACKERS, brotli, zstd
from stores_in_memory import away

from gateway.body.coding import ALWAYS, MAX_RATIO, unpacked, unpacking
from gateway.errors import Refusal
from gateway.pieces import STEP, Payload

LIMIT = 256 * 1024
PLAIN = b'{"name":"Zo\xc3\xab","note":"' + bytes(range(32, 34)) * 50 + b'"}'


def raw(data: bytes) -> bytes:
    return zlib.compress(data, wbits=-zlib.MAX_WBITS)


CHECKED: dict[int, int] = {zstd.CompressionParameter.checksum_flag: 1}
WIDE: dict[int, int] = {zstd.CompressionParameter.window_log: 24}
SKIPPED = b"\x50\x2a\x4d\x18\x05\x00\x00\x00hello"


def in_parts(data: bytes) -> bytes:
    packer = zstd.ZstdCompressor()
    return packer.compress(data[:50]) + packer.compress(data[50:]) + packer.flush()


PACKED: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "gzip by its old name": ("x-gzip", gzip.compress),
    "deflate with a header": ("deflate", zlib.compress),
    "deflate without one": ("deflate", raw),
    "deflate, not compressed": ("deflate", lambda data: zlib.compress(data, 0)),
    "raw deflate, not compressed": ("deflate", lambda data: zlib.compress(data, 0, -zlib.MAX_WBITS)),
    "another window": ("deflate", lambda data: zlib.compress(data, wbits=9)),
    "brotli": ("br", brotli.compress),
    "brotli, hardly": ("br", lambda data: brotli.compress(data, quality=0)),
    "brotli, another window": ("br", lambda data: brotli.compress(data, lgwin=10)),
    "zstandard": ("zstd", zstd.compress),
    "zstandard with a check sum": ("zstd", lambda data: zstd.compress(data, options=CHECKED)),
    "zstandard that does not say its length": ("zstd", in_parts),
}
packings = pytest.mark.parametrize(("coding", "pack"), PACKED.values(), ids=PACKED.keys())


def refusal(payload: bytes, *codings: str, limit: int = LIMIT) -> str:
    with pytest.raises(Refusal) as refused:
        unpacked(payload, codings, limit)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__ or refused.value.__context__ is None
    return refused.value.code


@packings
@given(data=st.binary(max_size=2000))
def test_what_was_packed_comes_out_as_it_was(coding: str, pack: Callable[[bytes], bytes], data: bytes) -> None:
    assert unpacked(pack(data), [coding], LIMIT) == data


@pytest.mark.parametrize("codings", [[], [""], ["identity"], ["Identity, "], ["identity", "identity"]])
def test_a_body_that_is_not_compressed_stays_as_it_is(codings: list[str]) -> None:
    assert unpacked(b"\x1f\x8b plain", codings, LIMIT) == b"\x1f\x8b plain"


@pytest.mark.parametrize("coding", ["GZIP", " gzip ", "identity, gzip", "gzip,"])
def test_a_coding_is_a_word_in_any_spelling(coding: str) -> None:
    assert unpacked(gzip.compress(PLAIN), [coding], LIMIT) == PLAIN


def test_no_body_is_no_compressed_body() -> None:
    assert unpacked(b"", ["gzip"], LIMIT) == b""


@pytest.mark.parametrize("codings", [["brotli"], ["zstandard"], ["compress"], ["gzip2"], ["gzip;q=1"], ["x-zoe"]])
def test_another_coding_is_refused_and_what_is_taken_is_said(codings: list[str]) -> None:
    with pytest.raises(Refusal) as refused:
        unpacked(gzip.compress(PLAIN), codings, LIMIT)

    [failure] = refused.value.failures
    assert (failure.code, failure.detail) == ("body.encoding", "gzip, deflate, br and zstd are taken")


@pytest.mark.parametrize(
    "codings", [["gzip, gzip"], ["gzip", "gzip"], ["deflate,gzip"], ["gzip", "identity", "br"], ["br, br"]]
)
def test_a_body_in_two_codings_is_refused(codings: list[str]) -> None:
    assert refusal(gzip.compress(gzip.compress(PLAIN)), *codings) == "body.encoding"


@packings
def test_a_body_that_ends_early_is_refused_wherever_it_ends(coding: str, pack: Callable[[bytes], bytes]) -> None:
    whole = pack(PLAIN)

    codes = {refusal(whole[:end], coding) for end in range(1, len(whole))}

    assert codes == {"body.unreadable"}


@packings
@pytest.mark.parametrize(
    "behind",
    [b"\x00", b"{}", gzip.compress(b""), gzip.compress(PLAIN), brotli.compress(PLAIN), zstd.compress(PLAIN), SKIPPED],
    ids=["a NUL", "an object", "an empty member", "a second member", "brotli", "a second frame", "a frame to skip"],
)
def test_a_body_with_anything_behind_it_is_refused(coding: str, pack: Callable[[bytes], bytes], behind: bytes) -> None:
    assert refusal(pack(PLAIN) + behind, coding) == "body.unreadable"


@pytest.mark.parametrize("position", [0, 1, 2, 10, -8, -5, -1])
def test_a_body_in_which_a_byte_is_wrong_is_refused(position: int) -> None:
    broken = bytearray(gzip.compress(PLAIN))
    broken[position] ^= 0x55

    assert refusal(bytes(broken), "gzip") == "body.unreadable"


def test_one_coding_is_not_taken_for_another() -> None:
    assert refusal(zlib.compress(PLAIN), "gzip") == "body.unreadable"
    assert refusal(gzip.compress(PLAIN), "deflate") == "body.unreadable"
    assert refusal(PLAIN, "gzip") == "body.unreadable"
    assert refusal(PLAIN, "br") == "body.unreadable"
    assert refusal(gzip.compress(PLAIN), "br") == "body.unreadable"
    assert refusal(gzip.compress(PLAIN), "zstd") == "body.unreadable"
    assert refusal(brotli.compress(PLAIN), "zstd") == "body.unreadable"


@pytest.mark.parametrize("behind", [b"", zstd.compress(PLAIN)], ids=["and nothing more", "before one that is not"])
def test_a_frame_that_is_to_be_skipped_makes_a_body_unreadable(behind: bytes) -> None:
    assert refusal(SKIPPED + behind, "zstd") == "body.unreadable"


def test_a_body_that_wants_more_memory_than_anybody_has_to_have_is_unreadable() -> None:
    plain = bytes(range(256)) * 80_000

    assert refusal(zstd.compress(plain, options=WIDE), "zstd", limit=len(plain)) == "body.unreadable"


def test_a_dictionary_that_only_the_sender_has_makes_a_body_unreadable() -> None:
    packer = zlib.compressobj(zdict=PLAIN)

    assert refusal(packer.compress(PLAIN) + packer.flush(), "deflate") == "body.unreadable"
    assert refusal(zstd.compress(PLAIN, zstd_dict=zstd.ZstdDict(PLAIN, is_raw=True)), "zstd") == "body.unreadable"


@packings
def test_the_limit_is_that_of_the_unpacked_body(coding: str, pack: Callable[[bytes], bytes]) -> None:
    assert unpacked(pack(PLAIN), [coding], len(PLAIN)) == PLAIN
    assert refusal(pack(PLAIN), coding, limit=len(PLAIN) - 1) == "body.too_large"


packers = pytest.mark.parametrize(("coding", "pack"), PACKERS.items(), ids=PACKERS)


@packers
def test_a_short_body_may_pack_as_well_as_it_likes(coding: str, pack: Callable[[bytes], bytes]) -> None:
    assert len(unpacked(pack(bytes(ALWAYS)), [coding], LIMIT)) == ALWAYS


@packers
def test_a_long_body_that_packs_better_than_any_text_is_refused(coding: str, pack: Callable[[bytes], bytes]) -> None:
    packed = pack(bytes(4 * 1024 * 1024))

    assert len(packed) * MAX_RATIO < 4 * 1024 * 1024
    assert refusal(packed, coding, limit=8 * 1024 * 1024) == "body.too_large"


@packers
def test_of_a_bomb_hardly_more_is_unpacked_than_the_limit(coding: str, pack: Callable[[bytes], bytes]) -> None:
    packed = pack(bytes(16 * 1024 * 1024))
    tracemalloc.start()

    code = refusal(packed, coding, limit=1024 * 1024)

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert code == "body.too_large"
    assert peak < 4 * 1024 * 1024


JSON = operation("""
    body: json
    groups:
      - why: Which build failed, and where.
        category: not_personal
        fields: [$.a, $.release]
""")
# What was made by others, the coding that it is in, and what becomes of a call with it.
SAMPLES = {
    "deflate-raw.bin": ("deflate", ""),
    "deflate-zlib.bin": ("deflate", ""),
    "gzip-64MiB-zeros.json.gz": ("gzip", "body.too_large"),
    "gzip-bad-crc.gz": ("gzip", "body.unreadable"),
    "gzip-of-gzip-64MiB.gz": ("gzip", "body.unreadable"),
    "gzip-trailing-garbage.gz": ("gzip", "body.unreadable"),
    "gzip-truncated.gz": ("gzip", "body.unreadable"),
    "gzip-two-members.gz": ("gzip", "body.unreadable"),
}


@pytest.mark.parametrize("name", SAMPLES)
async def test_a_bomb_goes_off_nowhere(shared: Callable[[str], Path], name: str) -> None:
    payload = (shared("bombs") / name).read_bytes()
    coding, expected = SAMPLES[name]

    try:
        await JSON.read(payload, ("content-type", "application/json"), ("content-encoding", coding))
        code = ""
    except Refusal as refusal:
        code = refusal.code

    assert code == expected


def test_every_bomb_is_tried(shared: Callable[[str], Path]) -> None:
    assert {file.name for file in shared("bombs").iterdir()} - {"SOURCE.txt"} == SAMPLES.keys()


@packers
async def test_a_compressed_call_leaves_as_if_it_had_never_been_compressed(
    coding: str, pack: Callable[[bytes], bytes]
) -> None:
    media, body = ("content-type", "application/json"), b'{"a":1.10,"who":"Zoe"}'

    packed, _ = await JSON.sent(pack(body), media, ("content-encoding", coding))
    plain, _ = await JSON.sent(body, media)

    assert packed == plain
    assert not any(re.match("content-encoding", name) for name, _ in packed.headers)


async def test_codings_in_two_lines_are_two_codings() -> None:
    lines = [("content-encoding", "identity"), ("content-encoding", "gzip"), ("content-encoding", "gzip")]

    with pytest.raises(Refusal) as refused:
        await JSON.sent(gzip.compress(b'{"a":1}'), ("content-type", "application/json"), *lines)

    assert refused.value.code == "body.encoding"


@packings
@pytest.mark.parametrize("length", [0, 1, STEP - 1, STEP, 5 * STEP + 3])
def test_in_steps_comes_out_what_comes_out_at_once(coding: str, pack: Callable[[bytes], bytes], length: int) -> None:
    data = Random(length).randbytes(length)
    packed = pack(data)

    steps = list(unpacking(away(packed), [coding], 8 * STEP))

    assert b"".join(steps) == unpacked(packed, [coding], 8 * STEP) == data
    assert all(len(step) <= 2 * STEP for step in steps)


def tried(payload: Payload, coding: str, limit: int) -> bytes | str:
    """What comes out, or the code with which nothing does."""
    try:
        if isinstance(payload, bytes):
            return unpacked(payload, [coding], limit)
        return b"".join(unpacking(payload, [coding], limit))
    except Refusal as refusal:
        return refusal.code


@packings
def test_what_is_broken_or_too_long_in_steps_is_refused_as_at_once(coding: str, pack: Callable[[bytes], bytes]) -> None:
    packed = pack(Random(1).randbytes(3 * STEP))
    cases = {packed[:-1], packed[:STEP], packed + b"x", packed + packed, packed[:9] + b"\xff\xff\xff\xff" + packed[13:]}

    for broken in cases:
        assert tried(away(broken), coding, 4 * STEP) == tried(broken, coding, 4 * STEP)
    assert tried(away(packed[:-1]), coding, 4 * STEP) == "body.unreadable"
    assert tried(away(packed), coding, 3 * STEP - 1) == "body.too_large"


def test_what_is_not_compressed_comes_in_steps_as_it_is() -> None:
    data = bytes(3 * STEP)

    assert b"".join(unpacking(away(data), ["identity"], len(data))) == data
    with pytest.raises(Refusal):
        unpacking(away(data), ["gzip, gzip"], len(data))


def test_a_bomb_is_given_up_before_it_is_in_memory() -> None:
    bomb = away(gzip.compress(bytes(64 * 1024 * 1024)))
    tracemalloc.start()
    try:
        with pytest.raises(Refusal):
            for _ in unpacking(bomb, ["gzip"], 1024 * 1024 * 1024):
                pass
        assert tracemalloc.get_traced_memory()[1] < 1024 * 1024
    finally:
        tracemalloc.stop()
