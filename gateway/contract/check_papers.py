"""What the papers of a vendor must say, beyond their shape."""

from collections.abc import Collection, Iterator

from gateway.contract.compile import Source
from gateway.contract.model import Vendor
from gateway.contract.papers import lacking
from gateway.errors import Finding


def check_agreements(vendor: Vendor, source: Source) -> None:
    """What is wrong with the agreements of a vendor, into its source."""
    known: set[str] = set()
    for number, paper in enumerate(vendor.agreements):
        at = ("agreements", number)
        for key, why in lacking(paper):
            source.find("contract.missing", (*at, key), f"{paper.id} has no `{key}`: {why}")
        if paper.id in known:
            source.find("contract.value", (*at, "id"), f"two agreements are called {paper.id}")
        known.add(paper.id)
        starts = paper.starts or paper.signed
        if starts and paper.until and paper.until < starts:
            source.find("contract.value", (*at, "until"), f"{paper.id} ends before it begins")
        if paper.on_lapse and paper.on_lapse.duration is None:
            message = f"what goes on after {paper.id} has ended never stops"
            source.find("contract.value", (*at, "on_lapse"), message, "say `for` how long, like P14D", note=True)


def check_lapses(vendor: Vendor, operations: Collection[str]) -> Iterator[Finding]:
    """A note for each operation that would go on after a lapse, and that the vendor does not have."""
    for paper in vendor.agreements:
        for name in paper.on_lapse.operations if paper.on_lapse else ():
            if name not in operations:
                message = f"after {paper.id} has ended `{name}` goes on, and there is no such operation"
                yield Finding("contract.value", f"{vendor.vendor}/vendor.yaml", 1, message, level="note")
