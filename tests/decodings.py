"""What a vendor could make of the bytes it got: every spelling that a text may hide in, undone."""

import base64
import binascii
import html
import quopri
import re
import zlib
from collections.abc import Callable, Iterator
from urllib.parse import unquote_to_bytes

_ESCAPE = re.compile(rb"\\u([0-9a-fA-F]{4})")
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{12,}={0,2}")
_HEX = re.compile(rb"(?:[0-9a-fA-F]{2}){6,}")
_DEPTH = 4


def holds(raw: bytes, text: str) -> bool:
    """Whether a text stands in these bytes, in whatever case, and however it is encoded and how often."""
    wanted = text.encode().lower()
    seen, found = {raw}, [raw]
    for _ in range(_DEPTH):
        if any(wanted in each.lower() for each in found):
            return True
        found = [made for each in found for undo in _UNDOINGS for made in undo(each) if made not in seen]
        seen.update(found)
    return any(wanted in each.lower() for each in found)


def _percent(raw: bytes) -> Iterator[bytes]:
    yield unquote_to_bytes(raw.replace(b"+", b" "))


def _entities(raw: bytes) -> Iterator[bytes]:
    yield html.unescape(raw.decode("utf-8", "replace")).encode("utf-8", "replace")


def _escapes(raw: bytes) -> Iterator[bytes]:
    yield _ESCAPE.sub(lambda match: chr(int(match[1], 16)).encode("utf-8", "replace"), raw)


def _base64(raw: bytes) -> Iterator[bytes]:
    for match in _BASE64.finditer(raw):
        # Where the text that was encoded begins is not known, so each of the four beginnings is tried.
        for start in range(4):
            piece = match[0].rstrip(b"=")[start:].replace(b"-", b"+").replace(b"_", b"/")
            try:
                yield base64.b64decode(piece[: len(piece) // 4 * 4])
            except binascii.Error:
                continue


def _hex(raw: bytes) -> Iterator[bytes]:
    for match in _HEX.finditer(raw):
        yield bytes.fromhex(match[0].decode())


def _quoted_printable(raw: bytes) -> Iterator[bytes]:
    yield quopri.decodestring(raw)


def _packed(raw: bytes) -> Iterator[bytes]:
    for start in (found.start() for found in re.finditer(rb"\x1f\x8b|\x78[\x01\x9c\xda]", raw)):
        try:
            yield zlib.decompressobj(47).decompress(raw[start:], 1_000_000)
        except zlib.error:
            continue


_UNDOINGS: tuple[Callable[[bytes], Iterator[bytes]], ...] = (
    _percent,
    _entities,
    _escapes,
    _base64,
    _hex,
    _quoted_printable,
    _packed,
)
