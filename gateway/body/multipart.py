"""Forms with files (multipart/form-data, RFC 7578): read by multipart, written anew, proved by python_multipart.

A body begins at its first delimiter here, so that it says its own boundary; what stands before and after its parts is
nobody's. What is written has a boundary of ours that stands in no part, and of the head of a part only what leaves.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from itertools import count
from typing import TYPE_CHECKING, Final, Generic, TypeVar, cast

from multipart import MultipartError, MultipartSegment, ParserLimitReached, PushMultipartParser
from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from gateway.body.document import Attributed, Document, Octets, members_of
from gateway.body.names import Named, insert, is_named, node_of, steps_of
from gateway.body.part import (
    CONTENT_TYPE,
    Head,
    attributes_of,
    boundary_of,
    disposition_of,
    head_of,
    leaving,
    text_of,
    written_head,
)
from gateway.contract.terms import PART_ATTRIBUTES, Node
from gateway.errors import refuse

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

MAX_PARTS: Final = 1_000
MAX_HEADERS: Final = 8

_LINE: Final = 64 * 1024
_STEP: Final = 64 * 1024
"""Bytes of a body that a parser gets at once: what it cuts out of them is in memory twice for as long."""
_LENGTH: Final = 40

_FIRST = re.compile(rb"--([^\r\n]{1,70})\r\n")
_CHARSET: Final = "_charset_"

Seen = tuple[Mapping[str, str], bytes]
"""A part as the other parser reads it: its headers, the parameters of its disposition, and its content."""


class Text(Attributed):
    """The text of a part, together with its head."""

    __slots__ = ("head",)

    head: Head


class File(Octets):
    """The bytes of a part that holds a file or a document, together with its head."""

    __slots__ = ("head",)

    head: Head


class Multipart:
    """Parts by their names, which nest as those of forms. Of a file the bytes are the value; its name is beside it."""

    def read(self, data: bytes, tree: Node) -> Document:
        document = Named()
        names: list[str] = []
        for position, (headers, content) in enumerate(_parts(data) if data else ()):
            head = head_of(headers, position)
            first, *rest = steps = steps_of(head.name)
            if any(step in PART_ATTRIBUTES for step in steps):
                raise refuse("body.unreadable", "a part has the name of an attribute")
            insert(document, first, rest, _value(head, content, node_of(steps, tree)), tree)
            names.append(head.name)
        document.names = tuple(names)
        return document

    def write(self, document: Document, source: Document) -> bytes:
        parts = [(_head(*leaf), _content(*leaf)) for leaf in _leaves(document, source)]
        if not parts:
            return b""
        delimiter = b"--" + _boundary(parts)
        # Put together once: a file is as large as everything else together.
        pieces = [piece for head, content in parts for piece in (delimiter, b"\r\n", head, b"\r\n", content, b"\r\n")]
        return b"".join([*pieces, delimiter, b"--\r\n"])

    def holds(self, data: bytes, document: Document, source: Document, tree: Node) -> bool:
        leaves = list(_leaves(document, source))
        if not leaves:
            return not data
        boundary = boundary_in(data).encode()
        return (
            # Nothing stands before the first part, after the last one, or between them.
            data.startswith(b"--" + boundary + b"\r\n")
            and data.endswith(b"\r\n--" + boundary + b"--\r\n")
            and data.count(boundary) == len(leaves) + 1
            and _read_again(data, Digest) == [_expected(*leaf) for leaf in leaves]
            and all(is_named(part.head.name, tree) for part, _ in leaves)
        )


def from_first(payload: bytes, content_type: str) -> bytes:
    """A body from its first delimiter on, which has the boundary that its Content-Type gives; empty without parts.

    Raises Refusal `body.unreadable`.
    """
    delimiter = b"--" + boundary_of(content_type).encode()
    start = payload.find(delimiter)
    end = start + len(delimiter)
    after = payload[end : end + 2]
    if start < 0 or payload[max(0, start - 2) : start] not in (b"", b"\r\n") or after not in (b"\r\n", b"--"):
        raise refuse("body.unreadable", "no part begins with the boundary of the Content-Type")
    if after != b"\r\n":
        return b""
    return payload[start:] if start else payload


def boundary_in(payload: bytes) -> str:
    """The boundary of a body that begins at its first delimiter, or nothing where it begins otherwise."""
    match = _FIRST.match(payload)
    return match[1].decode("latin-1") if match else ""


def parts_of(data: bytes) -> list[Seen]:
    """The parts as the other parser finds them, none where it finds no whole body."""
    return [(headers, bytes(content)) for headers, content in _read_again(data, Content)]


class Content(bytearray):
    """The content of a part."""

    def update(self, data: bytes) -> None:
        self += data


class Digest:
    """Length and SHA-256 of the content of a part: a file need not be there once more to be proved."""

    def __init__(self) -> None:
        self.length = 0
        self.hash = sha256()

    def update(self, data: bytes) -> None:
        self.length += len(data)
        self.hash.update(data)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Digest) and (self.length, self.hash.digest()) == (other.length, other.hash.digest())

    __hash__ = None  # type: ignore[assignment]


_Sink = TypeVar("_Sink", Content, Digest)


def _read_again(data: bytes, begun: Callable[[], _Sink]) -> list[tuple[Mapping[str, str], _Sink]]:
    reading = _Reading(begun)
    parser = MultipartParser(
        boundary_in(data), reading.callbacks(), max_header_count=MAX_HEADERS, max_header_size=_LINE
    )
    try:
        for step in _steps(data):
            parser.write(step)
    except FormParserError:
        return []
    return reading.parts if reading.ended else []


class _Reading(Generic[_Sink]):
    """What a parser calls while it reads."""

    def __init__(self, begun: Callable[[], _Sink]) -> None:
        self.parts: list[tuple[Mapping[str, str], _Sink]] = []
        self.ended = False
        self._begun: Callable[[], _Sink] = begun
        self._headers: dict[str, str] = {}
        self._content: _Sink = begun()
        self._name, self._line = bytearray(), bytearray()

    def callbacks(self) -> "MultipartCallbacks":
        return {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, start, end: self._name.extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._line.extend(data[start:end]),
            "on_header_end": self._header,
            "on_part_data": lambda data, start, end: self._content.update(data[start:end]),
            "on_part_end": self._end,
            "on_end": self._ended,
        }

    def _begin(self) -> None:
        self._headers, self._content = {}, self._begun()

    def _header(self) -> None:
        name, line = self._name.decode("latin-1").lower(), self._line.decode("latin-1")
        label = f"{name} again" if name in self._headers else name
        if name == "content-disposition":
            _, parameters = parse_options_header(line)
            self._headers |= {f"{label}.{key.decode('latin-1')}": _utf_8(value) for key, value in parameters.items()}
        self._headers[label] = _utf_8(line.encode("latin-1"))
        self._name, self._line = bytearray(), bytearray()

    def _end(self) -> None:
        self.parts.append((self._headers, self._content))

    def _ended(self) -> None:
        self.ended = True


def _steps(data: bytes) -> Iterator[bytes]:
    return (data[start : start + _STEP] for start in range(0, len(data), _STEP))


def _events(parser: PushMultipartParser, data: bytes) -> Iterator[MultipartSegment | bytes | bytearray | None]:
    """What a parser finds up to the end of the last part; what is behind it is nobody's."""
    for step in _steps(data):
        if not parser.closed:
            yield from parser.parse(step)


