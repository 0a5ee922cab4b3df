"""What vendors have to say of themselves in writing, and by when."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from gateway.contract.model import Vendor
from gateway.retention import days
from gateway.vocabulary import Attested


@dataclass(frozen=True, slots=True)
class Owed:
    """What a vendor is to say next: `last` is when it did so, `due` the last day on which it may come."""

    of: Attested
    last: date | None
    due: date


def owed(vendor: Vendor, attested: Mapping[tuple[str, str], date]) -> Iterator[Owed]:
    """Each from the last time on; at first from the day on which the first paper counted, or with the next review."""
    began = min((day for paper in vendor.agreements if (day := paper.starts or paper.signed)), default=None)
    for of, every in vendor.attests.items():
        last = attested.get((vendor.vendor, of.value))
        since, ahead = last or began, timedelta(days=days(every))
        # No day comes after the last one, which somebody may have written.
        yield Owed(of, last, min(since, date.max - ahead) + ahead if since else vendor.review)
