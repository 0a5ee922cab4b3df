import pytest

from gateway.contract.form import (
    KINDS,
    LONGEST,
    MOST_IN_CLEAR,
    PLAIN,
    REVERSIBLE,
    WIDEST_STEP,
    Coarse,
    Form,
    Link,
    Mask,
    Table,
    parse_form,
)


@pytest.mark.parametrize("name", sorted(PLAIN))
def test_a_form_without_an_argument_is_its_name(name: str) -> None:
    assert parse_form(name) == Form(name)


@pytest.mark.parametrize(
    ("written", "form"),
    [
        ({"replace": "Goods"}, Form("replace", "Goods")),
        ({"replace": 0}, Form("replace", 0)),
        ({"replace": False}, Form("replace", value=False)),
        ({"truncate": 35}, Form("truncate", 35)),
        ({"truncate": LONGEST}, Form("truncate", LONGEST)),
        ({"mask": {"keep_first": 2, "keep_last": 4}}, Form("mask", Mask(2, 4))),
        ({"mask": {"keep_last": MOST_IN_CLEAR}}, Form("mask", Mask(0, MOST_IN_CLEAR))),
        *(({"generalise": kind}, Form("generalise", Coarse(kind))) for kind in sorted(KINDS)),
        ({"generalise": {"number": 100}}, Form("generalise", Coarse("number", 100))),
        ({"pseudonymise": "reversible"}, Form("pseudonymise", REVERSIBLE)),
        ({"link": {"hosts": ["shop.example"]}}, Form("link", Link(("shop.example",)))),
        (
            {"link": {"hosts": ["a.example", "b.example"], "query": ["o"]}},
            Form("link", Link(("a.example", "b.example"), ("o",))),
        ),
        ({"map": {"table": {"EXP": "X1"}}}, Form("map", Table((("EXP", "X1"),)))),
        ({"map": {"table": {1: True}, "otherwise": 0}}, Form("map", Table((("1", "true"),), "0"))),
    ],
    ids=str,
)
def test_a_form_with_an_argument_is_one_pair(written: object, form: Form) -> None:
    assert parse_form(written) == form


def test_a_form_that_was_read_already_stays_as_it_is() -> None:
    form = Form("mask", Mask(1, 1))

    assert parse_form(form) is form


@pytest.mark.parametrize(
    "written",
    [
        "hash",
        "replace",
        "truncate",
        "",
        None,
        7,
        [],
        {},
        {"replace": "a", "mask": {"keep_first": 1}},
        {"as_is": True},
        {"hash": "sha256"},
        {"replace": ["a"]},
        {"replace": None},
        {"truncate": 0},
        {"truncate": -1},
        {"truncate": True},
        {"truncate": LONGEST + 1},
        {"truncate": "35"},
        {"mask": {}},
        {"mask": 4},
        {"mask": {"keep_middle": 2}},
        {"mask": {"keep_first": -1}},
        {"mask": {"keep_first": True}},
        {"mask": {"keep_last": MOST_IN_CLEAR + 1}},
        {"pseudonymise": True},
        {"pseudonymise": "twice"},
        {"restore": "order"},
        "link",
        {"link": ["shop.example"]},
        {"link": {"hosts": []}},
        {"link": {"hosts": "shop.example"}},
        {"link": {"hosts": ["https://shop.example"]}},
        {"link": {"hosts": ["shop.example:443"]}},
        {"link": {"hosts": ["*.shop.example"]}},
        {"link": {"hosts": ["Shop.example"]}},
        {"link": {"hosts": ["localhost"]}},
        {"link": {"hosts": ["shop.example"], "query": "order"}},
        {"link": {"hosts": ["shop.example"], "query": ["a=b"]}},
        {"link": {"query": ["order"]}},
        "encrypt",
        {"encrypt": "KEY"},
        {"encrypt": "$key"},
        {"encrypt": "$KEY more"},
        {"encrypt": ["$KEY"]},
        "map",
        {"map": {"EXP": "X1"}},
        {"map": {"table": {}}},
        {"map": {"table": {"EXP": ["X1"]}}},
        {"map": {"table": {"EXP": None}}},
        {"map": {"table": {"EXP": "X1"}, "otherwise": ["X0"]}},
        {"map": {"table": {"EXP": "X1"}, "else": "X0"}},
        {"map": {"otherwise": "X0"}},
        "generalise",
        {"generalise": "number"},
        {"generalise": "hash"},
        {"generalise": {"number": 1}},
        {"generalise": {"number": "100"}},
        {"generalise": {"number": True}},
        {"generalise": {"number": WIDEST_STEP + 1}},
        {"generalise": {"number": 100, "date": 1}},
        {"generalise": ["ip"]},
    ],
    ids=str,
)
def test_what_is_not_a_form_does_not_load(written: object) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        parse_form(written)


def test_a_form_is_shown_by_its_name_and_never_by_its_constant() -> None:
    assert str(Form("replace", "Goods")) == "replace"


def test_a_form_that_takes_nothing_is_told_from_those_that_do() -> None:
    with pytest.raises(ValueError, match=r"`constant` is no form with an argument; those are .*\breplace\b"):
        parse_form({"constant": "a"})
