"""What happens in the month, and whether reports say what happened."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

from month.compare import Reader, blind, differences
from month.counted import Counted
from month.machine import Machine, machine
from month.office import STAFF, Office
from month.people import Desk
from month.shop import Order, Shop, orders, prepared

CONTRACTS = Path(__file__).parents[2] / "contracts"


def lived(folder: Path, count: int) -> list[str]:
    """Lives the month, and returns where the reports and the shop's own counts differ."""
    prepared(folder, CONTRACTS)
    month = orders(count)
    with machine(folder) as running:
        tokens, counted = _tokens(running), Counted()
        shop = Shop(running, counted, tokens)
        desk, office = Desk(running, counted, tokens), Office(running, counted, tokens)
        try:
            _happen(shop, desk, office, counted, month)
        finally:
            shop.close()
        reader = Reader(running, desk, office, tokens["rita"])
        found = list(differences(reader, counted))
        if not found:
            # A comparison that cannot fail would say nothing.
            assert not (unseeing := blind(counted)), unseeing
            counted.received["parcelgate/create-shipment"] += 1
            assert list(differences(reader, counted)), "a call too many was not noticed"
        return found


def _tokens(running: Machine) -> dict[str, str]:
    wanted = dict.fromkeys(("checkout", "fulfilment"), ()) | {name: ("--role", role) for name, role in STAFF.items()}
    with ThreadPoolExecutor(2) as workers:
        return dict(zip(wanted, workers.map(lambda name: running.token(name, *wanted[name]), wanted), strict=True))


def _happen(shop: Shop, desk: Desk, office: Office, counted: Counted, month: list[Order]) -> None:
    half, last = len(month) // 2, len(month) - max(len(month) // 50, 6)
    counted.laws.update({order.person: order.country for order in month})
    shop.put(order.fact for order in month)
    asked = sorted({order.person for order in month if order.notified})
    shop.consents(asked, datetime.now(UTC) - timedelta(days=40))
    _expect_emails(counted, month[:half], set(asked))
    shop.phone(_some(month, 7), datetime.now(UTC) - timedelta(days=200))
    shop.phone(_some(month[1:], 9), datetime.now(UTC) - timedelta(days=20))
    counted.late = {order.person for order in _some(month, 7)} - {order.person for order in _some(month[1:], 9)}
    shop.sell(month[:half])
    changed = asked[::3]
    desk.withdraw(changed)
    quiet = sorted({order.person for order in month[half:]} - set(asked))
    few = max(len(month) // 500, 2)
    desk.forget(quiet[:few])
    requests = desk.ask_erasure(quiet[few : few * 3])
    office.answer_demand(month[0])
    office.refuse_demand(month[1])
    shop.sell(month[half:last])
    _expect_emails(counted, month[half:], set(asked) - set(changed))
    shop.end_agreement("northpay")
    shop.sell(month[last : (last + len(month)) // 2])
    office.waive("northpay/create-charge")
    shop.sell(month[(last + len(month)) // 2 :], waived="northpay/create-charge")
    office.answer_demand(month[2], is_foreign=True)
    desk.confirm(requests)


def _some(month: list[Order], step: int) -> list[Order]:
    """People of whom the courier was told on the telephone, each once."""
    return list({order.person: order for order in month[::step][:40]}.values())


def _expect_emails(counted: Counted, some: list[Order], agreed: set[str]) -> None:
    # Where somebody lives in China every shipment wants a consent that nobody gave.
    counted.emails |= {order.number for order in some if order.person in agreed and order.country != "CN"}
