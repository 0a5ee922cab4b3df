"""Brings the tables of the registry to the revision that the code is written for."""

from pathlib import Path

from sqlalchemy import Column, Connection, MetaData, String, Table, inspect, select, text

from gateway.errors import StartError
from gateway.registry.notices import NOTICES

FIRST = "0001"
NEWEST = "0016"
METADATA = NOTICES.metadata  # with every table: each module that has some is imported by now
SCHEMA = "registry"  # on PostgreSQL; with SQLite it has a file to itself
MIGRATIONS = Path(__file__).parent / "migrations"
_GRANTS = (
    f"USAGE ON SCHEMA {SCHEMA}",
    f"SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {SCHEMA}",
    f"USAGE ON ALL SEQUENCES IN SCHEMA {SCHEMA}",
)
_VERSION = Table("alembic_version", MetaData(), Column("version_num", String(32), primary_key=True))
_LOCK = 0x7265676973747279  # "registry": nobody else locks under this number


def bring_up(connection: Connection) -> None:
    """Makes the tables or brings them up, all of it in the transaction of this connection.

    Raises StartError where a newer gateway made them.
    """
    if revision(connection) == NEWEST:
        return
    if connection.dialect.name == "postgresql":
        _alone(connection)
    if revision(connection) is None:
        # What the revisions make, without running them; a test holds the two together.
        METADATA.create_all(connection)
        _VERSION.create(connection)
        connection.execute(_VERSION.insert().values(version_num=NEWEST))
    else:
        upgrade(connection, NEWEST)


def revision(connection: Connection) -> str | None:
    """The revision that the tables have; None where there are none."""
    found = set(inspect(connection).get_table_names())
    if _VERSION.name in found:
        return connection.scalar(select(_VERSION.c.version_num))
    # Made before there were revisions, as the first one makes them.
    return FIRST if found & METADATA.tables.keys() else None


def upgrade(connection: Connection, to: str) -> None:
    """Runs the revisions up to this one. Raises StartError where the tables have one that is not among them."""
    if connection.dialect.name == "postgresql":
        # Revisions take as long as there are rows to change, and whoever starts meanwhile waits for them anyway.
        for limit in ("statement_timeout", "idle_in_transaction_session_timeout"):
            connection.execute(text(f"SET LOCAL {limit} = 0"))
    # Here, because a start takes a tenth of a second more with it, and most find everything in place.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    found = revision(connection)
    try:
        if found is not None and not inspect(connection).has_table(_VERSION.name):
            command.stamp(config, found)
        command.upgrade(config, to)
    except CommandError:
        raise StartError(f"the registry was written by a newer gateway (revision {found}); use that one") from None


def prepare(connection: Connection, role: str) -> None:
    """Brings the tables up as their owner, and lets another role read and write them."""
    bring_up(connection)
    named = connection.dialect.identifier_preparer.quote_identifier(role)
    for grant in _GRANTS:
        connection.exec_driver_sql(f"GRANT {grant} TO {named}")


def _alone(connection: Connection) -> None:
    """Nodes that start at the same moment come here one after another; the lock ends with the transaction."""
    if not connection.scalar(text("SELECT has_database_privilege(current_database(), 'CREATE')")):
        raise StartError("the database has no registry for this version; run `gateway ledger prepare`")
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
