"""A report as a table: its columns, and the same rows as CSV, as JSON and as a page to print."""

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from html import escape
from io import StringIO
from typing import Any, Final, Literal, TypeAlias

Cell: TypeAlias = str | int | tuple[str, ...] | None
Row: TypeAlias = Mapping[str, Cell]
Form: TypeAlias = Literal["csv", "json", "html"]

# With these a spreadsheet begins a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_STYLE: Final = (
    "body{font:14px/1.4 system-ui,sans-serif;margin:1.5rem}table{border-collapse:collapse;width:100%}"
    "th,td{border:1px solid #999;padding:.2rem .4rem;text-align:left;vertical-align:top;overflow-wrap:anywhere}"
    "dt{font-weight:600;float:left;clear:left;width:11rem}dd{margin-left:12rem}@media print{body{margin:0}}"
)


@dataclass(frozen=True, slots=True)
class Table:
    """What a report shows: a title, the law that asks for it, and for each column the words above it."""

    title: str
    law: str
    columns: Mapping[str, str]


def counted(counts: Counter[str], most: int | None = None) -> tuple[str, ...]:
    """A cell of names with how often, the most frequent first."""
    ordered = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    return tuple(f"{name} {count}" for name, count in ordered[:most])


def cell_of(value: object) -> Cell:
    """A member of an entry as a cell."""
    if isinstance(value, list | tuple):
        return tuple(map(str, value))
    return value if isinstance(value, int | str) else None


def _csv_begin(table: Table, header: Mapping[str, Any]) -> str:
    """RFC 4180, below lines with `#` that say what it is."""
    about = {"report": table.title, "law": table.law, **header}
    return "".join(f"# {name}: {_plain(value)}\r\n" for name, value in about.items()) + _line(table.columns)


def _csv_row(table: Table, row: Row) -> str:
    return _line(_harmless(row[name]) for name in table.columns)


def _line(cells: Iterable[str]) -> str:
    line = StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()


def _harmless(cell: Cell) -> str:
    text = _plain(cell)
    return f"'{text}" if text.startswith(_FORMULA) and not isinstance(cell, int) else text


def _plain(cell: Any) -> str:
    if isinstance(cell, tuple | list):
        return "; ".join(map(str, cell))
    return "" if cell is None else str(cell).replace("\r", " ").replace("\n", " ")


def _json_begin(table: Table, header: Mapping[str, Any]) -> str:
    about = {"report": table.title, "law": table.law, **header, "columns": dict(table.columns)}
    return json.dumps(about, ensure_ascii=False)[:-1] + ', "rows": ['


def _json_row(table: Table, row: Row) -> str:
    return json.dumps({name: row[name] for name in table.columns}, ensure_ascii=False)


def _html_begin(table: Table, header: Mapping[str, Any]) -> str:
    title, about = escape(table.title), {"law": table.law, **header}
    told = "".join(
        f"<dt>{escape(name.replace('_', ' '))}</dt><dd>{escape(_plain(v))}</dd>" for name, v in about.items()
    )
    heads = "".join(f"<th>{escape(words)}</th>" for words in table.columns.values())
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
        f"</head>\n<body><h1>{title}</h1>\n<dl>{told}</dl>\n<table><thead><tr>{heads}</tr></thead><tbody>\n"
    )


def _html_row(table: Table, row: Row) -> str:
    return "<tr>" + "".join(f"<td>{escape(_plain(row[name]))}</td>" for name in table.columns) + "</tr>\n"


@dataclass(frozen=True, slots=True)
class Writer:
    """How a table is written, in pieces as the rows come. A row without one of the columns raises KeyError."""

    media: str
    begin: Callable[[Table, Mapping[str, Any]], str]
    row: Callable[[Table, Row], str]
    between: str = ""
    end: str = ""


WRITERS: Mapping[Form, Writer] = {
    "csv": Writer("text/csv; charset=utf-8", _csv_begin, _csv_row),
    "json": Writer("application/json", _json_begin, _json_row, ",\n", "]}\n"),
    "html": Writer("text/html; charset=utf-8", _html_begin, _html_row, "", "</tbody></table></body></html>\n"),
}
