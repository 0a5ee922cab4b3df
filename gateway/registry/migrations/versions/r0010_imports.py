"""How far imports have come."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    counted = ("rows", "new", "same", "changed", "older", "refused")
    op.create_table(
        "import",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("begun", sa.DateTime, nullable=False),
        *(sa.Column(name, sa.Integer, nullable=False) for name in counted),
        sa.Column("chain", sa.String, nullable=False),
        sa.Column("is_done", sa.Boolean, nullable=False),
        sa.Column("source", sa.String, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("happened", sa.DateTime),
    )
