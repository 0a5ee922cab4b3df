"""Versions of the policy that are drafted and published by hand."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "policy",
        sa.Column("version", sa.String, primary_key=True),
        sa.Column("state", sa.String, primary_key=True),
        sa.Column("id", sa.String, nullable=False),
        sa.Column("draft", sa.String, nullable=False),
        sa.Column("drafted_by", sa.String, nullable=False),
        sa.Column("drafted", sa.DateTime, nullable=False),
        sa.Column("published_by", sa.String, nullable=False),
        sa.Column("published", sa.DateTime),
        sa.Column("source", sa.String, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("entry", sa.String),
    )
