"""Papers and reviews of vendors that are entered while the gateway runs."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table("agreement", *_of_a_paper(), sa.Column("paper", sa.String, nullable=False), *_written())
    op.create_table("agreement_end", *_of_a_paper(), sa.Column("last", sa.Date), *_written())
    op.create_table(
        "vendor_review",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("vendor", sa.String, nullable=False),
        sa.Column("held", sa.Date, nullable=False),
        sa.Column("next", sa.Date, nullable=False),
        sa.Column("result", sa.String, nullable=False),
        *_written(),
    )


def _of_a_paper() -> tuple[sa.Column[Any], ...]:
    return sa.Column("vendor", sa.String, primary_key=True), sa.Column("id", sa.String, primary_key=True)


def _written() -> tuple[sa.Column[Any], ...]:
    return (
        sa.Column("source", sa.String, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("happened", sa.DateTime),
        sa.Column("entry", sa.String),
    )
