from decimal import Decimal

import pytest

from gateway.body.document import Document, Scalar, as_text, same


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, True),
        (0, False),
        (1, Decimal(1)),
        (Decimal("1.0"), Decimal("1.00")),
        ("1", 1),
        (None, ""),
        ([], {}),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ([1, 2], [2, 1]),
    ],
    ids=repr,
)
def test_what_a_vendor_would_read_differently_is_not_the_same(one: Document, other: Document) -> None:
    assert not same(one, other)


@pytest.mark.parametrize(
    "document",
    [None, "é", 2**80, Decimal("1E400"), {"a": [{}, [], {"b": False}]}],
    ids=["null", "é", "big", "e", "tree"],
)
def test_equal_documents_are_the_same(document: Document) -> None:
    assert same(document, document)


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "true"), (False, "false"), (None, ""), (Decimal("1.10"), "1.10"), (10**30, "1" + "0" * 30), ("a", "a")],
)
def test_a_scalar_as_text_is_what_json_would_show(value: Scalar, text: str) -> None:
    assert as_text(value) == text
