"""A body's own format does not look into its texts; the contract does."""

from small_contracts import section

from gateway.contract.nest import nest_of, outside, text_at, texts_of
from gateway.contract.terms import Held, Node
from gateway.paths import EACH, parse_path

JSON = Held("json", (), (), 100)

GROUPS = """
    - why: What is in it.
      category: parcel.measure
      fields: [$.a, $.content.x, $.content.rows.*.y, $.parts.*.text.z]
"""


def test_nests_lead_to_every_text_and_to_texts_in_texts() -> None:
    nest = nest_of([(parse_path(path), JSON) for path in ("$.a.*.b", "$.a.*.b.c", "$.d")], Node("$"))

    assert nest is not None
    each = nest.members["a"].each
    assert each is not None
    assert (each.held, each.members["b"].held, each.members["b"].members["c"].held) == (None, JSON, JSON)
    assert nest.members["d"].held is JSON
    assert [(text.path, outer and outer.path) for text, outer in texts_of(nest)] == [
        ("$.a.*.b", None), ("$.a.*.b.c", "$.a.*.b"), ("$.d", None),
    ]  # fmt: skip
    assert each.members["b"].members["c"].path == "$.a.*.b.c"


def test_without_texts_there_is_no_nest_and_the_tree_is_the_same() -> None:
    tree = Node("$")

    assert nest_of([], tree) is None
    assert outside(tree, None) is tree


def test_from_outside_a_text_is_one_value_with_the_rules_of_all_that_is_in_it() -> None:
    tree = section(GROUPS).trees["body"]
    seen = outside(tree, nest_of([(parse_path("$.content"), JSON), (parse_path("$.parts.*.text"), JSON)], tree))

    assert (seen.members["content"].rules, seen.members["content"].leads_on) == ((1, 2), False)
    parts = seen.members["parts"].each
    assert parts is not None
    assert (parts.members["text"].rules, parts.members["text"].leads_on) == ((3,), False)
    assert seen.members["a"].rules == (0,)
    assert tree.members["content"].members["x"].rules == (1,), "the rules themselves stay where they are"


def test_what_a_text_holds_has_its_own_tree_with_texts_in_it_as_texts() -> None:
    tree = section(GROUPS).trees["body"]
    nest = nest_of([(parse_path("$.content"), JSON), (parse_path("$.content.rows.*"), JSON)], tree)

    assert nest is not None
    inner = nest.members["content"].tree
    assert (inner.path, inner.members["x"].rules) == ("$.content", (1,))
    each = inner.members["rows"].each
    assert each is not None
    assert (each.rules, each.held) == ((2,), JSON)


def test_a_text_that_no_rule_names_is_one_all_the_same() -> None:
    nest = nest_of([(parse_path("$.b.*"), JSON)], Node("$"))

    each = outside(Node("$"), nest).members["b"].each

    assert each is not None
    assert each.held is JSON


def test_a_path_leads_to_the_innermost_text_on_its_way() -> None:
    nest = nest_of([(parse_path("$.a"), JSON), (parse_path("$.a.b.*"), JSON)], Node("$"))

    assert nest is not None
    found = {path: text_at(nest, parse_path(path)) for path in ("$.a", "$.a.c", "$.a.b.*.d.*", "$.b")}
    assert {path: (each and (each[0].path, each[1])) for path, each in found.items()} == {
        "$.a": ("$.a", ()), "$.a.c": ("$.a", ("c",)), "$.a.b.*.d.*": ("$.a.b.*", ("d", EACH)), "$.b": None,
    }  # fmt: skip
