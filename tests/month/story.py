"""What happens in the month, and whether reports say what happened."""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from month.machine import Machine, machine
from month.shop import Counted, Shop, orders, prepared

CONTRACTS = Path(__file__).parents[2] / "contracts"
REPORTS = ("vendors", "activities", "transfers", "withdrawals", "sales")


def lived(folder: Path, count: int) -> list[str]:
    """Lives the month, and returns where the reports and the shop's own counts differ."""
    prepared(folder, CONTRACTS)
    month = orders(count)
    with machine(folder) as running:
        shop = Shop(running)
        try:
            _happen(shop, month)
        finally:
            shop.close()
        reader = running.token("rita", "--role", "reviewer")
        found = list(differences(running, reader, shop.counted))
        if not found:
            # A comparison that cannot fail would say nothing.
            shop.counted.received["parcelgate/create-shipment"] += 1
            assert list(differences(running, reader, shop.counted)), "a call too many was not noticed"
        return found


def _happen(shop: Shop, month: list[Any]) -> None:
    half, last = len(month) // 2, len(month) - max(len(month) // 50, 3)
    shop.put(order.fact for order in month)
    asked = sorted({order.person for order in month if order.notified})
    shop.consents(asked, "given")
    shop.counted.emails.update(order.number for order in month[:half] if order.notified and order.country != "CN")
    shop.sell(month[:half])
    changed = asked[::3]
    shop.consents(changed, "withdrawn")
    gone = sorted({order.person for order in month[half:]} - set(asked))[: max(len(month) // 500, 2)]
    shop.erase(gone)
    shop.sell(month[half:last])
    shop.end_agreement("northpay")
    shop.sell(month[last:])
    still = set(asked) - set(changed)
    shop.counted.emails.update(
        order.number for order in month[half:] if order.person in still and order.country != "CN"
    )


def differences(running: Machine, reader: str, counted: Counted) -> Iterator[str]:
    """Where a report and the shop's own counts do not say the same."""
    made = {
        name: running.report(reader, name) for name in ("vendors", "activities", "transfers", "withdrawals", "sales")
    }
    for name, report in made.items():
        if "hashed again" not in report["verification"]:
            yield f"{name}: {report['verification']}"
    yield from _compared("what vendors got", counted.received, counted.sent)
    vendors = {row["vendor"]: row for row in made["vendors"]["rows"]}
    yield from _compared(
        "disclosures of a vendor",
        Counter({name: row["disclosures"] for name, row in vendors.items()}),
        _by_vendor(counted.received),
    )
    yield from _compared("refusals", _refusals(vendors), counted.refused)
    yield from _compared("activities", _sums(made["activities"]["rows"], "recipient"), _names(vendors, counted))
    yield from _compared("transfers", _transfers(made["transfers"]["rows"]), counted.countries)
    if counted.bodies_with_email != len(counted.emails):
        yield f"e-mail addresses: {counted.bodies_with_email} reached the courier, {len(counted.emails)} were to"
    if counted.leaked:
        yield f"a note reached a vendor {len(counted.leaked)} times"
    rows = made["withdrawals"]["rows"]
    if len(rows) != counted.withdrawn:
        yield f"withdrawals: the report has {len(rows)}, the shop {counted.withdrawn}"
    if any(row["disclosures_after"] for row in rows):
        yield "something went on a ground that was withdrawn"
    if made["sales"]["rows"]:
        yield "something was sold"
    running.typed("ledger", "verify")


def _compared(what: str, said: Mapping[Any, int], own: Mapping[Any, int]) -> Iterator[str]:
    for key in sorted(said.keys() | own.keys()):
        if said.get(key, 0) != own.get(key, 0):
            yield f"{what}, {key}: {said.get(key, 0)} against {own.get(key, 0)} of the shop's own"


def _by_vendor(received: Counter[str]) -> Counter[str]:
    found: Counter[str] = Counter()
    for operation, count in received.items():
        found[operation.partition("/")[0]] += count
    return found


def _names(vendors: Mapping[str, Any], counted: Counted) -> Counter[str]:
    return Counter({vendors[name]["name"]: count for name, count in _by_vendor(counted.received).items()})


def _sums(rows: list[Any], by: str) -> Counter[str]:
    found: Counter[str] = Counter()
    for row in rows:
        found[row[by]] += row["disclosures"]
    return +found


def _refusals(vendors: Mapping[str, Any]) -> Counter[str]:
    found: Counter[str] = Counter()
    for name, row in vendors.items():
        for code in row["refused"]:
            word, _, count = code.rpartition(" ")
            found[f"{name} {word}"] += int(count)
    return found


def _transfers(rows: list[Any]) -> Counter[tuple[str, str]]:
    """By vendor and law; a call about two people of one country is one transfer of that country."""
    found: Counter[tuple[str, str]] = Counter()
    for row in rows:
        _, vendor, jurisdiction, _ = row["id"].split("/")
        found[vendor, jurisdiction] += row["count"]
    return found
