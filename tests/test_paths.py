"""A path is what a reviewer sees through: a small part of JSONPath, with one canonical spelling."""

import json
from collections.abc import Callable
from pathlib import Path as File

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.paths import EACH, Path, PathError, Place, Step, parse_path, parse_place, values_at, written

VECTORS = json.loads((File(__file__).parent / "vectors" / "paths.json").read_text("utf-8"))
SELECTORS_OUTSIDE = ("..", "?", ",", ":", "[0]", "[1]", "[2]", "[-1]")


@pytest.mark.parametrize(("text", "canonical"), VECTORS["accepted"])
def test_an_accepted_spelling_has_its_canonical_form(text: str, canonical: str) -> None:
    assert str(parse_place(text)) == canonical


@pytest.mark.parametrize("text", VECTORS["refused"])
def test_any_other_spelling_is_refused(text: str) -> None:
    with pytest.raises(PathError):
        parse_place(text)


def test_every_canonical_form_is_its_own() -> None:
    canonical = [form for _, form in VECTORS["accepted"]]

    assert [str(parse_place(form)) for form in canonical] == canonical


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("$..a", "every step"),
        ("$.a[0]", "position"),
        ("$.a[0:1]", "slices"),
        ("$.a[?@.b]", "when"),
        ("$['a','b']", "unions"),
        ("$.`len`", "functions"),
        ("$.where", "quotes"),
        ("cookie:a", "query:NAME"),
    ],
)
def test_a_refusal_says_what_to_write_instead(text: str, hint: str) -> None:
    with pytest.raises(PathError, match=hint):
        parse_place(text)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("name", ("recipient", "name")),
        ("name.*", ("recipient", "name", EACH)),
        (".@type", ("recipient", "@type")),
        (".*", ("recipient", EACH)),
        ("$.name", ("name",)),
        ("$", ()),
    ],
)
def test_a_path_continues_where_it_stands_unless_it_begins_at_the_top(text: str, path: Path) -> None:
    assert parse_path(text, ("recipient",)) == path


@pytest.mark.parametrize("text", ["query:name", "header:name", "path:name"])
def test_a_place_outside_the_body_never_continues(text: str) -> None:
    assert parse_place(text, ("recipient",)).path == ("name",)


@pytest.mark.parametrize("text", ["header:X-Name.*", "header:x-name[*]"])
def test_each_line_of_a_header_that_repeats_is_a_place(text: str) -> None:
    place = parse_place(text)

    assert place.path == ("x-name", EACH)
    assert str(place) == "header:x-name.*"


@pytest.mark.parametrize("text", ["header:.*", "header:", "path:name[*]", "header:a b.*"])
def test_a_header_without_a_name_and_a_segment_that_repeats_are_no_places(text: str) -> None:
    with pytest.raises(PathError):
        parse_place(text)


names = st.text(st.characters(exclude_characters="'\\", exclude_categories=["Cc", "Cs"]), min_size=1).filter(
    lambda name: name != "*"
)
steps: st.SearchStrategy[Step] = st.one_of(st.just(EACH), names)


@given(st.lists(steps, max_size=6).map(tuple))
def test_every_path_can_be_written_and_read_back(path: Path) -> None:
    assert parse_path(written(path)) == path


@given(st.text(st.sampled_from("$.*@[]'\"abwhere0 :,|?()`\\-_\n"), max_size=12) | st.text(max_size=12))
def test_a_text_is_a_path_with_one_spelling_or_an_error_of_ours(text: str) -> None:
    try:
        place = parse_place(text)
    except PathError:
        return

    assert parse_place(str(place)) == place


def test_values_stand_where_a_path_leads() -> None:
    document = {"a": [{"b": 1}, {"b": [2, 3]}, {"c": 4}, 5], "d": {"x": 6}}

    assert list(values_at(document, ("a", EACH, "b"))) == [1, [2, 3]]
    assert list(values_at(document, ("a", EACH, "b", EACH))) == [2, 3]
    assert list(values_at(document, ("d", EACH))) == []
    assert list(values_at(document, ("missing",))) == []
    assert list(values_at(document, ())) == [document]


def test_a_place_is_written_with_its_prefix() -> None:
    assert str(Place("query", ("created", "gte"))) == "query:created.gte"
    assert str(Place("header", ("x-key",))) == "header:x-key"


def test_the_subset_reads_the_compliance_suite_as_it_means_it(shared: Callable[[str], File]) -> None:
    cases = json.loads((shared("jsonpath-cts") / "cts.json").read_text("utf-8"))["tests"]

    compared = 0
    for case in (case for case in cases if case["selector"].startswith("$")):
        try:
            path = parse_path(case["selector"])
        except PathError:
            continue
        assert not case.get("invalid_selector"), case["name"]
        # `.*` never stands for the names in an object, so documents with objects differ there on purpose.
        if EACH not in path or "{" not in json.dumps(case["document"]):
            assert list(values_at(case["document"], path)) in case.get("results", [case.get("result")]), case["name"]
            compared += 1
    assert compared > 20
