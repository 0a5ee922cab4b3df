"""A document cut to what was approved: by the same minimiser, and nothing beside it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Refusal
from gateway.exceptional.asked import Fields
from gateway.exceptional.cut import Cut, cut, section_of, told
from gateway.vocabulary import Category, Purpose, SubjectRole

FIELDS: Fields = {"$.people.*.name": Category.PERSON_NAME, "$.city": Category.ADDRESS_CITY}
ROLES = (SubjectRole.PURCHASER,)


def cut_to(fields: Fields, document: bytes, media: str = "application/json", **asked: Any) -> Cut:
    section = section_of(fields, media, ROLES, Purpose.LEGAL_COMPULSION)
    return cut(document, media, section, **{"whose": None, "named": (), **asked})


def code(*asked: Any, **more: Any) -> str:
    with pytest.raises(Refusal) as refused:
        cut_to(*asked, **more)
    return refused.value.code


def test_what_was_approved_is_left_and_what_stayed_is_told_without_its_name() -> None:
    left = cut_to(
        FIELDS, b'{"people":[{"name":"Ann","age":3},{"name":"Bea"}],"city":"Bonn","ann@example.com":1,"x":{}}'
    )

    assert left.payload == b'{"people":[{"name":"Ann"},{"name":"Bea"}],"city":"Bonn"}'
    assert left.disclosed[0].fields == (("$.people.*.name", "person.name", 2), ("$.city", "address.city", 1))
    assert {path: count for group in left.withheld for path, count in group.paths} == {"$.people.*.*": 1, "$.*": 2}
    assert (left.left, left.stayed) == (3, 3)


@pytest.mark.parametrize(
    ("media", "document", "expected"),
    [
        ("application/x-ndjson", b'{"name":"Ann","x":1}\n{"name":"Bea"}\n', b'{"name":"Ann"}\n{"name":"Bea"}\n'),
        ("application/x-www-form-urlencoded", b"name=Ann&x=1", b"name=Ann"),
    ],
)
def test_other_formats_are_cut_alike(media: str, document: bytes, expected: bytes) -> None:
    path = "$.*.name" if "ndjson" in media else "$.name"

    assert cut_to({path: Category.PERSON_NAME}, document, media).payload == expected


@given(
    document=st.dictionaries(st.sampled_from(["a", "b", "c", "d"]), st.text(max_size=5), min_size=1),
    names=st.sets(st.sampled_from(["a", "b", "c", "d"]), min_size=1),
)
def test_nothing_leaves_that_was_not_approved(document: dict[str, str], names: set[str]) -> None:
    fields = {f"$.{name}": Category.PERSON_NAME for name in names}
    data = json.dumps(document).encode()
    if not names & document.keys():
        assert code(fields, data) == "body.empty"
        return

    left = cut_to(fields, data)

    assert json.loads(left.payload) == {name: text for name, text in document.items() if name in names}
    assert left.stayed == len(document.keys() - names)


def test_a_document_is_about_the_people_of_the_case_alone() -> None:
    document = b'{"people":[{"name":"Ann","id":"c-1"},{"name":"Bea","id":"c-2"}],"city":"Bonn"}'
    whose = "$.people.*.id"

    assert cut_to(FIELDS, document, whose=whose, named={"c-1", "c-2"}).left == 3
    assert code(FIELDS, document, whose=whose, named={"c-1"}) == "subject.mismatch"
    assert code(FIELDS, b'{"city":"Bonn"}', whose=whose, named={"c-1"}) == "subject.unresolved"


def test_what_cannot_be_read_goes_nowhere() -> None:
    assert code(FIELDS, b"{") == "body.unreadable"
    assert code(FIELDS, b'{"city":"a","city":"b"}') in ("body.unreadable", "field.repeated")
    assert code(FIELDS, b"%PDF", "application/pdf") == "body.media"
    assert code({"$.a": Category.NOT_PERSONAL}, b'{"a":"ann@example.com"}') == "field.personal"


def test_what_was_said_aloud_stands_there_as_if_each_field_had_been() -> None:
    said = told(FIELDS, ROLES)

    assert (said.payload, said.left, said.stayed) == (b"", 2, 0)
    assert said.disclosed[0].of == ("purchaser",)
