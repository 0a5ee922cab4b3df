"""Contract files are read strictly: text is text, and what could be read in two ways is an error."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gateway.contract import strict_yaml
from gateway.contract.strict_yaml import YamlError, read_sheet, read_yaml


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
        pytest.param("a: 1\n---\nb: 2\n", 2, id="two documents"),
        pytest.param("", 1, id="nothing at all"),
        pytest.param("- a\n", 1, id="a list"),
        pytest.param("text\n", 1, id="a text"),
        pytest.param("? [a, b]\n: 1\n", 1, id="a list as a key"),
        pytest.param("a: [1\nb: 2\n", 2, id="a bracket left open"),
        pytest.param("a: 1\n\tb: 2\n", 2, id="a tab"),
        pytest.param("a: 1\nb: \x07\n", 2, id="a control character"),
        pytest.param("a: " + "[" * 40 + "]" * 40 + "\n", 1, id="nested too deeply"),
        pytest.param("a: " + "[" * 1_000_000, 1, id="nested without end"),
    ],
)
def test_what_could_be_read_in_two_ways_is_an_error_with_its_line(text: str, line: int) -> None:
    with pytest.raises(YamlError) as caught:
        read_yaml(text)

    assert caught.value.line == line
    assert caught.value.fix


@pytest.mark.parametrize(
    ("text", "line", "fix"),
    [
        pytest.param("a:\n\tb: 1\n", 2, "indent with spaces; a tab is no indentation in YAML", id="a tab"),
        pytest.param("a:\n  b: 1\n c: 2\n", 3, "indent keys that belong together alike", id="indented too little"),
        pytest.param("a: 1\n  b: 2\n", 2, "indent keys that belong together alike", id="indented too much"),
        pytest.param("a: b: c\n", 1, "put the text in quotes", id="a colon in a sentence"),
        pytest.param("a: %b\n", 1, "put the text in quotes", id="a sign that YAML keeps for itself"),
        pytest.param("a: [b\nc: d\n", 2, "close the bracket", id="a bracket left open"),
        pytest.param("x: 1\na:\u00a0b\nc: d\n", 3, "with a plain space behind the colon", id="a space that is none"),
        pytest.param("a: b\0\n", 1, "take out the control character", id="NUL"),
        pytest.param("a: 1\n---\nb: 2\n", 2, "put it into a file of its own", id="two documents"),
    ],
)
def test_what_does_not_parse_says_the_way_out(text: str, line: int, fix: str) -> None:
    with pytest.raises(YamlError) as caught:
        read_yaml(text)

    assert caught.value.line == line
    assert fix in caught.value.fix


def test_what_is_no_file_of_text_says_so(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "round").symlink_to("round")
    (tmp_path / "latin").write_bytes("a: 1\nb: Tür\n".encode("latin-1"))

    told = {}
    for name in ("nowhere", "folder", "round", "latin"):
        with pytest.raises(YamlError) as caught:
            read_sheet(tmp_path / name)
        told[name] = (caught.value.line, str(caught.value), caught.value.fix)

    assert told == {
        "nowhere": (1, "there is no such file", "write it"),
        "folder": (1, "this is not a file", "put one in its place"),
        "round": (
            1,
            "this file cannot be read: Too many levels of symbolic links",
            "see its rights, and where it leads if it is a link",
        ),
        "latin": (2, "this is not UTF-8 text", "save it as UTF-8"),
    }


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


def made_of(text: str, parser: object) -> object:
    """What a text says to one of the parsers, or what is wrong with it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(strict_yaml, "_QUICK", parser)
        try:
            sheet = read_yaml(text)
        except YamlError as error:
            return error.line, str(error), error.fix
    return sheet.data, sheet.lines


@given(lines=st.lists(st.text(st.sampled_from("ab:- \t'\"{}[],#|>&*!%@?1é~\ufeff\r"), max_size=8), max_size=6))
def test_it_makes_no_difference_which_parser_reads(lines: list[str]) -> None:
    text = "".join(f"{name}: {line}\n" for name, line in zip("abcdef", lines, strict=False))

    assert made_of(text, yaml.CSafeLoader) == made_of(text, None)


@pytest.mark.parametrize(
    "text",
    ["a: b\tc\n", "a: [b?c]\n", "a: 1\n\ufeffb: 2\n", "a: |-#b\n  c\n"],
    ids=["a tab", "a mark", "a BOM", "a comment without space"],
)
def test_what_the_quick_parser_alone_would_take_is_refused(text: str) -> None:
    assert made_of(text, yaml.CSafeLoader) == made_of(text, None)
    assert isinstance(made_of(text, yaml.CSafeLoader), tuple)
