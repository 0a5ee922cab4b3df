"""The head of a part says one thing, or the call is refused; what leaves of it is written anew."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.body.part import (
    ENDINGS,
    attributes_of,
    boundary_of,
    disposition_of,
    head_of,
    leaving,
    text_of,
    written_head,
)
from gateway.contract.terms import Held, Node
from gateway.errors import Refusal

PDF = Held("opaque", (), ("application/pdf", "application/octet-stream"), 100)
PLAIN, NAMED = Node("$.file", rules=(0,), held=PDF), Node("$.file", {"@filename": Node("$.file.@filename")}, held=PDF)


def disposition(text: str) -> tuple[str, str]:
    return "Content-Disposition", f"form-data; {text}"


@pytest.mark.parametrize(
    ("text", "name", "filename"),
    [
        ('name="a"', "a", None),
        ("name=a", "a", None),
        ('NAME="a"', "a", None),
        ('name="a b;c=d"', "a b;c=d", None),
        ('name="a%22b%0D%0A"', 'a"b\r\n', None),
        ('name="Zoë"; filename="Zoë.pdf"', "Zoë", "Zoë.pdf"),
        ('filename="x.pdf";name="a"', "a", "x.pdf"),
        ('name="a"; filename=""', "a", ""),
        ('name="a"; filename="/mnt/zoe/x.pdf"', "a", "x.pdf"),
        ('name="a"; filename="C:\\zoe\\x.pdf"', "a", "x.pdf"),
        ('name="a"; filename="..%2F..\\../x.pdf"', "a", "x.pdf"),
        ('name=""', "", None),
    ],
)
def test_names_are_read_as_browsers_write_them(text: str, name: str, filename: str | None) -> None:
    head = head_of([disposition(text)], 0)

    assert (head.name, head.is_file, head.attributes.get("@filename")) == (name, filename is not None, filename)


@pytest.mark.parametrize(
    ("text", "filename"),
    [
        ("filename*=UTF-8''Zo%C3%AB.pdf", "Zoë.pdf"),
        ("filename*=utf-8'de'C%3A%5Czoe%5Cx.pdf", "x.pdf"),
        ("filename=\"Zoë.pdf\"; filename*=UTF-8''Zo%C3%AB.pdf", "Zoë.pdf"),
        ("filename*=utf-8''x.pdf; filename=x.pdf", "x.pdf"),
        ("filename=\"=?utf-8?B?Wm/Dqy5wZGY=?=\"; filename*=utf-8''Zo%C3%AB.pdf", "Zoë.pdf"),
    ],
    ids=["extended alone", "in a language", "both", "both, the other way around", "an encoded word, as .NET has it"],
)
def test_a_file_name_may_be_said_twice_where_both_say_the_same(text: str, filename: str) -> None:
    head = head_of([disposition(f"name=a; {text}")], 0)

    assert head.is_file
    assert dict(written_head(head, {})) == {"Content-Disposition": 'form-data; name="a"; filename="file.bin"'}
    assert attributes_of(head, PLAIN) == {"@filename": filename}


@pytest.mark.parametrize(
    "text",
    [
        "filename=x.pdf; filename*=UTF-8''y.pdf",
        "filename=\"Zo_.pdf\"; filename*=UTF-8''Zo%C3%AB.pdf",
        "filename=\"=?utf-8?B?eA==?=\"; filename*=utf-8''y",
        "filename=\"=?utf-8?B?eA?=\"; filename*=utf-8''x",
        "filename=\"=?iso-8859-1?B?eA==?=\"; filename*=utf-8''x",
        "filename*=iso-8859-1''x.pdf",
        "filename*=UTF-8''%FF.pdf",
        "filename*=UTF-8''a%0D%0Ab.pdf",
        "filename*=UTF-8''a b.pdf",
        "filename*=x.pdf",
        "filename*0=x; filename*1=y",
        "filename*0*=UTF-8''x",
    ],
)
def test_a_file_name_that_two_readers_could_take_differently_is_refused(text: str) -> None:
    with pytest.raises(Refusal) as refused:
        head_of([disposition(f"name=a; {text}")], 0)

    assert refused.value.code == "body.unreadable"


@pytest.mark.parametrize(
    ("media", "kept"),
    [("application/pdf", []), ("text/plain", []), ("image/png", ["@content-type"])],
)
def test_a_type_that_says_something_and_stays_is_reported(media: str, kept: list[str]) -> None:
    head = head_of([disposition("name=a"), ("Content-Type", media)], 0)

    assert list(attributes_of(head, PLAIN if media == "application/pdf" else None)) == kept


@pytest.mark.parametrize(("name", "kept"), [("file.pdf", []), ("file.tar.gz", ["@filename"]), ("File", ["@filename"])])
def test_a_file_name_that_is_ours_anyway_says_nothing(name: str, kept: list[str]) -> None:
    head = head_of([disposition(f"name=a; filename={name}")], 0)

    assert list(attributes_of(head, PLAIN)) == kept
    assert list(attributes_of(head, NAMED)) == ["@filename"]


@pytest.mark.parametrize(
    ("held", "media", "content", "ending"),
    [
        (PDF, "application/pdf", b"", "pdf"),
        (PDF, "application/octet-stream", b"%PDF-", "pdf"),
        (PDF, "application/octet-stream", b"\x89PNG\r\n\x1a\n", "bin"),
        (Held("opaque", (), ("image/jpeg",), 1), "", b"", "jpg"),
        (Held("opaque", (), ("a/b",), 1), "a/b", b"", "bin"),
    ],
)
def test_an_ending_suits_the_type_that_the_contract_takes(held: Held, media: str, content: bytes, ending: str) -> None:
    headers = [disposition("name=a; filename=zoe.exe"), *([("Content-Type", media)] if media else [])]

    head = leaving(head_of(headers, 0), content, Node("$.a"), held)

    assert disposition_of(head, {}) == {"name": "a", "filename": f"file.{ending}"}
    assert head.leaves_as == media


def test_endings_are_plain() -> None:
    assert all(ending.isalnum() and ending.islower() and len(ending) <= 4 for ending in ENDINGS.values())


@pytest.mark.parametrize(("content_type", "boundary"), [
    ("multipart/form-data; boundary=abc", "abc"), ('Multipart/Form-Data;BOUNDARY="a b"', "a b"),
    ("multipart/form-data; charset=utf-8; boundary=----=_x", "----=_x"),
])  # fmt: skip
def test_a_boundary_is_read_with_and_without_quotes(content_type: str, boundary: str) -> None:
    assert boundary_of(content_type) == boundary


def test_text_is_utf_8() -> None:
    heads = [
        head_of([disposition("name=a"), ("Content-Type", f"text/plain{charset}")], 0)
        for charset in ("", "; charset=UTF-8", "; charset=us-ascii", "; charset=latin1")
    ]

    assert [text_of(head, "ë".encode()) for head in heads] == ["ë", "ë", "ë", None]
    assert text_of(heads[0], b"\xeb") is None
    assert text_of(heads[3], b"e") == "e"


@given(
    st.lists(st.tuples(st.sampled_from(["Content-Disposition", "Content-Type", "X"]), st.text(max_size=30)), max_size=3)
)
def test_any_head_is_read_or_refused(headers: list[tuple[str, str]]) -> None:
    try:
        head = head_of(headers, 0)
    except Refusal as refusal:
        assert refusal.code == "body.unreadable"  # noqa: PT017  most texts are no head
        return

    assert head.name in headers[[name for name, _ in headers].index("Content-Disposition")][1]


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_a_name_that_leaves_stays_between_its_quotes(name: str) -> None:
    head = head_of([disposition("name=a; filename=b")], 0)

    [(_, line)] = written_head(head, {"@filename": name})

    assert line.count('"') == 4
    assert "\r" not in line
    assert "\n" not in line
