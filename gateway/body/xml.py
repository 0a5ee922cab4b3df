"""XML with namespaces (XML 1.0, Namespaces in XML 1.0): read by lxml, written from nothing, proved by expat.

An element is a text, or an object of its elements and attributes; a text has its attributes beside it. What is written
holds neither space between elements nor anything else than what leaves.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple, cast

from lxml import etree

from gateway.body.document import MAX_DEPTH, Attributed, Document, as_text
from gateway.body.infoset import SPACE, Infoset, Seen
from gateway.contract.terms import Node
from gateway.errors import refuse

SOAP: Final = "http://schemas.xmlsoap.org/soap/envelope/"
MAX_TAGS: Final = 200_000

_XML: Final = "http://www.w3.org/XML/1998/namespace"
_INCLUSIONS = frozenset({"http://www.w3.org/2001/XInclude", "http://www.w3.org/2003/XInclude"})
_DECLARATION: Final = b'<?xml version="1.0" encoding="utf-8"?>\n'
_DECLARED = re.compile(
    r"<\?xml[ \t\r\n]+version[ \t\r\n]*=[ \t\r\n]*(?:\"1\.0\"|'1\.0')"
    r"(?:[ \t\r\n]+encoding[ \t\r\n]*=[ \t\r\n]*(?:\"utf-?8\"|'utf-?8'))?"
    r"(?:[ \t\r\n]+standalone[ \t\r\n]*=[ \t\r\n]*(?:\"(?:yes|no)\"|'(?:yes|no)'))?[ \t\r\n]*\?>",
    re.IGNORECASE,
)
_COMMENT = re.compile(r"[ \t\r\n]*<!--.*?-->", re.DOTALL)
_ROOT = re.compile(r"[ \t\r\n]*<(?![!?])")
# A prefix is a name that anybody can choose, so only those that say nothing leave as they came.
_PREFIX = re.compile(r"soap|soapenv|soap-env|SOAP|SOAP-ENV|env|s|S|tns|(?:ns|n|v)\d{0,2}")
_IN_TEXT = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})
_IN_ATTRIBUTE = _IN_TEXT | str.maketrans({'"': "&quot;", "\t": "&#9;", "\n": "&#10;"})


class Tag(NamedTuple):
    """The name that an element or attribute came with. `position` counts the elements of a document in order."""

    namespace: str
    name: str
    prefix: str | None = None
    position: int = 0


class Text(Attributed):
    """The text of an element or attribute, together with the name that it came with."""

    __slots__ = ("tag",)

    tag: Tag


class Element(dict[str, Document]):
    """The elements and attributes of an element, together with the name that it came with."""

    __slots__ = ("tag",)

    tag: Tag


@dataclass(frozen=True, slots=True)
class _Part:
    """An element that leaves."""

    tag: Tag
    attributes: tuple[tuple[Tag, str], ...]
    parts: "tuple[_Part, ...]"
    text: str


class Xml:
    """Elements and attributes of listed namespaces, of SOAP 1.1 and of none by their names, without prefix."""

    def read(self, data: bytes, tree: Node) -> Document:
        root = _parsed(data)
        document = Element()
        _Reading(_namespaces(tree)).put(document, root, tree, 1)
        return document

    def write(self, document: Document, source: Document) -> bytes:
        if document == {}:
            return b""
        [root] = _parts(document, source)
        prefixes = _prefixes(root)
        declared = "".join(
            f' xmlns{prefix and ":"}{prefix}="{namespace.translate(_IN_ATTRIBUTE)}"'
            for namespace, prefix in prefixes.items()
            if namespace not in ("", _XML)
        )
        return _DECLARATION + "".join(_written(root, prefixes, declared)).encode("utf-8", "replace")

    def holds(self, data: bytes, document: Document, source: Document, tree: Node) -> bool:
        if document == {}:
            return not data
        reading = Infoset()
        try:
            [root] = _parts(document, source)
            seen = reading.seen(data)
        except (ValueError, KeyError):
            return False
        return (
            data.startswith(_DECLARATION)
            and not reading.has_space
            and seen == _expected(root)
            and sorted(namespace for namespace, _ in reading.declared) == sorted(_used(root) - {"", _XML})
            and all(prefix is None or _PREFIX.fullmatch(prefix) for _, prefix in reading.declared)
            and _is_named(seen, tree, _namespaces(tree))
        )


def _namespaces(tree: Node) -> frozenset[str]:
    return tree.namespaces | {"", SOAP}


def _parsed(data: bytes) -> "etree._Element":
    try:
        text = data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError:
        raise refuse("body.unreadable", "XML is UTF-8 here") from None
    if not _begins_with_its_root(text):
        raise refuse("body.unreadable", "not XML 1.0 in UTF-8, or it begins with a document type or an instruction")
    if data.count(b"<") > MAX_TAGS:
        raise refuse("body.too_large", f"more than {MAX_TAGS} tags")
    try:
        root = etree.fromstring(text.encode(), _parser())
    except etree.XMLSyntaxError:
        # `from None`: the parser's own error quotes the body.
        raise refuse("body.unreadable", "not valid XML") from None
    if _has(root, etree.PI) or _has(root, etree.Entity) or next(root.itersiblings(etree.PI), None) is not None:
        raise refuse("body.unreadable", "XML has no entities and no processing instructions here")
    return root


def _begins_with_its_root(text: str) -> bool:
    """Nothing but a declaration, space and comments stands before the first element.

    A document type can stand nowhere else, so no parser ever sees one.
    """
    declared = _DECLARED.match(text)
    at = declared.end() if declared else 0
    while comment := _COMMENT.match(text, at):
        at = comment.end()
    return _ROOT.match(text, at) is not None


def _parser() -> etree.XMLParser:
    """A parser for one document that reaches out for nothing and puts in nothing."""
    return etree.XMLParser(
        encoding="utf-8",
        attribute_defaults=False,
        collect_ids=False,
        dtd_validation=False,
        huge_tree=False,
        load_dtd=False,
        no_network=True,
        recover=False,
        resolve_entities=False,
    )


def _has(root: "etree._Element", kind: object) -> bool:
    return next(root.iter(kind), None) is not None


@dataclass(slots=True)
class _Reading:
    """One pass over the elements of a document."""

    namespaces: frozenset[str]
    position: int = 0

    def put(self, members: Element, element: "etree._Element", node: Node | None, depth: int) -> None:
        """Puts an element where its name leads. One that no rule knows may repeat: it stays here in any case."""
        tag = self._tag(str(element.tag), element.prefix)
        name = self._name(tag)
        child = node.members.get(name) if node else None
        if child is not None and child.each is not None:
            many = cast("list[Document]", members.setdefault(name, []))
            many.append(self._element(element, tag, child.each, depth))
        elif name not in members:
            members[name] = self._element(element, tag, child, depth)
        elif child is not None:
            raise refuse("field.repeated", f"{child.path} comes more than once")
        else:
            _repeat(members, name, self._element(element, tag, None, depth))

    def _element(self, element: "etree._Element", tag: Tag, node: Node | None, depth: int) -> Document:
        if depth > MAX_DEPTH:
            raise refuse("body.unreadable", f"nested more than {MAX_DEPTH} deep")
        members = self._attributes(element, node)
        members.tag = tag
        children = list(element.iterchildren("*"))
        # What a comment stood between is one text.
        text = "".join([element.text or "", *(child.tail or "" for child in element)])
        if not children and (text or not _is_object(node)):
            return _text(text, tag, members)
        if text.strip(SPACE):
            raise refuse("body.unreadable", "there is text beside elements")
        for child in children:
            self.put(members, child, node, depth + 1)
        return members

    def _attributes(self, element: "etree._Element", node: Node | None) -> Element:
        members = Element()
        for key, value in element.attrib.items():
            tag = self._tag(str(key), None)
            name = f"@{self._name(tag)}"
            if name not in members:
                members[name] = _text(str(value), tag, {})
            elif node is not None and name in node.members:
                raise refuse("field.repeated", f"{node.members[name].path} comes more than once")
            else:
                _repeat(members, name, _text(str(value), tag, {}))
        return members

    def _tag(self, name: str, prefix: str | None) -> Tag:
        namespace, _, local = name[1:].rpartition("}") if name.startswith("{") else ("", "", name)
        if namespace in _INCLUSIONS:
            raise refuse("body.unreadable", "XML includes nothing here")
        self.position += 1
        return Tag(namespace, local, prefix, self.position)

    def _name(self, tag: Tag) -> str:
        """The name as paths have it. One from another namespace keeps that, so that no path leads to it."""
        return tag.name if tag.namespace in self.namespaces else f"{{{tag.namespace}}}{tag.name}"


def _text(text: str, tag: Tag, attributes: Mapping[str, Document]) -> Text:
    made = Text(text, attributes)
    made.tag = tag
    return made


def _repeat(members: Element, name: str, value: Document) -> None:
    """Two values of a name that no rule knows are a list, so that nobody takes one of them for the only one."""
    first = members[name]
    if isinstance(first, list):
        first.append(value)
    else:
        members[name] = [first, value]


def _is_object(node: Node | None) -> bool:
    """Whether an empty element is an object of which nothing is there, rather than an empty text."""
    return node is not None and not node.rules and any(not name.startswith("@") for name in node.members)


def _parts(document: Document, source: Document) -> tuple[_Part, ...]:
    """The elements that leave, in the order in which they came."""
    origins = cast("Mapping[str, Document]", source)
    parts = [
        _part(value, cast("Text | Element", origin))
        for name, several in cast("Mapping[str, Document]", document).items()
        if not name.startswith("@")
        for value, origin in _pairs(several, origins[name])
    ]
    return tuple(sorted(parts, key=lambda part: part.tag.position))


def _pairs(value: Document, origin: Document) -> Iterator[tuple[Document, Document]]:
    """A value beside what it was built from, or each of several."""
    if isinstance(origin, list):
        yield from zip(cast("list[Document]", value), origin, strict=True)
    else:
        yield value, origin


def _part(value: Document, origin: Text | Element) -> _Part:
    members = value.attributes if isinstance(value, Attributed) else value if isinstance(value, Mapping) else {}
    origins = origin.attributes if isinstance(origin, Text) else origin
    attributes = tuple(
        (cast("Text", source).tag, as_text(text))
        for name, several in members.items()
        if name.startswith("@")
        for text, source in _pairs(several, origins[name])
    )
    text = "" if isinstance(value, Mapping) else as_text(value)
    return _Part(origin.tag, attributes, _parts(members, origins), text)


def _all(part: _Part) -> Iterator[_Part]:
    yield part
    for inner in part.parts:
        yield from _all(inner)


def _used(root: _Part) -> set[str]:
    return {tag.namespace for part in _all(root) for tag in (part.tag, *(tag for tag, _ in part.attributes))}


def _prefixes(root: _Part) -> dict[str, str]:
    """A prefix for each namespace that leaves, all of them declared at the root; the root's own may have none."""
    of_elements = {part.tag.namespace for part in _all(root)}
    of_attributes = {tag.namespace for part in _all(root) for tag, _ in part.attributes}
    prefixes = {"": "", _XML: "xml"}
    if root.tag.prefix is None and "" not in of_elements and root.tag.namespace not in of_attributes:
        prefixes[root.tag.namespace] = ""
    for tag in (tag for part in _all(root) for tag in (part.tag, *(tag for tag, _ in part.attributes))):
        if tag.namespace not in prefixes:
            prefixes[tag.namespace] = _prefix(tag, set(prefixes.values()))
    return prefixes


