"""What people ask for about their data, and how far it stands."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "rights_request",
        sa.Column("request", sa.String, primary_key=True),
        sa.Column("subject", sa.String, nullable=False, index=True),
        sa.Column("right", sa.String, nullable=False),
        sa.Column("status", sa.String, nullable=False, index=True),
        sa.Column("received", sa.DateTime, nullable=False),
        sa.Column("due", sa.DateTime, nullable=False),
        sa.Column("row", sa.String, nullable=False),
        sa.Column("source", sa.String, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("happened", sa.DateTime),
        sa.Column("entry", sa.String),
    )
