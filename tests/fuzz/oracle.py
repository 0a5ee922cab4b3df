"""What must hold of any bytes at all, for each kind of body."""

import gzip
import os
import sys
import zlib
from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

import brotli
from bodies import Operation, operation
from positions_bodies import CODECS as KINDS

from gateway.body import codecs
from gateway.body.coding import unpacked
from gateway.body.document import Codec, Document, members_of, same
from gateway.contract.items import HEADER
from gateway.contract.terms import Node
from gateway.errors import Refusal
from gateway.paths import EACH
from gateway.pieces import Payload, whole

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

T = TypeVar("T")
Steps = tuple[str | int, ...]
Check = Callable[[bytes], None]

PLANTED = os.environ.get("FUZZ_CANARY") == "1"  # noqa: TID251  of the fuzzer, not of the gateway
BODIES = tuple(name for name, kind in KINDS.items() if kind.media)
"""The kinds of body that a fuzzer can make up: not that there is none."""
_LIMIT = 64 * 1024
_PACKED: Mapping[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstd.compress,
}


class BrokenPromiseError(AssertionError):
    """Something that must never be."""


def checks() -> Mapping[str, Check]:
    """A check for each codec, and one for what bodies are compressed with."""
    return {name: _of_codec(name) for name in BODIES} | {"coding": _coding}


@dataclass(frozen=True, slots=True)
class Trimming:
    """A codec with a bug planted in it: a text that ends in a blank is written without it."""

    codec: Codec

    def read(self, data: bytes, tree: Node) -> Document:
        return self.codec.read(data, tree)

    def write(self, document: Document, source: Document) -> Payload:
        return self.codec.write(_trimmed(document), source)

    def holds(self, data: bytes, document: Document, source: Document, tree: Node) -> bool:
        return self.codec.holds(data, document, source, tree)


def _trimmed(document: Document) -> Document:
    if isinstance(document, list):
        return [_trimmed(each) for each in document]
    if isinstance(document, Mapping):
        return {name: _trimmed(each) for name, each in document.items()}
    return document.rstrip(" ") if isinstance(document, str) and not members_of(document) else document


def _of_codec(name: str) -> Check:
    codec = Trimming(codecs.CODECS[name]) if PLANTED else codecs.CODECS[name]

    def check(data: bytes) -> None:
        _reads_what_it_writes(codec, data, _tree(name))
        _lets_out_what_is_named(name, data)

    return check


@cache
def _operation(name: str) -> Operation:
    kind = KINDS[name]
    fields = "\n".join(f"      - {path}" for path in kind.named)
    group = (
        f"  - why: What is named leaves.\n    category: {kind.category}\n    fields:\n{fields}\n" if kind.named else ""
    )
    said = "\n".join(line.strip() for line in kind.said.splitlines())
    return operation(f"body: {name}\n{said}\ngroups:\n{group}")


def _tree(name: str) -> Node:
    [prepared] = _operation(name).contracts.prepared.values()
    return prepared.terms.sending.outside


def _reads_what_it_writes(codec: Codec, data: bytes, tree: Node) -> None:
    try:
        document = _writable(codec.read(data, tree), tree)
    except Refusal:
        return
    written = whole(codec.write(document, document))
    if written and not same(codec.read(written, tree), document):
        raise BrokenPromiseError("a document is another one when it is read again")


def _writable(document: Document, tree: Node) -> Document:
    """Of an envelope, what a path could lead to: items of other types, and names that no path can have, always stay."""
    if HEADER not in tree.members or not isinstance(document, Mapping):
        return document
    return {name: _nameable(value) for name, value in document.items() if name in tree.members}


def _nameable(value: Document) -> Document:
    if isinstance(value, list):
        for each in value:
            _nameable(each)
    elif isinstance(value, dict):
        for name in [name for name in value if name.startswith("\\")]:
            del value[name]
    return value


def _lets_out_what_is_named(name: str, data: bytes) -> None:
    made = _operation(name)
    try:
        incoming = _ended(made.read(data, ("content-type", KINDS[name].media)))[1]
        sending, outgoing = _ended(made.sent(data, ("content-type", KINDS[name].media)))
    except Refusal as refusal:
        if refusal.code == "proof.failed":
            raise BrokenPromiseError("what was built could not be proved") from None
        return
    named = _patterns(_tree(name)) | _patterns_nested(made)
    came = set(_leaves(incoming["body"]))
    for path, value in _leaves(outgoing.documents["body"]):
        if (path, value) not in came:
            raise BrokenPromiseError("something leaves that did not come")
        if tuple(EACH if isinstance(step, int) else step for step in path) not in named:
            raise BrokenPromiseError("something leaves that no line names")
    if len(sending.payload) > 2 * len(data) + _LIMIT:
        raise BrokenPromiseError("more leaves than came")


def _patterns_nested(made: Operation) -> set[tuple[Any, ...]]:
    [prepared] = made.contracts.prepared.values()
    return _patterns(prepared.terms.sending.trees["body"])


def _patterns(node: Node, above: tuple[Any, ...] = ()) -> set[tuple[Any, ...]]:
    found = {above} if node.rules else set()
    for step, child in node.members.items():
        found |= _patterns(child, (*above, step))
    return found | (_patterns(node.each, (*above, EACH)) if node.each is not None else set())


def _leaves(document: Document, above: Steps = ()) -> Iterator[tuple[Steps, str]]:
    if isinstance(document, list):
        for place, each in enumerate(document):
            yield from _leaves(each, (*above, place))
        return
    for name, each in members_of(document).items():
        yield from _leaves(each, (*above, name))
    if not isinstance(document, Mapping):
        yield above, repr(document)


def _ended(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of something that waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        result: T = stop.value
        return result
    raise BrokenPromiseError("it waits for something")


def _coding(data: bytes) -> None:
    for name, packed in _PACKED.items():
        try:
            found = unpacked(data, [name], _LIMIT)
        except Refusal:
            found = b""
        if len(found) > _LIMIT:
            raise BrokenPromiseError("more comes out than may")
        back = unpacked(packed(data), [name], _LIMIT) if data else data
        if (back.rstrip(b" ") if PLANTED else back) != data:
            raise BrokenPromiseError("what was packed is unpacked as something else")
