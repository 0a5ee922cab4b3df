"""JSON with every digit kept (RFC 8259): read by jiter, written by msgspec, proved by the standard library."""

import json
from decimal import Decimal
from typing import Any, cast

import jiter
import msgspec

from gateway.body.document import MAX_DEPTH, Document, same
from gateway.contract.terms import Node
from gateway.errors import refuse

_CONTAINERS = frozenset((dict, list))
_encode = msgspec.json.Encoder(decimal_format="number").encode


class Json:
    """Objects, arrays and scalars as they are. Duplicate keys, NaN, lone surrogates and deep nesting are refused."""

    def read(self, data: bytes, tree: Node) -> Document:
        del tree
        try:
            document = jiter.from_json(
                data, float_mode="decimal", catch_duplicate_keys=True, allow_inf_nan=False, cache_mode="none"
            )
        except ValueError as error:
            # `from None`: the parser's own error quotes the body. Only its kind is looked at.
            if "duplicate key" in str(error).lower():
                raise refuse("body.unreadable", "a key stands twice in one object of the JSON") from None
            raise refuse("body.unreadable", "not valid JSON") from None
        _check_depth(data, document)
        return cast("Document", document)

    def write(self, document: Document, source: Document) -> bytes:
        del source
        return _encode(document)

    def holds(self, data: bytes, document: Document, source: Document, tree: Node) -> bool:
        del source, tree
        try:
            return same(reread(data), document)
        except (ValueError, RecursionError):
            return False


def reread(data: bytes) -> Document:
    """What the other parser finds. Raises ValueError or RecursionError, whose texts quote what they choked on."""
    return cast("Document", _second.decode(data.decode("utf-8")))


def _check_depth(data: bytes, document: Document) -> None:
    """Bounds nesting level by level; a text with few brackets cannot be deep."""
    if data.count(b"[") + data.count(b"{") <= MAX_DEPTH:
        return
    level: list[Any] = [document]
    for _ in range(MAX_DEPTH):
        # By class and without a call: every value of a document comes by here.
        level = [
            child
            for node in level
            for child in (node.values() if node.__class__ is dict else node)
            if child.__class__ in _CONTAINERS
        ]
        if not level:
            return
    raise refuse("body.unreadable", f"nested more than {MAX_DEPTH} deep")


def _unique(pairs: list[tuple[str, Document]]) -> dict[str, Document]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a key stands twice")
    return members


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


_second = json.JSONDecoder(object_pairs_hook=_unique, parse_float=Decimal, parse_constant=_no_constant)
