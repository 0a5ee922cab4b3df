"""Documents in the texts of other documents: read where they stand, and written back as text."""

from collections.abc import Callable
from typing import cast

from gateway.body.document import Document
from gateway.body.json import Json
from gateway.contract.terms import Nest, Node
from gateway.errors import Refusal, refuse

_JSON = Json()
_ANY = Node("$")


class _Object(dict[str, Document]):
    """An object that came as a text."""

    __slots__ = ("text",)
    text: str


class _List(list[Document]):
    """A list that came as a text."""

    __slots__ = ("text",)
    text: str


def read_json(data: bytes) -> Document:
    """A text as JSON reads it. Raises Refusal."""
    return _JSON.read(data, _ANY)


def unfolded(document: Document, nest: Nest, read: Callable[[bytes], Document] = read_json) -> Document:
    """The document, changed in place: where `nest` leads to a text stands what the text holds.

    What is null or empty is no document and stays as it is. Raises Refusal `body.unreadable` for any other value.
    """
    if nest.is_text and document:
        document = _inner(document, nest.path, read)
    if isinstance(document, list):
        if nest.each is not None:
            document[:] = [unfolded(element, nest.each, read) for element in document]
    elif isinstance(document, dict):
        for name, child in nest.members.items():
            if name in document:
                document[name] = unfolded(document[name], child, read)
    return document


def _inner(value: Document, path: str, read: Callable[[bytes], Document]) -> Document:
    if not isinstance(value, str):
        raise refuse("body.unreadable", f"{path} is no text")
    try:
        document = read(value.encode("utf-8"))
    except Refusal as refusal:
        raise refuse(refusal.code, f"in {path}: {refusal.failures[0].detail}") from None
    except (ValueError, RecursionError):
        raise refuse("body.unreadable", f"in {path}: not valid JSON") from None
    if not isinstance(document, dict | list):
        raise refuse("body.unreadable", f"{path} holds a single value and no document")
    inner = _Object(document) if isinstance(document, dict) else _List(document)
    inner.text = value
    return inner


def folded(document: Document, source: Document, nest: Nest) -> tuple[Document, Document]:
    """What was built out of an unfolded source, and that source, as they were before: texts are texts again."""
    made, origin = _folded(document, source, nest)
    if isinstance(source, _Object | _List):
        return _JSON.write(made, origin).decode("utf-8"), source.text
    return made, origin


def _folded(document: Document, source: Document, nest: Nest) -> tuple[Document, Document]:
    if isinstance(document, list) and isinstance(source, list) and nest.each is not None:
        each = nest.each
        pairs = [folded(value, origin, each) for value, origin in zip(document, source, strict=True)]
        return [value for value, _ in pairs], [origin for _, origin in pairs]
    if isinstance(document, dict) and isinstance(source, dict):
        made, origin = dict(document), dict(source)
        for name in nest.members.keys() & made.keys():
            made[name], origin[name] = folded(made[name], origin[name], nest.members[name])
        return cast("Document", made), cast("Document", origin)
    return document, source
