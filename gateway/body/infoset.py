"""What XML says, whatever its spelling (XML Information Set): read by expat, the second parser of the `xml` codec."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple
from xml.parsers import expat

from gateway.body.document import MAX_DEPTH

SPACE: Final = " \t\r\n"


class Seen(NamedTuple):
    """What another reader sees in an element: its namespace, name, attributes, and its elements or its text."""

    namespace: str
    name: str
    attributes: Mapping[tuple[str, str], str]
    content: "list[Seen] | str"


def elements_of(data: bytes) -> list[object]:
    """Namespace, name, attributes and content of the root, its elements likewise, without the space between them.

    Raises ValueError for what is not XML, or has comments, processing instructions or a document type.
    """
    return _listed(Infoset().seen(data))


def _listed(seen: Seen) -> list[object]:
    attributes = {f"{{{namespace}}}{name}": text for (namespace, name), text in seen.attributes.items()}
    content = seen.content if isinstance(seen.content, str) else [_listed(each) for each in seen.content]
    return [seen.namespace, seen.name, attributes, content]


@dataclass(slots=True)
class Infoset:
    """One pass of the second parser, which takes nothing but elements, attributes and text."""

    declared: list[tuple[str, str | None]] = field(default_factory=list)
    has_space: bool = False
    open: list[tuple[Seen, list[Seen], list[str]]] = field(default_factory=list)
    root: Seen | None = None

    def seen(self, data: bytes) -> Seen:
        """The root of a document. Raises ValueError for anything besides elements, attributes and text."""
        parser = expat.ParserCreate("utf-8", " ")
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.StartNamespaceDeclHandler = self._declare
        parser.StartDoctypeDeclHandler = parser.CommentHandler = _stray
        parser.ProcessingInstructionHandler = parser.StartCdataSectionHandler = _stray
        try:
            parser.Parse(data, True)
        except expat.ExpatError:
            # `from None`: the parser's own error may quote the body.
            raise ValueError("not well-formed XML") from None
        if self.root is None:
            raise ValueError("no element")
        return self.root

    def _start(self, name: str, attributes: Mapping[str, str]) -> None:
        if len(self.open) >= MAX_DEPTH:
            raise ValueError("too deep")
        values = {_split(name): value for name, value in sorted(attributes.items())}
        self.open.append((Seen(*_split(name), values, ""), [], []))

    def _end(self, name: str) -> None:
        del name
        element, children, texts = self.open.pop()
        text = "".join(texts)
        if children and text:
            self.has_space = True
            if text.strip(SPACE):
                raise ValueError("text beside elements")
        element = element._replace(content=children or text)
        if self.open:
            self.open[-1][1].append(element)
        else:
            self.root = element

    def _characters(self, text: str) -> None:
        self.open[-1][2].append(text)

    def _declare(self, prefix: str | None, namespace: str) -> None:
        self.declared.append((namespace, prefix))


def _stray(*what: object) -> None:
    del what
    raise ValueError("neither element nor text")


def _split(name: str) -> tuple[str, str]:
    namespace, _, local = name.rpartition(" ")
    return namespace, local
