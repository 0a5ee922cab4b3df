"""Compressed bodies (RFC 9110 section 8.4.1), unpacked within bounds before anybody looks at them."""

import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, Protocol

import brotli

from gateway.errors import Refusal, refuse
from gateway.pieces import STEP, Payload, peek, stepwise

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
_ZSTD_FRAME: Final = b"\x28\xb5\x2f\xfd"
_ZSTD_WINDOW: Final[Mapping[int, int]] = {zstd.DecompressionParameter.window_log_max: 23}
"""8 MiB, which is what the coding may ask of whoever unpacks it (RFC 9659)."""
_BROKEN: Final = (zlib.error, brotli.error, zstd.ZstdError)


class _Stream(Protocol):
    """A body while it is unpacked: no more than about `most` bytes come out at once.

    While it `is_full`, more comes out although nothing more goes in.
    """

    def decompress(self, data: bytes, most: int, /) -> bytes: ...
    @property
    def is_full(self) -> bool: ...
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...


class _Zlib:
    """A stream of deflate (RFC 1951), in what `bits` say is around it."""

    def __init__(self, bits: int) -> None:
        self._stream = zlib.decompressobj(bits)
        self.is_full = False

    @property
    def eof(self) -> bool:
        return self._stream.eof

    @property
    def unused_data(self) -> bytes:
        return self._stream.unused_data

    def decompress(self, data: bytes, most: int, /) -> bytes:
        unpacked = self._stream.decompress(self._stream.unconsumed_tail + data, most)
        self.is_full = len(unpacked) >= most
        return unpacked


class _Brotli:
    """A brotli stream (RFC 7932). What follows it is an error of its own, so none of it is ever left."""

    unused_data = b""

    def __init__(self) -> None:
        self._stream = brotli.Decompressor()
        self._gave = False

    @property
    def is_full(self) -> bool:
        # Whether it takes more does not tell whether it would give more.
        return self._gave and not self.eof

    @property
    def eof(self) -> bool:
        return bool(self._stream.is_finished())

    def decompress(self, data: bytes, most: int, /) -> bytes:
        unpacked = bytes(self._stream.process(data, output_buffer_limit=most))
        self._gave = bool(unpacked)
        return unpacked


class _Zstd:
    """One frame with content (RFC 8878)."""

    def __init__(self) -> None:
        self._stream = zstd.ZstdDecompressor(options=_ZSTD_WINDOW)

    @property
    def is_full(self) -> bool:
        return not self._stream.needs_input and not self._stream.eof

    @property
    def eof(self) -> bool:
        return self._stream.eof

    @property
    def unused_data(self) -> bytes:
        return self._stream.unused_data

    def decompress(self, data: bytes, most: int, /) -> bytes:
        return self._stream.decompress(data, most)


def unpacked(payload: bytes, codings: Iterable[str], limit: int) -> bytes:
    """A payload without its content coding, at most `limit` bytes. `codings` are the values of Content-Encoding.

    Raises Refusal `body.encoding` for a coding that is not one of CODINGS and for more than one, `body.too_large`
    beyond the limit or the ratio, and `body.unreadable` for what is broken, cut off, or followed by anything.
    """
    begun = _coding(codings)
    return b"".join(_inflated(payload, begun(payload), limit)) if begun and payload else payload


def unpacking(payload: Payload, codings: Iterable[str], limit: int) -> Iterator[bytes]:
    """The same in steps, with the same refusals where they come to it: only after the last step all is well."""
    begun = _coding(codings)
    return _inflated(payload, begun(peek(payload, 0, STEP)), limit) if begun and payload else stepwise(payload)


def _coding(codings: Iterable[str]) -> Callable[[bytes], _Stream] | None:
    names = [name for value in codings for text in value.split(",") if (name := text.strip().lower())]
    names = [name for name in names if name != "identity"]
    if not names:
        return None
    if len(names) > 1:
        raise refuse("body.encoding", "the body is compressed more than once")
    if (begun := CODINGS.get(names[0])) is None:
        raise refuse("body.encoding", "gzip, deflate, br and zstd are taken")
    return begun


def _inflated(payload: Payload, stream: _Stream, limit: int) -> Iterator[bytes]:
    bound = min(limit, max(ALWAYS, MAX_RATIO * len(payload)))
    length = 0
    for data in _unpacked(payload, stream):
        length += len(data)
        if length > bound:
            over = f"more than {limit} bytes" if bound == limit else f"more than {MAX_RATIO} times its length"
            raise refuse("body.too_large", f"{over} when unpacked")
        yield data
    if not stream.eof:
        raise refuse("body.unreadable", "the compressed body is cut off")


def _unpacked(payload: Payload, stream: _Stream) -> Iterator[bytes]:
    try:
        for step in stepwise(payload):
            if stream.eof:
                raise _follows()
            yield stream.decompress(step, STEP)
            while stream.is_full:
                yield stream.decompress(b"", STEP)
            if stream.unused_data:
                # A second member too: two readers could disagree on whether it belongs to the body.
                raise _follows()
    except _BROKEN:
        # `from None`: how far the stream could be read is nobody's business.
        raise refuse("body.unreadable", "the compressed body is broken") from None


def _follows() -> Refusal:
    return refuse("body.unreadable", "something follows the compressed body")


def _gzip(payload: bytes) -> _Stream:
    del payload
    return _Zlib(_GZIP)


def _deflate(payload: bytes) -> _Stream:
    """With a zlib header, as the standard has it, or raw, as many send it; no encoder begins raw data like a header."""
    has_header = payload[0] & 0x0F == _DEFLATED and int.from_bytes(payload[:2]) % _CHECKED == 0
    return _Zlib(zlib.MAX_WBITS if has_header else -zlib.MAX_WBITS)


def _br(payload: bytes) -> _Stream:
    del payload
    return _Brotli()


def _zstd(payload: bytes) -> _Stream:
    """A frame that is to be skipped hides what is in it, and would end the reading."""
    if not _ZSTD_FRAME.startswith(payload[: len(_ZSTD_FRAME)]):
        raise refuse("body.unreadable", "the compressed body is broken")
    return _Zstd()


CODINGS: Mapping[str, Callable[[bytes], _Stream]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "br": _br,
    "zstd": _zstd,
}
