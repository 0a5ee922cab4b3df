"""A body's own format does not look into its texts; the contract does."""

from small_contracts import section

from gateway.contract.nest import nest_of, outside
from gateway.contract.terms import Node
from gateway.paths import parse_path

GROUPS = """
    - why: What is in it.
      category: parcel.measure
      fields: [$.a, $.content.x, $.content.rows.*.y, $.parts.*.text.z]
"""


def test_nests_lead_to_every_text_and_to_texts_in_texts() -> None:
    nest = nest_of([parse_path("$.a.*.b"), parse_path("$.a.*.b.c"), parse_path("$.d")])

    assert nest is not None
    each = nest.members["a"].each
    assert each is not None
    assert (each.is_text, each.members["b"].is_text, each.members["b"].members["c"].is_text) == (False, True, True)
    assert nest.members["d"].is_text
    assert each.members["b"].members["c"].path == "$.a.*.b.c"


def test_without_texts_there_is_no_nest_and_the_tree_is_the_same() -> None:
    tree = Node("$")

    assert nest_of([]) is None
    assert outside(tree, None) is tree


def test_from_outside_a_text_is_one_value_with_the_rules_of_all_that_is_in_it() -> None:
    tree = section(GROUPS).trees["body"]
    seen = outside(tree, nest_of([parse_path("$.content"), parse_path("$.parts.*.text")]))

    assert (seen.members["content"].rules, seen.members["content"].leads_on) == ((1, 2), False)
    parts = seen.members["parts"].each
    assert parts is not None
    assert (parts.members["text"].rules, parts.members["text"].leads_on) == ((3,), False)
    assert seen.members["a"].rules == (0,)
    assert tree.members["content"].members["x"].rules == (1,), "the rules themselves stay where they are"
