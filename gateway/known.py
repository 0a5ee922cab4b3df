"""Names and addresses that a call gives in one of its fields, so that free text in another can be without them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from gateway.body.document import Document, members_of
from gateway.contract.terms import Node, Rule, Section
from gateway.scrub import Kind, Known
from gateway.vocabulary import Category

_KINDS: Final[Mapping[Category, Kind]] = {
    Category.PERSON_NAME: Kind.PERSON,
    Category.ACCOUNT_NICKNAME: Kind.PERSON,
    Category.ADDRESS_FULL: Kind.LOCATION,
    Category.ADDRESS_STREET: Kind.LOCATION,
    Category.ADDRESS_UNIT: Kind.LOCATION,
    Category.ADDRESS_CITY: Kind.LOCATION,
    Category.ADDRESS_POSTAL_CODE: Kind.LOCATION,
    Category.PAYMENT_BILLING_ADDRESS: Kind.LOCATION,
}
_LONGEST = 200
_MOST = 256

# What APIs call the place of a name or an address, with what stands around it. What stays here because no contract line
# names it counts all the same.
_BETWEEN = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+")
_PEOPLE = (
    r"user|customer|client|recipient|receiver|addressee|consignee|sender|shipper|buyer|purchaser|payer|shopper|guest|holder"
    r"|owner|contact|person|driver|employee|billing|shipping|delivery|ship_?to|bill_?to|address|details"
)
_NAME = re.compile(
    rf"(?:.*_)?(?:(?:first|last|middle|full|given|family|maiden|nick|{_PEOPLE})_?name|surname|cardholder|(?:vor|nach)name)"
)
_ADDRESS = re.compile(
    r"(?:.*_)?(?:street(?:_?(?:address|name|lines?|[1-4]))*|(?:address|addr)(?:_?lines?)?(?:_?[1-4])?|city|town"
    r"|post(?:al)?_?code|zip(?:_?code)?)"
)
_NO_ADDRESS = re.compile(r"(?:.*_)?(?:e?_?mail|ip|mac|web|url|remote|server|host|network|wallet)_?addr(?:ess)?")


def known_in(section: Section, documents: Mapping[str, Document]) -> tuple[Known, ...]:
    """The names and addresses in the documents of one call: where a rule says so, and where the place is called so.

    What is free text to be scrubbed itself does not count, and neither does what a rule calls something else.
    """
    found: dict[Known, None] = {}
    for kind, document in documents.items():
        for known in _in(section.trees[kind], section.rules, document, ""):
            found[known] = None
            if len(found) == _MOST:
                return tuple(found)
    return tuple(found)


def _in(node: Node | None, rules: Sequence[Rule], value: Document, name: str) -> Iterator[Known]:
    """`name` is what the place is called, with the names around it in front."""
    if isinstance(value, list):
        for element in value:
            yield from _in(node.each if node else None, rules, element, name)
    for member, below in members_of(value).items():
        called = _BETWEEN.sub("_", member).strip("_").lower()
        yield from _in(node.members.get(member) if node else None, rules, below, f"{name}_{called}"[-_LONGEST:])
    if isinstance(value, str) and 0 < len(text := value.strip()) <= _LONGEST:
        kind = _kind_by_name(name) if node is None or not node.rules else _kind_by_rule(node, rules)
        if kind is not None:
            yield Known(text, kind)


def _kind_by_rule(node: Node, rules: Sequence[Rule]) -> Kind | None:
    stated = (_KINDS.get(rules[number].category) for number in node.rules if rules[number].form.name != "scrub")
    return next((kind for kind in stated if kind is not None), None)


def _kind_by_name(name: str) -> Kind | None:
    if _NAME.fullmatch(name):
        return Kind.PERSON
    return Kind.LOCATION if _ADDRESS.fullmatch(name) and not _NO_ADDRESS.fullmatch(name) else None
