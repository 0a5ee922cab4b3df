"""One table in three forms."""

import csv
import io
import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.report.table import WRITERS, Form, Row, Table

TABLE = Table("A & B", "the law", {"who": "who", "what": "what it <is>"})
HEADER = {"since": None, "entries": [0, 7]}


def written(form: Form, rows: Sequence[Row]) -> str:
    writer = WRITERS[form]
    return writer.begin(TABLE, HEADER) + writer.between.join(writer.row(TABLE, row) for row in rows) + writer.end


@given(st.lists(st.fixed_dictionaries({"who": st.text(), "what": st.tuples(st.text(), st.text())}), max_size=4))
def test_json_says_every_row_as_it_is(rows: list[Row]) -> None:
    document = json.loads(written("json", rows))

    assert document["rows"] == [{"who": row["who"], "what": list(row["what"])} for row in rows]  # type: ignore[arg-type]
    assert (document["report"], document["entries"]) == ("A & B", [0, 7])


@pytest.mark.parametrize("start", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_cell_of_csv_begins_a_formula(start: str) -> None:
    text = written("csv", [{"who": start, "what": ("a", "b")}])

    [_, row] = csv.reader(io.StringIO("".join(line for line in text.splitlines(keepends=True) if line[0] != "#")))
    assert row[0][0] not in "=+-@\t\r"
    assert row[1] == "a; b"


def test_a_page_escapes_what_it_shows() -> None:
    text = written("html", [{"who": "<script>", "what": ()}])

    assert "<script>" not in text
    assert "&lt;script&gt;" in text
    assert "what it &lt;is&gt;" in text
