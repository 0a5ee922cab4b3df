"""Why vendors are told about people, and how far each notice has come."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "telling",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("cause", sa.String, nullable=False),
        sa.Column("subject", sa.String, index=True),
        sa.Column("order", sa.String),
        sa.Column("purpose", sa.String),
        sa.Column("vendor", sa.String),
        sa.Column("categories", sa.String, nullable=False),
        sa.Column("next", sa.DateTime, nullable=False),
        sa.Column("planned", sa.DateTime, index=True),
        *_written(),
    )
    op.create_table(
        "notice",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("telling", sa.String, nullable=False, index=True),
        sa.Column("cause", sa.String, nullable=False),
        sa.Column("vendor", sa.String, nullable=False),
        sa.Column("subject", sa.String, index=True),
        sa.Column("order", sa.String),
        sa.Column("entity", sa.String, nullable=False),
        sa.Column("categories", sa.String, nullable=False),
        sa.Column("way", sa.String, nullable=False),
        sa.Column("duty", sa.String, nullable=False),
        sa.Column("law", sa.String, nullable=False),
        sa.Column("until", sa.Date),
        sa.Column("due", sa.DateTime, nullable=False),
        sa.Column("state", sa.String, nullable=False, index=True),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next", sa.DateTime, nullable=False),
        sa.Column("code", sa.String, nullable=False),
        sa.Column("receipt", sa.String, nullable=False),
        sa.Column("told", sa.DateTime),
        sa.Column("ended", sa.DateTime),
        *_written(),
    )


def _written() -> Iterator[sa.Column[Any]]:
    yield sa.Column("source", sa.String, nullable=False)
    yield sa.Column("at", sa.DateTime, nullable=False)
    yield sa.Column("entry", sa.String)
