"""Lines that are not in memory: of each there is what a call is decided by, and the rest where it stands."""

import json
from collections.abc import Collection
from typing import Any

import pytest
from bodies import operation
from hypothesis import given
from hypothesis import strategies as st
from stores_in_memory import Shelf, away

from gateway.body import lines as lines_module
from gateway.body.document import Digest, Document
from gateway.body.lines import LONGEST, MAX_LINES, Lines, Reader, Written, filled
from gateway.errors import Refusal
from gateway.paths import EACH, Path
from gateway.pieces import STEP, Extent, Pieces, whole

LONG = 2 * STEP
JSON = ("content-type", "application/x-ndjson")
PARCELS = operation("""
body: ndjson
nested: {$.*.extra: json}
groups:
  - {why: The driver finds the door., fields: {$.*.to.name: person.name, $.*.to.lines.*: address.street}}
  - {why: Where the driver leaves it., form: scrub, fields: {$.*.note: delivery.note}}
  - {why: What is in it., when: {$.*.kind: [parcel]}, category: parcel.measure, fields: [$.*.count, $.*.extra.weight]}
""")


def pieces(data: bytes, *cuts: int) -> Pieces:
    """Bytes in runs that end at these places."""
    shelf, ends = Shelf(data), [*sorted(cuts), len(data)]
    return Pieces(tuple(Extent(shelf, start, end - start) for start, end in zip([0, *ends], ends, strict=False)))


def read(data: bytes, *stated: Path, is_batch: bool = False, longest: int = LONG) -> Lines:
    return Lines.read(away(data), Reader(json.loads, longest, stated), is_batch=is_batch)


def refusal(data: bytes, *stated: Path, is_batch: bool = False, longest: int = LONG) -> str:
    with pytest.raises(Refusal) as refused:
        read(data, *stated, is_batch=is_batch, longest=longest)
    assert refused.value.code == "body.too_large"
    return refused.value.failures[0].detail


@given(st.lists(st.text("aé😀 \t\r", max_size=9), max_size=9), st.data())
def test_a_line_is_whole_wherever_it_was_cut_within_a_sign_too(lines: list[str], drawn: st.DataObject) -> None:
    data = "\n".join(lines).encode()
    cuts = drawn.draw(st.lists(st.integers(0, len(data)), max_size=6))

    found = list(filled(pieces(data, *cuts), LONG))

    assert [line.decode() for _, line in found] == [line for line in lines if line.strip(" \t\r")]
    assert all(data[start : start + len(line)] == line for start, line in found)


@pytest.mark.parametrize("behind", [b"\n", b"", b"\n{}"])
def test_the_length_of_a_line_is_bounded(behind: bytes) -> None:
    exact = b'"' + b"a" * (STEP + 7) + b'"'

    assert read(exact + behind, longest=len(exact)) is not None
    assert refusal(b"1\n" + exact + behind, longest=len(exact) - 1) == f"a line of more than {len(exact) - 1} bytes"


def test_so_is_how_many_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_LINES == 1_000_000
    monkeypatch.setattr(lines_module, "MAX_LINES", 3)

    assert len(read(b"1\n" * 3, is_batch=True)) == 3
    assert refusal(b"1\n" * 4) == refusal(b"\n" * 4) == "more than 3 lines"


def test_of_lines_that_say_the_same_one_is_there() -> None:
    lines = read(b'{"who":"a","n":1}\n\n{"who":"a","n":2}\n{"n":3}\n{"who":"b"}\n[1]', ("who",))

    assert lines == [{"who": "a"}, {}, {"who": "b"}, []]
    assert list(lines.each()) == [{"who": "a", "n": 1}, {"who": "a", "n": 2}, {"n": 3}, {"who": "b"}, [1]]


def test_of_a_batch_each_line_is_there_and_can_be_had_alone() -> None:
    lines = read(b'{"who":"a","n":1}\n\n{"who":"a","n":2}\n3', ("who",), is_batch=True)

    assert lines == [{"who": "a"}, {"who": "a"}, {}]
    assert [[*each, *each.each()] for each in lines.alone()] == [
        [{"who": "a"}, {"who": "a", "n": 1}],
        [{"who": "a"}, {"who": "a", "n": 2}],
        [{}, 3],
    ]
    assert [*lines.only((0, 2)).each()] == [{"who": "a", "n": 1}, 3]
    assert [*lines.only(()).each()] == []


@pytest.mark.parametrize(
    ("paths", "states"),
    [
        ([("a", "b")], {"a": {"b": "x"}}),
        ([("l", EACH, "c")], {"l": [{"c": 1}, {}, {}]}),
        ([("a",)], {"a": None}),
        ([("a", "b", "c")], {"a": {"b": {}}}),
        ([("a", EACH)], {"a": {}}),
        ([("a", "b"), ("d",), ("l", EACH)], {"a": {"b": "x"}, "d": 7, "l": [None, None, 5]}),
        ([("z",)], {}),
        ([], {}),
    ],
)
def test_a_line_states_what_stands_at_its_paths_and_nothing_else(paths: Collection[Path], states: Document) -> None:
    assert read(b'{"a":{"b":"x","e":"y"},"d":7,"l":[{"c":1,"e":2},{"e":3},5]}', *paths) == [states]


def test_what_is_decided_about_is_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines_module, "MAX_STATED", 3)

    assert len(read(b'{"n":1}\n' * 5, ("n",))) == 1
    assert "to decide about" in refusal(b'{"n":1}\n' * 5, ("n",), is_batch=True)
    assert "to decide about" in refusal(b'{"n":1}\n{"n":2}\n{"n":3}\n{"n":4}\n', ("n",))
    assert "signs" in refusal(json.dumps({"n": "a" * (LONGEST + 1)}).encode(), ("n",))


def test_what_was_written_is_known_by_its_bytes() -> None:
    digest = Digest()
    digest.update(b"{}\n")
    written = Written.at(away(b"{}\n"), digest)

    assert written.are(b"{}\n")
    assert not written.are(b"{}")
    assert not written.are(b"[]\n")


values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.integers() | st.sampled_from(["parcel", "Zoë", "call +49 30 901820", "", "😀"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["to", "name", "lines", "note", "kind", "count", "who"]), inner, max_size=5)
    ),
    max_leaves=12,
)


async def outcome(body: bytes, *, is_away: bool) -> object:
    """What leaves and what stays, or why nothing does."""
    try:
        sending, left = await (PARCELS.sent_from_elsewhere if is_away else PARCELS.sent)(body, JSON)
    except Refusal as refusal:
        return refusal.code
    return whole(sending.body), left.withheld, list(left.counts), left.staying


@given(st.lists(values | st.just("\n"), max_size=6))
async def test_it_makes_no_difference_whether_lines_are_in_memory(lines: list[Any]) -> None:
    body = "\n".join(line if line == "\n" else json.dumps(line, ensure_ascii=False) for line in lines).encode()

    assert await outcome(body, is_away=True) == await outcome(body, is_away=False)


async def test_names_that_are_nobodys_do_not_fill_memory() -> None:
    body = b"".join(b'{"count":1,"kind":"parcel","n%d":1}\n' % number for number in range(2_000))

    _, left = await PARCELS.sent_from_elsewhere(body, JSON)

    assert len(left.withheld) <= 1_002
    assert left.staying == sum(left.withheld.values()) == 4_000
