"""However a file is cut into parts, it gives the same batches, and going on begins where it broke off."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.columns import UnfitFile
from gateway.feed import LONGEST, TOGETHER, Batch, Feed, Form, Line, OtherFile

MEMBERS = ("kind", "order", "source", "subject", "rights", "categories", "notice")


def fed(data: bytes, *, form: Form = "jsonl", size: int = 1 << 20, **how: object) -> list[Batch]:
    feed = Feed(form, members=MEMBERS, **how)  # type: ignore[arg-type]
    parts = [data[start : start + size] for start in range(0, len(data), size)]
    return [*(batch for part in parts for batch in feed.push(part)), *feed.close()]


def lines(batches: list[Batch]) -> list[Line]:
    return [line for batch in batches for line in batch.lines]


def rows(count: int) -> bytes:
    return b"".join(json.dumps({"n": n}).encode() + b"\n" for n in range(count))


@given(
    data=st.lists(st.sampled_from([b'{"n":1}', b"", b"\n", b"\r\n", b"{", b"\xff", b"x" * 9, b'"a', b"[]"])),
    size=st.integers(1, 20),
    form=st.sampled_from(["jsonl", "csv"]),
)
def test_into_whatever_parts_a_file_is_cut_its_batches_are_the_same(data: list[bytes], size: int, form: Form) -> None:
    whole = b"kind\n" + b"".join(data)

    assert fed(whole, size=size, form=form) == fed(whole, form=form)


@pytest.mark.parametrize("count", [0, 1, TOGETHER - 1, TOGETHER, TOGETHER + 1, 3 * TOGETHER])
def test_every_row_comes_once_and_one_batch_is_the_last(count: int) -> None:
    batches = fed(rows(count), size=1_000)

    assert [line.row for line in lines(batches)] == [{"n": n} for n in range(count)]
    assert [line.number for line in lines(batches)] == list(range(1, count + 1))
    assert [batch.is_last for batch in batches].count(True) == 1
    assert batches[-1].is_last
    assert [batch.at for batch in batches] == [TOGETHER * n for n in range(len(batches))]


@pytest.mark.parametrize("done", [1, 2, 3])
def test_what_is_in_already_does_not_come_again(done: int) -> None:
    whole = fed(rows(3 * TOGETHER))

    rest = fed(rows(3 * TOGETHER), skip=TOGETHER * done, chain=whole[done - 1].chain)

    assert rest == whole[done:]


@pytest.mark.parametrize(
    "other",
    [rows(3 * TOGETHER).replace(b'{"n": 7}', b'{"n": 8}'), rows(TOGETHER), b"\n", rows(TOGETHER + 10)],
    ids=["changed", "shorter", "empty", "ends in between"],
)
def test_another_file_is_noticed_before_anything_of_it_comes(other: bytes) -> None:
    whole = fed(rows(3 * TOGETHER))
    feed = Feed("jsonl", skip=2 * TOGETHER, chain=whole[1].chain)
    came: list[Batch] = []

    with pytest.raises(OtherFile):
        came += [*feed.push(other), *feed.close()]

    assert came == []


WRONG = {
    b"{": "not valid JSON",
    b"[1]": "not a JSON object",
    b'"zoe"': "not a JSON object",
    b'{"n": "\xff"}': "not UTF-8",
    b"[" * 20_000: "not valid JSON",
    b'{"n": "' + b"x" * LONGEST + b'"}': f"longer than {LONGEST} bytes",
}


@pytest.mark.parametrize(("line", "problem"), WRONG.items(), ids=["open", "list", "text", "latin", "deep", "long"])
def test_a_line_that_is_no_object_is_told_by_its_number_and_the_others_come(line: bytes, problem: str) -> None:
    first, wrong, last = lines(fed(b'{"n": 1}\n' + line + b'\n{"n": 2}', size=1_000))

    assert (first.row, last.row, last.number) == ({"n": 1}, {"n": 2}, 3)
    assert (wrong.number, wrong.row, wrong.problem) == (2, {}, problem)


def test_a_line_without_an_end_is_not_kept_whole() -> None:
    feed = Feed("jsonl")
    for _ in range(100):
        assert list(feed.push(b"x" * LONGEST)) == []

    assert len(feed._rest) <= 3 * LONGEST
    assert [line.problem for line in lines(list(feed.close()))] == [f"longer than {LONGEST} bytes"]


CSV = (
    '\ufefforder,purchaser,purchaser.jurisdiction,payer,source\r\nA-1,c-1,DE,,"erp, old"\r\n\r\n'
    'A-2,"c ""2""\nb",,c-3,\r\nA-3,1,2,3,4,5\r\n"A\r\n'
)


def test_cells_become_members_and_columns_of_roles_become_people() -> None:
    one, two, many, broken = lines(fed(CSV.encode(), form="csv", kind="order"))

    assert one.row == {
        "kind": "order",
        "order": "A-1",
        "source": "erp, old",
        "people": [{"role": "purchaser", "subject": "c-1", "jurisdiction": "DE"}],
    }
    people = [{"role": "purchaser", "subject": 'c "2"\nb'}, {"role": "payer", "subject": "c-3"}]
    assert (two.number, two.row) == (4, {"kind": "order", "order": "A-2", "people": people})
    assert (many.number, many.problem) == (6, "more cells than the first line has")
    assert (broken.number, broken.problem) == (7, "not CSV")


def test_a_cell_of_several_values_is_a_list_and_an_empty_one_is_left_out() -> None:
    data = b"kind,subject,rights,categories,notice\nconsent,c-1,erasure; access,contact.email,\n"

    [line] = lines(fed(data, form="csv"))

    assert line.row == {
        "kind": "consent", "subject": "c-1", "rights": ["erasure", "access"], "categories": ["contact.email"],
    }  # fmt: skip


def test_a_list_in_a_file_of_lines_is_told_once_and_not_for_each_line() -> None:
    with pytest.raises(UnfitFile, match="one fact a line"):
        fed(b'\n[\n{"n": 1},\n{"n": 2}\n]\n')


@pytest.mark.parametrize("form", ["jsonl", "csv"])
@pytest.mark.parametrize("coding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_a_file_in_utf_16_is_told_before_anything_of_it_comes(form: Form, coding: str) -> None:
    text = "kind,subject\r\nsubject,c-1\r\n" if form == "csv" else '{"kind": "subject"}\r\n'

    for size in (1, 1 << 20):
        with pytest.raises(UnfitFile, match="UTF-16"):
            fed(text.encode(coding), form=form, size=size)


def test_lines_of_empty_cells_below_a_table_are_none() -> None:
    data = b"kind;subject;\r\nsubject;c-1;\r\n;;\r\n;;\r\n"

    assert [line.number for line in lines(fed(data, form="csv"))] == [2]


def test_no_batch_shows_what_is_in_it() -> None:
    [batch] = fed(b'{"subject": "c-1"}\n')

    assert "c-1" not in repr(batch)
    assert "c-1" not in repr(batch.lines[0])
