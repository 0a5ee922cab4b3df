"""Compressed bodies (RFC 9110 section 8.4.1), unpacked within bounds before anybody looks at them."""

import sys
import zlib
from collections.abc import Callable, Iterable, Mapping
from typing import Final, Protocol

import brotli

from gateway.errors import refuse

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MAX_RATIO: Final = 100
"""How many times its length a body may have unpacked; text reaches about ten."""
ALWAYS: Final = 64 * 1024
"""Bytes up to which any ratio will do: short bodies of one kind pack better than any text."""

_GZIP: Final = 16 + zlib.MAX_WBITS
_DEFLATED: Final = 8
_CHECKED: Final = 31
_STEP: Final = 64 * 1024
_ZSTD_FRAME: Final = b"\x28\xb5\x2f\xfd"
_ZSTD_WINDOW: Final[Mapping[int, int]] = {zstd.DecompressionParameter.window_log_max: 23}
"""8 MiB, which is what the coding may ask of whoever unpacks it (RFC 9659)."""
_BROKEN: Final = (zlib.error, brotli.error, zstd.ZstdError)


class _Stream(Protocol):
    """A body while it is unpacked: no more than about `max_length` bytes come out at once."""

    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...


class _Brotli:
    """A brotli stream (RFC 7932). What follows it is an error of its own, so none of it is ever left."""

    unused_data = b""

    def __init__(self) -> None:
        self._stream = brotli.Decompressor()

    @property
    def eof(self) -> bool:
        return bool(self._stream.is_finished())

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        # In steps, since what comes out at once may be twice what was asked for.
        parts = [self._stream.process(data, output_buffer_limit=_STEP)]
        length = len(parts[0])
        while length < max_length and not self._stream.can_accept_more_data():
            parts.append(self._stream.process(b"", output_buffer_limit=_STEP))
            length += len(parts[-1])
        return b"".join(parts)


def unpacked(payload: bytes, codings: Iterable[str], limit: int) -> bytes:
    """A payload without its content coding, at most `limit` bytes. `codings` are the values of Content-Encoding.

    Raises Refusal `body.encoding` for a coding that is not one of CODINGS and for more than one, `body.too_large`
    beyond the limit or the ratio, and `body.unreadable` for what is broken, cut off, or followed by anything.
    """
    names = [name for value in codings for text in value.split(",") if (name := text.strip().lower())]
    names = [name for name in names if name != "identity"]
    if not names:
        return payload
    if len(names) > 1:
        raise refuse("body.encoding", "the body is compressed more than once")
    if (begun := CODINGS.get(names[0])) is None:
        raise refuse("body.encoding", "gzip, deflate, br and zstd are taken")
    return _inflated(payload, begun(payload), limit) if payload else payload


def _inflated(payload: bytes, stream: _Stream, limit: int) -> bytes:
    bound = min(limit, max(ALWAYS, MAX_RATIO * len(payload)))
    try:
        data = stream.decompress(payload, bound + 1)
    except _BROKEN:
        # `from None`: how far the stream could be read is nobody's business.
        raise refuse("body.unreadable", "the compressed body is broken") from None
    if len(data) > bound:
        over = f"more than {limit} bytes" if bound == limit else f"more than {MAX_RATIO} times its length"
        raise refuse("body.too_large", f"{over} when unpacked")
    if not stream.eof:
        raise refuse("body.unreadable", "the compressed body is cut off")
    if stream.unused_data:
        # A second member too: two readers could disagree on whether it belongs to the body.
        raise refuse("body.unreadable", "something follows the compressed body")
    return data


def _gzip(payload: bytes) -> _Stream:
    del payload
    return zlib.decompressobj(_GZIP)


def _deflate(payload: bytes) -> _Stream:
    """With a zlib header, as the standard has it, or raw, as many send it; no encoder begins raw data like a header."""
    has_header = payload[0] & 0x0F == _DEFLATED and int.from_bytes(payload[:2]) % _CHECKED == 0
    return zlib.decompressobj(zlib.MAX_WBITS if has_header else -zlib.MAX_WBITS)


def _br(payload: bytes) -> _Stream:
    del payload
    return _Brotli()


def _zstd(payload: bytes) -> _Stream:
    """One frame with content (RFC 8878): one that is to be skipped hides what is in it, and would end the reading."""
    if not _ZSTD_FRAME.startswith(payload[: len(_ZSTD_FRAME)]):
        raise refuse("body.unreadable", "the compressed body is broken")
    return zstd.ZstdDecompressor(options=_ZSTD_WINDOW)


CODINGS: Mapping[str, Callable[[bytes], _Stream]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "br": _br,
    "zstd": _zstd,
}
