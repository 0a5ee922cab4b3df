"""Compressed bodies (RFC 9110 section 8.4.1), unpacked within bounds before anybody looks at them."""

import zlib
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from gateway.errors import refuse

MAX_RATIO: Final = 100
"""How many times its length a body may have unpacked; text reaches about ten."""
ALWAYS: Final = 64 * 1024
"""Bytes up to which any ratio will do: short bodies of one kind pack better than any text."""

_GZIP: Final = 16 + zlib.MAX_WBITS
_DEFLATED: Final = 8
_CHECKED: Final = 31


def unpacked(payload: bytes, codings: Iterable[str], limit: int) -> bytes:
    """A payload without its content coding, at most `limit` bytes. `codings` are the values of Content-Encoding.

    Raises Refusal `body.encoding` for any coding but gzip and deflate and for more than one, `body.too_large` beyond
    the limit or the ratio, and `body.unreadable` for what is broken, cut off, or followed by anything.
    """
    names = [name for value in codings for text in value.split(",") if (name := text.strip().lower())]
    names = [name for name in names if name != "identity"]
    if not names:
        return payload
    if len(names) > 1:
        raise refuse("body.encoding", "the body is compressed more than once")
    if (wbits := _CODINGS.get(names[0])) is None:
        raise refuse("body.encoding", "gzip and deflate are taken")
    return _inflated(payload, wbits(payload), limit) if payload else payload


def _inflated(payload: bytes, wbits: int, limit: int) -> bytes:
    bound = min(limit, max(ALWAYS, MAX_RATIO * len(payload)))
    stream = zlib.decompressobj(wbits)
    try:
        data = stream.decompress(payload, bound + 1)
    except zlib.error:
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


def _gzip(payload: bytes) -> int:
    del payload
    return _GZIP


def _deflate(payload: bytes) -> int:
    """With a zlib header, as the standard has it, or raw, as many send it; no encoder begins raw data like a header."""
    has_header = payload[0] & 0x0F == _DEFLATED and int.from_bytes(payload[:2]) % _CHECKED == 0
    return zlib.MAX_WBITS if has_header else -zlib.MAX_WBITS


_CODINGS: Mapping[str, Callable[[bytes], int]] = {"gzip": _gzip, "x-gzip": _gzip, "deflate": _deflate}
