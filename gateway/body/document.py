"""What every codec reads into and writes from: mappings, lists and scalars."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Protocol

from gateway.contract.terms import Node

Scalar = str | int | bool | Decimal | None
Document = Mapping[str, "Document"] | list["Document"] | Scalar

MAX_DEPTH = 64


class Codec(Protocol):
    """A format. `read` and `holds` stand on different parsers, so that one proves the other."""

    def read(self, data: bytes, tree: Node) -> Document:
        """The document that bytes hold. Raises Refusal `body.unreadable` or `field.repeated`; values stay out of it."""
        ...

    def write(self, document: Document, source: Document) -> bytes:
        """The bytes of a document that was built out of `source`; what is unchanged keeps its spelling."""
        ...

    def holds(self, data: bytes, document: Document, source: Document, tree: Node) -> bool:
        """Whether bytes, read again by another parser, hold exactly this document and only places of the tree."""
        ...


def same(one: object, other: object) -> bool:
    """Equal in value, type, digits and order: `1`, `true`, `1.0` and `1.00` all differ, which `==` does not see."""
    return repr(one) == repr(other)
