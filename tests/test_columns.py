"""Whatever program wrote a table, its cells are read as they were meant, or somebody is told why they are not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.columns import Columns, UnfitFile, demand_text, known_columns

KNOWN = known_columns(("kind", "subject", "order", "source", "rights", "time", "people"))
ROW = {"subject": "c-1", "source": "erp, old", "rights": ["erasure", "access"]}
TABLES = {
    "commas": b'subject,source,rights\nc-1,"erp, old",erasure; access',
    "semicolons": b'subject;source;rights\nc-1;erp, old;"erasure; access"',
    "tabs": b"subject\tsource\trights\nc-1\terp, old\terasure; access",
    "capitals": b'Subject;SOURCE; Rights \nc-1;erp, old;"erasure;access"',
    "columns without a name": b'subject;source;rights;;\nc-1;erp, old;"erasure; access";;',
    "quotation marks": b'"subject";"source";"rights"\n"c-1";"erp, old";"erasure; access"',
}


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES.keys())
def test_a_table_says_the_same_whatever_stands_between_its_cells(table: bytes) -> None:
    header, line = table.split(b"\n")

    assert Columns.of(header, KNOWN).read(line) == (ROW, "")


def test_a_column_called_like_a_role_is_a_person() -> None:
    columns = Columns.of(b"order;Purchaser;purchaser.Jurisdiction;payer", KNOWN)

    person = {"role": "purchaser", "subject": "c-1", "jurisdiction": "DE"}
    assert columns.read(b"A-1;c-1;DE;") == ({"order": "A-1", "people": [person]}, "")
    # Whose law it is of nobody is no member of an order, and is refused as one.
    assert columns.read(b"A-1;;DE;") == ({"order": "A-1", "purchaser.jurisdiction": "DE"}, "")


UNFIT = {
    "two separators": (b"subject;source,rights", "beside one another"),
    "one column twice": (b"subject,Subject", "two columns are called `subject`"),
    "a slip": (b"kind,subjekt", "column 2 of the first line is no member of a fact: did you mean `subject`?"),
    "no names at all": (b"c-17,delivery,given", "column 1 of the first line is no member of a fact: that line names"),
    "people as one column": (b"order,people", "column 2"),
    "Latin 1": ("subject;größe".encode("latin-1"), "not UTF-8"),
    "lines of an old Macintosh": (b"subject\rc-1\rc-2", "CR alone"),
    "JSON": (b'{"kind": "subject"}', "--format jsonl"),
    "an open quotation mark": (b'"subject', "not CSV"),
}


@pytest.mark.parametrize(("header", "why"), UNFIT.values(), ids=UNFIT.keys())
def test_a_first_line_that_names_no_columns_is_refused_with_what_is_wrong_and_without_what_stands_there(
    header: bytes, why: str
) -> None:
    with pytest.raises(UnfitFile) as refused:
        Columns.of(header, KNOWN)

    assert why in str(refused.value)
    assert not {"c-17", "subjekt", "größe"} & set(str(refused.value).replace("`", " ").split())


LINES = {
    "more cells": (b"c-1;erp;x", "more cells than the first line has"),
    "fewer cells": (b"c-1", "fewer cells than the first line has"),
    "a space before": (b" c-1;erp", "subject: the cell begins or ends with a space"),
    "a space that is none of ASCII": ("c-1\xa0;erp".encode(), "subject: the cell begins or ends with a space"),
    "a number in short": (b"1,23457E+11;erp", "subject: a number that a spreadsheet has shortened"),
    "the same in English": (b"4.0117E+12;erp", "subject: a number that a spreadsheet has shortened"),
    "Latin 1": ("c-1;größe".encode("latin-1"), "not UTF-8; save it as `CSV UTF-8`"),
    "an open quotation mark": (b'"c-1;erp', "not CSV"),
}


@pytest.mark.parametrize(("line", "why"), LINES.values(), ids=LINES.keys())
def test_a_line_that_could_be_read_otherwise_than_it_was_meant_is_refused(line: bytes, why: str) -> None:
    members, problem = Columns.of(b"subject;source", KNOWN).read(line)

    assert members == {}
    assert problem.startswith(why)


def test_a_cell_under_no_name_is_refused() -> None:
    columns = Columns.of(b"subject;;", KNOWN)

    assert columns.read(b"c-1;;x") == ({}, "a cell stands under no name")


@pytest.mark.parametrize(
    ("beginning", "why"),
    [
        ("kind".encode("utf-16"), "UTF-16"),
        ("kind".encode("utf-16-be"), "UTF-16"),
        (b"PK\x03\x04...", "workbook"),
        (b"\xd0\xcf\x11\xe0...", "workbook"),
        (b"\x1f\x8b...", "gunzip"),
    ],
    ids=["with a mark", "without one", "a workbook", "an old workbook", "compressed"],
)
def test_what_is_no_text_is_told_by_what_it_is(beginning: bytes, why: str) -> None:
    with pytest.raises(UnfitFile, match=why):
        demand_text(beginning)


words = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters='"'), min_size=1).filter(
    lambda text: text == text.strip() and "E+" not in text
)


@given(subject=words, source=words, separator=st.sampled_from([",", ";", "\t"]))
def test_what_was_written_is_what_is_read(subject: str, source: str, separator: str) -> None:
    columns = Columns.of(separator.join(("subject", "source")).encode(), KNOWN)
    line = separator.join(f'"{each}"' for each in (subject, source)).encode()

    assert columns.read(line) == ({"subject": subject, "source": source}, "")
