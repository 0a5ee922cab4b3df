"""Envelopes of Sentry's SDKs: a header, then items, each found by the length that its own header gives.

The document has `header` and, for each type of item, a list of what the items of that type hold: the members of a JSON
payload, and the headers of the item as `@name`. Source: develop.sentry.dev, "Envelopes".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Final, cast

from gateway.body.document import Document, Octets, members_of, same
from gateway.body.json import Json, reread
from gateway.contract.items import FRAMING, HEADER, attribute, is_attribute, leads_into_payloads
from gateway.contract.terms import Held, Node
from gateway.errors import Refusal, refuse

MAX_ITEMS: Final = 1_000

_JSON = Json()
_ANY = Node("$")
_BYTES: Final = "latin-1"
_END: Final = b"\n"
# No path can hold a backslash, so a name that begins with one stays here.
_UNNAMEABLE: Final = "\\"

Headers = Mapping[str, Document]


@dataclass(frozen=True, slots=True)
class Framing:
    """How an item came, as far as that is written again. `position` counts the items of an envelope."""

    type: str
    position: int
    content_type: str
    is_counted: bool


class Item(dict[str, Document]):
    """The members of an item's payload and, as `@name`, its headers."""

    __slots__ = ("framing",)
    framing: Framing


class Batch(list[Document]):
    """The elements of an item's payload that is a list."""

    __slots__ = ("framing",)
    framing: Framing


class File(Octets):
    """The bytes of an item's payload that is a file."""

    __slots__ = ("framing",)
    framing: Framing


Came = Item | Batch | File


class Envelope:
    """Header and items. The payload of an item into which no path leads is never looked at, and stays."""

    def read(self, data: bytes, tree: Node) -> Document:
        header, items = _scanned(data)
        document: dict[str, Document] = {HEADER: header}
        for position, (headers, payload) in enumerate(items):
            kind = _type(headers)
            several = cast("list[Document]", document.setdefault(kind, []))
            several.append(_item(headers, payload, position, tree.members.get(kind)))
        return document

    def write(self, document: Document, source: Document) -> bytes:
        items = _leaving(document, source)
        if not items:
            return b""
        lines = [_JSON.write(_header(document), source)]
        for value, origin in items:
            payload = _bytes(value, origin)
            lines += [_JSON.write(_headers(value, origin.framing, len(payload)), origin), payload]
        return b"".join(line + _END for line in lines)

    def holds(self, data: bytes, document: Document, source: Document, tree: Node) -> bool:
        items = _leaving(document, source)
        if not items:
            return not data
        try:
            header, found = _reread(data)
            pairs = list(zip(found, items, strict=True))
            return same(header, _header(document)) and all(
                _is(headers, payload, value, origin) and origin.framing.type in tree.members
                for (headers, payload), (value, origin) in pairs
            )
        except (ValueError, RecursionError, TypeError, KeyError):
            return False


def _scanned(data: bytes) -> tuple[Headers, list[tuple[Headers, bytes]]]:
    """The header of an envelope, and header and payload of each item. Raises Refusal."""
    end = _line_end(data, 0)
    header, items = _object(data[:end]), list[tuple[Headers, bytes]]()
    at = end + 1
    while at < len(data):
        end = data.find(_END, at)
        if end < 0:
            raise refuse("body.unreadable", "the envelope ends in the header of an item")
        headers, at = _object(data[at:end]), end + 1
        end = _payload_end(data, at, headers)
        items.append((headers, data[at:end]))
        at = end + 1
        if len(items) > MAX_ITEMS:
            raise refuse("body.too_large", f"more than {MAX_ITEMS} items")
    return header, items


def _payload_end(data: bytes, start: int, headers: Headers) -> int:
    """Where a payload ends: by its length, or else at the end of its line."""
    if "length" not in headers:
        return _line_end(data, start)
    length = headers["length"]
    if not isinstance(length, int) or isinstance(length, bool) or not 0 <= length <= len(data) - start:
        raise refuse("body.unreadable", "the length of an item is none, or longer than the envelope")
    end = start + length
    if end < len(data) and data[end : end + 1] != _END:
        raise refuse("body.unreadable", "an item does not end where its length says")
    return end


def _line_end(data: bytes, start: int) -> int:
    end = data.find(_END, start)
    return len(data) if end < 0 else end


def _object(line: bytes) -> Headers:
    """A header: one object on one line, with nothing around it."""
    if not (line.startswith(b"{") and line.endswith(b"}")):
        raise refuse("body.unreadable", "where a header must stand there is none")
    return cast("Headers", _read(line, "in a header"))


def _read(data: bytes, where: str) -> Document:
    try:
        return _JSON.read(data, _ANY)
    except Refusal as refusal:
        raise refuse(refusal.code, f"{where}: {refusal.failures[0].detail}") from None


def _type(headers: Headers) -> str:
    kind = headers.get("type")
    if not isinstance(kind, str) or kind in ("", HEADER):
        raise refuse("body.unreadable", "an item has no type")
    return kind


