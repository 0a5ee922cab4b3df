"""Where a body holds documents in its texts, and what its own format sees of that."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from gateway.contract.terms import Held, Nest, Node
from gateway.paths import EACH, Path, written


def nest_of(texts: Iterable[tuple[Path, Held]], tree: Node, body: str = "") -> Nest | None:
    """The way to each text at these paths with the rules of `tree` for what it holds, or None where there are none.

    `body` is the format of the whole.
    """
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
    _plant(top, tree, tree.namespaces, body)
    return top


def outside(tree: Node, nest: Nest | None) -> Node:
    """The tree as the body's own format sees it: a text is a text, whatever is named in it."""
    if nest is None:
        return tree
    if nest.held is not None and nest.held.body == "opaque":
        # A file has nothing in it, but may have a name and a type beside it.
        return replace(tree, held=nest.held)
    if nest.held is not None:
        beside = {name: node for name, node in _within(tree, nest).members.items() if nest.is_beside(name)}
        return Node(tree.path, beside, rules=tuple(_rules(_inside(tree, nest))), held=nest.held)
    return _within(tree, nest)


def texts_along(nest: Nest | None, path: Path) -> Iterator[tuple[int, Nest]]:
    """The texts into which a path leads, outermost first, each with how many steps it is from the one before."""
    steps = 0
    for at, step in enumerate(path):
        child = nest and (nest.each if step is EACH else nest.members.get(step))
        if nest is None or child is None:
            return
        steps += 1
        if child.held is not None and not _leads_beside(child, path[at + 1 :]):
            yield steps, child
            steps = 0
        nest = child


def text_at(nest: Nest, path: Path) -> tuple[Nest, Path] | None:
    """The innermost text to which, into which or beside which a path leads, and what of the path goes on from there."""
    found: tuple[Nest, Path] | None = None
    for depth, step in enumerate(path, 1):
        child = nest.each if step is EACH else nest.members.get(step)
        if child is None:
            break
        nest = child
        if nest.held is not None:
            found = nest, path[depth:]
    return found


def _leads_beside(nest: Nest, rest: Path) -> bool:
    return rest != () and rest[0] is not EACH and nest.is_beside(rest[0])


def texts_of(nest: Nest, outer: Nest | None = None) -> Iterator[tuple[Nest, Nest | None]]:
    """Every text, and the one in which it stands."""
    within = nest if nest.held is not None else outer
    steps = [(child, outer if nest.is_beside(name) else within) for name, child in nest.members.items()]
    for child, around in [*steps, *([(nest.each, within)] if nest.each else [])]:
        if child.held is not None:
            yield child, around
        yield from texts_of(child, around)


def _plant(nest: Nest, tree: Node, namespaces: frozenset[str], body: str) -> None:
    nest.around = body
    for name, child in nest.members.items():
        inner = nest.held.body if nest.held and not nest.is_beside(name) else body
        _plant(child, tree.members.get(name) or Node(child.path), namespaces, inner)
    if nest.each is not None:
        inner = nest.held.body if nest.held else body
        _plant(nest.each, tree.each or Node(nest.each.path), namespaces, inner)
    if nest.held is not None:
        nest.tree = replace(_inside(_within(tree, nest), nest), namespaces=namespaces)


def _inside(tree: Node, nest: Nest) -> Node:
    """A tree without what is named beside the text."""
    return replace(tree, members={name: node for name, node in tree.members.items() if not nest.is_beside(name)})


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


def _rules(node: Node) -> Iterable[int]:
    yield from node.rules
    for child in (*node.members.values(), *([node.each] if node.each else [])):
        yield from _rules(child)
