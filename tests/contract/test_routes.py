"""A call finds its contract by host, method, path and pins, and a path that could be read in two ways finds none."""

from collections.abc import Sequence
from pathlib import Path as Folder

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_contracts import FILES, OPERATION, read_files

from gateway.contract.routes import Routes, fit, opening, pinned
from gateway.contract.terms import Segment, Variable
from gateway.errors import Refusal
from gateway.paths import Place

HOSTS = {"acme": "acme"}


@pytest.fixture
def routes(tmp_path: Folder) -> Routes:
    cancel = OPERATION.replace("operation: ship", "operation: cancel").replace(
        "/ship/{parcel}", "/ship/{parcel}/cancel", 1
    )
    contracts, findings = read_files(tmp_path, FILES | {"acme/cancel.yaml": cancel})
    assert contracts is not None, findings
    return Routes(contracts.terms)


@pytest.mark.parametrize(
    ("raw", "path"),
    [("/acme/ship/P-1", "/ship/P-1"), ("/acme/", "/"), ("/acme", "/"), ("/acme/a/", "/a/"), ("/acme/a:b@c", "/a:b@c")],
)
def test_the_first_segment_names_the_vendor(raw: str, path: str, routes: Routes) -> None:
    assert routes.named(raw, HOSTS) == ("acme", path)


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("/other/ship/P-1", "vendor.unknown"),
        ("/", "vendor.unknown"),
        ("/ACME/ship", "vendor.unknown"),
        ("/acme/../other/x", "operation.unknown"),
        ("/acme/./ship", "operation.unknown"),
        ("/acme/..", "operation.unknown"),
        ("//acme/ship", "operation.unknown"),
        ("/acme//ship", "operation.unknown"),
        ("/acme/%2e%2e/x", "operation.unknown"),
        ("/acme/ship%2fP-1", "operation.unknown"),
        ("/acme/ship\\P-1", "operation.unknown"),
        ("/acme/ship?x=1", "operation.unknown"),
        ("/acme/ship#x", "operation.unknown"),
        ("/acme/ship\x00", "operation.unknown"),
        ("/acme/ship\n", "operation.unknown"),
        ("/acme/zoë", "operation.unknown"),
        ("http://acme/ship", "operation.unknown"),
        ("acme/ship", "operation.unknown"),
        ("", "operation.unknown"),
    ],
)
def test_a_path_that_could_be_read_in_two_ways_is_refused(raw: str, code: str, routes: Routes) -> None:
    with pytest.raises(Refusal) as caught:
        routes.named(raw, HOSTS)

    assert caught.value.code == code


@pytest.mark.parametrize(
    ("method", "path", "names"),
    [
        ("POST", "/ship/P-1", ["acme/ship"]),
        ("POST", "/ship/P-1/cancel", ["acme/cancel"]),
        ("GET", "/ship/P-1", []),
        ("POST", "/ship/P-1/", []),
        ("POST", "/ship/", []),
        ("POST", "/ship", []),
        ("POST", "/Ship/P-1", []),
        ("POST", "/ship/P;x", []),
        ("POST", "/ship/" + "P" * 300, []),
    ],
)
def test_a_path_is_compared_segment_by_segment(method: str, path: str, names: list[str], routes: Routes) -> None:
    assert [terms.name for terms, _ in routes.candidates("acme", method, path)] == names


def test_the_variables_of_a_path_are_its_segments(routes: Routes) -> None:
    [(_, variables)] = routes.candidates("acme", "POST", "/ship/P-1")

    assert variables == {"parcel": "P-1"}


def test_a_host_without_operations_has_no_contract(routes: Routes) -> None:
    with pytest.raises(Refusal) as caught:
        routes.candidates("acme-files", "POST", "/ship/P-1")

    assert caught.value.code == "contract.none"


@pytest.mark.parametrize(
    ("kind", "fits", "fails"),
    [
        ("token", ["P-1", "a.b~c_d", "0"], ["", "a b", "a:b", "a;b", "zoë", "a@b"]),
        ("digits", ["0", "0017"], ["", "a", "1.0", "-1", "\u0661"]),
        ("hex", ["0", "dEadBeef"], ["", "g", "0x1"]),
        ("uuid", ["123e4567-e89b-12d3-a456-426614174000"], ["", "123e4567e89b12d3a456426614174000", "1-2-3-4-5"]),
    ],
)
def test_a_variable_takes_only_its_kind(kind: str, fits: Sequence[str], fails: Sequence[str]) -> None:
    pattern: tuple[Segment, ...] = (Variable("x", kind),)

    assert [fit(pattern, [text]) for text in fits] == [{"x": text} for text in fits]
    assert [fit(pattern, [text]) for text in fails] == [None] * len(fails)


@given(st.text(max_size=30))
def test_no_path_variable_holds_a_sign_that_ends_a_segment(text: str) -> None:
    for kind in ("token", "digits", "hex", "uuid"):
        if fit((Variable("x", kind),), [text]) is not None:
            assert text.isascii()
            assert not set(text) & set("/?#%;\\ \r\n\0")


def test_a_call_is_made_up_that_falls_under_its_contract(tmp_path: Folder) -> None:
    match = "match: POST /{parcel}/{one:digits}/{two:hex}/{three:uuid}/"
    named = "path:parcel: shipment.tracking\n        path:one: parcel.measure\n        path:two: parcel.measure"
    operation = (
        OPERATION.replace("match: POST /ship/{parcel}", f'{match}\npins: {{query:a.b: "x y", header:SOAPAction: book}}')
        .replace("path:parcel: shipment.tracking", f"{named}\n        path:three: parcel.measure")
        .partition("examples:")[0]
        .replace("status: enforce", "status: draft")
    )
    contracts, findings = read_files(tmp_path, FILES | {"acme/ship.yaml": operation})
    assert contracts is not None, findings

    [line, *headers] = opening(contracts.terms[0]).split("\n")

    method, _, target = line.partition(" ")
    path, _, query = target.partition("?")
    assert [each.name for each, _ in Routes(contracts.terms).candidates("acme", method, path)] == ["acme/ship"]
    assert (query, headers) == ("a%5Bb%5D=x+y", ["soapaction: book"])


@pytest.mark.parametrize(
    ("values", "holds"),
    [
        pytest.param(["book"], True, id="the text"),
        pytest.param(['"book"'], True, id="the text in quotes"),
        pytest.param(["Book"], False, id="another text"),
        pytest.param(['""book""'], False, id="the text in two pairs of quotes"),
        pytest.param(['book"'], False, id="the text and a quote"),
        pytest.param(["book", "book"], False, id="twice"),
        pytest.param([], False, id="not at all"),
    ],
)
def test_a_pin_holds_exactly_its_text_once(values: list[str], holds: bool) -> None:
    place = Place("header", ("soapaction",))

    assert pinned({place: "book"}, {place: values}) is holds


@pytest.mark.parametrize("kind", ["query", "body"])
def test_only_a_header_may_be_in_quotes(kind: str) -> None:
    place = Place(kind, ("action",))

    assert not pinned({place: "book"}, {place: ['"book"']})
    assert pinned({place: "book"}, {place: ["book"]})
