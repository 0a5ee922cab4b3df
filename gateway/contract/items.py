"""Where the items of an envelope stand: under their type, each for itself, their headers as `@name`."""

from collections.abc import Iterable
from typing import Final

from gateway.contract.compile import Source
from gateway.contract.form import OVER_CONTAINERS
from gateway.contract.strict_yaml import Location
from gateway.contract.terms import Node, Rule
from gateway.paths import EACH, Path

HEADER: Final = "header"
FRAMING: Final = frozenset({"type", "length", "item_count", "content_type"})
"""Headers of an item that say how it is framed: they are written anew, and no path leads to them."""

_ATTRIBUTE: Final = "@"
_FRAMED: Final = frozenset({(f"{_ATTRIBUTE}{name}",) for name in FRAMING})


def is_attribute(name: str) -> bool:
    """Whether a name below an item is that of a header of the item."""
    return name.startswith(_ATTRIBUTE)


def attribute(name: str) -> str:
    """The name of a header of an item as paths have it."""
    return f"{_ATTRIBUTE}{name}"


def leads_into_payloads(node: Node) -> bool:
    """Whether a path leads into the payloads of a type of item, rather than to its headers or around it.

    `node` is of the tree as the envelope sees it, in which an item that is a file holds nothing.
    """
    if (each := node.each) is None:
        return False
    if each.held is not None:
        return bool(each.rules)
    return each.each is not None or any(not is_attribute(name) for name in each.members)


def check_items(rules: Iterable[Rule], tree: Node, source: Source, at: Location) -> None:
    """What is wrong with the paths into an envelope. Its own header and its items are all that it has."""
    for node in tree.members.values():
        if node.held is not None or (node.each and node.each.held and node.each.held.body != "opaque"):
            message = f"{node.path}: an item is JSON, or a file"
            source.find("contract.path", (*at, "nested"), message, "write {$.attachment.*: {body: opaque, ...}}")
    for rule in rules:
        covers = rule.form.name in OVER_CONTAINERS
        if (fault := _fault(rule.place.path, tree, covers=covers)) is not None:
            source.find("contract.path", rule.where, fault[0].format(rule.path), fault[1])


def _fault(path: Path, tree: Node, *, covers: bool) -> tuple[str, str] | None:
    """What is wrong with a path, and what to do about it. `covers`: the rule is for a whole item, or for all of a type.

    Such a one need not lead into what the items hold.
    """
    if not path or path[0] == HEADER or (covers and len(path) == 1):
        return None
    if path[0] is EACH or path[1:2] != (EACH,):
        return "{} is in no item", "write `$.event.*.name`"
    if path[2:] in _FRAMED:
        return "{} is written by the gateway", "leave it out"
    if covers or leads_into_payloads(tree.members[path[0]]):
        return None
    return f"nothing is named of what items of the type {path[0]} hold", "name fields in them, or leave them here"
