"""The triggers that keep the tables of the SQLite file from being altered, and whether they are all there."""

from collections.abc import Mapping, Sequence

import apsw

from gateway.ledger.database import rows

_TRIGGERS = "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'"


def missing(database: apsw.Connection, migrations: Sequence[str]) -> Mapping[str, str]:
    """The guards that a file lacks, or has otherwise than the migrations make them: by name, what makes each."""
    made = apsw.Connection(":memory:")
    for statements in migrations:
        made.execute(statements)
    wanted, found = dict(rows(made, _TRIGGERS)), dict(rows(database, _TRIGGERS))
    return {name: statement for name, statement in wanted.items() if found.get(name) != statement}


def put_back(database: apsw.Connection, migrations: Sequence[str]) -> Sequence[str]:
    """Makes the guards that are missing, in one transaction, and returns which these are."""
    lacking = missing(database, migrations)
    with database:
        for name, statement in lacking.items():
            database.execute(f"DROP TRIGGER IF EXISTS {name}")
            database.execute(statement)
    return sorted(lacking)
