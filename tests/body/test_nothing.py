import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.body.nothing import Nothing
from gateway.contract.terms import Node
from gateway.errors import Refusal

NOTHING, TREE = Nothing(), Node("$")


def test_no_body_is_a_document_with_nothing_in_it() -> None:
    assert NOTHING.read(b"", TREE) == {}


@given(st.binary(min_size=1))
def test_any_byte_where_there_is_to_be_none_is_refused(data: bytes) -> None:
    with pytest.raises(Refusal) as caught:
        NOTHING.read(data, TREE)

    assert caught.value.code == "body.unreadable"


def test_whatever_a_document_holds_nothing_is_written() -> None:
    assert NOTHING.write({"a": "b"}, {"a": "b"}) == b""


@pytest.mark.parametrize(("data", "document", "holds"), [(b"", {}, True), (b"{}", {}, False), (b"", {"a": "b"}, False)])
def test_the_proof_demands_that_nothing_leaves(data: bytes, document: dict[str, str], holds: bool) -> None:
    assert NOTHING.holds(data, document, {}, TREE) is holds
