"""What vendors say of themselves in writing."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.create_table(
        "attestation",
        sa.Column("vendor", sa.String, primary_key=True),
        sa.Column("of", sa.String, primary_key=True),
        sa.Column("given", sa.Date, primary_key=True),
        sa.Column("document", sa.String),
        sa.Column("source", sa.String, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("happened", sa.DateTime),
        sa.Column("entry", sa.String),
    )
