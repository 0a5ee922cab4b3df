"""Lines of JSON (newline-delimited), each a document by the rules of JSON."""

from typing import cast

from gateway.body.document import Document, same
from gateway.body.json import Json, reread
from gateway.body.lines import filled
from gateway.contract.terms import Node
from gateway.errors import Refusal, refuse

_JSON = Json()


class Ndjson:
    """A list with an element for each line that is not blank. Written compactly, each line with its end."""

    def read(self, data: bytes, tree: Node) -> Document:
        return [_read(line, tree) for _, line in filled(data, len(data))]

    def write(self, document: Document, source: Document) -> bytes:
        lines = cast("list[Document]", document or [])
        return b"".join(_JSON.write(line, source) + b"\n" for line in lines)

    def holds(self, data: bytes, document: Document, source: Document, tree: Node) -> bool:
        del source, tree
        *lines, rest = data.split(b"\n")
        try:
            return not rest and same([reread(line) for line in lines], document or [])
        except (ValueError, RecursionError):
            return False


def _read(line: bytes, tree: Node) -> Document:
    try:
        return _JSON.read(line, tree)
    except Refusal as refusal:
        raise refuse(refusal.code, f"in a line: {refusal.failures[0].detail}") from None
