"""Whether a field that is called personal is said not to be."""

import re

from gateway.contract.compile import Source
from gateway.contract.terms import Origin, Rule, Terms
from gateway.vocabulary import Category

_TELLING_NAMES = re.compile(r"name|mail|phone|street|birth|address|passport|gender|card", re.IGNORECASE)
_NOT_TELLING = re.compile(
    r"(file|host|user_?agent|event|evt|logger|method|brand|type|country|display|product|carrier)_?name", re.IGNORECASE
)
# What the APIs of carriers call the end of a parcel's way at which it begins.
_SENDER = re.compile(r"shipper|sender|consignor|ship_from|from_address|address_from")
_NEW_WORD = re.compile(r"(?<=[a-z])(?=[A-Z])|-")
_WHO = frozenset({Category.PERSON_NAME, Category.ADDRESS_FULL, Category.ADDRESS_STREET})


def check_telling(terms: Terms, source: Source) -> None:
    """A note for each field that is said to be not personal and is called otherwise.

    Where a person gets the parcel, name and street of its sender are the shop's own. Where nobody does, the parcel may
    be on its way back, and the sender is somebody.
    """
    rules = [rule for rule in terms.sending.rules if rule.origin is Origin.GROUP]
    goes_to_somebody = any(rule.category in _WHO and not _is_senders(rule) for rule in rules)
    for rule in rules:
        if _is_told(rule) and not (goes_to_somebody and _is_senders(rule)):
            message = f"{rule.path} is called not_personal; its name says otherwise"
            source.find("contract.category", rule.where, message, "name its category, if it has one", note=True)


def _is_told(rule: Rule) -> bool:
    if rule.category is not Category.NOT_PERSONAL or rule.form.name != "as_is":
        return False
    name = _name(rule)
    return bool(_TELLING_NAMES.search(name)) and not _NOT_TELLING.search(name)


def _name(rule: Rule) -> str:
    """What a field is called: a bare `name` is that of what it stands in, as in `logger.name`."""
    *around, last = rule.place.path or ("",)
    parent = next((step for step in reversed(around) if isinstance(step, str)), "")
    return f"{parent}_{last}" if last == "name" else str(last)


def _is_senders(rule: Rule) -> bool:
    names = [_NEW_WORD.sub("_", step).lower() for step in rule.place.path[:-1] if isinstance(step, str)]
    return any(_SENDER.fullmatch(name) for name in names)
