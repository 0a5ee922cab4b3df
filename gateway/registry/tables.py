"""The tables of the registry."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    false,
)

METADATA = MetaData()


def _written() -> Iterator[Column[Any]]:
    """Where a row comes from, when it was put in, and when it came to be what it says, if that was at another time."""
    yield Column("source", String, nullable=False)
    yield Column("at", DateTime, nullable=False)
    yield Column("happened", DateTime)


COUNTED = ("rows", "new", "same", "changed", "older", "refused")
PEOPLE = Table(
    "order_person",
    METADATA,
    Column("order", String, primary_key=True),
    Column("role", String, primary_key=True),
    Column("subject", String, nullable=False, index=True),
    *_written(),
)
STATES = Table(
    "order_state",
    METADATA,
    Column("order", String, primary_key=True),
    Column("state", String, nullable=False),
    *_written(),
    Column("entry", String),
)
SUBJECTS = Table(
    "subject",
    METADATA,
    Column("subject", String, primary_key=True),
    Column("jurisdiction", String, nullable=False),
    *_written(),
)
FLAGS = Table(
    "subject_flag",
    METADATA,
    Column("subject", String, primary_key=True),
    Column("flag", String, primary_key=True),
    Column("purpose", String, primary_key=True),
    Column("vendor", String, primary_key=True),
    Column("lifted", Boolean, nullable=False),
    *_written(),
    Column("entry", String),
)
LINKS = Table(
    "subject_link",
    METADATA,
    # In both directions, so that either leads to the other.
    Column("subject", String, primary_key=True),
    Column("other", String, primary_key=True),
    Column("lifted", Boolean, nullable=False),
    *_written(),
    Column("entry", String),
)
CONSENTS = Table(
    "consent",
    METADATA,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("record", String, nullable=False, unique=True),
    Column("subject", String, nullable=False),
    Column("purpose", String, nullable=False),
    Column("vendor", String),
    Column("state", String, nullable=False),
    Column("explicit", Boolean, nullable=False),
    Column("expires", DateTime),
    *_written(),
    Column("separate", Boolean, nullable=False, server_default=false()),
    Column("written", Boolean, nullable=False, server_default=false()),
    Column("details", String, nullable=False, server_default="{}"),
    Index("consent_of", "subject"),
)
ACCEPTANCES = Table(
    "policy_acceptance",
    METADATA,
    Column("subject", String, primary_key=True),
    Column("policy", String, primary_key=True),
    Column("how", String, primary_key=True),
    Column("entry", String),
    *_written(),
)
SUSPENSIONS = Table(
    "suspension",
    METADATA,
    Column("vendor", String, primary_key=True),
    Column("operation", String, primary_key=True),
    Column("source", String, nullable=False),
    Column("at", DateTime, nullable=False),
    Column("entry", String),
    Column("happened", DateTime),
)
AGREEMENTS = Table(
    "agreement",
    METADATA,
    Column("vendor", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("paper", String, nullable=False),  # in the words of a vendor's file
    *_written(),
    Column("entry", String),
)
ENDED = Table(
    "agreement_end",
    METADATA,
    Column("vendor", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("last", Date),
    *_written(),
    Column("entry", String),
)
REVIEWS = Table(
    "vendor_review",
    METADATA,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("vendor", String, nullable=False),
    Column("held", Date, nullable=False),
    Column("next", Date, nullable=False),
    Column("result", String, nullable=False),
    *_written(),
    Column("entry", String),
)
ATTESTED = Table(
    "attestation",
    METADATA,
    Column("vendor", String, primary_key=True),
    Column("of", String, primary_key=True),
    Column("given", Date, primary_key=True),
    Column("document", String),
    *_written(),
    Column("entry", String),
)
ANNOUNCED = Table(
    "sub_processor",
    METADATA,
    Column("vendor", String, primary_key=True),
    Column("called", String, primary_key=True),  # the name as it is compared
    Column("country", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("since", Date, nullable=False),
    Column("state", String, nullable=False),
    *_written(),
    Column("entry", String),
)
REVOKED = Table(
    "revoked_token",
    METADATA,
    Column("token", String, primary_key=True),
    Column("at", DateTime),
    Column("entry", String),
)
IMPORTS = Table(
    "import",
    METADATA,
    Column("id", String, primary_key=True),
    Column("begun", DateTime, nullable=False),
    *(Column(name, Integer, nullable=False) for name in COUNTED),
    Column("chain", String, nullable=False),
    Column("is_done", Boolean, nullable=False),
    *_written(),
)
CHANGES = Table(
    "change",
    METADATA,
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", String, primary_key=True),
    Column("ref", String, primary_key=True),
    Column("at", DateTime, nullable=False, index=True),
)
PENDING = Table(
    "pending",
    METADATA,
    Column("id", String, primary_key=True),
    Column("node", String, nullable=False),
    Column("by", String, nullable=False),
    Column("facts", String, nullable=False),
    Column("at", DateTime, nullable=False),
)
CLAIMS = Table(
    "claim",
    METADATA,
    Column("name", String, primary_key=True),
    Column("holder", String, nullable=False),
    Column("until", DateTime, nullable=False, index=True),
)
CASE_STEPS = Table(
    "case_step",
    METADATA,
    Column("case", String, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("scenario", String, nullable=False),
    Column("step", String, nullable=False),
    Column("by", String, nullable=False),
    Column("sealed", String, nullable=False),
    Column("source", String, nullable=False),
    Column("at", DateTime, nullable=False),
    Column("entry", String),
)
CASE_PEOPLE = Table(
    "case_person",
    METADATA,
    Column("case", String, primary_key=True),
    Column("subject", String, primary_key=True, index=True),
    Column("role", String, primary_key=True),
    Column("jurisdiction", String),
)

REQUESTS = Table(
    "rights_request",
    METADATA,
    Column("request", String, primary_key=True),
    Column("subject", String, nullable=False, index=True),
    Column("right", String, nullable=False),
    Column("status", String, nullable=False, index=True),
    Column("received", DateTime, nullable=False),
    Column("due", DateTime, nullable=False),
    Column("row", String, nullable=False),
    *_written(),
    Column("entry", String),
)

OF_PEOPLE = (PEOPLE, SUBJECTS, FLAGS, LINKS, CONSENTS, ACCEPTANCES, CASE_PEOPLE)
"""Whose rows are about somebody: `subject` says who."""
