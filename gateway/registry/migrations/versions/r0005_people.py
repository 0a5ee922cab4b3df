"""What holds for people and orders: flags, references of one person, and how far an order has come."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "order_state",
        sa.Column("order", sa.String, primary_key=True),
        sa.Column("state", sa.String, nullable=False),
        *_written(),
    )
    op.create_table(
        "subject_flag",
        *(sa.Column(name, sa.String, primary_key=True) for name in ("subject", "flag", "purpose", "vendor")),
        sa.Column("lifted", sa.Boolean, nullable=False),
        *_written(),
    )
    op.create_table(
        "subject_link",
        *(sa.Column(name, sa.String, primary_key=True) for name in ("subject", "other")),
        sa.Column("lifted", sa.Boolean, nullable=False),
        *_written(),
    )


def _written() -> tuple[sa.Column[Any], ...]:
    return (
        sa.Column("source", sa.String, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("happened", sa.DateTime),
        sa.Column("entry", sa.String),
    )
