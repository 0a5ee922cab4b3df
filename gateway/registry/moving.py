"""The registry's rows, from the file of one node to a PostgreSQL."""

from pathlib import Path

from sqlalchemy import delete, insert, select
from sqlalchemy.exc import SQLAlchemyError

from gateway.errors import StartError
from gateway.registry.engine import engine_of
from gateway.registry.schema import bring_up
from gateway.registry.tables import METADATA

_PART = 1_000


def moved(file: Path, url: str) -> int:
    """Puts the rows of a file in the place of what is in the database, all or none; tells how many. Raises StartError.

    Numbers that a database counts itself are counted anew, in the same order.
    """
    source, target = engine_of(file), engine_of(url)
    count = 0
    try:
        with source.begin() as reading, target.begin() as writing:
            bring_up(reading)
            bring_up(writing)
            for table in reversed(METADATA.sorted_tables):
                writing.execute(delete(table))
            for table in METADATA.sorted_tables:
                counted = table.autoincrement_column
                columns = [column for column in table.columns if column is not counted]
                found = reading.execute(select(*columns).order_by(*table.primary_key.columns))
                for part in found.mappings().partitions(_PART):
                    writing.execute(insert(table), [dict(row) for row in part])
                    count += len(part)
    except SQLAlchemyError as error:
        # `from None`: the error quotes rows.
        raise StartError(f"the registry cannot be brought over ({type(error).__name__})") from None
    finally:
        source.dispose()
        target.dispose()
    return count
