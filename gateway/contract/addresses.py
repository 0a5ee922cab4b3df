"""The hosts that a contract lists for addresses of the web, which a vendor may call or send people to."""

import re
from collections.abc import Iterable, Mapping

from gateway.contract.compile import Source
from gateway.contract.terms import Origin, Rule, Terms

# What APIs call the place of such an address.
_ADDRESS = re.compile(r"(?:.*_)?(?:(?:notify|return|redirect|callback|webhook)?(?:url|uri)|callback|webhook|href)s?")
_NEW_WORD = re.compile(r"(?<=[a-z])(?=[A-Z])|-")
_AS_IT_CAME = frozenset({"as_is", "encrypt", "truncate", "scrub"})


def origins(urls: Iterable[str], pins: Mapping[str, str]) -> frozenset[str]:
    """Where addresses may lead, each with its scheme, and the texts of pins: those the contract says itself."""
    listed = (url if "://" in url else f"https://{url}" for url in urls)
    return frozenset(
        (*(url.removesuffix(":443") if url.startswith("https:") else url for url in listed), *pins.values())
    )


def check_addresses(terms: Terms, source: Source) -> None:
    """A note for each field that is called like an address, where no address may leave."""
    if terms.vendor.urls or terms.operation.sending.urls:
        return
    for rule in terms.sending.rules:
        if rule.origin is Origin.GROUP and rule.form.name in _AS_IT_CAME and _is_called_address(rule):
            message = (
                f"{rule.path} is called like an address of the web, and nothing lists a host to which one may lead"
            )
            fix = "write {link: {hosts: [shop.example]}}, or `urls: [shop.example]` for all fields"
            source.find("contract.form", rule.where, message, fix, note=True)


def _is_called_address(rule: Rule) -> bool:
    names = [step for step in rule.place.path if isinstance(step, str)]
    return bool(names) and _ADDRESS.fullmatch(_NEW_WORD.sub("_", names[-1].removeprefix("@")).lower()) is not None
