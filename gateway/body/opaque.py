"""Bytes that nobody can look into, such as a label or a scan: let out whole or not at all."""

from gateway.body.document import Digest, Document, Stored
from gateway.contract.terms import Node
from gateway.pieces import Payload, Pieces

_BYTES = "latin-1"
"""Each byte as the sign of its number, so that a token in the bytes is still found as a text."""


class Opaque:
    """One value, the whole body. That there is none is an empty object."""

    def read(self, data: Payload, tree: Node) -> Document:
        del tree
        if isinstance(data, Pieces):
            return _stored(data)
        return data.decode(_BYTES) if data else {}

    def write(self, document: Document, source: Document) -> Payload:
        if isinstance(source, Stored) and document == source:
            return source.content
        return document.encode(_BYTES) if isinstance(document, str) else b""

    def holds(self, data: Payload, document: Document, source: Document, tree: Node) -> bool:
        del tree
        if not isinstance(document, str):
            return document == {} and not data
        came = str(_stored(data)) if isinstance(data, Pieces) else data.decode(_BYTES)
        return came == document == source


def _stored(data: Pieces) -> Stored:
    digest = Digest()
    for step in data.steps():
        digest.update(step)
    value = Stored(str(digest))
    value.content = data
    return value
