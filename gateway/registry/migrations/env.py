"""What Alembic runs: the revisions, over the connection that it was handed and in its transaction."""

from alembic import context

from gateway.registry.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    # With BEGIN sent by us, SQLite too takes back what a migration that was broken off had made.
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
