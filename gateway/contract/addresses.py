"""Whether an address of the web that a vendor will call, or send people to, is one of those that a contract lists."""

import re

from gateway.contract.compile import Source
from gateway.contract.terms import Origin, Rule, Terms

# What APIs call the place of such an address.
_ADDRESS = re.compile(r"(?:.*_)?(?:(?:notify|return|redirect|callback|webhook)?(?:url|uri)|callback|webhook|href)s?")
_NEW_WORD = re.compile(r"(?<=[a-z])(?=[A-Z])|-")
_AS_IT_CAME = frozenset({"as_is", "encrypt", "truncate", "scrub"})


def check_addresses(terms: Terms, source: Source) -> None:
    """A note for each field that is called like an address and may lead anywhere."""
    for rule in terms.sending.rules:
        if rule.origin is Origin.GROUP and rule.form.name in _AS_IT_CAME and _is_called_address(rule):
            message = f"{rule.path} is called like an address of the web, and any address could leave in it"
            source.find("contract.form", rule.where, message, "write {link: {hosts: [shop.example]}}", note=True)


def _is_called_address(rule: Rule) -> bool:
    names = [step for step in rule.place.path if isinstance(step, str)]
    return bool(names) and _ADDRESS.fullmatch(_NEW_WORD.sub("_", names[-1].removeprefix("@")).lower()) is not None
