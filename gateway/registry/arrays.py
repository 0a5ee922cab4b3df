"""Many rows in one statement, in which they are one parameter, or one for each column, however many there are."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ARRAY, BindParameter, Connection, Select, Table, and_, any_, bindparam, func, select, tuple_
from sqlalchemy import insert as into
from sqlalchemy.sql.elements import ColumnElement

Values = Mapping[str, Any]


def insert(connection: Connection, table: Table, rows: Sequence[Values]) -> None:
    """Puts rows in, which all have the same columns, in their order."""
    if not rows or not _has_arrays(connection):
        connection.execute(into(table), [dict(row) for row in rows])
        return
    # A statement for each row would be a message for each row, and its answer.
    connection.execute(into(table).from_select(list(rows[0]), _unnested(table, rows)))


def among(connection: Connection, table: Table, keys: Sequence[Values]) -> ColumnElement[bool]:
    """Which rows have one of these keys, of which each has the same columns, all of them text or claims, none empty."""
    columns = [table.c[name] for name in keys[0]]
    first, *others = columns
    if not _has_arrays(connection):
        given = _listed(keys)
        return tuple_(*columns).in_(given) if others else first.in_(given)
    # By the first column an index is found, whatever the database thinks of how many keys there are.
    found = first == any_(_array(table, first.name, keys))
    return and_(found, tuple_(*columns).in_(_unnested(table, keys))) if others else found


def _listed(keys: Sequence[Values]) -> Select[Any]:
    """As SQLite reads them: a list of lists in JSON. Of many parameters the statement would be made anew each time."""
    each = func.json_each(json.dumps([list(key.values()) for key in keys])).table_valued("value")
    return select(*(func.json_extract(each.c.value, f"$[{at}]") for at in range(len(keys[0]))))


def _unnested(table: Table, rows: Sequence[Values]) -> Select[Any]:
    names = list(rows[0])
    given = func.unnest(*(_array(table, name, rows) for name in names)).table_valued(*names).render_derived()
    return select(*(given.c[name] for name in names))


def _array(table: Table, name: str, rows: Sequence[Values]) -> BindParameter[Any]:
    return bindparam(None, [row[name] for row in rows], type_=ARRAY(table.c[name].type))


def _has_arrays(connection: Connection) -> bool:
    return connection.dialect.name == "postgresql"