def _parts(data: bytes) -> Iterator[tuple[list[tuple[str, str]], bytearray]]:
    """The headers and the content of each part. Raises Refusal `body.unreadable` or `body.too_large`."""
    parser = PushMultipartParser(
        boundary_in(data) or "-", max_header_count=MAX_HEADERS, max_segment_count=MAX_PARTS, strict=True
    )
    headers: list[tuple[str, str]] = []
    content = bytearray()
    try:
        for event in _events(parser, data):
            if isinstance(event, MultipartSegment):
                headers, content = event.headerlist, bytearray()
            elif event is None:
                yield headers, content
            else:
                content += event
        parser.close()
    except ParserLimitReached:
        limits = f"more than {MAX_PARTS} parts, or a head with more than {MAX_HEADERS} headers or too long a one"
        raise refuse("body.too_large", limits) from None
    except MultipartError:
        # `from None`: the parser's own error may quote a header.
        raise refuse(
            "body.unreadable", "not multipart/form-data as RFC 7578 has it, whole and by its boundary"
        ) from None


def _utf_8(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _value(head: Head, content: bytearray, node: Node | None) -> Document:
    """What a part holds. What no rule names is looked at only as far as it is text."""
    attributes = attributes_of(head, node)
    if node is not None and node.held is not None:
        file = File(content.decode("latin-1"), attributes)
        file.head = leaving(head, content, node, node.held)
        return file
    text = None if head.is_file else text_of(head, content)
    if head.name == _CHARSET and (text is None or text.strip().lower() != "utf-8"):
        raise refuse("body.unreadable", "text is UTF-8 here, whatever a part says")
    if text is None and node is not None and len(node.rules) > (node.cover is not None):
        what = "a file, and the contract names a text" if head.is_file else "no text in UTF-8"
        raise refuse("body.unreadable", f"{node.path} is {what}")
    made = Text(text or "", attributes)
    made.head = head
    return made


def _leaves(document: Document, source: Document) -> Iterator[tuple[Text | File, Document]]:
    """Each value that leaves beside the part it was built from, in the order of the parts."""
    yield from sorted(_unsorted(document, source), key=lambda leaf: leaf[0].head.position)


def _unsorted(document: Document, source: Document) -> Iterator[tuple[Text | File, Document]]:
    if isinstance(source, Text | File):
        # A text of which nothing leaves has an empty object in its place in a list.
        if document != {}:
            yield source, document
    elif isinstance(source, Mapping):
        for name, value in cast("Mapping[str, Document]", document).items():
            yield from _unsorted(value, source[name])
    elif isinstance(source, list):
        for value, origin in zip(cast("list[Document]", document), source, strict=True):
            yield from _unsorted(value, origin)


def _attributes(value: Document) -> Mapping[str, str]:
    return {name: _as_text(text) for name, text in members_of(value).items()}


def _content(part: Text | File, value: Document) -> bytes:
    return _plain(value).encode(_charset(part))


def _charset(part: Text | File) -> str:
    return "latin-1" if isinstance(part, File) else "utf-8"


def _plain(value: Document) -> str:
    return "" if isinstance(value, Mapping) else _as_text(value)


def _as_text(value: Document) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _head(part: Text | File, value: Document) -> bytes:
    return "".join(f"{name}: {text}\r\n" for name, text in written_head(part.head, _attributes(value))).encode()


def _expected(part: Text | File, value: Document) -> tuple[Mapping[str, str], Digest]:
    attributes = _attributes(value)
    parameters = disposition_of(part.head, attributes)
    headers = {f"content-disposition.{name}": text for name, text in parameters.items()}
    # In so many words too: there are parameters that some parsers pass over.
    headers["content-disposition"] = "; ".join(
        ["form-data", *(f'{name}="{text}"' for name, text in parameters.items())]
    )
    if media := attributes.get(CONTENT_TYPE) or part.head.leaves_as:
        headers["content-type"] = media
    text, content = _plain(value), Digest()
    for start in range(0, len(text), _STEP):
        content.update(text[start : start + _STEP].encode(_charset(part)))
    return headers, content


def _boundary(parts: Sequence[tuple[bytes, bytes]]) -> bytes:
    """A boundary that stands in no part."""
    return next(each for each in _boundaries(parts) if not any(each in piece for part in parts for piece in part))


def _boundaries(parts: Sequence[tuple[bytes, bytes]]) -> Iterator[bytes]:
    """They follow from the parts alone: the same parts leave as the same bytes."""
    digest = sha256()
    for piece in (piece for part in parts for piece in part):
        digest.update(b"%d\0" % len(piece))
        digest.update(piece)
    return (sha256(digest.digest() + b"%d" % number).hexdigest()[:_LENGTH].encode() for number in count())
