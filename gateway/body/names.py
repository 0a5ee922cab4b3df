"""Nested names as SDKs write them in forms: `a[b][c]`, `a[]`, `a[0]`, repeated `a`.

The last three are positions of a list only where the contract has `.*`.
"""

import re
from collections.abc import Mapping

from gateway.body.document import MAX_DEPTH, Document
from gateway.contract.terms import Node
from gateway.errors import refuse

_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)\Z")
_BRACKETS = re.compile(r"\[([^\[\]]*)\]")


class Named(dict[str, Document]):
    """A document that was read by nested names, with each of them as it came."""

    __slots__ = ("names",)

    def __init__(self) -> None:
        super().__init__()
        self.names: tuple[str, ...] = ()


class _Many(list[Document]):
    """A list that remembers which position of the form became which element."""

    __slots__ = ("positions",)

    def __init__(self) -> None:
        super().__init__()
        self.positions: dict[str, int] = {}


def steps_of(name: str) -> list[str]:
    """`a[b][]` is a, b and an empty step. A name whose brackets do not close is one step, whatever is in it."""
    if not (match := _NAME.match(name)):
        return [name]
    steps = [match[1], *_BRACKETS.findall(match[2])]
    if len(steps) > MAX_DEPTH:
        raise refuse("body.unreadable", f"nested more than {MAX_DEPTH} deep")
    return steps


def insert(parent: dict[str, Document], step: str, rest: list[str], leaf: Document, node: Node | None) -> None:
    """Puts a value where its name leads. A name that no rule knows may repeat: it stays here in any case."""
    child = node.members.get(step) if node else None
    if child is not None and child.each is not None and (not rest or _is_position(rest[0])):
        many = parent.setdefault(step, _Many())
        if not isinstance(many, _Many):
            raise _repeated(child)
        _append(many, rest, leaf, child.each)
    elif not rest:
        if child is not None and step in parent:
            raise _repeated(child)
        parent.setdefault(step, leaf)
    else:
        inner = parent.setdefault(step, {})
        if isinstance(inner, dict):
            insert(inner, rest[0], rest[1:], leaf, child)
        elif child is not None:
            raise _repeated(child)


def node_of(steps: list[str], tree: Node) -> Node | None:
    """The node of the tree to which a name leads, or None where no rule names it."""
    node: Node | None = tree
    while steps and node is not None:
        child, steps = node.members.get(steps[0]), steps[1:]
        if child is not None and child.each is not None and (not steps or _is_position(steps[0])):
            child, steps = child.each, steps[1:]
        node = child
    return node


def _append(many: _Many, rest: list[str], leaf: Document, each: Node) -> None:
    position, rest = (rest[0], rest[1:]) if rest else ("", [])
    if not rest:
        if position and position in many.positions:
            raise _repeated(each)
        many.positions[position] = len(many)
        many.append(leaf)
        return
    element = _element(many, position, rest)
    if not isinstance(element, dict):
        raise _repeated(each)
    insert(element, rest[0], rest[1:], leaf, each)


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


def is_named(name: str, tree: Node) -> bool:
    """Whether a name leads to a rule, found by splitting it in another way than `steps_of` does."""
    node: Node | None = tree
    for step in name.replace("]", "").split("[") if name.endswith("]") else [name]:
        if node is None:
            return False
        node = node.members.get(step) or (node.each if _is_position(step) else None)
    return node is not None and bool(node.rules or (node.each is not None and node.each.rules))
