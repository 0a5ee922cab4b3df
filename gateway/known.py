"""Names and addresses that a call gives in one of its fields, so that free text in another can be without them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final

from gateway.body.document import Document, members_of
from gateway.body.lines import Lines
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
# fmt: off
_OF_NAMES = (
    "first", "last", "middle", "full", "given", "family", "maiden", "nick",
    "user", "customer", "client", "recipient", "receiver", "addressee", "consignee", "sender", "shipper", "buyer",
    "purchaser", "payer", "shopper", "guest", "holder", "owner", "contact", "person", "people", "driver", "employee",
    "billing", "shipping", "delivery", "ship_to", "bill_to", "shipto", "billto", "address", "details",
)
_STREETS = ("street", "street_address", "street_name", "street_line", "address", "address_line", "addr", "addr_line")
_NOT_STREETS = frozenset({
    "email", "mail", "e_mail", "ip", "mac", "web", "url", "remote", "server", "host", "network", "wallet",
})
# fmt: on
_NAMES = frozenset(
    {f"{of}_name" for of in _OF_NAMES}
    | {f"{of}name" for of in _OF_NAMES}
    | {"surname", "cardholder", "vorname", "nachname"}
)
_ADDRESSES = frozenset(
    {f"{street}{behind}" for street in _STREETS for behind in ("", "s", *"1234", "_1", "_2", "_3", "_4")}
    | {"streetname", "streetline", "streetlines", "addressline", "addresslines", "addressline1", "addressline2"}
    | {"city", "town", "postcode", "post_code", "postal_code", "postalcode", "zip", "zip_code", "zipcode"}
)
_DEEP = 3  # of the words of a name and of those around it


def known_in(section: Section, documents: Mapping[str, Document]) -> tuple[Known, ...]:
    """The names and addresses in the documents of one call: where a rule says so, and where the place is called so.

    What is free text to be scrubbed itself does not count, and neither does what a rule calls something else.
    """
    found: dict[Known, None] = {}
    for kind, document in documents.items():
        for known in _in(section.trees[kind], section.rules, document, ()):
            found[known] = None
            if len(found) == _MOST:
                return tuple(found)
    return tuple(found)


def _in(node: Node | None, rules: Sequence[Rule], value: Document, name: tuple[str, ...]) -> Iterator[Known]:
    """`name` is what the place is called, word for word, with the names around it in front."""
    if isinstance(value, list):
        for element in value.each() if isinstance(value, Lines) else value:
            yield from _in(node.each if node else None, rules, element, name)
    for member, below in members_of(value).items():
        yield from _in(node.members.get(member) if node else None, rules, below, (*name, *_words(member))[-_DEEP:])
    if isinstance(value, str) and 0 < len(text := value.strip()) <= _LONGEST:
        kind = _kind_by_name(name) if node is None or not node.rules else _kind_by_rule(node, rules)
        if kind is not None:
            yield Known(text, kind)


@lru_cache(4096)
def _words(member: str) -> tuple[str, ...]:
    return tuple(_BETWEEN.sub(" ", member[:_LONGEST]).lower().split())


def _kind_by_rule(node: Node, rules: Sequence[Rule]) -> Kind | None:
    stated = (_KINDS.get(rules[number].category) for number in node.rules if rules[number].form.name != "scrub")
    return next((kind for kind in stated if kind is not None), None)


def _kind_by_name(name: tuple[str, ...]) -> Kind | None:
    for count in range(1, len(name) + 1):
        called = "_".join(name[-count:])
        if called in _NAMES:
            return Kind.PERSON
        if called in _ADDRESSES:
            return None if name[-count - 1 : -count] and name[-count - 1] in _NOT_STREETS else Kind.LOCATION
    return None
