"""JSON with every digit kept (RFC 8259): read by jiter, written by msgspec, proved by the standard library."""

import json
import re
from decimal import Decimal
from typing import Any, cast

import jiter
import msgspec

from gateway.body.document import MAX_DEPTH, Document, Spelled, as_spelled, same
from gateway.contract.terms import Node
from gateway.errors import refuse

_CONTAINERS = frozenset((dict, list))
# Numbers that a Decimal is not written like, and an integer that has no sign: exponents, long fractions, minus zero.
# Looking for them takes long. Where none can be is told by quick searches: where all that may stand around a
# number is the same sign, a minus zero ends with it, and of an exponent only its letter is left without the digits.
_AROUND = bytes.maketrans(b"E:[]}\t\n\r ", b"e,,,,,,,,")
_OF_NUMBERS = b"0123456789+-."
_ODD = re.compile(rb"[\[,:]\s*+(?=[-0-9])(?:-?+[0-9]++(?:\.[0-9]++)?[eE]|-0(?![.0-9])|-?+0\.000000)")
_BARE = frozenset(sign.encode() for sign in "-0123456789")


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
        return _as_written(document, data) if _is_odd(data) else cast("Document", document)

    def write(self, document: Document, source: Document) -> bytes:
        del source
        return _encode(document)

    def holds(self, data: bytes, document: Document, source: Document, tree: Node) -> bool:
        del source, tree
        try:
            # Only where a number has a spelling of its own does the quicker reading find another document.
            return same(_second.decode(text := data.decode("utf-8")), document) or same(_third.decode(text), document)
        except (ValueError, RecursionError):
            return False


def reread(data: bytes) -> Document:
    """What the other parser finds. Raises ValueError or RecursionError, whose texts quote what they choked on."""
    return cast("Document", (_third if _is_odd(data) else _second).decode(data.decode("utf-8")))


def _is_odd(data: bytes) -> bool:
    """Whether some number may be spelled otherwise than a Decimal; a text can look like one, and does no harm."""
    if data.lstrip()[:1] in _BARE:
        return True
    return _may_be_odd(data) and _ODD.search(data) is not None


def _may_be_odd(data: bytes) -> bool:
    # Not with `in`, which first takes what it looks for for a number, and has an error made that says it is none.
    if data.find(b"0.000000") >= 0 or (data.find(b"-0") >= 0 and data.translate(_AROUND).find(b"-0,") >= 0):
        return True
    return data.translate(_AROUND, _OF_NUMBERS).find(b",e,") >= 0


def _as_written(document: Any, data: bytes) -> Document:
    try:
        return _spelled(document, reread(data))
    except (ValueError, RecursionError, ArithmeticError):
        raise refuse("body.unreadable", "not valid JSON") from None


def _spelled(one: Any, other: Any) -> Document:
    """What one parser found, with the numbers that the other knows the spelling of. They have to agree on all else."""
    if one.__class__ is dict and other.__class__ is dict and one.keys() == other.keys():
        return {name: _spelled(value, other[name]) for name, value in one.items()}
    if one.__class__ is list and other.__class__ is list and len(one) == len(other):
        return [_spelled(value, again) for value, again in zip(one, other, strict=True)]
    if one != other or (one.__class__ is not other.__class__ and other.__class__ is not Spelled):
        raise refuse("body.unreadable", "two parsers read different values in the JSON")
    return cast("Document", other)


def _integer(text: str) -> Decimal | int:
    return Spelled(text) if text == "-0" else int(text)


def _as_it_came(value: object) -> msgspec.Raw:
    """How the writer writes what it does not know itself."""
    if not isinstance(value, Spelled):
        raise TypeError(f"{type(value).__name__} is not part of a document")
    return msgspec.Raw(value.text.encode())


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
_third = json.JSONDecoder(
    object_pairs_hook=_unique, parse_float=as_spelled, parse_int=_integer, parse_constant=_no_constant
)
_encode = msgspec.json.Encoder(decimal_format="number", enc_hook=_as_it_came).encode
