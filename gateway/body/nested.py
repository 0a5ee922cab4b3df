"""Documents in the texts of other documents: read where they stand, and written back as text."""

import gzip
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping
from copy import copy
from typing import Final, TypeGuard, cast

from gateway.body.coding import unpacked
from gateway.body.document import Attributed, Codec, Document, Marked, Octets, members_of
from gateway.body.form import Form
from gateway.body.json import Json
from gateway.body.ndjson import Ndjson
from gateway.body.opaque import Opaque
from gateway.body.xml import Xml
from gateway.contract.terms import Held, Nest
from gateway.errors import Refusal, refuse
from gateway.pieces import whole

FORMATS: Final[Mapping[str, Codec]] = {
    "json": Json(),
    "form": Form(),
    "ndjson": Ndjson(),
    "xml": Xml(),
    "opaque": Opaque(),
}


# No path can hold a backslash, so what begins with one stays here: a member of a document that is called like an
# attribute of the text in which it came, and an attribute that nothing can name.
_UNNAMEABLE: Final = "\\"


class _Object(dict[str, Document]):
    """An object that came as a text, and the attributes of that."""

    __slots__ = ("text",)
    text: str


class _List(Marked):
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
        return _inner(document, nest, nest.held)
    return _unfolded(document, nest)


def _unfolded(document: Document, nest: Nest) -> Document:
    if isinstance(document, list):
        if nest.each is not None:
            document[:] = [unfolded(element, nest.each) for element in document]
        return document
    members = cast("dict[str, Document]", members_of(document))
    for name, child in nest.members.items():
        if name in members:
            members[name] = unfolded(members[name], child)
    return document


def _inner(value: Document, nest: Nest, held: Held) -> Document:
    if not isinstance(value, str):
        raise refuse("body.unreadable", f"{nest.path} is no text")
    if _is_file(value, held):
        if value.size > held.max_bytes:
            raise refuse("body.too_large", f"in {nest.path}: more than {held.max_bytes} bytes")
        return _unfolded(value, nest)
    try:
        document = FORMATS[held.body].read(_data(value, held), nest.tree)
    except Refusal as refusal:
        raise refuse(refusal.code, f"in {nest.path}: {refusal.failures[0].detail}") from None
    inner: _Object | _List | _Whole
    beside = members_of(_unfolded(value, nest))
    if isinstance(document, dict):
        inner = _Object({_member(name, nest): member for name, member in document.items()})
        _unfolded(inner, nest)
        inner |= {_attribute(name, nest): attribute for name, attribute in beside.items()}
    elif isinstance(document, list):
        inner = _List(document)
        inner.attributes = dict(beside)
        _unfolded(inner, nest)
    elif held.body == "opaque" and isinstance(document, str):
        inner = _Whole(document, beside)
    else:
        raise refuse("body.unreadable", f"{nest.path} holds a single value and no document")
    inner.text = value
    return inner


def _is_file(value: str, held: Held) -> TypeGuard[Octets]:
    """Whether a text is the bytes of a file already, so that they need not be there a second time."""
    return held.body == "opaque" and not held.encoding and isinstance(value, Octets)


def _member(name: str, nest: Nest) -> str:
    taken = nest.is_beside(name) or (nest.has_attributes and name.startswith(_UNNAMEABLE))
    return f"{_UNNAMEABLE}{name}" if taken else name


def _attribute(name: str, nest: Nest) -> str:
    return name if nest.is_beside(name) else f"{_UNNAMEABLE}{name}"


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
    if nest.held is None or not isinstance(source, _Object | _List | _Whole):
        return _folded(document, source, nest)
    beside, inside = _parted(document, nest)
    if isinstance(source, _Whole) and not isinstance(inside, str):
        # Of a part its name alone may leave.
        return _folded(document, source.text, nest)
    made, origin = _folded(inside, source, nest)
    if made == source and isinstance(source, _Whole):
        text = str(source.text)
    else:
        text = _text(whole(FORMATS[nest.held.body].write(made, origin)), source.text, nest.held)
    attributes, came = _folded(beside, source.text, nest)
    if not beside:
        return text, came
    return (Attributed(text, members_of(attributes)) if _is_left(inside, source, nest) else attributes), came


def _parted(document: Document, nest: Nest) -> tuple[dict[str, Document], Document]:
    """What leaves beside a text, and what leaves of what it holds."""
    if isinstance(document, Attributed):
        return document.attributes, str(document)
    if not isinstance(document, dict):
        return {}, document
    beside = {name: value for name, value in document.items() if nest.is_beside(name)}
    return beside, {name: value for name, value in document.items() if name not in beside} if beside else document


def _is_left(inside: Document, source: Document, nest: Nest) -> bool:
    """Whether something leaves of what a text holds, be it that it held nothing."""
    return bool(inside) or not isinstance(source, dict) or all(map(nest.is_beside, source))


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
    made, origins = dict(members_of(document)), dict(members_of(source))
    names = nest.members.keys() & made.keys() & origins.keys()
    for name in names:
        made[name], origins[name] = folded(made[name], origins[name], nest.members[name])
    if not names:
        return document, source
    if isinstance(source, Attributed):
        return (Attributed(document, made) if isinstance(document, str) else made), source.beside(origins)
    came = copy(cast("dict[str, Document]", source))
    came.update(origins)
    return made, came


def holds(flat: Document, document: Document, source: Document, nest: Nest) -> bool:
    """Whether the texts of a document, as they are written, hold what was built for them, read by other parsers."""
    if nest.held is None or not isinstance(source, _Object | _List | _Whole):
        return all(holds(*each) for each in _children(flat, document, source, nest))
    beside, inside = _parted(document, nest)
    if not all(holds(*each) for each in _children(flat, beside, source.text, nest)):
        return False
    if isinstance(flat, dict):
        # Of what the text holds nothing leaves.
        return not inside
    made, origin = _folded(inside, source, nest)
    data = _reread(flat, source.text, nest.held)
    if data is None or not FORMATS[nest.held.body].holds(data, made, origin, nest.tree):
        return False
    return all(holds(*each) for each in _children(made, inside, source, nest))


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
    if isinstance(flat, list) and isinstance(document, list) and isinstance(source, list):
        if (each := nest.each) is not None:
            yield from ((*values, each) for values in zip(flat, document, source, strict=True))
        return
    written, made, came = members_of(flat), members_of(document), members_of(source)
    for name in nest.members.keys() & made.keys():
        yield written[name], made[name], came[name], nest.members[name]
