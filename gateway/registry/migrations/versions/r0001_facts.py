"""Orders, people, consents, suspensions and revoked tokens."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "order_person",
        sa.Column("order", sa.String, primary_key=True),
        sa.Column("role", sa.String, primary_key=True),
        sa.Column("subject", sa.String, nullable=False, index=True),
        *_written(),
    )
    op.create_table(
        "subject",
        sa.Column("subject", sa.String, primary_key=True),
        sa.Column("jurisdiction", sa.String, nullable=False),
        *_written(),
    )
    op.create_table(
        "consent",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("record", sa.String, nullable=False, unique=True),
        sa.Column("subject", sa.String, nullable=False),
        sa.Column("purpose", sa.String, nullable=False),
        sa.Column("vendor", sa.String),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("explicit", sa.Boolean, nullable=False),
        sa.Column("expires", sa.DateTime),
        *_written(),
    )
    op.create_index("consent_of", "consent", ["subject"])
    op.create_table(
        "suspension",
        sa.Column("vendor", sa.String, primary_key=True),
        sa.Column("operation", sa.String, primary_key=True),
        *_written(),
    )
    op.create_table("revoked_token", sa.Column("token", sa.String, primary_key=True), sa.Column("at", sa.DateTime))


def _written() -> Iterator[sa.Column[Any]]:
    yield sa.Column("source", sa.String, nullable=False)
    yield sa.Column("at", sa.DateTime, nullable=False)
