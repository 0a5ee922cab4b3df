"""The shop of the month: who buys what, and the services that charge and ship it."""

import json
import random
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx2

from month.counted import SECRET, Counted, leaves
from month.machine import Machine

VENDORS = ("parcelgate", "northpay")
SEED = 20260601
TOGETHER = 8  # calls on their way at once
CHUNK = 250  # calls between two looks at what vendors got; they remember a thousand
COUNTRIES = ("DE", "FR", "AT", "GB", "CN")
STRAY = "crm"  # a key that services send beyond every contract
BY_PHONE = """\
operation: claim-by-phone
version: 1
status: enforce
owner: support
channel: direct
callers: [support]
purpose: delivery
evidence: {assessment: LIA-2026-004}
subjects:
  consignee: {legal_basis: {default: legitimate_interest, CN: explicit_consent}}
retention: {vendor_keeps: P90D, why: As long as the claim is open.}
sending:
  body: json
  groups:
    - why: The clerk on the telephone finds the parcel.
      of: consignee
      fields: {$.name: person.name, $.phone: contact.phone}
"""


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


def prepared(folder: Path, contracts: Path) -> None:
    """A set of contracts with the vendors of the month, and a way to one of them beside the gateway."""
    target = folder / "contracts"
    target.mkdir(parents=True)
    for file in ("policy.yaml", "entities.yaml"):
        shutil.copy(contracts / file, target / file)
    for vendor in VENDORS:
        shutil.copytree(contracts / vendor, target / vendor)
    (target / "parcelgate" / "claim-by-phone.yaml").write_text(BY_PHONE, "utf-8")


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
    """Services that call vendors through the gateway, and what goes to one beside it."""

    def __init__(self, machine: Machine, counted: Counted, tokens: Mapping[str, str]) -> None:
        self._machine = machine
        self._counted = counted
        self._tokens = tokens
        self._last = 0
        self._client = httpx2.Client(trust_env=False, timeout=60, limits=httpx2.Limits(max_connections=TOGETHER))

    def put(self, facts: Iterable[Mapping[str, Any]]) -> None:
        """A file of facts, as a shop brings them in."""
        lines = "".join(f"{json.dumps(fact)}\n" for fact in facts)
        reply = self._machine.client.post(
            f"{self._machine.operators}/facts",
            content=lines,
            headers={
                "authorization": f"Bearer {self._tokens['back-office']}",
                "content-type": "application/x-ndjson",
            },
        )
        assert reply.status_code == httpx2.codes.OK, reply.text
        assert reply.json()["result"]["counts"]["refused"] == 0, reply.text

    def consents(self, people: Iterable[str], given: datetime) -> None:
        stated = {"purpose": "delivery_notification", "state": "given", "time": given.isoformat()}
        self.put({"kind": "consent", "subject": person, **stated} for person in people)

    def sell(self, some: Sequence[Order], *, waived: str = "") -> None:
        """Charges and ships them, and looks at what vendors got. `waived`: the operation that passes by a waiver."""
        for at in range(0, len(some), CHUNK // 2):
            part = some[at : at + CHUNK // 2]
            with ThreadPoolExecutor(TOGETHER) as workers:
                for deed in (self._charge, self._ship):
                    for order, (operation, code, given) in zip(part, workers.map(deed, part), strict=True):
                        self._counted.replied(operation, code, order.person, order.country, given)
                        self._counted.waived[operation] += operation == waived and code == "sent"
            self._look()

    def phone(self, people: Sequence[Order], happened: datetime) -> None:
        """What the courier was told on the telephone, entered afterwards; the file is brought in twice by mistake."""
        about = [
            {
                "vendor": "parcelgate",
                "operation": "claim-by-phone",
                "people": [{"subject": each.person, "role": "consignee", "order": each.number}],
                "happened": happened.isoformat(),
            }
            for each in people
        ]
        file = self._machine.folder / "earlier.jsonl"
        file.write_text("".join(f"{json.dumps(each)}\n" for each in about), "utf-8")
        for _ in range(2):
            self._machine.typed("disclosure", "import", str(file))
        self._counted.beside.update(each.person for each in people)
        self._counted.countries.update(("parcelgate", each.country) for each in people)

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
        self._counted.ended.append((vendor, ended))

    def close(self) -> None:
        self._client.close()

    def _look(self) -> None:
        for each in self._machine.received(self._last):
            self._last = max(self._last, each["number"])
            self._counted.arrived(each)

    def _charge(self, order: Order) -> tuple[str, str, int]:
        form = {
            "amount": "1999",
            "currency": "eur",
            "source": "tok_1",
            "metadata[order]": order.number,
            "metadata[note]": SECRET,
            "receipt_email": order.email,
        }
        return self._called("northpay/create-charge", "checkout", "/northpay/v1/charges", urlencode(form))

    def _ship(self, order: Order) -> tuple[str, str, int]:
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
            STRAY: "gold",
        }
        return self._called("parcelgate/create-shipment", "fulfilment", "/parcelgate/v2/shipments", json.dumps(body))

    def _called(self, operation: str, service: str, target: str, body: str) -> tuple[str, str, int]:
        media = "application/json" if body.startswith("{") else "application/x-www-form-urlencoded"
        headers = {"authorization": f"Bearer {self._tokens[service]}", "content-type": media}
        reply = self._client.post(f"{self._machine.gateway}{target}", headers=headers, content=body)
        code = "sent" if reply.headers["gateway-sent"] == "yes" else str(reply.json()["code"])
        return operation, code, leaves(body)
