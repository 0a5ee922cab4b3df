"""What two deciders let pass for some hours."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "waiver",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("operations", sa.String, nullable=False),
        sa.Column("codes", sa.String, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("hours", sa.Integer, nullable=False),
        sa.Column("proposed_by", sa.String, nullable=False),
        sa.Column("granted_by", sa.String),
        sa.Column("until", sa.DateTime),
        sa.Column("source", sa.String, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("entry", sa.String),
    )
