"""Contract files are read strictly: text is text, and what could be read in two ways is an error."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.contract.strict_yaml import YamlError, read_yaml


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("true", True),
        ("false", False),
        ("0", 0),
        ("42", 42),
        ("-7", -7),
        ("NO", "NO"),
        ("yes", "yes"),
        ("True", "True"),
        ("01067", "01067"),
        ("010001", "010001"),
        ("1990-04-01", "1990-04-01"),
        ("12:30", "12:30"),
        ("1.10", "1.10"),
        ("1e5", "1e5"),
        ("0x1F", "0x1F"),
        ("0o17", "0o17"),
        ("1_000", "1_000"),
        (".inf", ".inf"),
        ("+49", "+49"),
        ("9999999999999999999999", "9999999999999999999999"),
        ('"42"', "42"),
        ("'true'", "true"),
        ("|\n  a\n  b", "a\nb\n"),
        (">\n  a\n  b", "a b\n"),
        ("Zoë", "Zoë"),
        ("$.a.*", "$.a.*"),
        ("header:X-Key", "header:X-Key"),
    ],
)
def test_only_true_false_and_plain_whole_numbers_are_not_text(written: str, read: object) -> None:
    sheet = read_yaml(f"key: {written}\n")

    assert sheet.data == {"key": read}
    assert type(sheet.data["key"]) is type(read)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param("a: 1\nb: 2\na: 3\n", 3, id="a key twice"),
        pytest.param("a: {b: 1, b: 2}\n", 1, id="a key twice in a flow"),
        pytest.param("a: &x 1\n", 1, id="an anchor"),
        pytest.param("a: &x {b: 1}\n", 1, id="an anchor on a mapping"),
        pytest.param("a: 1\nb: *x\n", 2, id="an alias"),
        pytest.param("a: 1\n<<: {b: 1}\n", 2, id="a merge key"),
        pytest.param("a: !!str 1\n", 1, id="a tag"),
        pytest.param("a: !!python/object:os.system x\n", 1, id="a tag of a language"),
        pytest.param("!mine a: 1\n", 1, id="a tag on a key"),
        pytest.param("a: 1\nb:\n", 2, id="an empty value"),
        pytest.param("a: ~\n", 1, id="a tilde"),
        pytest.param("a: null\n", 1, id="null"),
        pytest.param("a: [1, ]\nb: [~]\n", 2, id="an empty element"),
        pytest.param("a: 1\n---\nb: 2\n", 1, id="two documents"),
        pytest.param("", 1, id="nothing at all"),
        pytest.param("- a\n", 1, id="a list"),
        pytest.param("text\n", 1, id="a text"),
        pytest.param("? [a, b]\n: 1\n", 1, id="a list as a key"),
        pytest.param("a: [1\nb: 2\n", 2, id="a bracket left open"),
        pytest.param("a: 1\n\tb: 2\n", 2, id="a tab"),
        pytest.param("a: \x07\n", 1, id="a control character"),
        pytest.param("a: " + "[" * 40 + "]" * 40 + "\n", 1, id="nested too deeply"),
    ],
)
def test_what_could_be_read_in_two_ways_is_an_error_with_its_line(text: str, line: int) -> None:
    with pytest.raises(YamlError) as caught:
        read_yaml(text)

    assert caught.value.line == line


def test_every_key_and_element_has_its_line() -> None:
    sheet = read_yaml("a:\n  b:\n    - $.one\n    - c: 1\nd: 2\n")

    assert sheet.line(("a",)) == 1
    assert sheet.line(("a", "b", 0)) == 3
    assert sheet.line(("a", "b", "$.one")) == 3
    assert sheet.line(("a", "b", 1, "c")) == 4
    assert sheet.line(("d",)) == 5


def test_a_place_that_is_not_in_the_file_has_the_line_of_what_is_around_it() -> None:
    sheet = read_yaml("x: 1\na:\n  b: 1\n")

    assert sheet.line(("a", "missing", "deeper")) == 2
    assert sheet.line(("missing",)) == 1


texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=20)


@given(st.dictionaries(texts.filter(lambda text: text != "<<"), texts, min_size=1, max_size=5))
def test_quoted_text_comes_back_as_it_was_written(members: dict[str, str]) -> None:
    def quoted(text: str) -> str:
        return "'" + text.replace("'", "''") + "'"

    sheet = read_yaml("".join(f"{quoted(name)}: {quoted(value)}\n" for name, value in members.items()))

    assert sheet.data == members
