"""What looks personal in an answer where no contract line names it: a vendor that sends more than it was thought to."""

import re
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Final, cast

from gateway.body.document import PLAIN, Attributed, Document, Scalar, members_of
from gateway.contract.terms import Node
from gateway.scrub import LONGEST, personal_kind

MOST: Final = 200
"""Steps into an answer: what is counted tells of a vendor's habits, and those show early."""
TEXT: Final = 8 * 1024
"""Signs of an answer that are looked at; bytes, where nobody can tell its values apart."""

# What a vendor was sent in the place of a number, and repeats.
_OURS: Final = re.compile(r"psn_[0-9a-f]{26}")

_CONTAINERS = (dict, list)
_HOLDING = (*_CONTAINERS, Attributed)
_Step = tuple[Node | None, Document]
"""A value and where in the rule tree it stands; None is nowhere."""

# Where values end in whatever text it is; a blank may stand inside one.
_CUTS: Final = re.compile(r"[\t\r\n\"'<>&=,;{}\[\]]+")


def unnamed_kinds(trees: Mapping[str, Node], documents: Mapping[str, Document]) -> Mapping[str, int]:
    """How many values of each kind of personal data stand where no rule does, in documents by kind of place."""
    return _kinds(_unnamed([(trees[kind], document) for kind, document in documents.items()]))


def unread_kinds(payload: bytes) -> Mapping[str, int]:
    """The same of bytes of which nothing is known; in what is no text nothing is found."""
    head = payload[:TEXT]
    return {} if b"\0" in head else _kinds(_CUTS.split(head.decode("utf-8", "replace")))


def _kinds(values: Iterable[Scalar]) -> Mapping[str, int]:
    counts: dict[str, int] = {}
    left = TEXT
    for value in values:
        if isinstance(value, str):
            if _OURS.fullmatch(value):
                continue
            value = value[: min(LONGEST, left)]  # noqa: PLW2901 - of a long text no more is looked at
            left -= len(value)
        if (kind := personal_kind(value)) is not None:
            counts[kind] = counts.get(kind, 0) + 1
    return counts


def _unnamed(places: list[_Step]) -> list[Scalar]:
    """The values that no rule names, as far as the steps lead, in their order."""
    found: list[Scalar] = []
    steps = places[::-1]
    for _ in range(MOST):
        if not steps:
            break
        node, value = steps.pop()
        if value.__class__ not in PLAIN and isinstance(value, _HOLDING):
            steps += _below(node, value)[::-1]
        if (node is None or not node.rules) and not isinstance(value, _CONTAINERS):
            found.append(cast("Scalar", value))
    return found


def _below(node: Node | None, value: dict[str, Document] | list[Document] | Attributed) -> list[_Step]:
    """What stands in a value, save what a line drops together with all that is in it: that is known to come."""
    is_dropped = node is not None and node.cover is not None
    if isinstance(value, list):
        each = node.each if node else None
        return [] if each is None and is_dropped else [(each, item) for item in value[:MOST]]
    members = node.members if node else {}
    found = [(members.get(name), item) for name, item in islice(members_of(value).items(), MOST)]
    return [step for step in found if step[0] is not None] if is_dropped else found
