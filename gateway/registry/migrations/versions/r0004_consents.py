"""When what a row says came to be; the marks of a consent and its record; which policies were accepted."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    for table in ("order_person", "subject", "consent", "suspension"):
        op.add_column(table, sa.Column("happened", sa.DateTime))
    for mark in ("separate", "written"):
        op.add_column("consent", sa.Column(mark, sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("consent", sa.Column("details", sa.String, nullable=False, server_default="{}"))
    op.create_table(
        "policy_acceptance",
        sa.Column("subject", sa.String, primary_key=True),
        sa.Column("policy", sa.String, primary_key=True),
        sa.Column("how", sa.String, primary_key=True),
        sa.Column("entry", sa.String),
        sa.Column("source", sa.String, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("happened", sa.DateTime),
    )
