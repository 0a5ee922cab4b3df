"""Which facts changed lately, in the order in which the changes were committed."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "change",
        sa.Column("version", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.String, primary_key=True),
        sa.Column("ref", sa.String, primary_key=True),
        sa.Column("at", sa.DateTime, nullable=False, index=True),
    )
