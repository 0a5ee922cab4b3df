"""Companies that vendors have announced to work for them, and what is still to be decided about them (GDPR 28(2))."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Literal, TypeAlias

from gateway.contract.model import Vendor

State: TypeAlias = Literal["announced", "objected", "withdrawn"]
"""How far an announcement is: nobody objected, the shop did, or the vendor took it back."""


@dataclass(frozen=True, slots=True)
class Announced:
    """A company that is to work for a vendor, in a country, from a day on."""

    name: str
    country: str
    since: date
    state: State


def called(name: str) -> str:
    """A company's name as it is compared: capitals and spaces make no other company."""
    return " ".join(name.split()).casefold()


def undecided(vendor: Vendor, announced: Iterable[Announced]) -> Iterator[Announced]:
    """Those to whom nobody objected and whom the vendor's file does not name in that country."""
    return (each for each in announced if each.state == "announced" and not is_named(vendor, each))


def is_named(vendor: Vendor, announced: Announced) -> bool:
    """Whether the vendor's file has a company in the country that was announced; the vendor itself may be that one."""
    if called(announced.name) == called(vendor.legal_entity.name):
        return announced.country in vendor.countries
    named = {(called(each.name), each.country) for each in vendor.sub_processors}
    return (called(announced.name), announced.country) in named
