"""Where a body holds documents in its texts, and what its own format sees of that."""

from collections.abc import Iterable
from dataclasses import replace

from gateway.contract.terms import Held, Nest, Node
from gateway.paths import EACH, Path, written


def nest_of(texts: Iterable[tuple[Path, Held]], tree: Node) -> Nest | None:
    """The way to each text at these paths with the rules of `tree` for what it holds, or None where there are none."""
    top = Nest("$")
    for path, held in texts:
        nest = top
        for depth, step in enumerate(path, 1):
            if step is EACH:
                nest.each = nest = nest.each or Nest(written(path[:depth]))
            else:
                nest = nest.members.setdefault(step, Nest(written(path[:depth])))
        nest.held = held
    if not top.members and top.each is None:
        return None
    _plant(top, tree, tree.namespaces)
    return top


def outside(tree: Node, nest: Nest | None) -> Node:
    """The tree as the body's own format sees it: a text is a text, whatever is named in it."""
    if nest is None:
        return tree
    if nest.held is not None and nest.held.body == "opaque":
        # A file has nothing in it, but may have a name and a type beside it.
        return replace(tree, held=nest.held)
    if nest.held is not None:
        return Node(tree.path, rules=tuple(_rules(tree)), held=nest.held)
    return _within(tree, nest)


def text_at(nest: Nest, path: Path) -> tuple[Nest, Path] | None:
    """The innermost text to which or into which a path leads, and what of the path goes on from there."""
    found: tuple[Nest, Path] | None = None
    for depth, step in enumerate(path, 1):
        child = nest.each if step is EACH else nest.members.get(step)
        if child is None:
            break
        nest = child
        if nest.held is not None:
            found = nest, path[depth:]
    return found


def texts_of(nest: Nest, outer: Nest | None = None) -> Iterable[tuple[Nest, Nest | None]]:
    """Every text, and the one in which it stands."""
    for child in _children(nest):
        if child.held is not None:
            yield child, outer
        yield from texts_of(child, child if child.held is not None else outer)


def _plant(nest: Nest, tree: Node, namespaces: frozenset[str]) -> None:
    if nest.held is not None:
        nest.tree = replace(_within(tree, nest), namespaces=namespaces)
    for name, child in nest.members.items():
        _plant(child, tree.members.get(name) or Node(child.path), namespaces)
    if nest.each is not None:
        _plant(nest.each, tree.each or Node(nest.each.path), namespaces)


def _within(tree: Node, nest: Nest) -> Node:
    members = {
        name: outside(node, nest.members[name]) if name in nest.members else node for name, node in tree.members.items()
    }
    # A text that no rule names is still one, and its codec has to know.
    members |= {
        name: outside(Node(child.path), child) for name, child in nest.members.items() if name not in tree.members
    }
    each = tree.each or (Node(nest.each.path) if nest.each else None)
    return replace(tree, members=members, each=outside(each, nest.each) if each else None)


def _children(nest: Nest) -> Iterable[Nest]:
    return (*nest.members.values(), *([nest.each] if nest.each else []))


def _rules(node: Node) -> Iterable[int]:
    yield from node.rules
    for child in (*node.members.values(), *([node.each] if node.each else [])):
        yield from _rules(child)
