"""Forms and queries (application/x-www-form-urlencoded), whole pairs kept byte for byte and in order.

Brackets nest as SDKs write them: `a[b][c]`, `a[]`, `a[0]`, repeated `a`, raw or as %5B. The last three are positions of
a list only where the contract has `.*`.
"""

import re
from collections.abc import Iterator, Mapping
from typing import cast
from urllib.parse import parse_qsl, quote_plus, unquote_to_bytes

from gateway.body.document import MAX_DEPTH, Document
from gateway.contract.terms import Node
from gateway.errors import refuse

_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_UNPRINTABLE = re.compile(rb"[\x00-\x20\x7f;]")
_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)\Z")
_BRACKETS = re.compile(r"\[([^\[\]]*)\]")
MAX_PAIRS = 10_000


class Pair(str):
    """A value together with the pair it came in."""

    __slots__ = ("name", "position", "raw", "raw_name")

    position: int
    name: str
    raw: bytes
    raw_name: bytes


class _Many(list[Document]):
    """A list that remembers which position of the form became which element."""

    __slots__ = ("positions",)

    def __init__(self) -> None:
        super().__init__()
        self.positions: dict[str, int] = {}


class Form:
    """Nested names as objects and lists of text."""

    def read(self, data: bytes, tree: Node) -> Document:
        if not data:
            return {}
        if _UNPRINTABLE.search(data) or _ESCAPE.search(data):
            raise refuse(
                "body.unreadable", "a form holds printable signs and whole escapes, and no semicolon unescaped"
            )
        document: dict[str, Document] = {}
        parts = data.split(b"&")
        if len(parts) > MAX_PAIRS:
            raise refuse("body.too_large", f"more than {MAX_PAIRS} fields")
        for index, raw in enumerate(parts):
            if raw:
                pair = _pair(index, raw)
                first, *rest = _steps(pair.name)
                _insert(document, first, rest, pair, tree)
        return document

    def write(self, document: Document, source: Document) -> bytes:
        written = sorted(_written(document, source))
        return b"&".join(raw for _, raw in written)

    def holds(self, data: bytes, document: Document, source: Document, tree: Node) -> bool:
        expected = [(pair.name, _text(value)) for pair, value in sorted(_leaves(document, source), key=_position)]
        try:
            read = parse_qsl(data.decode("utf-8"), keep_blank_values=True, errors="strict") if data else []
        except ValueError:
            return False
        return read == expected and all(_named(name, tree) for name, _ in read)


def _pair(index: int, raw: bytes) -> Pair:
    raw_name, _, raw_value = raw.partition(b"=")
    pair = Pair(_decoded(raw_value))
    pair.position, pair.raw, pair.raw_name, pair.name = index, raw, raw_name, _decoded(raw_name)
    return pair


def _decoded(raw: bytes) -> str:
    try:
        return unquote_to_bytes(raw.replace(b"+", b" ")).decode("utf-8")
    except UnicodeDecodeError:
        raise refuse("body.unreadable", "a form is UTF-8 text") from None


def _steps(name: str) -> list[str]:
    """`a[b][]` is a, b and an empty step. A name whose brackets do not close is one step, whatever is in it."""
    if not (match := _NAME.match(name)):
        return [name]
    steps = [match[1], *_BRACKETS.findall(match[2])]
    if len(steps) > MAX_DEPTH:
        raise refuse("body.unreadable", f"nested more than {MAX_DEPTH} deep")
    return steps


def _insert(parent: dict[str, Document], step: str, rest: list[str], pair: Pair, node: Node | None) -> None:
    """Puts a pair where its name leads. A name that no rule knows may repeat: it stays here in any case."""
    child = node.members.get(step) if node else None
    if child is not None and child.each is not None and (not rest or _is_position(rest[0])):
        many = parent.setdefault(step, _Many())
        if not isinstance(many, _Many):
            raise _repeated(child)
        _append(many, rest, pair, child.each)
    elif not rest:
        if child is not None and step in parent:
            raise _repeated(child)
        parent.setdefault(step, pair)
    else:
        inner = parent.setdefault(step, {})
        if isinstance(inner, dict):
            _insert(inner, rest[0], rest[1:], pair, child)
        elif child is not None:
            raise _repeated(child)


def _append(many: _Many, rest: list[str], pair: Pair, each: Node) -> None:
    position, rest = (rest[0], rest[1:]) if rest else ("", [])
    if not rest:
        if position and position in many.positions:
            raise _repeated(each)
        many.positions[position] = len(many)
        many.append(pair)
        return
    element = _element(many, position, rest)
    if not isinstance(element, dict):
        raise _repeated(each)
    _insert(element, rest[0], rest[1:], pair, each)


def _element(many: _Many, position: str, rest: list[str]) -> Document:
    """The element at a position; with empty brackets, a name that the last element has already begins the next."""
    index = many.positions.get(position)
    if index is None or (not position and _has(many[index], rest)):
        index = many.positions[position] = len(many)
        many.append({})
    return many[index]


def _has(element: Document, steps: list[str]) -> bool:
    for step in steps:
        if not isinstance(element, Mapping) or step not in element:
            return False
        element = element[step]
    return not isinstance(element, list)


def _is_position(step: str) -> bool:
    return not step or (step.isascii() and step.isdigit())


def _repeated(node: Node) -> Exception:
    return refuse("field.repeated", f"{node.path} comes more than once")


def _leaves(document: Document, source: Document) -> Iterator[tuple[Pair, Document]]:
    """Each value that leaves beside the pair it was built from."""
    if isinstance(source, Pair):
        if not isinstance(document, Mapping):
            yield source, document
    elif isinstance(source, Mapping):
        for name, value in cast("Mapping[str, Document]", document).items():
            yield from _leaves(value, source[name])
    elif isinstance(source, list):
        for value, origin in zip(cast("list[Document]", document), source, strict=True):
            yield from _leaves(value, origin)


def _position(leaf: tuple[Pair, Document]) -> int:
    return leaf[0].position


def _written(document: Document, source: Document) -> Iterator[tuple[int, bytes]]:
    for pair, value in _leaves(document, source):
        if value is pair:
            yield pair.position, pair.raw
        else:
            yield pair.position, pair.raw_name + b"=" + quote_plus(_text(value)).encode("ascii")


def _text(value: Document) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _named(name: str, tree: Node) -> bool:
    """Whether a name leads to a rule, found by splitting it in another way than reading does."""
    node: Node | None = tree
    for step in name.replace("]", "").split("[") if name.endswith("]") else [name]:
        if node is None:
            return False
        node = node.members.get(step) or (node.each if _is_position(step) else None)
    return node is not None and bool(node.rules or (node.each is not None and node.each.rules))
