"""What is wrong between the files of a set, and in none of them alone."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

from gateway.contract.check_form import check_restores
from gateway.contract.check_notices import check_notices
from gateway.contract.check_papers import check_lapses
from gateway.contract.model import Entities, Vendor
from gateway.contract.routes import overlap
from gateway.contract.terms import Terms
from gateway.errors import Finding
from gateway.vocabulary import Category


def check_set(vendors: Mapping[str, Vendor], terms: Sequence[Terms], entities: Entities) -> Iterator[Finding]:
    """One call with two contracts, one host name twice, companies that do not exist, a card masked in two ways."""
    yield from _overlaps(terms)
    yield from _hosts(vendors)
    for vendor in vendors.values():
        yield from _companies(vendor, entities)
        own = {each.operation.operation for each in terms if each.vendor.vendor == vendor.vendor}
        yield from check_lapses(vendor, own)
    yield from _card_masks(terms)
    yield from dict.fromkeys(check_restores(terms))
    yield from check_notices(vendors, terms)


def _overlaps(terms: Sequence[Terms]) -> Iterator[Finding]:
    for one, other in combinations(terms, 2):
        if one.host.name == other.host.name and not one.is_direct and overlap(one, other):
            yield Finding(
                "contract.match", other.file, 1, f"a call could match {one.name} too", "tell them apart by `pins`"
            )


def _hosts(vendors: Mapping[str, Vendor]) -> Iterator[Finding]:
    hosts: dict[str, str] = {}
    for vendor in vendors.values():
        for name in vendor.hosts or {}:
            if hosts.setdefault(name, vendor.vendor) != vendor.vendor:
                message = f"the host `{name}` is {hosts[name]}'s"
                yield Finding("contract.hosts", f"{vendor.vendor}/vendor.yaml", 1, message, "give it another name")


def _companies(vendor: Vendor, entities: Entities) -> Iterator[Finding]:
    of_lines = {entity for lines in vendor.transfer.values() for line in lines for entity in line.entities}
    for named in (of_lines, *(agreement.entities for agreement in vendor.agreements)):
        for entity in sorted(set(named) - set(entities.entities)):
            message = f"no company `{entity}` in entities.yaml"
            yield Finding("contract.value", f"{vendor.vendor}/vendor.yaml", 1, message, "add it there")


def _card_masks(terms: Sequence[Terms]) -> Iterator[Finding]:
    masks: dict[str, str] = {}
    for each in terms:
        for rule in each.sending.rules:
            if rule.category is Category.PAYMENT_PAN and rule.form.name in ("mask", "truncate"):
                first = masks.setdefault(f"{rule.form.name} {rule.form.value}", each.name)
                if len(masks) > 1:
                    message = f"{first} and another contract mask one card in two ways, which together show more"
                    yield Finding("contract.cards", each.file, 1, message, "use one form for cards everywhere")
