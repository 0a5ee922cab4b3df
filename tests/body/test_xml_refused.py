"""XML that could be read in two ways, reaches out, or grows is refused; and bytes that are not the proven ones show."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_contracts import bound

from gateway.body.document import MAX_DEPTH, Attributed, Document
from gateway.body.xml import MAX_TAGS, SOAP, Element, Text, Xml
from gateway.errors import Refusal

CODEC = Xml()
LISTED = "urn:carrier:parcel"
GROUPS = """
- why: It is named here.
  category: parcel.measure
  at: $.r
  fields: [a, b.c, list.*, list.*.@no, w, w.@unit, .@id]
"""
TREE = bound(GROUPS, body=f"xml\nnamespaces: ['{LISTED}']").section.trees["body"]
PUBLIC = "http://127.0.0.1:9/zoe"


def refusal(data: bytes) -> Refusal:
    with pytest.raises(Refusal) as caught:
        CODEC.read(data, TREE)
    return caught.value


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
ATTACKS: Mapping[str, str] = {
    "billion laughs": f'<!DOCTYPE r [<!ENTITY l0 "lol">{LAUGHS}]><r><a>&l9;</a></r>',
    "billion laughs in an attribute": f'<!DOCTYPE r [<!ENTITY l0 "lol">{LAUGHS}]><r id="&l9;"/>',
    "quadratic blowup": f'<!DOCTYPE r [<!ENTITY l "{"x" * 9999}">]><r><a>{"&l;" * 999}</a></r>',
    "an entity": '<!DOCTYPE r [<!ENTITY e "zoe">]><r><a>&e;</a></r>',
    "an entity that nobody declares": "<r><a>&e;</a></r>",
    "an entity of HTML": "<r><a>&nbsp;</a></r>",
    "an external entity": f'<!DOCTYPE r [<!ENTITY e SYSTEM "{PUBLIC}">]><r><a>&e;</a></r>',
    "a file": '<!DOCTYPE r [<!ENTITY e SYSTEM "file:///etc/passwd">]><r><a>&e;</a></r>',
    "a parameter entity": f'<!DOCTYPE r [<!ENTITY % e SYSTEM "{PUBLIC}"> %e;]><r><a>1</a></r>',
    "an external subset": f'<!DOCTYPE r SYSTEM "{PUBLIC}"><r><a>1</a></r>',
    "a public subset": f'<!DOCTYPE r PUBLIC "zoe" "{PUBLIC}"><r><a>1</a></r>',
    "a document type of nothing": "<!DOCTYPE r><r><a>1</a></r>",
    "a document type behind a comment": "<!-- a --><!DOCTYPE r><r><a>1</a></r>",
    "a document type behind a declaration": '<?xml version="1.0"?>\n<!DOCTYPE r><r><a>1</a></r>',
    "a document type in small letters": "<!doctype r><r><a>1</a></r>",
    "an attribute with a default": '<!DOCTYPE r [<!ATTLIST r id CDATA "zoe">]><r/>',
    "an instruction at first": "<?style zoe?><r><a>1</a></r>",
    "an instruction within": "<r><a>1</a><?php zoe?></r>",
    "an instruction within what stays": "<r><x><?php zoe?></x></r>",
    "an instruction within a text": "<r><a>1<?php zoe?>2</a></r>",
    "an instruction at last": "<r><a>1</a></r><?php zoe?>",
    "a second declaration": '<r><?xml version="1.0"?></r>',
    "an inclusion": f'<r><x:include xmlns:x="http://www.w3.org/2001/XInclude" href="{PUBLIC}"/></r>',
    "an inclusion in what stays": f'<r><z><include xmlns="http://www.w3.org/2001/XInclude" href="{PUBLIC}"/></z></r>',
    "a fallback of an inclusion": '<r xmlns:x="http://www.w3.org/2003/XInclude" x:id="1"/>',
    "text before elements": "<r>zoe<a>1</a></r>",
    "text between elements": "<r><a>1</a>zoe<w>2</w></r>",
    "text after elements": "<r><a>1</a>zoe</r>",
    "text beside elements that stay": "<r><x>zoe<b>1</b></x></r>",
    "text in CDATA beside elements": "<r><a>1</a><![CDATA[zoe]]></r>",
    "a space that is none of XML's": "<r>\u00a0<a>1</a></r>",
    "two roots": "<r/><r/>",
    "text behind the root": "<r/>zoe",
    "text before the root": "zoe<r/>",
    "no root": "<!-- zoe -->",
    "nothing": "",
    "space": " \n",
    "JSON": '{"a":1}',
    "an element that does not end": "<r><a>1</r>",
    "an attribute twice": "<r id='1' id='2'/>",
    "an attribute twice under two prefixes": f"<r xmlns:p='{LISTED}' xmlns:q='{LISTED}' p:id='1' q:id='2'/>",
    "an attribute without quotes": "<r id=1/>",
    "an attribute with a tag": "<r id='<'/>",
    "a prefix that nobody declares": "<p:r/>",
    "a prefix of an attribute that nobody declares": "<r p:id='1'/>",
    "a prefix of nothing": "<r xmlns:p=''/>",
    "two colons": f"<p:a:b xmlns:p='{LISTED}'/>",
    "the end of CDATA": "<r><a>]]></a></r>",
    "two hyphens in a comment": "<r><!-- a -- b --></r>",
    "a comment that does not end": "<!-- <r/>",
    "a control sign": "<r><a>\x01</a></r>",
    "a control sign by its number": "<r><a>&#1;</a></r>",
    "a NUL": "<r><a>\0</a></r>",
    "a NUL at the end": "<r/>\0",
    "a NUL by its number": "<r><a>&#0;</a></r>",
    "half a sign by its number": "<r><a>&#xD800;</a></r>",
    "no sign": "<r><a>\ufffe</a></r>",
    "a number without an end": "<r><a>&#65</a></r>",
    "XML 1.1": '<?xml version="1.1"?><r/>',
    "XML of no version": '<?xml encoding="utf-8"?><r/>',
    "a declaration behind a space": ' <?xml version="1.0"?><r/>',
    "two declarations": '<?xml version="1.0"?><?xml version="1.0"?><r/>',
    "Latin-1 by its declaration": '<?xml version="1.0" encoding="ISO-8859-1"?><r><a>\u00e9</a></r>',
    "UTF-7 by its declaration": '<?xml version="1.0" encoding="UTF-7"?><r><a>+ADw-b+AD4-</a></r>',
    "UTF-16 by its declaration": '<?xml version="1.0" encoding="UTF-16"?><r/>',
    "two byte order marks": "\ufeff\ufeff<r/>",
}


@pytest.mark.parametrize("data", ATTACKS.values(), ids=ATTACKS.keys())
def test_what_is_more_than_elements_attributes_and_text_is_refused(data: str) -> None:
    caught = refusal(data.encode())

    assert caught.code == "body.unreadable"
    assert "zoe" not in str(caught)
    assert caught.__cause__ is None


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1", "cp500"])
def test_bytes_that_are_not_utf_8_are_refused(encoding: str) -> None:
    assert refusal("<r><a>é</a></r>".encode(encoding)).code == "body.unreadable"


@pytest.mark.parametrize(
    "data",
    [
        "\ufeff<r><a>é</a></r>",
        "\ufeff<?xml version='1.0' encoding='UTF-8'?><r><a>é</a></r>",
        '<?xml version="1.0"?><r><a>é</a></r>',
        '<?xml version = "1.0" encoding="utf-8" standalone="yes" ?>\n<r><a>é</a></r>',
        "<!-- <!DOCTYPE r> - <?x?> --> <!----><r><a>é</a></r><!-- y -->\n",
        "<r><!-- <!DOCTYPE r> --><a><![CDATA[é]]></a></r>",
    ],
)
def test_a_mark_a_declaration_and_comments_are_read_over(data: str) -> None:
    assert CODEC.read(data.encode(), TREE) == {"r": {"a": "é"}}


@pytest.mark.parametrize("text", ["<!DOCTYPE r>", "<?php ?>", '<!ENTITY e "x">', "&e;", "<xi:include/>"])
def test_the_text_of_an_attack_is_a_text(text: str) -> None:
    assert CODEC.read(f"<r><a><![CDATA[{text}]]></a></r>".encode(), TREE) == {"r": {"a": text}}


def test_elements_nest_within_a_bound() -> None:
    deep = MAX_DEPTH * b"<a>" + MAX_DEPTH * b"</a>"

    assert CODEC.read(deep, TREE) != {}
    assert refusal(b"<a>" + deep + b"</a>").code == "body.unreadable"
    assert refusal(1000 * b"<a>" + 1000 * b"</a>").code == "body.unreadable"


def test_elements_are_counted_before_they_are_read() -> None:
    assert refusal(b"<r>" + MAX_TAGS * b"<a/>" + b"</r>").code == "body.too_large"


def test_comments_before_the_root_are_read_in_one_pass() -> None:
    assert refusal(b"<!--" + 500_000 * b"- " + b"<r/>").code == "body.unreadable"
    assert refusal(40_000 * b"<!---->" + b"<!DOCTYPE r><r/>").code == "body.unreadable"


SHARED = {"dtd.xml": "body.unreadable", "external.xml": "body.unreadable", "xmlbomb.xml": "body.unreadable"}


def test_known_attacks_are_refused(shared: Callable[[str], Path]) -> None:
    files = sorted(shared("xml-attacks").glob("*.xml"))

    assert {file.name: refusal(file.read_bytes()).code for file in files} == SHARED


GIVEN = (
    f'<s:r xmlns:s="{SOAP}" xmlns:ns1="{LISTED}" id="1"><ns1:a>Zoë &amp; Co</ns1:a><list no="7">x</list>'
    '<b><c/></b><list>y</list><w unit="kg">2.50</w></s:r>'
)
SOURCE = cast("Element", CODEC.read(GIVEN.encode(), TREE))
MADE = CODEC.write(SOURCE, SOURCE)
SAME = {
    "single quotes": (b'"kg"', b"'kg'"),
    "a sign by its number": (b"Zo", b"&#90;o"),
    "space in a tag": (b"</ns1:a>", b"</ns1:a >"),
    "an empty element in two tags": (b"<c/>", b"<c></c>"),
}
CHANGES = {
    "another text": (b">x<", b">z<"),
    "a longer text": (b">x<", b">xx<"),
    "a space in a text": (b">x<", b">x <"),
    "no text": (b">x<", b"><"),
    "another attribute": (b'no="7"', b'no="8"'),
    "an attribute less": (b' no="7"', b""),
    "an attribute more": (b"<b>", b'<b id="1">'),
    "an attribute in a namespace": (b'<w unit="kg"', b'<w s:unit="kg"'),
    "an element less": (b'<list no="7">x</list>', b""),
    "an element more": (b"<b>", b"<a>1</a><b>"),
    "an element that is not named": (b"<b>", b"<x/><b>"),
    "another namespace": (LISTED.encode(), b"urn:other"),
    "another of the listed namespaces": (b"ns1:a>", b"s:a>"),
    "a namespace more": (b"<b>", b'<b xmlns:n="urn:zoe">'),
    "a namespace that is used": (b"<b>", f'<b xmlns:n="{LISTED}">'.encode()),
    "a prefix that could say something": (b"ns1", b"zoe"),
    "space between elements": (b"<b>", b" <b>"),
    "a line between elements": (b"</b>", b"\n</b>"),
    "text between elements": (b"</b>", b"zoe</b>"),
    "CDATA": (b">x<", b"><![CDATA[x]]><"),
    "a comment": (b"<b>", b"<!-- zoe --><b>"),
    "an instruction": (b"<b>", b"<?zoe?><b>"),
    "a document type": (b"?>\n", b"?>\n<!DOCTYPE r>"),
    "an entity": (b">x<", b">&x;<"),
    "another declaration": (b'"utf-8"', b'"utf-16"'),
    "no declaration": (b'<?xml version="1.0" encoding="utf-8"?>\n', b""),
    "a mark": (b"<?xml", b"\xef\xbb\xbf<?xml"),
    "a NUL": (b">x<", b">\0<"),
    "half a sign": (b"\xc3\xab", b"\xc3"),
}


def holds(data: bytes, document: Document = SOURCE) -> bool:
    return CODEC.holds(data, document, SOURCE, TREE)


def changed(old: bytes, new: bytes) -> bytes:
    assert old in MADE
    return MADE.replace(old, new)


@pytest.mark.parametrize(("old", "new"), SAME.values(), ids=SAME.keys())
def test_the_same_in_another_spelling_is_the_same(old: bytes, new: bytes) -> None:
    assert holds(changed(old, new))


@pytest.mark.parametrize(("old", "new"), CHANGES.values(), ids=CHANGES.keys())
def test_bytes_that_hold_anything_else_are_not_proved(old: bytes, new: bytes) -> None:
    assert holds(MADE)
    assert not holds(changed(old, new))


def test_two_elements_that_change_places_are_noticed() -> None:
    first, second = b'<list no="7">x</list>', b"<list>y</list>"

    assert not holds(MADE.replace(second, b"\0").replace(first, second).replace(b"\0", first))


def test_every_byte_that_is_lost_is_noticed() -> None:
    assert [at for at in range(len(MADE)) if holds(MADE[:at] + MADE[at + 1 :])] == []


@given(st.integers(0, len(MADE) - 1), st.integers(0, 255))
def test_a_byte_that_changes_is_noticed_unless_it_says_the_same(at: int, value: int) -> None:
    made = MADE[:at] + bytes([value]) + MADE[at + 1 :]

    assert not holds(made) or CODEC.read(made, TREE) == SOURCE


def test_a_document_that_is_not_out_of_its_source_is_not_proved() -> None:
    root = cast("Mapping[str, Document]", SOURCE["r"])

    assert not holds(MADE, {"r": {**root, "a": "other"}})
    assert not holds(MADE, {"r": {**root, "new": "1"}})
    assert not holds(MADE, {"r": {**root, "list": ["x"]}})
    assert not holds(MADE, {"r": {name: value for name, value in root.items() if name != "w"}})
    assert not holds(MADE, {"r": {**root, "w": Attributed("2.50", {})}})
    assert not holds(MADE, {"r": root, "second": root})


def test_a_document_with_a_place_that_no_rule_names_is_not_proved() -> None:
    source = CODEC.read(b"<r><a>1</a><x>zoe</x></r>", TREE)
    made = CODEC.write(source, source)

    assert not CODEC.holds(made, source, source, TREE)


@pytest.mark.parametrize(
    "data",
    [
        "<r><x/></r>",
        "<r no='1'/>",
        "<r><b>zoe</b></r>",
        "<r><a no='1'>1</a></r>",
        "<a>1</a>",
        "<r><a xmlns='urn:other'>1</a></r>",
        "<r><list><a/></list></r>",
        "<r xmlns:z='urn:other' z:id='1'/>",
    ],
)
def test_whatever_was_written_has_to_stand_where_a_rule_lets_it(data: str) -> None:
    source = CODEC.read(data.encode(), TREE)

    assert not CODEC.holds(CODEC.write(source, source), source, source, TREE)


@pytest.mark.parametrize("text", ["\0", "\x1b", "\ud800", "\uffff"])
def test_a_text_that_xml_cannot_hold_is_not_proved(text: str) -> None:
    source = CODEC.read(b"<r><a>1</a></r>", TREE)
    document: Document = {"r": {"a": text}}

    assert not CODEC.holds(CODEC.write(document, source), document, source, TREE)


def test_what_is_read_remembers_its_name() -> None:
    root = cast("Element", SOURCE["r"])

    assert (root.tag.namespace, root.tag.prefix) == (SOAP, "s")
    assert cast("Text", root["a"]).tag.namespace == LISTED
