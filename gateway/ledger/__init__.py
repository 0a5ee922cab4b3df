"""What left, to whom, on what grounds: durable before anything leaves, and never holding a value."""

from gateway.ledger.database import StoreError
from gateway.ledger.entry import (
    Answer,
    Destination,
    Disclosed,
    Event,
    Evidence,
    Ground,
    Intent,
    Outcome,
    Recipient,
    Refused,
    Result,
    Retention,
    Subject,
    Withheld,
)
from gateway.ledger.housekeeping import (
    Access,
    ContractActivated,
    Epoch,
    FactPut,
    Genesis,
    Kept,
    KeyMade,
    PolicyActivated,
    Purge,
    SigningKey,
    TokenChanged,
)
from gateway.ledger.ledger import Ledger
from gateway.ledger.scribe import Ticket
from gateway.ledger.store import Entry, Filter, Store

__all__ = [
    "Access",
    "Answer",
    "ContractActivated",
    "Destination",
    "Disclosed",
    "Entry",
    "Epoch",
    "Event",
    "Evidence",
    "FactPut",
    "Filter",
    "Genesis",
    "Ground",
    "Intent",
    "Kept",
    "KeyMade",
    "Ledger",
    "Outcome",
    "PolicyActivated",
    "Purge",
    "Recipient",
    "Refused",
    "Result",
    "Retention",
    "SigningKey",
    "Store",
    "StoreError",
    "Subject",
    "Ticket",
    "TokenChanged",
    "Withheld",
]
