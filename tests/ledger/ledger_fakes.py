"""Times and random bytes that repeat, a store that balks as disks do, and events as a shop makes them."""

import asyncio
import hashlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.frozen import changed
from gateway.ledger import (
    Answer,
    Destination,
    Disclosed,
    Evidence,
    Ground,
    Intent,
    Ledger,
    Manner,
    Outcome,
    Recipient,
    Retention,
    StoreError,
    Subject,
    Withheld,
)
from gateway.ledger.sqlite import SqliteStore
from gateway.ledger.store import Row, Store

Opening = Callable[[str], Store]
"""Opens one store as the node of a name."""

PURCHASER = Subject("customer-48151623", "purchaser", "DE", "order-4815")
SENT = Outcome("sent", http_status=201, bytes_sent=812, answer=Answer(64, (("shipment.tracking", 1),)), dur_ms=97)


@dataclass
class Ticking:
    """A clock that goes on by one millisecond each time it is read; microseconds."""

    at: int = 1_767_225_600_000_000

    def __call__(self) -> int:
        self.at += 1_000
        return self.at


@dataclass
class Repeating:
    """Random bytes that are the same in every run."""

    drawn: int = 0

    def __call__(self, length: int) -> bytes:
        self.drawn += 1
        return hashlib.shake_256(self.drawn.to_bytes(8, "big")).digest(length)


class BalkyStore(SqliteStore):
    """A real store whose next commits stall, fail, or fail although they were kept."""

    def __init__(self, path: Path, log: str) -> None:
        super().__init__(path, log)
        self.going = threading.Event()
        self.going.set()
        self.reached = threading.Event()
        self.before: list[StoreError | MemoryError] = []
        self.after: list[StoreError] = []
        self.reopening: list[StoreError] = []

    def append(self, rows: Sequence[Row]) -> int:
        self.reached.set()
        self.going.wait(20)
        if self.before:
            raise self.before.pop(0)
        first = super().append(rows)
        if self.after:
            raise self.after.pop(0)
        return first

    def reopen(self) -> None:
        if self.reopening:
            raise self.reopening.pop(0)
        super().reopen()


@dataclass
class Shop:
    """A ledger in a folder, opened as often as a test likes."""

    folder: Path
    now: Callable[[], int] = field(default_factory=Ticking)
    stores: list[BalkyStore] = field(default_factory=list)
    opened: list[Ledger] = field(default_factory=list)

    def open(self) -> Ledger:
        ledger = Ledger.open(self.folder, node="n1", now=self.now, loop=asyncio.get_running_loop(), store=self._store)
        self.opened.append(ledger)
        return ledger

    def _store(self, path: Path, log: str) -> BalkyStore:
        self.stores.append(BalkyStore(path, log))
        return self.stores[-1]

    @property
    def store(self) -> BalkyStore:
        return self.stores[-1]


def shipment(disclosure: str = "0" * 32, **other: Any) -> Intent:
    """An order's way to a courier, or what is like it but for some members of its manner."""
    manner = Manner(
        environment="live",
        entity="shop-eu",
        vendor="parcels",
        vendor_kind="logistics",
        vendor_role="processor",
        recipient=Recipient("Parcels GmbH", "HRB 4815", "Hafenstraße 1, 20457 Hamburg", "privacy@parcels.example"),
        countries=("DE",),
        operation="create-shipment",
        contract="parcels/create-shipment@3",
        contract_digest="sha256:q83vEjRWeJA",
        policy="2026-01",
        purpose="delivery",
        commercial="none",
        agreements=("parcels-dpa-2025",),
        transfer=(("DE", "none_needed"),),
        grounds=(Ground("purchaser", "DE", "performance_of_contract", Evidence("order")),),
        disclosed=(
            Disclosed(
                "as_is",
                ("purchaser",),
                (
                    ("$.recipient.name", "person.name", 1),
                    ("$.recipient.city", "address.city", 1),
                    ("$.recipient.street.*", "address.street", 2),
                ),
            ),
            Disclosed("mask", ("purchaser",), (("$.recipient.phone", "contact.phone", 1),)),
        ),
        withheld=(Withheld("field.unnamed", (("$.items.*.note", 2), ("$.recipient.birthday", 1))),),
        destination=Destination("POST", "api.parcels.example", "/v2/shipments"),
        media="application/json",
        retention=Retention("30 days", "3-years"),
        caller="fulfilment",
        token="01980000000070008000000000000001",
        deadline_ms=2_000,
    )
    return Intent(disclosure, changed(manner, **other))
