"""JSON that is let out arrives as it was sent: the same signs, the same digits, the same order."""

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path as File

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.body.document import Document, as_text, same
from gateway.body.json import Json
from gateway.contract.terms import Node
from gateway.errors import Refusal

CODEC, TREE = Json(), Node("$")


def read(data: bytes) -> Document:
    return CODEC.read(data, TREE)


def written(data: bytes) -> bytes:
    """What is written of what is read, once the other parser has found the same in it."""
    document = read(data)
    made = CODEC.write(document, document)
    assert CODEC.holds(made, document, document, TREE)
    return made


@pytest.mark.parametrize(
    "text",
    [
        "0",
        "12345678901234567890123",
        "-12345678901234567890123",
        "18446744073709551616",
        "9007199254740993",
        "1" + "0" * 400,
        "1.10",
        "0.50",
        "1.0",
        "-0.0",
        "-0",
        "[-0,0,-0]",
        '{"a":-0}',
        "1e5",
        "[1E400,1e-400,1.5e3,1.50E+03,0e1,-0e3,0.0000001,1e5]",
        "0.00000010",
        '{"a":"1e5","b":[1e5,{"c":-1e-5}],"d":":1e5,"}',
        "0.1234567890123456789012345678901234567890",
        "123456789.123456789123456789",
        "true",
        "false",
        "null",
        '""',
        '"01067"',
        '"Zoë Müller"',
        '"😀"',
        '"\u2028\u2029\ufeff\x7f"',
        r'"\u0000\n\"\\"',
        "[]",
        "{}",
        '[[],{},[{}],null,""]',
        '{"b":1,"a":2,"c":{"z":1,"y":2}}',
        '{"":1," ":2,"é":3,"e\u0301":4}',
    ],
)
def test_what_is_read_is_written_sign_for_sign(text: str) -> None:
    assert written(text.encode()) == text.encode()


@pytest.mark.parametrize(
    ("text", "same_value"),
    [
        (r'"\u00e4"', '"ä"'),
        (r'"\ud83d\ude00"', '"😀"'),
        (r'"\/"', '"/"'),
        (" [ 1 ,\n2 ] ", "[1,2]"),
    ],
)
def test_another_spelling_keeps_the_value(text: str, same_value: str) -> None:
    assert written(text.encode()) == same_value.encode()


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b" ", id="a space"),
        pytest.param(b"NaN", id="NaN"),
        pytest.param(b"[Infinity]", id="Infinity"),
        pytest.param(b"[-Infinity]", id="minus Infinity"),
        pytest.param(rb'"\ud800"', id="half a surrogate"),
        pytest.param(rb'"\udc00\ud800"', id="surrogates the wrong way round"),
        pytest.param(b'"\xed\xa0\x80"', id="a surrogate in UTF-8"),
        pytest.param(b'"\xff"', id="no UTF-8"),
        pytest.param(b'"\xc0\xaf"', id="an overlong slash"),
        pytest.param(b'\xef\xbb\xbf{"a":1}', id="a byte order mark"),
        pytest.param('{"a":1}'.encode("utf-16"), id="UTF-16"),
        pytest.param(b'{"a":1,"a":2}', id="a key twice"),
        pytest.param(rb'{"a":1,"\u0061":2}', id="a key twice in two spellings"),
        pytest.param(b'[{"b":[{"a":1,"a":1}]}]', id="a key twice deep inside"),
        pytest.param(b'{"a":1}{"b":2}', id="two documents"),
        pytest.param(b'{"a":1,}', id="a comma too many"),
        pytest.param(b"{'a':1}", id="other quotes"),
        pytest.param(b"[01]", id="a leading zero"),
        pytest.param(b"[+1]", id="a plus"),
        pytest.param(b"[1.]", id="nothing behind the point"),
        pytest.param(b'["\x00"]', id="a control character"),
        pytest.param(b"// x\n1", id="a comment"),
        pytest.param(b"9" * 5000, id="a number of 5000 digits"),
        pytest.param(b"[" * 65 + b"]" * 65, id="65 lists in one another"),
        pytest.param(b'{"a":' * 65 + b"1" + b"}" * 65, id="65 objects in one another"),
        pytest.param(b"[" * 100_000, id="brackets without end"),
        pytest.param(b"[" * 100_000 + b"]" * 100_000, id="brackets that do end"),
    ],
)
def test_what_could_be_read_in_two_ways_or_not_at_all_is_refused(data: bytes) -> None:
    with pytest.raises(Refusal) as caught:
        read(data)

    assert caught.value.code == "body.unreadable"
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize(
    "data", [b"[" * 64 + b"]" * 64, b'{"a":' * 64 + b"1" + b"}" * 64, b"[" + b"[]," * 500 + b"[]]"]
)
def test_up_to_64_levels_are_read(data: bytes) -> None:
    assert written(data) == data


