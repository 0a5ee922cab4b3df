"""Documents in the texts of other documents: read where they stand, and written back as text."""

import gzip
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping
from copy import copy
from typing import Final, cast

from gateway.body.coding import unpacked
from gateway.body.document import Attributed, Codec, Document, Octets, members_of
from gateway.body.form import Form
from gateway.body.json import Json
from gateway.body.ndjson import Ndjson
from gateway.body.opaque import Opaque
from gateway.body.xml import Xml
from gateway.contract.terms import Held, Nest
from gateway.errors import Refusal, refuse

FORMATS: Final[Mapping[str, Codec]] = {
    "json": Json(),
    "form": Form(),
    "ndjson": Ndjson(),
    "xml": Xml(),
    "opaque": Opaque(),
}


class _Object(dict[str, Document]):
    """An object that came as a text."""

    __slots__ = ("text",)
    text: str


class _List(list[Document]):
    """A list that came as a text."""

    __slots__ = ("text",)
    text: str


class _Whole(Attributed):
    """Bytes into which nobody can look, which came as a text."""

    __slots__ = ("text",)
    text: str


def unfolded(document: Document, nest: Nest) -> Document:
    """The document, changed in place: where `nest` leads to a text stands what the text holds.

    What is null or empty is no document and stays as it is. Raises Refusal `body.unreadable` or `body.too_large`.
    """
    if nest.held is not None and document:
        document = _inner(document, nest, nest.held)
    if isinstance(document, list):
        if nest.each is not None:
            document[:] = [unfolded(element, nest.each) for element in document]
    elif isinstance(document, dict):
        for name, child in nest.members.items():
            if name in document:
                document[name] = unfolded(document[name], child)
    return document


def _inner(value: Document, nest: Nest, held: Held) -> Document:
    if not isinstance(value, str):
        raise refuse("body.unreadable", f"{nest.path} is no text")
    try:
        document = FORMATS[held.body].read(_data(value, held), nest.tree)
    except Refusal as refusal:
        raise refuse(refusal.code, f"in {nest.path}: {refusal.failures[0].detail}") from None
    inner: _Object | _List | _Whole
    if isinstance(document, dict):
        inner = _Object(document)
    elif isinstance(document, list):
        inner = _List(document)
    elif held.body == "opaque" and isinstance(document, str):
        inner = _Whole(document, value.attributes if isinstance(value, Attributed) else {})
    else:
        raise refuse("body.unreadable", f"{nest.path} holds a single value and no document")
    inner.text = value
    return inner


def _data(text: str, held: Held) -> bytes:
    """The bytes of a document without its encodings, each of which is bounded."""
    data = text.encode(_charset(text))
    for encoding in held.encoding:
        data = _DECODED[encoding](data, held.max_bytes)
    if len(data) > held.max_bytes:
        raise refuse("body.too_large", f"more than {held.max_bytes} bytes")
    return data


def _charset(text: str) -> str:
    return "latin-1" if isinstance(text, Octets) else "utf-8"


def _from_base64(data: bytes, limit: int) -> bytes:
    """Base64 in its one spelling (RFC 4648 section 4), so that bytes which stay the same are written the same."""
    del limit
    try:
        decoded = b64decode(data, validate=True)
    except ValueError:
        decoded = b""
    if b64encode(decoded) != data:
        raise refuse("body.unreadable", "not base64 as RFC 4648 section 4 has it")
    return decoded


def _from_gzip(data: bytes, limit: int) -> bytes:
    return unpacked(data, ["gzip"], limit)


_DECODED: Mapping[str, Callable[[bytes, int], bytes]] = {"base64": _from_base64, "gzip": _from_gzip}
_ENCODED: Mapping[str, Callable[[bytes], bytes]] = {
    "base64": b64encode,
    "gzip": lambda data: gzip.compress(data, mtime=0),
}
_REREAD: Mapping[str, Callable[[bytes], bytes]] = {
    "base64": lambda data: b64decode(data, validate=True),
    "gzip": gzip.decompress,
}


def folded(document: Document, source: Document, nest: Nest) -> tuple[Document, Document]:
    """What was built out of an unfolded source, and that source, as they were before: texts are texts again."""
    made, origin = _folded(document, source, nest)
    if nest.held is None or not isinstance(source, _Object | _List | _Whole):
        return made, origin
    if not isinstance(source, _Whole):
        return _text(FORMATS[nest.held.body].write(made, origin), source.text, nest.held), source.text
    if not isinstance(made, str):
        # Of a part its name alone may leave.
        return made, source.text
    text = str(source.text) if made == source else _text(FORMATS["opaque"].write(made, origin), source.text, nest.held)
    return (Attributed(text, members_of(made)) if members_of(made) else text), source.text


def _text(data: bytes, like: str, held: Held) -> str:
    for encoding in reversed(held.encoding):
        data = _ENCODED[encoding](data)
    return data.decode(_charset(like))


def _folded(document: Document, source: Document, nest: Nest) -> tuple[Document, Document]:
    if isinstance(document, list) and isinstance(source, list) and nest.each is not None:
        each = nest.each
        pairs = [folded(value, origin, each) for value, origin in zip(document, source, strict=True)]
        # A codec may have put down on the source how it came.
        kept = copy(source)
        kept[:] = [origin for _, origin in pairs]
        return [value for value, _ in pairs], kept
    if isinstance(document, dict) and isinstance(source, dict):
        made, origin = dict(document), copy(source)
        for name in nest.members.keys() & made.keys():
            made[name], origin[name] = folded(made[name], origin[name], nest.members[name])
        return cast("Document", made), cast("Document", origin)
    return document, source


def holds(flat: Document, document: Document, source: Document, nest: Nest) -> bool:
    """Whether the texts of a document, as they are written, hold what was built for them, read by other parsers."""
    if nest.held is not None and isinstance(source, _Object | _List | _Whole):
        if isinstance(source, _Whole) and not isinstance(document, str):
            return True
        made, origin = _folded(document, source, nest)
        data = _reread(flat, source.text, nest.held)
        if data is None or not FORMATS[nest.held.body].holds(data, made, origin, nest.tree):
            return False
        flat = made
    return all(holds(*each) for each in _children(flat, document, source, nest))


def _reread(text: Document, like: str, held: Held) -> bytes | None:
    if not isinstance(text, str):
        return None
    data = text.encode(_charset(like))
    try:
        for encoding in held.encoding:
            data = _REREAD[encoding](data)
    except (ValueError, OSError, EOFError, zlib.error):
        return None
    return data


def _children(
    flat: Document, document: Document, source: Document, nest: Nest
) -> Iterator[tuple[Document, Document, Document, Nest]]:
    if isinstance(flat, list) and isinstance(document, list) and isinstance(source, list) and nest.each is not None:
        each = nest.each
        yield from ((*values, each) for values in zip(flat, document, source, strict=True))
    elif isinstance(flat, dict) and isinstance(document, dict) and isinstance(source, dict):
        for name in nest.members.keys() & document.keys():
            yield flat[name], document[name], source[name], nest.members[name]
