"""Cases outside contracts: their steps, and whom they are about."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "case_step",
        sa.Column("case", sa.String, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("scenario", sa.String, nullable=False),
        sa.Column("step", sa.String, nullable=False),
        sa.Column("by", sa.String, nullable=False),
        sa.Column("sealed", sa.String, nullable=False),
        sa.Column("source", sa.String, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("entry", sa.String),
    )
    op.create_table(
        "case_person",
        sa.Column("case", sa.String, primary_key=True),
        sa.Column("subject", sa.String, primary_key=True, index=True),
        sa.Column("role", sa.String, primary_key=True),
        sa.Column("jurisdiction", sa.String),
    )
