"""A body is what its contract says, and of a type that the contract takes."""

import pytest
from small_contracts import section

from gateway.body.codecs import read_body
from gateway.body.nothing import Nothing
from gateway.contract.terms import Node
from gateway.errors import Refusal

GROUPS = "- {why: It is named here., fields: {$.a: parcel.measure}}"
JSON, FORM, NONE = (section(GROUPS, body=body) for body in ("json", "form", "none"))


def refusal(payload: bytes, media: str | None) -> str:
    with pytest.raises(Refusal) as caught:
        read_body(payload, media, JSON)
    return caught.value.code


@pytest.mark.parametrize(
    ("content_type", "leaves_as"),
    [
        ("application/json", "application/json"),
        ("Application/JSON", "application/json"),
        (" application/json ", "application/json"),
        ("application/json;charset=UTF-8", "application/json; charset=utf-8"),
        ('application/json; charset="utf8"', "application/json; charset=utf-8"),
        ("application/json; profile=zoe; charset=utf-8", "application/json; charset=utf-8"),
        ("application/json; boundary=zoe", "application/json"),
    ],
)
def test_a_content_type_leaves_with_nothing_but_its_charset(content_type: str, leaves_as: str) -> None:
    assert read_body(b'{"a":1}', content_type, JSON) == ({"a": 1}, leaves_as)


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "json",
        "text/json",
        "application/x-www-form-urlencoded",
        "application/json, text/plain",
        "application/json; charset=latin1",
        "application/json; charset=utf-16",
        "application/json; charset=utf-8; charset=utf-7",
        "application/json; charset*=utf-7''zoe",
        "application/json\nx: y",
        "application/json/x",
    ],
)
def test_a_content_type_that_the_contract_does_not_take_is_refused(content_type: str | None) -> None:
    assert refusal(b'{"a":1}', content_type) == "body.media"


def test_a_body_is_read_as_the_contract_says_and_not_as_it_claims() -> None:
    assert refusal(b"a=1", "application/json") == "body.unreadable"


def test_a_body_longer_than_the_contract_allows_is_refused() -> None:
    assert refusal(b'"' + b"x" * JSON.max_bytes + b'"', "application/json") == "body.too_large"


def test_an_empty_form_may_come_with_or_without_its_type() -> None:
    assert read_body(b"", None, FORM) == ({}, "")
    assert read_body(b"", "application/x-www-form-urlencoded", FORM) == ({}, "application/x-www-form-urlencoded")


@pytest.mark.parametrize("content_type", [None, "application/x-www-form-urlencoded"])
def test_a_call_without_a_body_needs_no_type(content_type: str | None) -> None:
    assert read_body(b"", content_type, NONE) == ({}, "")


def test_a_body_where_the_contract_has_none_is_refused() -> None:
    with pytest.raises(Refusal) as caught:
        read_body(b"a", "application/json", NONE)

    assert caught.value.code == "body.unreadable"


def test_nothing_is_written_for_nothing_and_proved_to_be_nothing() -> None:
    codec, tree = Nothing(), Node("$")

    assert codec.write({}, {}) == b""
    assert codec.holds(b"", {}, {}, tree)
    assert not codec.holds(b"a", {}, {}, tree)
    assert not codec.holds(b"", {"a": 1}, {}, tree)