def test_a_refusal_does_not_repeat_what_was_sent() -> None:
    with pytest.raises(Refusal) as caught:
        read(b'{"name": "Zo\xc3\xab M\xc3\xbcller", "name": 4111111111111111}')

    assert "Zo" not in repr(caught.value.failures)
    assert "4111" not in repr(caught.value.failures)


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.decimals(allow_nan=False, allow_infinity=False, places=3),
    st.text(),
)
documents: st.SearchStrategy[Document] = st.recursive(
    scalars, lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)), max_leaves=20
)


@given(documents)
def test_every_document_comes_back_as_it_was(document: Document) -> None:
    assert same(read(CODEC.write(document, document)), document)


@given(documents, documents)
def test_the_proof_holds_for_the_document_that_was_written_and_no_other(one: Document, other: Document) -> None:
    data = CODEC.write(one, one)

    assert CODEC.holds(data, one, one, TREE)
    assert CODEC.holds(data, other, other, TREE) is same(one, other)


@given(documents.filter(lambda document: document not in ("", [], {})), st.data())
def test_the_proof_sees_a_single_byte_that_changes_a_value(document: Document, data: st.DataObject) -> None:
    made = bytearray(CODEC.write(document, document))
    position = data.draw(st.integers(0, len(made) - 1))
    made[position] ^= data.draw(st.sampled_from([1, 2, 4, 8, 16, 32]))

    try:
        changed = read(bytes(made))
    except Refusal:
        return
    assert CODEC.holds(bytes(made), document, document, TREE) is same(changed, document)


@pytest.mark.parametrize(
    ("one", "other"),
    [(1, True), (0, False), (1, Decimal("1.0")), (Decimal("1.0"), Decimal("1.00")), ("1", 1), (None, ""), ([], {})],
)
def test_values_that_python_calls_equal_are_not_the_same(one: Document, other: Document) -> None:
    assert not same(one, other)


def test_the_order_of_members_is_part_of_a_document() -> None:
    assert not same({"a": 1, "b": 2}, {"b": 2, "a": 1})


@pytest.mark.parametrize("data", [b'{"a":1,"a":1}', b"[NaN]", b"", b"[" * 100_000])
def test_the_proof_fails_for_what_the_other_parser_must_not_take(data: bytes) -> None:
    assert not CODEC.holds(data, {"a": 1}, {"a": 1}, TREE)


def test_the_compliance_suite_is_read_as_it_asks(shared: Callable[[str], File]) -> None:
    taken, left = [], []
    for file in sorted(shared("JSONTestSuite").rglob("*.json")):
        try:
            document = read(file.read_bytes())
        except Refusal:
            left.append(file.name)
            continue
        taken.append(file.name)
        assert CODEC.holds(CODEC.write(document, document), document, document, TREE), file.name

    assert [name for name in taken if name.startswith("n_")] == []
    assert [name for name in left if name.startswith("y_")] == [
        "y_object_duplicated_key.json",
        "y_object_duplicated_key_and_value.json",
    ]
    assert len(taken) > 90


def test_the_other_parser_reads_the_compliance_suite_alike(shared: Callable[[str], File]) -> None:
    for file in sorted(shared("JSONTestSuite").rglob("y_*.json")):
        if "duplicated" in file.name:
            continue
        document = read(file.read_bytes())

        assert json.loads(CODEC.write(document, document)) == json.loads(file.read_bytes()), file.name


numbers = st.from_regex(r"-?(?:0|[1-9][0-9]{0,25})(?:\.[0-9]{1,12})?(?:[eE][+-]?[0-9]{1,3})?", fullmatch=True)


spaces = st.sampled_from(["", " ", "\n", "\t", "\r\n", "   "])


@given(st.lists(numbers, max_size=6), spaces, spaces, st.sampled_from(["1e5,-0 ", "NS-000123", "9e", "0.000000", ""]))
def test_numbers_are_written_as_they_came_whatever_their_spelling(
    texts: list[str], before: str, behind: str, beside: str
) -> None:
    def said(texts: list[str]) -> str:
        members = "".join(f'"{number}":{text},' for number, text in enumerate(texts))
        return f'{{{members}"a":[{",".join(texts)}],"b":"{beside}"}}'

    data = said([f"{before}{text}{behind}" for text in texts]).encode()

    document = read(data)

    assert CODEC.write(document, document) == said(texts).encode()
    assert CODEC.holds(data, document, document, TREE)


@pytest.mark.parametrize(("text", "other"), [("1e5", "1E5"), ("1e5", "100000"), ("-0", "0"), ("0.0000001", "1E-7")])
def test_the_proof_sees_another_spelling(text: str, other: str) -> None:
    document = read(text.encode())

    assert CODEC.holds(text.encode(), document, document, TREE)
    assert not CODEC.holds(other.encode(), document, document, TREE)


def test_a_number_that_is_spelled_otherwise_is_a_number_all_the_same() -> None:
    number = read(b"-1.50e1")

    assert isinstance(number, Decimal)
    assert (number, as_text(number), f"{number}") == (Decimal(-15), "-1.50e1", "-1.50e1")
