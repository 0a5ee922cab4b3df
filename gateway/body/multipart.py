"""Forms with files (multipart/form-data, RFC 7578): read by multipart, written anew, proved by python_multipart.

A body begins at its first delimiter here, so that it says its own boundary; what stands before and after its parts is
nobody's. What is written has a boundary of ours that stands in no part, and of the head of a part only what leaves.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from itertools import chain, count
from typing import TYPE_CHECKING, Final, Generic, TypeVar, cast

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from gateway.body.document import Attributed, Digest, Document, Octets, Stored, as_text, members_of
from gateway.body.names import Named, insert, is_named, node_of, steps_of
from gateway.body.part import (
    CONTENT_TYPE,
    Head,
    attributes_of,
    boundary_of,
    disposition_of,
    leaving,
    text_of,
    written_head,
)
from gateway.body.parting import MAX_HEADERS, Away, Content, parts
from gateway.contract.terms import PART_ATTRIBUTES, Node
from gateway.errors import refuse
from gateway.pieces import STEP, Payload, Pieces, joined, peek, rest, stepwise

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks


_LINE: Final = 64 * 1024
_LENGTH: Final = 40
_DELIMITER: Final = 74

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


class StoredFile(Stored):
    """The bytes of a part that holds a file, which stand elsewhere, together with its head."""

    __slots__ = ("head",)

    head: Head


Part = Text | File | StoredFile


class Multipart:
    """Parts by their names, which nest as those of forms. Of a file the bytes are the value; its name is beside it."""

    def read(self, data: Payload, tree: Node) -> Document:
        document = Named()
        names: list[str] = []
        for head, content in parts(data, boundary_in(data), tree) if data else ():
            first, *further = steps = steps_of(head.name)
            if any(step in PART_ATTRIBUTES for step in steps):
                raise refuse("body.unreadable", "a part has the name of an attribute")
            insert(document, first, further, _value(head, content, node_of(steps, tree)), tree)
            names.append(head.name)
        document.names = tuple(names)
        return document

    def write(self, document: Document, source: Document) -> Payload:
        leaves = list(_leaves(document, source))
        if not leaves:
            return b""
        left = [(_head(*leaf), _content(*leaf)) for leaf in leaves]
        delimiter = b"--" + _boundary(left, (_plain(value) for _, value in leaves))
        pieces = [piece for head, content in left for piece in (delimiter, b"\r\n", head, b"\r\n", content, b"\r\n")]
        return joined([*pieces, delimiter, b"--\r\n"])

    def holds(self, data: Payload, document: Document, source: Document, tree: Node) -> bool:
        leaves = list(_leaves(document, source))
        if not leaves:
            return not data
        boundary = boundary_in(data).encode()
        begins, ends = b"--" + boundary + b"\r\n", b"\r\n--" + boundary + b"--\r\n"
        return (
            # Nothing stands before the first part, after the last one, or between them.
            peek(data, 0, len(begins)) == begins
            and peek(data, max(0, len(data) - len(ends)), len(ends)) == ends
            and data.count(boundary) == len(leaves) + 1
            and [(headers, str(digest)) for headers, digest in _read_again(data, Digest)]
            == [_expected(*leaf) for leaf in leaves]
            and all(is_named(part.head.name, tree) for part, _ in leaves)
        )


def from_first(payload: Payload, content_type: str) -> Payload:
    """A body from its first delimiter on, which has the boundary that its Content-Type gives; empty without parts.

    Raises Refusal `body.unreadable`.
    """
    delimiter = b"--" + boundary_of(content_type).encode()
    start = payload.find(delimiter)
    end = start + len(delimiter)
    before, after = max(0, start - 2), peek(payload, end, 2)
    if start < 0 or peek(payload, before, start - before) not in (b"", b"\r\n") or after not in (b"\r\n", b"--"):
        raise refuse("body.unreadable", "no part begins with the boundary of the Content-Type")
    if after != b"\r\n":
        return b""
    return rest(payload, start)


def boundary_in(payload: Payload) -> str:
    """The boundary of a body that begins at its first delimiter, or nothing where it begins otherwise."""
    match = _FIRST.match(peek(payload, 0, _DELIMITER))
    return match[1].decode("latin-1") if match else ""


def parts_of(data: bytes) -> list[Seen]:
    """The parts as the other parser finds them, none where it finds no whole body."""
    return [(headers, bytes(content)) for headers, content in _read_again(data, Content)]


_Sink = TypeVar("_Sink", Content, Digest)


def _read_again(data: Payload, begun: Callable[[], _Sink]) -> list[tuple[Mapping[str, str], _Sink]]:
    reading = _Reading(begun)
    parser = MultipartParser(
        boundary_in(data), reading.callbacks(), max_header_count=MAX_HEADERS, max_header_size=_LINE
    )
    try:
        for step in stepwise(data):
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


def _utf_8(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _value(head: Head, content: Content | Away, node: Node | None) -> Document:
    """What a part holds. What no rule names is looked at only as far as it is text."""
    attributes = attributes_of(head, node)
    if node is not None and node.held is not None:
        file = _file(content, attributes)
        file.head = leaving(head, content.beginning, node, node.held)
        return file
    text = None if head.is_file or isinstance(content, Away) else text_of(head, content)
    if head.name == _CHARSET and (text is None or text.strip().lower() != "utf-8"):
        raise refuse("body.unreadable", "text is UTF-8 here, whatever a part says")
    if text is None and node is not None and len(node.rules) > (node.cover is not None):
        what = "a file, and the contract names a text" if head.is_file else "no text in UTF-8"
        raise refuse("body.unreadable", f"{node.path} is {what}")
    made = Text(text or "", attributes)
    made.head = head
    return made


def _file(content: Content | Away, attributes: Mapping[str, str]) -> File | StoredFile:
    if isinstance(content, Content):
        return File(content.decode("latin-1"), attributes)
    file = StoredFile(str(content), attributes)
    file.content = content.content
    return file


def _leaves(document: Document, source: Document) -> Iterator[tuple[Part, Document]]:
    """Each value that leaves beside the part it was built from, in the order of the parts."""
    yield from sorted(_unsorted(document, source), key=lambda leaf: leaf[0].head.position)


def _unsorted(document: Document, source: Document) -> Iterator[tuple[Part, Document]]:
    if isinstance(source, Part):
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
    return {name: as_text(text) for name, text in members_of(value).items()}


def _content(part: Part, value: Document) -> Payload:
    text = _plain(value)
    return part.content if isinstance(part, StoredFile) and text == part else text.encode(_charset(part))


def _charset(part: Part) -> str:
    return "latin-1" if isinstance(part, File) else "utf-8"


def _plain(value: Document) -> str:
    return "" if isinstance(value, Mapping) else as_text(value)


def _head(part: Part, value: Document) -> bytes:
    return "".join(f"{name}: {text}\r\n" for name, text in written_head(part.head, _attributes(value))).encode()


def _expected(part: Part, value: Document) -> tuple[Mapping[str, str], str]:
    attributes = _attributes(value)
    parameters = disposition_of(part.head, attributes)
    headers = {f"content-disposition.{name}": text for name, text in parameters.items()}
    # In so many words too: there are parameters that some parsers pass over.
    headers["content-disposition"] = "; ".join(
        ["form-data", *(f'{name}="{text}"' for name, text in parameters.items())]
    )
    if media := attributes.get(CONTENT_TYPE) or part.head.leaves_as:
        headers["content-type"] = media
    return headers, _digest(part, value)


def _digest(part: Part, value: Document) -> str:
    """That of what is left of a part, as the value itself says it of a file that is not in memory."""
    text, content = _plain(value), Digest()
    if isinstance(part, StoredFile) and text:
        return text
    for start in range(0, len(text), STEP):
        content.update(text[start : start + STEP].encode(_charset(part)))
    return str(content)


def _boundary(parts: Sequence[tuple[bytes, Payload]], texts: Iterable[str]) -> bytes:
    """A boundary that stands in no part. `texts` are the values in them, which stand for files that are elsewhere."""
    pairs = zip(parts, texts, strict=True)
    seen = ((head, text.encode() if isinstance(content, Pieces) else content) for (head, content), text in pairs)
    return next(
        each
        for each in _boundaries(chain.from_iterable(seen))
        if all(piece.find(each) < 0 for part in parts for piece in part)
    )


def _boundaries(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """They follow from the parts alone: the same parts leave as the same bytes."""
    digest = sha256()
    for piece in pieces:
        digest.update(b"%d\0" % len(piece))
        digest.update(piece)
    return (sha256(digest.digest() + b"%d" % number).hexdigest()[:_LENGTH].encode() for number in count())
