"""Many rows in one statement: on PostgreSQL a column is one parameter, however many rows there are."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ARRAY, BindParameter, Connection, Table, and_, any_, bindparam, func, select, tuple_
from sqlalchemy import insert as into
from sqlalchemy.sql.elements import ColumnElement

Values = Mapping[str, Any]


def insert(connection: Connection, table: Table, rows: Sequence[Values]) -> None:
    """Puts rows in, which all have the same columns, in their order."""
    if not rows or not _has_arrays(connection):
        connection.execute(into(table), [dict(row) for row in rows])
        return
    names = list(rows[0])
    # A statement for each row is a message for each row, and its answer.
    given = func.unnest(*(_array(table, name, rows) for name in names)).table_valued(*names).render_derived()
    connection.execute(into(table).from_select(names, select(*(given.c[name] for name in names))))


def among(connection: Connection, table: Table, keys: Sequence[Values]) -> ColumnElement[bool]:
    """Which rows have one of these keys, of which each has the same columns, and none an empty one."""
    columns = [table.c[name] for name in keys[0]]
    first, *others = columns
    if not _has_arrays(connection):
        wanted = [tuple(key.values()) for key in keys]
        return tuple_(*columns).in_(wanted) if others else first.in_([each for (each,) in wanted])
    # By the first column an index is found, whatever the database thinks of how many keys there are.
    found = first == any_(_array(table, first.name, keys))
    if not others:
        return found
    given = func.unnest(*(_array(table, each.name, keys) for each in columns)).table_valued(*keys[0]).render_derived()
    return and_(found, tuple_(*columns).in_(select(*(given.c[name] for name in keys[0]))))


def _array(table: Table, name: str, rows: Sequence[Values]) -> BindParameter[Any]:
    return bindparam(None, [row[name] for row in rows], type_=ARRAY(table.c[name].type))


def _has_arrays(connection: Connection) -> bool:
    return connection.dialect.name == "postgresql"
