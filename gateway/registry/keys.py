"""The keys under which memory holds what is known, and which of them a changed fact makes old."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from gateway.registry.basis import TOKEN, Key
from gateway.registry.stored import StoredRow

SUSPENSIONS: Key = ("suspension", "")
DELETIONS: Key = ("deletion", "")
PAPERS: Key = ("papers", "")


def keys_of(row: StoredRow) -> Iterable[Key]:
    """What in memory a changed fact makes old."""
    return _KEYS[row.kind](row)


_KEYS: Mapping[str, Callable[[Any], Iterable[Key]]] = {
    "order": lambda row: [("order", row.order), *(("subject", each.subject) for each in row.people)],
    "order_state": lambda row: [("order", row.order)],
    "subject": lambda row: [("subject", row.subject)],
    "consent": lambda row: [("consent", row.subject)],
    "acceptance": lambda _: [],
    "flag": lambda row: [("subject", row.subject)],
    "link": lambda row: [("subject", row.subject), ("subject", row.other)],
    "suspension": lambda _: [SUSPENSIONS],
    "agreement": lambda _: [PAPERS],
    "agreement_end": lambda _: [PAPERS],
    "review": lambda _: [PAPERS],
    "attestation": lambda _: [PAPERS],
    "sub_processor": lambda _: [PAPERS],
    "waiver": lambda _: [PAPERS],
    "bulk_look": lambda _: [],
    "policy": lambda row: [PAPERS] if row.state in ("published", "filed") else [],
    "request": lambda _: [],
    "revocation": lambda row: [key_of_token(row.token)],
    "telling": lambda _: [],
    "notice": lambda _: [DELETIONS],
    "notice_step": lambda _: [DELETIONS],
    "case": lambda _: [],
    "import": lambda _: [],
}


def key_of_token(token: str) -> Key:
    return TOKEN, token
