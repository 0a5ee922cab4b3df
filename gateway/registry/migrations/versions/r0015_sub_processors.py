"""Companies that vendors announce to work for them."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.create_table(
        "sub_processor",
        sa.Column("vendor", sa.String, primary_key=True),
        sa.Column("called", sa.String, primary_key=True),
        sa.Column("country", sa.String, primary_key=True),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("since", sa.Date, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("source", sa.String, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("happened", sa.DateTime),
        sa.Column("entry", sa.String),
    )
