"""The shop's month: who buys what, who changes their mind, and what must have left. It counts for itself."""

import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2

from month.machine import Machine

VENDORS = ("parcelgate", "northpay")
SEED = 20260601
TOGETHER = 8  # calls on their way at once
CHUNK = 250  # calls between two looks at what vendors got; they remember a thousand
COUNTRIES = ("DE", "FR", "AT", "GB", "CN")
SECRET = "ring twice, my husband sleeps"  # what a careless service sends, and nobody may get


@dataclass(frozen=True)
class Order:
    """One order of one person, who sends it to themselves."""

    number: str
    person: str
    country: str
    notified: bool

    @property
    def fact(self) -> dict[str, Any]:
        people = [
            {"role": role, "subject": self.person, "jurisdiction": self.country} for role in ("purchaser", "consignee")
        ]
        return {"kind": "order", "order": self.number, "people": people}

    @property
    def email(self) -> str:
        return f"{self.person}@example.com"


@dataclass
class Counted:
    """What the shop itself saw: replies by operation and code, and what must have reached vendors."""

    replies: Counter[tuple[str, str]] = field(default_factory=Counter)
    withdrawn: int = 0
    erased: int = 0
    emails: Counter[str] = field(default_factory=Counter)
    received: Counter[str] = field(default_factory=Counter)
    countries: Counter[tuple[str, str]] = field(default_factory=Counter)
    bodies_with_email: int = 0
    leaked: list[str] = field(default_factory=list)
    _last: int = 0

    def looked(self, machine: Machine) -> None:
        """Takes in what vendors got since."""
        for each in machine.received(self._last):
            self._last = max(self._last, each["number"])
            self.received[f"{each['vendor']}/{each['operation'].partition('/')[2] or each['operation']}"] += 1
            self.bodies_with_email += "@example.com" in each["body"]
            if SECRET in each["body"] or SECRET.replace(" ", "+") in each["body"]:
                self.leaked.append(each["operation"])

    @property
    def sent(self) -> Counter[str]:
        """Calls that were answered by a vendor, by operation."""
        return Counter({operation: n for (operation, code), n in self.replies.items() if code == "sent"})

    @property
    def refused(self) -> Counter[str]:
        codes: Counter[str] = Counter()
        for (operation, code), count in self.replies.items():
            codes[f"{operation.partition('/')[0]} {code}"] += count if code != "sent" else 0
        return +codes


def prepared(folder: Path, contracts: Path) -> None:
    """A set of contracts with the vendors of the month."""
    target = folder / "contracts"
    target.mkdir(parents=True)
    for file in ("policy.yaml", "entities.yaml"):
        shutil.copy(contracts / file, target / file)
    for vendor in VENDORS:
        shutil.copytree(contracts / vendor, target / vendor)


def orders(count: int) -> list[Order]:
    """The month's orders, the same for the same count."""
    chance = random.Random(SEED)
    made = []
    for number in range(count):
        person = chance.randrange(max(count * 7 // 10, 1))
        country = COUNTRIES[person % len(COUNTRIES)] if person % 4 else "DE"
        made.append(Order(f"M-{number:06}", f"buyer-{person}", country, person % 5 == 1))
    return made


class Shop:
    """Services that call vendors through the gateway, and an account centre that puts facts in."""

    def __init__(self, machine: Machine) -> None:
        self.counted = Counted()
        self._machine = machine
        self._tokens = {name: machine.token(name) for name in ("checkout", "fulfilment")}
        self._operator = machine.token("back-office", "--role", "operator")
        self._client = httpx2.Client(trust_env=False, timeout=60, limits=httpx2.Limits(max_connections=TOGETHER))

    def put(self, facts: Iterable[dict[str, Any]]) -> None:
        self._machine.put(self._operator, list(facts))

    def consents(self, people: Iterable[str], state: str) -> None:
        facts = [
            {"kind": "consent", "subject": person, "purpose": "delivery_notification", "state": state}
            for person in people
        ]
        self.put(facts)
        self.counted.withdrawn += len(facts) if state == "withdrawn" else 0

    def erase(self, people: Sequence[str]) -> None:
        for person in people:
            self._machine.typed("subject", "erase", person, "--reason", "request", "--force")
        self.counted.erased += len(people)

    def sell(self, some: Sequence[Order]) -> None:
        """Charges and ships them, and looks at what vendors got."""
        for at in range(0, len(some), CHUNK // 2):
            part = some[at : at + CHUNK // 2]
            with ThreadPoolExecutor(TOGETHER) as workers:
                for deed in (self._charge, self._ship):
                    for order, (operation, code) in zip(part, workers.map(deed, part), strict=True):
                        self._count(order, operation, code)
            self.counted.looked(self._machine)

    def _count(self, order: Order, operation: str, code: str) -> None:
        self.counted.replies[operation, code] += 1
        if code == "sent":
            self.counted.countries[operation.partition("/")[0], order.country] += 1

    def _charge(self, order: Order) -> tuple[str, str]:
        form = {
            "amount": "1999",
            "currency": "eur",
            "source": "tok_1",
            "metadata[order]": order.number,
            "metadata[note]": SECRET,
            "receipt_email": order.email,
        }
        return self._called("northpay/create-charge", "checkout", "/northpay/v1/charges", data=form)

    def _ship(self, order: Order) -> tuple[str, str]:
        body = {
            "reference": order.number,
            "recipient": {
                "name": "Zoë Müller",
                "street": "Lindenstr. 7",
                "city": "Dresden",
                "country": order.country,
                "email": order.email,
            },
            "items": [{"title": "Retinol Night Serum", "quantity": 1}],
            "parcel": {"weight": 0.5},
            "note": SECRET,
        }
        return self._called("parcelgate/create-shipment", "fulfilment", "/parcelgate/v2/shipments", json=body)

    def _called(self, operation: str, service: str, target: str, **body: Any) -> tuple[str, str]:
        headers = {"authorization": f"Bearer {self._tokens[service]}"}
        reply = self._client.post(f"{self._machine.gateway}{target}", headers=headers, **body)
        if reply.headers["gateway-sent"] == "yes":
            return operation, "sent"
        return operation, str(reply.json()["code"])

    def end_agreement(self, vendor: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """The paper with a vendor ended two days ago, says its file from now on."""
        file = self._machine.folder / "contracts" / vendor / "vendor.yaml"
        ended = (now() - timedelta(days=2)).date().isoformat()
        lines = [
            f"    until: {ended}" if line.startswith("    until:") else line
            for line in file.read_text("utf-8").split("\n")
        ]
        file.write_text("\n".join(lines), "utf-8")
        self._machine.typed("contract", "reload")

    def close(self) -> None:
        self._client.close()
