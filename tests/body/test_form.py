"""A form keeps the order and the spelling of its pairs, and a name that could mean two values is refused."""

from urllib.parse import parse_qsl, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_contracts import bound

from gateway.body.document import Document
from gateway.body.form import MAX_PAIRS, Form
from gateway.contract.terms import Node
from gateway.errors import Refusal
from gateway.minimise import minimise

CODEC = Form()
GROUPS = """
    - why: It is named here.
      category: parcel.measure
      fields: [$.a, $.b.c, $.list.*, $.rows.*.x, $.rows.*.y, $.rows.*.tags.*, $.either, $.either.id, $.deep.*.*]
    - why: Its name has a space.
      fields:
        $['q r']: parcel.measure
    - why: It becomes another text.
      fields: {$.changed: order.id}
      form: {replace: "new & other=[x]"}
"""
FORM = bound(GROUPS, body="form")
TREE: Node = FORM.section.trees["body"]


def read(data: str) -> Document:
    return CODEC.read(data.encode("ascii"), TREE)


def sent(data: str) -> str:
    """What leaves of a form, proved."""
    source = read(data)
    kept = minimise(FORM, {"body": source}).documents["body"]
    made = CODEC.write(kept, source)
    assert CODEC.holds(made, kept, source, TREE)
    return made.decode("ascii")


@pytest.mark.parametrize(
    ("data", "document"),
    [
        ("", {}),
        ("a=1", {"a": "1"}),
        ("a=", {"a": ""}),
        ("a", {"a": ""}),
        ("a=1=2", {"a": "1=2"}),
        ("a=x+y%20z%2B", {"a": "x y z+"}),
        ("a=%C3%A4", {"a": "ä"}),
        ("%61=1", {"a": "1"}),
        ("b[c]=1", {"b": {"c": "1"}}),
        ("b%5Bc%5D=1", {"b": {"c": "1"}}),
        ("b%5bc%5d=1", {"b": {"c": "1"}}),
        ("list=1", {"list": ["1"]}),
        ("list=1&list=2", {"list": ["1", "2"]}),
        ("list[]=1&list[]=2", {"list": ["1", "2"]}),
        ("list[0]=1&list[1]=2", {"list": ["1", "2"]}),
        ("list[7]=1&list[3]=2", {"list": ["1", "2"]}),
        ("rows[0][x]=1&rows[0][y]=2&rows[1][x]=3", {"rows": [{"x": "1", "y": "2"}, {"x": "3"}]}),
        ("rows[0][x]=1&rows[1][x]=3&rows[0][y]=2", {"rows": [{"x": "1", "y": "2"}, {"x": "3"}]}),
        ("rows[][x]=1&rows[][y]=2&rows[][x]=3", {"rows": [{"x": "1", "y": "2"}, {"x": "3"}]}),
        ("rows[0][tags][]=1&rows[0][tags][]=2", {"rows": [{"tags": ["1", "2"]}]}),
        ("either=1", {"either": "1"}),
        ("either[id]=1", {"either": {"id": "1"}}),
        ("q+r=1", {"q r": "1"}),
        ("unknown[0]=1", {"unknown": {"0": "1"}}),
        ("a&&b[c]=2&", {"a": "", "b": {"c": "2"}}),
        ("x[y=1", {"x[y": "1"}),
        ("[x]=1", {"[x]": "1"}),
        ("=1", {"": "1"}),
    ],
)
def test_brackets_nest_and_positions_make_lists_where_the_contract_has_them(data: str, document: Document) -> None:
    assert read(data) == document


@pytest.mark.parametrize(
    "data",
    [
        "a=1",
        "a=x+y%20z",
        "a=%7e%2D%C3%A4",
        "a",
        "b%5Bc%5D=1&a=2",
        "b%5bc%5d=1",
        "list=2&a=1&list=1",
        "list[]=2&list[]=1",
        "rows[1][x]=3&rows[0][x]=1&rows[1][y]=4",
        "rows[][x]=1&rows[][y]=2&rows[][x]=3",
        "either=1",
        "either[id]=1",
        "%61=1",
        "q+r=1",
        "q%20r=1",
    ],
)
def test_pairs_that_leave_leave_byte_for_byte_and_in_order(data: str) -> None:
    assert sent(data) == data


@pytest.mark.parametrize(
    ("data", "left"),
    [
        ("x=1&a=2&y=3", "a=2"),
        ("a=2&email=zoe%40example.com&b[c]=3&b[d]=4", "a=2&b[c]=3"),
        ("x=1&x=2&x[y]=3", ""),
        ("a=1&rows[0][z]=1", "a=1"),
        ("b=1", ""),
        ("a[b]=1", ""),
        ("list[0][x]=1", ""),
        ("either[id][x]=1", ""),
        ("unknown[a]=1", ""),
        ("b[c]x=1", ""),
        ("x[y=1&a=1", "a=1"),
    ],
)
def test_what_is_not_named_stays(data: str, left: str) -> None:
    assert sent(data) == left


