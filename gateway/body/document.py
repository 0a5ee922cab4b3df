"""What every codec reads into and writes from: mappings, lists and scalars."""

from collections.abc import Mapping
from copy import copy
from decimal import Decimal
from hashlib import sha256
from typing import Protocol, Self

import msgspec

from gateway.contract.terms import Node
from gateway.pieces import Payload, Pieces

Scalar = str | int | bool | Decimal | None
Document = Mapping[str, "Document"] | list["Document"] | Scalar

MAX_DEPTH = 64
PLAIN = frozenset({str, int, bool, Decimal, type(None)})
"""The classes of plain values; a value that remembers where it came from takes the long way."""

_packed = msgspec.msgpack.Encoder(decimal_format="string").encode


class Spelled(Decimal):
    """A number in the spelling in which it came, where a Decimal alone would be written in another: `1e5`, `-0`.

    Two are the same only if their spelling is.
    """

    __slots__ = ("text",)

    text: str

    def __new__(cls, text: str) -> Self:
        made = super().__new__(cls, text)
        made.text = text
        return made

    def __repr__(self) -> str:
        return f"Spelled({self.text!r})"

    def __str__(self) -> str:
        return self.text

    def __format__(self, *_: object) -> str:
        return self.text


def as_spelled(text: str) -> Decimal:
    """A number that is written again as it is spelled here."""
    number = Decimal(text)
    return number if str(number) == text else Spelled(text)


class Attributed(str):
    """A text with attributes beside it, as XML has them: members of a scalar. It is equal to the text alone."""

    __slots__ = ("attributes",)

    attributes: dict[str, Document]

    def __new__(cls, text: str, attributes: Mapping[str, Document] | tuple[()] = ()) -> Self:
        made = super().__new__(cls, text)
        made.attributes = dict(attributes)
        return made

    def beside(self, attributes: Mapping[str, Document]) -> Self:
        """The same text as it came, with other attributes."""
        made = copy(self)
        made.attributes = dict(attributes)
        return made


class Marked(list[Document]):
    """A list with attributes beside it, none of which can leave: no list has a place for them."""

    __slots__ = ("attributes",)

    attributes: dict[str, Document]


class Octets(Attributed):
    """A text each of whose signs stands for a byte, for what need not be text."""

    __slots__ = ()

    @property
    def size(self) -> int:
        """How many bytes they are."""
        return len(self)


class Stored(Octets):
    """Octets that are too many for memory: the text says their Digest, so that what is equal to it is these bytes."""

    __slots__ = ("content",)

    content: Pieces

    @property
    def size(self) -> int:
        return len(self.content)

    def holds(self, secret: str) -> bool:
        """Whether a short text stands in the bytes."""
        return self.content.find(secret.encode()) >= 0


class Digest:
    """Length and SHA-256 of bytes that need not be there at once."""

    def __init__(self) -> None:
        self.length = 0
        self.hash = sha256()

    def update(self, data: bytes | bytearray) -> None:
        self.length += len(data)
        self.hash.update(data)

    def __str__(self) -> str:
        return f"{self.length} bytes, SHA-256 {self.hash.hexdigest()}"


def members_of(value: Document) -> Mapping[str, Document]:
    """What stands by name below a value: in an object, or beside a text."""
    if isinstance(value, dict):
        return value
    if isinstance(value, Attributed):
        return value.attributes
    return value if isinstance(value, Mapping) else {}


def as_text(value: Document) -> str:
    """A scalar as the text that JSON would show, for formats that have nothing but text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


class Codec(Protocol):
    """A format. `read` and `holds` stand on different parsers, so that one proves the other."""

    def read(self, data: bytes, tree: Node) -> Document:
        """The document that bytes hold. Raises Refusal `body.unreadable` or `field.repeated`; values stay out of it."""
        ...

    def write(self, document: Document, source: Document) -> Payload:
        """The bytes of a document that was built out of `source`; what is unchanged keeps its spelling.

        They are in memory, unless those of `source` are not.
        """
        ...

    def holds(self, data: bytes, document: Document, source: Document, tree: Node) -> bool:
        """Whether bytes, read again by another parser, hold exactly this document and only places of the tree."""
        ...


class Stepwise(Codec, Protocol):
    """A format whose bodies need not be in memory: what they are read into is bounded, however long they are."""

    def read(self, data: Payload, tree: Node) -> Document: ...
    def holds(self, data: Payload, document: Document, source: Document, tree: Node) -> bool: ...


def same(one: object, other: object) -> bool:
    """Equal in value, type, digits and order: `1`, `true`, `1.0` and `1.00` all differ, which `==` does not see."""
    if one != other:
        return False
    try:
        # Of two values that are equal, those of different types, digits or order are packed differently.
        return _packed(one) == _packed(other)
    except (OverflowError, TypeError):
        # An integer beyond 64 bits, or a text that a codec has hung something on.
        return repr(one) == repr(other)
