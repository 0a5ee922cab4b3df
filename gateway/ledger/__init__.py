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
    Manner,
    Outcome,
    Recipient,
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
    PolicyActivated,
    Resolved,
    Restored,
    TokenChanged,
)
from gateway.ledger.keeping import Erased, ErasureDone, Hold, HoldReleased, Kept, KeyMade, Purge, SigningKey
from gateway.ledger.ledger import Ledger
from gateway.ledger.refused import Refused
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
    "Erased",
    "ErasureDone",
    "Event",
    "Evidence",
    "FactPut",
    "Filter",
    "Genesis",
    "Ground",
    "Hold",
    "HoldReleased",
    "Intent",
    "Kept",
    "KeyMade",
    "Ledger",
    "Manner",
    "Outcome",
    "PolicyActivated",
    "Purge",
    "Recipient",
    "Refused",
    "Resolved",
    "Restored",
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