def _item(headers: Headers, payload: bytes, position: int, node: Node | None) -> Document:
    """What an item holds; of one that stays as it is, its bytes, so that none is empty that came with something."""
    attributes = {attribute(name): value for name, value in headers.items() if name not in FRAMING}
    if node is None or node.each is None or not leads_into_payloads(node):
        return Octets(payload.decode(_BYTES), attributes)
    if (held := node.each.held) is not None:
        file = File(payload.decode(_BYTES), attributes)
        file.framing = Framing(
            _type(headers), position, _taken(_content_type(headers), held, node.each), is_counted=False
        )
        return file
    found = _read(payload, "in an item")
    framing = Framing(_type(headers), position, _of_json(headers), _is_counted(headers, found))
    item: Item | Batch
    if isinstance(found, Mapping):
        item = Item({**attributes, **{_name(name): value for name, value in found.items()}})
    elif isinstance(found, list) and not attributes:
        item = Batch(found)
    else:
        raise refuse("body.unreadable", "the payload of an item is no object")
    item.framing = framing
    return item


def _name(name: str) -> str:
    """The name of a member of a payload; one that could be taken for a header is a name that no path has."""
    return f"{_UNNAMEABLE}{name}" if is_attribute(name) or name.startswith(_UNNAMEABLE) else name


def _content_type(headers: Headers) -> str:
    value = headers.get("content_type", "")
    return value.partition(";")[0].strip().lower() if isinstance(value, str) else "no text"


def _of_json(headers: Headers) -> str:
    text = _content_type(headers)
    if text and not _suits(text, _type(headers)):
        raise refuse("body.media", "an item that has to be JSON says that it is something else")
    return text


def _taken(content_type: str, held: Held, node: Node) -> str:
    if content_type and content_type not in held.media:
        raise refuse("body.media", f"{node.path} is taken as {' or '.join(held.media)}")
    return content_type


def _suits(content_type: str, kind: str) -> bool:
    """Whether this is a type of JSON that items of this type have: there is no room for anything else in it."""
    own = re.escape(kind).replace("_", "[_-]")
    return re.fullmatch(rf"application/(?:json|vnd\.sentry\.items\.{own}(?:\.v\d)?\+json)", content_type) is not None


def _is_counted(headers: Headers, payload: Document) -> bool:
    if "item_count" not in headers:
        return False
    if not same(headers["item_count"], _count(payload)):
        raise refuse("body.unreadable", "an item holds another number of things than it says")
    return True


def _count(payload: Document) -> int:
    """How many things a container holds (`items`), or a list."""
    inner = payload.get("items") if isinstance(payload, Mapping) else payload
    return len(inner) if isinstance(inner, list) else 0


def _leaving(document: Document, source: Document) -> list[tuple[Document, Came]]:
    """The items of which something is left, in the order in which they came, each beside what it was built from."""
    if not isinstance(document, Mapping) or not isinstance(source, Mapping):
        return []
    items = [
        (value, origin)
        for name, several in document.items()
        if name != HEADER
        for value, origin in zip(cast("list[Document]", several), cast("list[Document]", source[name]), strict=True)
        if isinstance(origin, Came) and _is_left(value, origin)
    ]
    return sorted(items, key=lambda item: item[1].framing.position)


def _is_left(value: Document, origin: Came) -> bool:
    """Whether something leaves of an item, be it that nothing came in it."""
    if isinstance(origin, File):
        return isinstance(value, str)
    return bool(_payload(value)) or same(_payload(value), _payload(origin))


def _bytes(value: Document, origin: Came) -> bytes:
    if isinstance(origin, File):
        return cast("str", value).encode(_BYTES)
    return _JSON.write(_payload(value), origin)


def _header(document: Document) -> Document:
    return cast("Headers", document).get(HEADER, {})


def _payload(value: Document) -> Document:
    if not isinstance(value, Mapping):
        return value
    return {name: member for name, member in value.items() if not is_attribute(name)}


def _headers(value: Document, framing: Framing, length: int) -> Document:
    written: dict[str, Document] = {"type": framing.type}
    if framing.is_counted:
        written["item_count"] = _count(_payload(value))
    if framing.content_type:
        written["content_type"] = framing.content_type
    return {**written, **_attributes(value), "length": length}


def _attributes(value: Document) -> dict[str, Document]:
    return {name[1:]: member for name, member in members_of(value).items() if is_attribute(name)}


def _reread(data: bytes) -> tuple[Document, list[tuple[Headers, bytes]]]:
    """What the other parser finds in bytes that are written as here: every item with its length, every line ended.

    Raises ValueError, TypeError or KeyError for any others.
    """
    stream = BytesIO(data)
    header, items = _line(stream), list[tuple[Headers, bytes]]()
    while stream.tell() < len(data):
        headers = _line(stream)
        payload = stream.read(cast("int", headers["length"]))
        if stream.read(1) != _END:
            raise ValueError("an item does not end where its length says")
        items.append((headers, payload))
    return header, items


def _line(stream: BytesIO) -> Headers:
    line = stream.readline()
    if not line.endswith(_END):
        raise ValueError("a header does not end")
    return cast("Headers", reread(line.removesuffix(_END)))


def _is(headers: Headers, payload: bytes, value: Document, origin: Came) -> bool:
    """Whether an item that was read again is the one that was built, framed as it came."""
    framing = origin.framing
    body = payload.decode(_BYTES) if isinstance(origin, File) else reread(payload)
    beside = {attribute(name): member for name, member in headers.items() if name not in FRAMING}
    framed = {name: member for name, member in headers.items() if name in FRAMING}
    counted = {"item_count": _count(body)} if framing.is_counted else {}
    typed = {"content_type": framing.content_type} if framing.content_type else {}
    return (
        same({**beside, **body} if isinstance(body, Mapping) else body, value)
        and (isinstance(body, Mapping) or same(beside, members_of(value)))
        and same(framed, {"type": framing.type, **counted, **typed, "length": len(payload)})
    )
