"""The parts of a multipart body, as they are found one after the other, and what of each has to be in memory."""

from collections.abc import Iterator, Sequence
from typing import Final

from multipart import MultipartError, MultipartSegment, ParserLimitReached, PushMultipartParser

from gateway.body.document import Digest
from gateway.body.names import node_of, steps_of
from gateway.body.part import Head, head_of
from gateway.contract.terms import Node
from gateway.errors import refuse
from gateway.pieces import Payload, Pieces, peek, stepwise

MAX_PARTS: Final = 1_000
MAX_HEADERS: Final = 8
IN_MEMORY: Final = 4 * 1024 * 1024
"""Bytes of a body too long for memory that are no file: texts, and documents in parts."""

_HEAD: Final = 64 * 1024
"""Bytes that no head is longer than."""
_SIGN: Final = 16
"""Bytes by which it is seen what a file is."""


class Content(bytearray):
    """The content of a part."""

    def update(self, data: bytes | bytearray) -> None:
        self += data

    @property
    def length(self) -> int:
        return len(self)

    @property
    def beginning(self) -> bytes:
        return bytes(self[:_SIGN])


class Away(Digest):
    """The content of a part that stays where it stands; in memory is what it is known by."""

    content: Pieces

    @property
    def beginning(self) -> bytes:
        return peek(self.content, 0, _SIGN)


def parts(data: Payload, boundary: str, tree: Node) -> Iterator[tuple[Head, Content | Away]]:
    """The head and the content of each part of a body that begins with its first delimiter.

    Raises Refusal `body.unreadable` or `body.too_large`.
    """
    parser = PushMultipartParser(
        boundary or "-", max_header_count=MAX_HEADERS, max_segment_count=MAX_PARTS, strict=True
    )
    parting = _Parting(data, len(boundary), tree)
    try:
        for event in _events(parser, data):
            if isinstance(event, MultipartSegment):
                parting.begin(event.headerlist)
            elif event is None:
                yield parting.end()
            else:
                parting.go_on(event)
        parser.close()
    except ParserLimitReached:
        limits = f"more than {MAX_PARTS} parts, or a head with more than {MAX_HEADERS} headers or too long a one"
        raise refuse("body.too_large", limits) from None
    except MultipartError:
        # `from None`: the parser's own error may quote a header.
        raise refuse(
            "body.unreadable", "not multipart/form-data as RFC 7578 has it, whole and by its boundary"
        ) from None


class _Parting:
    """What becomes of the parts that a parser finds: of a body that is not in memory, files stay where they stand."""

    def __init__(self, data: Payload, boundary: int, tree: Node) -> None:
        self._data = data
        self._tree = tree
        self._between = len("\r\n--\r\n") + boundary
        self._at = self._between - len("\r\n")
        self._in_memory = 0
        self._position = -1

    def begin(self, headers: Sequence[tuple[str, str]]) -> None:
        self._position += 1
        self._head = head_of(headers, self._position)
        stays = isinstance(self._data, Pieces) and _is_file(self._head, node_of(steps_of(self._head.name), self._tree))
        self._content: Content | Away = Away() if stays else Content()

    def go_on(self, data: bytes | bytearray) -> None:
        self._content.update(data)
        if isinstance(self._data, Pieces) and isinstance(self._content, Content):
            self._in_memory += len(data)
            if self._in_memory > IN_MEMORY:
                raise refuse("body.too_large", f"more than {IN_MEMORY} bytes beside files")

    def end(self) -> tuple[Head, Content | Away]:
        content = self._content
        if isinstance(self._data, Pieces):
            # The first empty line ends a head. Where this were wrong, the proof would find other bytes than were read.
            start = self._at + peek(self._data, self._at - 2, _HEAD).index(b"\r\n\r\n") + 2
            self._at = start + content.length + self._between
            if isinstance(content, Away):
                content.content = self._data.part(start, content.length)
        return self._head, content


def _is_file(head: Head, node: Node | None) -> bool:
    """Whether nobody looks into what a part holds."""
    if node is None or node.held is None:
        return head.is_file
    return node.held.body == "opaque" and not node.held.encoding


def _events(parser: PushMultipartParser, data: Payload) -> Iterator[MultipartSegment | bytes | bytearray | None]:
    """What a parser finds up to the end of the last part; what is behind it is nobody's."""
    for step in stepwise(data):
        if not parser.closed:
            yield from parser.parse(step)
