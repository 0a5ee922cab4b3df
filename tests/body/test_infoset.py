"""Another reader of XML sees elements, attributes and text, and takes nothing else."""

import pytest

from gateway.body.document import MAX_DEPTH
from gateway.body.infoset import Infoset, Seen, elements_of


def test_elements_are_seen_with_their_namespaces_and_without_the_space_between_them() -> None:
    data = b'<?xml version="1.0"?>\n<p:r xmlns:p="urn:p" b="2" a="1" p:c="3">\n <x> 1 </x> <y/>\n</p:r>\n'

    assert elements_of(data) == [
        "urn:p",
        "r",
        {"{}a": "1", "{}b": "2", "{urn:p}c": "3"},
        [["", "x", {}, " 1 "], ["", "y", {}, ""]],
    ]


def test_spelling_makes_no_difference() -> None:
    one = b'<r xmlns="urn:r"><a b="1">&lt;</a></r>'
    other = b"<ns:r  xmlns:ns='urn:r'><ns:a b = '&#49;' >&#60;</ns:a></ns:r>"

    assert elements_of(one) == elements_of(other)


def test_a_pass_knows_what_was_declared_and_whether_there_was_space() -> None:
    spaced, plain = Infoset(), Infoset()

    assert spaced.seen(b'<r xmlns:p="urn:p"> <a/></r>') == Seen("", "r", {}, [Seen("", "a", {}, "")])
    plain.seen(b'<r xmlns="urn:r"><a> </a></r>')

    assert (spaced.has_space, spaced.declared) == (True, [("urn:p", "p")])
    assert (plain.has_space, plain.declared) == (False, [("urn:r", None)])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"zoe",
        b"<r>zoe",
        b"<r/><r/>",
        b"<r>zoe<a/></r>",
        b"<r><!-- zoe --></r>",
        b"<?zoe?><r/>",
        b"<r><![CDATA[zoe]]></r>",
        b"<!DOCTYPE r><r/>",
        b'<!DOCTYPE r [<!ENTITY zoe "x">]><r>&zoe;</r>',
        b"<r>&zoe;</r>",
        b"<zoe:r/>",
        b"<r zoe='1' zoe='2'/>",
        b"<r>\xff</r>",
        b"<r>\0</r>",
        (MAX_DEPTH + 1) * b"<r>" + (MAX_DEPTH + 1) * b"</r>",
    ],
)
def test_anything_else_is_an_error_that_quotes_nothing(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"^[a-z -]+(XML)?$") as caught:
        elements_of(data)

    assert "zoe" not in str(caught.value)
    assert caught.value.__cause__ is None