def _prefix(tag: Tag, taken: set[str]) -> str:
    if tag.prefix and tag.prefix not in taken and _PREFIX.fullmatch(tag.prefix):
        return tag.prefix
    return next(prefix for number in range(len(taken) + 1) if (prefix := f"ns{number}") not in taken)


def _written(part: _Part, prefixes: Mapping[str, str], declared: str = "") -> Iterator[str]:
    name = _qualified(part.tag, prefixes)
    yield f"<{name}{declared}"
    for tag, text in part.attributes:
        yield f' {_qualified(tag, prefixes)}="{text.translate(_IN_ATTRIBUTE)}"'
    if not part.parts and not part.text:
        yield "/>"
        return
    yield f">{part.text.translate(_IN_TEXT)}"
    for inner in part.parts:
        yield from _written(inner, prefixes)
    yield f"</{name}>"


def _qualified(tag: Tag, prefixes: Mapping[str, str]) -> str:
    prefix = prefixes[tag.namespace]
    return f"{prefix}:{tag.name}" if prefix else tag.name


def _expected(part: _Part) -> Seen:
    attributes = {(tag.namespace, tag.name): text for tag, text in part.attributes}
    content: list[Seen] | str = [_expected(inner) for inner in part.parts] or part.text
    return Seen(part.tag.namespace, part.tag.name, attributes, content)


def _is_named(element: Seen, tree: Node, namespaces: frozenset[str]) -> bool:
    """Whether an element, its attributes and all within lead to rules, found by their names alone."""
    child = tree.members.get(element.name)
    if child is None or element.namespace not in namespaces:
        return False
    node = child.each or child
    for namespace, name in element.attributes:
        attribute = node.members.get(f"@{name}")
        if namespace not in namespaces or attribute is None or not attribute.rules:
            return False
    if isinstance(element.content, str):
        return not element.content or bool(node.rules)
    return all(_is_named(inner, node, namespaces) for inner in element.content)