def test_a_value_that_changes_keeps_the_spelling_of_its_name() -> None:
    assert sent("x=1&%63hanged=old&a=1") == "%63hanged=new+%26+other%3D%5Bx%5D&a=1"


@pytest.mark.parametrize(
    "data",
    [
        "a=1&a=2",
        "a=1&%61=2",
        "a=1&a[]=2",
        "a[]=2&a=1",
        "a=1&a[b]=2",
        "b[c]=1&b[c]=2",
        "b[c]=1&b%5Bc%5D=2",
        "b=1&b[c]=2",
        "b[c]=1&b=2",
        "either=1&either[id]=2",
        "list[0]=1&list[0]=2",
        "list=1&list[x]=2",
        "list[x]=1&list=2",
        "rows[0][x]=1&rows[0][x]=2",
        "rows[0]=1&rows[0][x]=2",
        "rows[0][x]=1&rows[0]=2",
        "changed=1&changed=2",
    ],
)
def test_a_name_that_two_readers_could_take_differently_is_refused(data: str) -> None:
    with pytest.raises(Refusal) as caught:
        read(data)

    assert caught.value.code == "field.repeated"


@pytest.mark.parametrize(
    "data",
    [
        b"a=1;b=2",
        b"a=1 2",
        b"a=1\r\nb=2",
        b"a=\x00",
        b"a=%",
        b"a=%4",
        b"a=%zz",
        b"a=%FF",
        b"%C3=1",
        b"a=%ED%A0%80",
        b"a=%C0%AF",
        b"a=\xff",
        b"a" + b"[b]" * 64 + b"=1",
    ],
)
def test_what_is_no_plain_form_is_refused(data: bytes) -> None:
    with pytest.raises(Refusal) as caught:
        CODEC.read(data, TREE)

    assert caught.value.code == "body.unreadable"


def test_more_fields_than_anyone_sends_are_refused() -> None:
    with pytest.raises(Refusal) as caught:
        CODEC.read(b"&".join([b"x=1"] * (MAX_PAIRS + 1)), TREE)

    assert caught.value.code == "body.too_large"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param("a=1&list=2&list=4", id="another value"),
        pytest.param("a=1&list=2", id="a pair less"),
        pytest.param("a=1&list=2&list=3&b[c]=4", id="a pair more"),
        pytest.param("a=1&list=2&list=3&a=1", id="a pair twice"),
        pytest.param("list=2&a=1&list=3", id="another order"),
        pytest.param("a=1&list=2&LIST=3", id="another name"),
        pytest.param("a=1&list=2&list=%33&x=", id="an unnamed pair"),
        pytest.param("a=1&list=2&list=%FF", id="no text"),
        pytest.param("", id="nothing"),
    ],
)
def test_the_proof_fails_for_another_form(data: str) -> None:
    source = read("a=1&list=2&list=3")

    assert CODEC.holds(b"a=1&list=2&list=3", source, source, TREE)
    assert not CODEC.holds(data.encode("ascii"), source, source, TREE)


def test_the_proof_fails_for_a_place_that_the_contract_does_not_name() -> None:
    source = read("x=1")

    assert not CODEC.holds(b"x=1", source, source, TREE)


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
pairs = st.lists(
    st.tuples(st.sampled_from(["a", "b[c]", "list", "list[]", "x", "rows[0][x]", "q r", "u[v]"]), texts), max_size=8
)


@given(pairs)
def test_what_leaves_is_a_part_of_the_form_in_its_order(given_pairs: list[tuple[str, str]]) -> None:
    data = "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in given_pairs)
    try:
        left = sent(data)
    except Refusal:
        return

    rest = iter(given_pairs)
    assert all(pair in rest for pair in parse_qsl(left, keep_blank_values=True))
    named = [pair for pair in given_pairs if pair[0] not in ("x", "u[v]")]
    assert parse_qsl(left, keep_blank_values=True) == named


@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        document = CODEC.read(data, TREE)
    except Refusal:
        return

    kept = minimise(FORM, {"body": document}).documents["body"]
    assert CODEC.holds(CODEC.write(kept, document), kept, document, TREE)


@given(st.data())
def test_the_proof_sees_a_single_byte_that_changes_a_pair(data: st.DataObject) -> None:
    source = read("a=one&b[c]=two&list[]=three")
    made = bytearray(b"a=one&b[c]=two&list[]=three")
    position = data.draw(st.integers(0, len(made) - 1))
    made[position] ^= data.draw(st.sampled_from([1, 2, 4, 8, 16]))

    assert not CODEC.holds(bytes(made), source, source, TREE)


def test_a_name_or_value_in_raw_utf_8_leaves_as_it_came() -> None:
    tree = Node("$", members={"größe": Node("$.größe", rules=(0,))})
    data = "größe=50 µl".replace(" ", "+").encode()

    document = Form().read(data, tree)

    assert document == {"größe": "50 µl"}
    assert Form().write(document, document) == data
    assert Form().holds(data, document, document, tree)
