"""Bytes that nobody can look into, such as a label or a scan: let out whole or not at all."""

from gateway.body.document import Document
from gateway.contract.terms import Node

_BYTES = "latin-1"
"""Each byte as the sign of its number, so that a token in the bytes is still found as a text."""


class Opaque:
    """One value, the whole body. That there is none is an empty object."""

    def read(self, data: bytes, tree: Node) -> Document:
        del tree
        return data.decode(_BYTES) if data else {}

    def write(self, document: Document, source: Document) -> bytes:
        del source
        return document.encode(_BYTES) if isinstance(document, str) else b""

    def holds(self, data: bytes, document: Document, source: Document, tree: Node) -> bool:
        del tree
        if not isinstance(document, str):
            return document == {} and not data
        return data.decode(_BYTES) == document == source
