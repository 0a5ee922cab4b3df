"""What leaves is read again by other parsers, and holds what was let out and nothing else."""

from collections.abc import Mapping

from gateway.bind import Bound, Step
from gateway.body.codecs import FORM, holds_body, written_body
from gateway.body.document import PLAIN, Attributed, Document
from gateway.errors import refuse
from gateway.pieces import Payload


def proved(
    bound: Bound, documents: Mapping[str, Document], incoming: Mapping[str, Document], payload: Payload, query: bytes
) -> tuple[Payload, bytes]:
    """Payload and query as given, once another parser has found in them exactly what was let out.

    Raises Refusal `proof.failed` for anything that no rule lets out, whoever put it there.
    """
    trees = bound.section.trees
    if not holds_body(payload, documents["body"], incoming["body"], bound.section):
        raise refuse("proof.failed", "the body read again is not the body that was built")
    if (query or documents["query"]) and not FORM.holds(query, documents["query"], incoming["query"], trees["query"]):
        raise refuse("proof.failed", "the query read again is not the query that was built")
    for kind, document in documents.items():
        if document and not _is_named(bound.steps[kind], document, top=True):
            raise refuse("proof.failed", f"the {kind} holds a place that no rule lets out")
    return payload, query


def line_of(bound: Bound, left: Document, source: Document) -> bytes:
    """One line of a body of lines as it leaves, proved like a whole body. Raises Refusal `proof.failed`."""
    line = written_body([left], [source], bound.section)
    if not holds_body(line, [left], [source], bound.section):
        raise refuse("proof.failed", "a line read again is not the line that was built")
    if not _is_named(bound.steps["body"], [left], top=True):
        raise refuse("proof.failed", "a line holds a place that no rule lets out")
    return line


def _is_named(step: Step, document: Document, *, top: bool = False) -> bool:
    """Whether every value in a document stands where a rule lets one out."""
    if isinstance(document, list):
        each = step.each
        return each is not None and all(element == {} or _is_named(each, element) for element in document)
    if not isinstance(document, dict):
        return step.lets and (not isinstance(document, Attributed) or _is_named(step, document.attributes, top=True))
    if not top and not step.members:
        return False
    find = step.members.get
    for name, value in document.items():
        child = find(name)
        if child is None or not (child.lets if value.__class__ in PLAIN else _is_named(child, value)):
            return False
    return True
