"""Where a body holds documents in its texts, and what its own format sees of that."""

from collections.abc import Iterable
from dataclasses import replace

from gateway.contract.terms import Nest, Node
from gateway.paths import EACH, Path, written


def nest_of(paths: Iterable[Path]) -> Nest | None:
    """The way to each of the texts at these paths, or None where there are none."""
    top = Nest("$")
    for path in paths:
        nest = top
        for depth, step in enumerate(path, 1):
            if step is EACH:
                nest.each = nest = nest.each or Nest(written(path[:depth]))
            else:
                nest = nest.members.setdefault(step, Nest(written(path[:depth])))
        nest.is_text = True
    return top if top.members or top.each else None


def outside(tree: Node, nest: Nest | None) -> Node:
    """The tree as the body's own format sees it: a text is a text, whatever is named in it."""
    if nest is None:
        return tree
    if nest.is_text:
        return Node(tree.path, rules=tuple(_rules(tree)))
    members = {name: outside(node, nest.members.get(name)) for name, node in tree.members.items()}
    return replace(tree, members=members, each=outside(tree.each, nest.each) if tree.each else None)


def _rules(node: Node) -> Iterable[int]:
    yield from node.rules
    for child in (*node.members.values(), *([node.each] if node.each else [])):
        yield from _rules(child)
