"""Elements and attributes that are named leave as they were, in their order and their namespaces, and nothing else."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_contracts import bound

from gateway.body.document import Attributed, Document
from gateway.body.infoset import elements_of
from gateway.body.xml import SOAP, Element, Xml
from gateway.contract.terms import Node
from gateway.errors import Refusal
from gateway.minimise import minimise

CODEC = Xml()
PARCEL, PAPER = "urn:carrier:parcel", "urn:carrier:paper"
GROUPS = """
- why: It is named here.
  category: parcel.measure
  at: $.r
  fields: [a, b.c, b.d, b.@id, list.*, list.*.@no, rows.*.x, rows.*.y, w, w.@unit, only.@unit, .@id, .@lang]
- why: It becomes another text.
  at: $.r
  fields: {changed: order.id, changed.@by: order.id}
  form: {replace: "new & other <x> \\"y\\""}
- why: It stays here on purpose.
  at: $.r
  fields: {gone: not_personal}
  form: drop
"""
XML = bound(GROUPS, body=f"xml\nnamespaces: ['{PARCEL}', '{PAPER}']")
TREE: Node = XML.section.trees["body"]


def read(data: str) -> Document:
    return CODEC.read(data.encode(), TREE)


def within(data: str) -> Document:
    """What a root of that name holds, around this."""
    return cast("Mapping[str, Document]", read(f"<r>{data}</r>"))["r"]


def sent(data: str) -> bytes:
    """What leaves of a document, proved."""
    source = read(data)
    kept = minimise(XML, {"body": source}).documents["body"]
    made = CODEC.write(kept, source)
    assert CODEC.holds(made, kept, source, TREE)
    return made


def left(data: str) -> str:
    """What leaves of a document, without its first line."""
    first, _, rest = sent(data).decode().partition("\n")
    assert first == '<?xml version="1.0" encoding="utf-8"?>' or not first
    return rest


def withheld(data: str) -> dict[str, str]:
    return {str(each): each.reason for each in minimise(XML, {"body": read(data)}).withheld}


@pytest.mark.parametrize(
    ("data", "document"),
    [
        ("<a>1</a>", {"a": "1"}),
        ("<a/>", {"a": ""}),
        ("<a></a>", {"a": ""}),
        ("<a> 1\n</a>", {"a": " 1\n"}),
        ("\n <a>1</a>\n ", {"a": "1"}),
        ("<b><c>1</c></b>", {"b": {"c": "1"}}),
        ("<b/>", {"b": {}}),
        ("<a>x<!-- no -->y</a>", {"a": "xy"}),
        ("<a><![CDATA[<b>&amp;]]></a>", {"a": "<b>&amp;"}),
        ("<a>1<![CDATA[2]]>3</a>", {"a": "123"}),
        ("<a>&lt;&#65;&#x1F600;&amp;</a>", {"a": "<A😀&"}),
        ("<a>1\r\n2&#13;</a>", {"a": "1\n2\r"}),
        ("<list>1</list>", {"list": ["1"]}),
        ("<list>1</list><a>x</a><list>2</list>", {"list": ["1", "2"], "a": "x"}),
        ("<rows><x>1</x></rows><rows/>", {"rows": [{"x": "1"}, {}]}),
        ("<other>1</other><other>2</other><other/>", {"other": ["1", "2", ""]}),
        (f"<p:a xmlns:p='{PARCEL}'>1</p:a>", {"a": "1"}),
        (f"<a xmlns='{PAPER}'>1</a>", {"a": "1"}),
        (f"<a xmlns='{SOAP}'>1</a>", {"a": "1"}),
        ("<a xmlns='urn:other'>1</a>", {"{urn:other}a": "1"}),
        (f"<list xmlns='{PARCEL}'>1</list><list xmlns='{PAPER}'>2</list>", {"list": ["1", "2"]}),
    ],
)
def test_elements_are_objects_lists_and_texts(data: str, document: Document) -> None:
    assert within(data) == document


def test_attributes_stand_in_an_object_and_beside_a_text() -> None:
    root = cast("Mapping[str, Document]", within('<b id="1"><c>2</c></b><w unit="kg" xml:lang="de">2.50</w>'))

    assert root["b"] == {"@id": "1", "c": "2"}
    assert isinstance(root["w"], Attributed)
    assert root["w"] == "2.50"
    assert root["w"].attributes == {"@unit": "kg", "@{http://www.w3.org/XML/1998/namespace}lang": "de"}


def test_an_empty_element_is_an_object_only_where_the_contract_has_elements_in_it() -> None:
    assert within("<a/><b/><only/><other/>") == {"a": "", "b": {}, "only": "", "other": ""}


@pytest.mark.parametrize(
    ("data", "leaves"),
    [
        ("<r><a>1</a></r>", "<r><a>1</a></r>"),
        ("<r><a/></r>", "<r><a/></r>"),
        ("<r> <a> 1 </a>\n</r>", "<r><a> 1 </a></r>"),
        ("<r><a>1</a><x>2</x><!-- zoe --></r>", "<r><a>1</a></r>"),
        ("<r><a>x<!-- zoe -->y</a></r>", "<r><a>xy</a></r>"),
        ("<r><a><![CDATA[<b>]]></a></r>", "<r><a>&lt;b&gt;</a></r>"),
        ("<r><a>]]&gt;\t\n&#13;&quot;'é</a></r>", "<r><a>]]&gt;\t\n&#13;\"'é</a></r>"),
        ('<r id="&#9;&#10;&#13;&lt;&quot;&amp;\'"/>', '<r id="&#9;&#10;&#13;&lt;&quot;&amp;\'"/>'),
        ("<r id='1' no='2'><b id='3' no='4'/></r>", '<r id="1"><b id="3"/></r>'),
        ("<r><list>1</list><a>2</a><list>3</list></r>", "<r><list>1</list><a>2</a><list>3</list></r>"),
        ("<r><rows><z>1</z></rows><rows><x>2</x></rows></r>", "<r><rows/><rows><x>2</x></rows></r>"),
        ("<r><list no='1' by='zoe'>a</list></r>", '<r><list no="1">a</list></r>'),
        ("<r><w unit='kg'>2.50</w></r>", '<r><w unit="kg">2.50</w></r>'),
        ("<r><w unit='kg' by='zoe'>2.50</w></r>", '<r><w unit="kg">2.50</w></r>'),
        ("<r><w by='zoe'>2.50</w></r>", "<r><w>2.50</w></r>"),
        ("<r><a by='zoe'>1</a></r>", "<r><a>1</a></r>"),
        ("<r><only unit='kg'>zoe</only></r>", '<r><only unit="kg"/></r>'),
        ("<r><only unit='kg'/></r>", '<r><only unit="kg"/></r>'),
        ("<r><a><b>1</b></a></r>", ""),
        ("<r><b>zoe</b></r>", ""),
        ("<other><a>1</a></other>", ""),
        ("<r><gone by='zoe'><x>1</x></gone><a>1</a></r>", "<r><a>1</a></r>"),
    ],
)
def test_what_is_named_leaves_and_everything_else_stays(data: str, leaves: str) -> None:
    assert left(data) == leaves


def test_a_value_that_changes_is_escaped_again() -> None:
    new = "new &amp; other &lt;x&gt; &quot;y&quot;"

    assert left("<r><changed by='b'>old</changed></r>") == (
        f'<r><changed by="{new}">{new.replace("&quot;", chr(34))}</changed></r>'
    )


def test_what_stays_is_reported_where_it_stood() -> None:
    data = "<r id='1' no='2'><w unit='kg' by='zoe'>2</w><only unit='g'>zoe</only><a><x/></a><x xmlns='urn:o'/></r>"

    assert withheld(data) == {
        "$.r.@no": "field.unnamed",
        "$.r.w.@by": "field.unnamed",
        "$.r.only": "field.type",
        "$.r.a": "field.type",
        "$.r['{urn:o}x']": "field.unnamed",
    }


@pytest.mark.parametrize(
    ("data", "leaves"),
    [
        pytest.param(
            f'<soap:r xmlns:soap="{SOAP}"><a>1</a></soap:r>',
            f'<soap:r xmlns:soap="{SOAP}"><a>1</a></soap:r>',
            id="as it came",
        ),
        pytest.param(
            f'<zoe:r xmlns:zoe="{PARCEL}"><zoe:a>1</zoe:a></zoe:r>',
            f'<ns0:r xmlns:ns0="{PARCEL}"><ns0:a>1</ns0:a></ns0:r>',
            id="a prefix that could say something",
        ),
        pytest.param(
            f'<r xmlns="{PARCEL}"><a>1</a></r>', f'<r xmlns="{PARCEL}"><a>1</a></r>', id="the default namespace"
        ),
        pytest.param(
            f'<r xmlns="{PARCEL}"><a xmlns="">1</a></r>',
            f'<ns0:r xmlns:ns0="{PARCEL}"><a>1</a></ns0:r>',
            id="the default namespace, taken back",
        ),
        pytest.param(
            f'<r xmlns:ns1="{PARCEL}" xmlns:ns2="{PAPER}" xmlns:z="urn:zoe"><ns1:a>1</ns1:a><ns2:x/></r>',
            f'<r xmlns:ns1="{PARCEL}"><ns1:a>1</ns1:a></r>',
            id="namespaces of what stays",
        ),
        pytest.param(
            f'<r><n:list xmlns:n="{PARCEL}">1</n:list><n:list xmlns:n="{PAPER}">2</n:list></r>',
            f'<r xmlns:n="{PARCEL}" xmlns:ns0="{PAPER}"><n:list>1</n:list><ns0:list>2</ns0:list></r>',
            id="one prefix for two namespaces",
        ),
        pytest.param(
            f'<r xmlns="{PARCEL}" xmlns:ns5="{PARCEL}" ns5:id="1"/>',
            f'<ns0:r xmlns:ns0="{PARCEL}" ns0:id="1"/>',
            id="an attribute with a namespace",
        ),
        pytest.param(
            f'<r xmlns:s="{SOAP}" s:id="1" xmlns:z="urn:z" z:lang="zoe"/>',
            f'<r xmlns:ns0="{SOAP}" ns0:id="1"/>',
            id="an attribute of SOAP and one of nobody",
        ),
        pytest.param('<r xml:lang="zoe" xml:space="preserve"> <a>1</a></r>', "<r><a>1</a></r>", id="names of XML"),
        pytest.param('<r xmlns:a="urn:zoe"><a>1</a></r>', "<r><a>1</a></r>", id="a namespace that nobody uses"),
        pytest.param(
            '<r><a xmlns="urn:other">zoe</a><w>1</w></r>', "<r><w>1</w></r>", id="a name of another namespace"
        ),
        pytest.param('<r><b xmlns="urn:other"><c xmlns="">zoe</c></b></r>', "", id="a name within another namespace"),
    ],
)
def test_names_leave_in_their_namespaces_and_with_prefixes_that_say_nothing(data: str, leaves: str) -> None:
    assert left(data) == leaves


def test_the_namespace_of_xml_itself_may_be_listed() -> None:
    lists = bound(GROUPS, body="xml\nnamespaces: ['http://www.w3.org/XML/1998/namespace']")
    tree = lists.section.trees["body"]
    source = CODEC.read(b'<r xml:lang="de"/>', tree)

    made = CODEC.write(source, source)

    assert made.endswith(b'\n<r xml:lang="de"/>')
    assert CODEC.holds(made, source, source, tree)


@pytest.mark.parametrize(
    "data",
    [
        "<a>1</a><a>2</a>",
        "<a/><a/>",
        f"<a>1</a><a xmlns='{PARCEL}'>2</a>",
        f"<a xmlns='{PAPER}'>1</a><a xmlns='{PARCEL}'>2</a>",
        "<b/><b><c>1</c></b>",
        "<gone/><gone/>",
        f"<b id='1' p:id='2' xmlns:p='{PARCEL}'/>",
        f"<w unit='1' p:unit='2' xmlns:p='{SOAP}'>1</w>",
    ],
)
def test_a_name_that_comes_twice_where_the_contract_has_one_is_refused(data: str) -> None:
    with pytest.raises(Refusal) as refusal:
        within(data)

    assert refusal.value.code == "field.repeated"


def test_of_names_that_no_rule_knows_none_is_taken_for_the_only_one() -> None:
    root = cast("Mapping[str, Document]", within(f"<x k='1' p:k='2' xmlns:p='{SOAP}'/><z>1</z><z>2</z><z>3</z>"))

    assert root["z"] == ["1", "2", "3"]
    assert cast("Attributed", root["x"]).attributes == {"@k": ["1", "2"]}


NAMES = st.sampled_from(["a", "b", "c", "d", "w", "list", "rows", "x", "y", "only", "other"])
SPACES = st.sampled_from(["", PARCEL, PAPER, SOAP, "urn:other"])
TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff"), max_size=5)
LEAVES = st.text("ab \t\n\r<>&\"'é😀]", max_size=6) | TEXTS


def escaped(text: str) -> str:
    return "".join(f"&#{ord(sign)};" if sign in "<>&\"'\t\n\r" else sign for sign in text)


@st.composite
def elements(draw: st.DrawFn, depth: int = 0) -> str:
    name, space = ("r", draw(SPACES)) if not depth else (draw(NAMES), draw(SPACES))
    keys = draw(st.lists(st.sampled_from(["id", "no", "unit", "lang"]), max_size=2, unique=True))
    attributes = "".join(f' {key}="{escaped(draw(LEAVES))}"' for key in keys)
    inner = escaped(draw(LEAVES))
    if depth < 3 and draw(st.booleans()):
        gaps = st.sampled_from(["", " ", "\n", "<!-- zoe -->"])
        inner = "".join(draw(gaps) + each for each in draw(st.lists(elements(depth + 1), min_size=1, max_size=4)))
    return f'<{name} xmlns="{space}"{attributes}>{inner}</{name}>'


NAMED = {
    "r", "r@id", "r@lang", "r.a", "r.b", "r.b@id", "r.b.c", "r.b.d", "r.list", "r.list@no",
    "r.rows", "r.rows.x", "r.rows.y", "r.w", "r.w@unit", "r.only", "r.only@unit",
}  # fmt: skip


def places_in(element: list[object], path: str = "") -> Iterator[str]:
    """Every element and attribute, by the names on the way to it, with each namespace that is not listed."""
    namespace, name, attributes, content = element
    space = "" if namespace in ("", PARCEL, PAPER, SOAP) else f"{{{namespace}}}"
    place = f"{path}{space}{name}"
    yield place
    yield from (f"{place}@{key.removeprefix('{}')}" for key in cast("Mapping[str, str]", attributes))
    for inner in cast("list[list[object]]", content) if isinstance(content, list) else ():
        yield from places_in(inner, f"{place}.")


@given(elements())
def test_of_any_document_only_what_is_named_leaves_and_the_proof_holds(data: str) -> None:
    with suppress(Refusal):
        made = sent(data)

        assert set(places_in(elements_of(made)) if made else ()) <= NAMED


def everything(document: Document) -> Node:
    """A tree in which everything that stands in a document is named."""
    node = Node("$", rules=(0,), namespaces=frozenset({PARCEL, PAPER, "urn:other"}))
    if isinstance(document, list):
        node.each = _merged([everything(element) for element in document])
        return node
    members = document.attributes if isinstance(document, Attributed) else document
    for name, member in members.items() if isinstance(members, Mapping) else ():
        node.members[name] = everything(member)
    return node


def _merged(nodes: Sequence[Node]) -> Node:
    """One tree that names what any of several names, and once what stands in lists and alone."""
    merged = Node("$", rules=(0,))
    for name in dict.fromkeys(name for node in nodes for name in node.members):
        merged.members[name] = _merged([node.members[name] for node in nodes if name in node.members])
    if inner := [node.each for node in nodes if node.each]:
        merged.each = _merged([*inner, *(node for node in nodes if not node.each)])
    return merged


@given(elements())
def test_where_everything_is_named_everything_leaves_as_it_was(data: str) -> None:
    listed = Node("$", namespaces=frozenset({PARCEL, PAPER, "urn:other"}))
    document = CODEC.read(data.encode(), listed)
    tree = everything(document)

    made = CODEC.write(document, document)

    plain = data.replace("<!-- zoe -->", "")
    assert elements_of(made) == elements_of(plain.encode())
    assert CODEC.holds(made, document, document, tree)


def test_what_was_empty_leaves_empty() -> None:
    assert CODEC.write({}, Element()) == b""
    assert CODEC.holds(b"", {}, Element(), TREE)
    assert not CODEC.holds(b"<r/>", {}, Element(), TREE)
