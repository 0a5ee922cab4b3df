"""Forms and queries (application/x-www-form-urlencoded), whole pairs kept byte for byte and in order.

Brackets nest, raw or as %5B.
"""

import re
from collections.abc import Iterator, Mapping
from typing import cast
from urllib.parse import parse_qsl, quote_plus, unquote_to_bytes

from gateway.body.document import Document, as_text
from gateway.body.names import insert, is_named, steps_of
from gateway.contract.terms import Node
from gateway.errors import refuse

_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_UNPRINTABLE = re.compile(rb"[\x00-\x20\x7f;]")
MAX_PAIRS = 10_000


class Pair(str):
    """A value together with the pair it came in."""

    __slots__ = ("name", "position", "raw", "raw_name")

    position: int
    name: str
    raw: bytes
    raw_name: bytes


class Form:
    """Nested names as objects and lists of text."""

    def read(self, data: bytes, tree: Node) -> Document:
        if not data:
            return {}
        if _UNPRINTABLE.search(data) or _ESCAPE.search(data):
            raise refuse(
                "body.unreadable", "a form holds printable signs and whole escapes, and no semicolon unescaped"
            )
        document: dict[str, Document] = {}
        parts = data.split(b"&")
        if len(parts) > MAX_PAIRS:
            raise refuse("body.too_large", f"more than {MAX_PAIRS} fields")
        for index, raw in enumerate(parts):
            if raw:
                pair = _pair(index, raw)
                first, *rest = steps_of(pair.name)
                insert(document, first, rest, pair, tree)
        return document

    def write(self, document: Document, source: Document) -> bytes:
        written = sorted(_written(document, source))
        return b"&".join(raw for _, raw in written)

    def holds(self, data: bytes, document: Document, source: Document, tree: Node) -> bool:
        expected = [(pair.name, as_text(value)) for pair, value in sorted(_leaves(document, source), key=_position)]
        try:
            read = parse_qsl(data.decode("utf-8"), keep_blank_values=True, errors="strict") if data else []
        except ValueError:
            return False
        return read == expected and all(is_named(name, tree) for name, _ in read)


def _pair(index: int, raw: bytes) -> Pair:
    raw_name, _, raw_value = raw.partition(b"=")
    pair = Pair(_decoded(raw_value))
    pair.position, pair.raw, pair.raw_name, pair.name = index, raw, raw_name, _decoded(raw_name)
    return pair


def _decoded(raw: bytes) -> str:
    try:
        return unquote_to_bytes(raw.replace(b"+", b" ")).decode("utf-8")
    except UnicodeDecodeError:
        raise refuse("body.unreadable", "a form is UTF-8 text") from None


def _leaves(document: Document, source: Document) -> Iterator[tuple[Pair, Document]]:
    """Each value that leaves beside the pair it was built from."""
    if isinstance(source, Pair):
        if not isinstance(document, Mapping):
            yield source, document
    elif isinstance(source, Mapping):
        for name, value in cast("Mapping[str, Document]", document).items():
            yield from _leaves(value, source[name])
    elif isinstance(source, list):
        for value, origin in zip(cast("list[Document]", document), source, strict=True):
            yield from _leaves(value, origin)


def _position(leaf: tuple[Pair, Document]) -> int:
    return leaf[0].position


def _written(document: Document, source: Document) -> Iterator[tuple[int, bytes]]:
    for pair, value in _leaves(document, source):
        if value is pair:
            yield pair.position, pair.raw
        else:
            yield pair.position, pair.raw_name + b"=" + quote_plus(as_text(value)).encode("ascii")
