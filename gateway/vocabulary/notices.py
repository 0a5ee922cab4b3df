"""What vendors are told about people whose data they have: why, in which way, and what is then expected of them."""

from collections.abc import Mapping
from enum import StrEnum


class Cause(StrEnum):
    """Why a vendor is told (GDPR 19 and 7(3), PIPL 47; CJEU C-129/21)."""

    RECTIFICATION = "rectification"
    ERASURE = "erasure"
    RESTRICTION = "restriction"
    UNRESTRICTED = "unrestricted"
    OBJECTION = "objection"
    WITHDRAWAL = "withdraw_consent"
    ORDER_CLOSED = "order_closed"
    KEEP = "keep"


CAUSES: Mapping[Cause, tuple[str, ...]] = {
    Cause.RECTIFICATION: ("eu-gdpr:A16", "eu-gdpr:A19"),
    Cause.ERASURE: ("eu-gdpr:A17", "eu-gdpr:A19"),
    Cause.RESTRICTION: ("eu-gdpr:A18", "eu-gdpr:A19"),
    Cause.UNRESTRICTED: ("eu-gdpr:A18",),
    Cause.OBJECTION: ("eu-gdpr:A21",),
    Cause.WITHDRAWAL: ("eu-gdpr:A7-3",),
    Cause.ORDER_CLOSED: ("dpv:StorageDeletion",),
    Cause.KEEP: ("dpv:StorageCondition",),
}

DELETIONS = frozenset({Cause.ERASURE, Cause.ORDER_CLOSED})
"""Causes after which the vendor deletes, as far as its file says that it answers for that."""


class NoticeWay(StrEnum):
    """How a notice reaches its vendor; a task is for a person."""

    HTTPS = "https"
    MAIL = "mail"
    TASK = "task"


class NoticeState(StrEnum):
    """How far a notice has come. `excused` is that telling was impossible or out of proportion (GDPR 19), `held` that
    a hold keeps what it would have deleted, and `taken_back` that its reason is over.
    """

    QUEUED = "queued"
    TASK = "task"
    HELD = "held"
    SENT = "sent"
    CONFIRMED = "confirmed"
    EXCUSED = "excused"
    TAKEN_BACK = "taken_back"


class Duty(StrEnum):
    """How a vendor answers for a notice; only of one who confirms an answer can be overdue."""

    CONFIRMS = "confirms"
    ATTESTS = "attests"
    KEEPS_BY_LAW = "keeps_by_law"
