"""What the papers of a vendor must say, beyond their shape."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from gateway.contract.compile import Source
from gateway.contract.model import Vendor
from gateway.contract.papers import Transfer, lacking
from gateway.errors import Finding
from gateway.vocabulary import EXPORT_RULES, TRANSFERS, territory_of


def check_agreements(vendor: Vendor, source: Source) -> None:
    """What is wrong with the agreements of a vendor, into its source."""
    known: set[str] = set()
    for number, paper in enumerate(vendor.agreements):
        at = ("agreements", number)
        for key, why in lacking(paper):
            source.find("contract.missing", (*at, key), f"{paper.id} has no `{key}`: {why}", f"add `{key}`")
        if paper.id in known:
            source.find("contract.value", (*at, "id"), f"two agreements are called {paper.id}", "give each its own")
        known.add(paper.id)
        starts = paper.starts or paper.signed
        if starts and paper.until and paper.until < starts:
            source.find("contract.value", (*at, "until"), f"{paper.id} ends before it begins", "write a later day")
        if paper.on_lapse and paper.on_lapse.duration is None:
            message = f"what goes on after {paper.id} has ended never stops"
            source.find("contract.value", (*at, "on_lapse"), message, "say `for` how long, like P14D", note=True)


def check_transfers(
    transfer: Mapping[str, Sequence[Transfer]], vendor: Vendor, importers: Collection[str], source: Source
) -> None:
    """What is wrong with the mechanisms of a vendor or an operation, into its source."""
    papers = {paper.id for paper in vendor.agreements}
    for key, lines in transfer.items():
        if key == "unknown":
            message = "`unknown` does not count here: where a law is not known, those of all `markets` do"
            source.find("contract.value", ("transfer", key), message, "write it for each of the markets", note=True)
        for line in lines:
            name, at = f"`{line.mechanism}` for {key}", ("transfer", key)
            if TRANSFERS[line.mechanism].certified and line.until is None:
                source.find("contract.missing", at, f"{name} has no `until`", "write the last day of the certificate")
            for country in sorted(set(line.to) - set(importers)):
                message = f"{name}: nothing of the vendor's goes to {country}"
                source.find("contract.value", at, message, "leave it out, or add it under `countries`")
            if line.agreement is not None and line.agreement not in papers:
                message = f"{name} rests on {line.agreement}, which is not among the agreements of this file"
                source.find("contract.value", at, message, "add that paper", note=True)
            if not _counts(key, line, importers):
                fix = f"write one of {', '.join(_known_in(territory_of(key)))}"
                source.find("contract.value", at, f"{name} is none under its law: nothing goes on it", fix, note=True)


def _counts(key: str, line: Transfer, importers: Collection[str]) -> bool:
    """Whether a mechanism can carry anything; what crosses no border needs none."""
    territory, term = territory_of(key), TRANSFERS[line.mechanism]
    crossing = {country for country in line.to or importers if territory_of(country) != territory}
    return territory not in EXPORT_RULES or territory in term.known_in or (not term.law and not crossing)


def _known_in(territory: str) -> list[str]:
    return [f"`{mechanism}`" for mechanism, term in TRANSFERS.items() if territory in term.known_in]


def check_lapses(vendor: Vendor, operations: Collection[str]) -> Iterator[Finding]:
    """A note for each operation that would go on after a lapse, and that the vendor does not have."""
    for paper in vendor.agreements:
        for name in paper.on_lapse.operations if paper.on_lapse else ():
            if name not in operations:
                message = f"after {paper.id} has ended `{name}` goes on, and there is no such operation"
                fix = "name an operation of this vendor"
                yield Finding("contract.value", f"{vendor.vendor}/vendor.yaml", 1, message, fix, "note")
