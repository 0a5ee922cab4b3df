"""Data about people who are not in a call: what a vendor tells of them, and how they learn of it (GDPR 14)."""

from collections.abc import Iterator
from typing import Final

from gateway.contract.compile import Source
from gateway.contract.terms import Section, Terms
from gateway.vocabulary import FORMS_FOR_ANY, Category

# What vendors tell of whoever brought a parcel, took it for somebody, or signed for it.
_TELLS_WHO: Final = frozenset(
    {Category.PERSON_NAME, Category.CONTACT_PHONE, Category.CONTACT_EMAIL, Category.MEDIA_IMAGE}
)


def others_in(section: Section) -> Iterator[tuple[Category, str]]:
    """What a body brings about people who are not in the call: each category, and who they are."""
    for group in (each for each in section.groups if each.others):
        categories = {rule.category for rule in section.rules_of(group)} - {Category.NOT_PERSONAL}
        yield from ((category, group.others) for category in sorted(categories))


def check_others(section: Section, source: Source) -> None:
    """A note for each field of an answer that may be of somebody else, where nobody wrote who that is."""
    silent = [group for group in section.groups if not group.others]
    for rule in (rule for group in silent for rule in section.rules_of(group)):
        if rule.category in _TELLS_WHO and rule.form.name not in FORMS_FOR_ANY:
            message = f"{rule.path} may be of somebody who is not in the call, as a driver or a neighbour"
            fix = "say under `others` who that is, and how they learn that the shop has it"
            source.find("contract.whose", rule.where, message, fix, note=True)


def check_others_of_calls(terms: Terms, source: Source) -> None:
    """What leaves is of somebody in the call."""
    for number, group in enumerate(terms.operation.sending.groups):
        if group.others is not None:
            at = ("sending", "groups", number, "others")
            source.find(
                "contract.unknown_key", at, "`others` means nothing in what leaves", "say whose it is with `of`"
            )
