"""What is to be done when its entries are on record, and which entry a row belongs to."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "pending",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("node", sa.String, nullable=False),
        sa.Column("by", sa.String, nullable=False),
        sa.Column("facts", sa.String, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
    )
    for table in ("suspension", "revoked_token"):
        op.add_column(table, sa.Column("entry", sa.String))
