"""No body at all."""

from gateway.body.document import Document
from gateway.contract.terms import Node
from gateway.errors import refuse


class Nothing:
    """A call without a body; one that brings a body after all is refused."""

    def read(self, data: bytes, tree: Node) -> Document:
        del tree
        if data:
            raise refuse("body.unreadable", "the contract says that this call has no body")
        return {}

    def write(self, document: Document, source: Document) -> bytes:
        del document, source
        return b""

    def holds(self, data: bytes, document: Document, source: Document, tree: Node) -> bool:
        del source, tree
        return not data and not document
