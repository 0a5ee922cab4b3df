"""Names of fields lead into the tree of a contract as they lead into a document."""

import pytest
from small_contracts import section

from gateway.body.document import Document
from gateway.body.names import Named, insert, is_named, node_of, steps_of

TREE = section(
    """
    - why: It is named here.
      category: parcel.measure
      fields: [$.a, $.b.c, $.list.*, $.rows.*.x, $.rows.*.tags.*]
""",
    body="form",
).trees["body"]


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("a", "$.a"),
        ("b[c]", "$.b.c"),
        ("list", "$.list.*"),
        ("list[]", "$.list.*"),
        ("list[7]", "$.list.*"),
        ("rows[0][x]", "$.rows.*.x"),
        ("rows[][tags][]", "$.rows.*.tags.*"),
        ("rows[0][tags]", "$.rows.*.tags.*"),
    ],
)
def test_a_name_leads_to_the_node_of_its_value(name: str, path: str) -> None:
    node = node_of(steps_of(name), TREE)

    assert node is not None
    assert (node.path, is_named(name, TREE)) == (path, True)


@pytest.mark.parametrize(
    "name", ["x", "a[x]", "b[d]", "list[x]", "list[0][x]", "rows[x][x]", "rows[0][y]", "b[c", "[a]"]
)
def test_a_name_that_no_rule_knows_leads_nowhere(name: str) -> None:
    node = node_of(steps_of(name), TREE)

    assert node is None or not node.rules
    assert not is_named(name, TREE)


def test_any_value_is_put_where_its_name_leads() -> None:
    document = Named()
    values: dict[str, Document] = {"b[c]": 1, "list[]": None, "rows[0][x]": {"y": True}}

    for name, value in values.items():
        first, *rest = steps_of(name)
        insert(document, first, rest, value, TREE)

    assert document == {"b": {"c": 1}, "list": [None], "rows": [{"x": {"y": True}}]}
    assert document.names == ()
