"""What leaves is built up from what the contract names; everything else stays and is reported."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_contracts import bound

from gateway.bind import Bound
from gateway.body.codecs import CODECS
from gateway.body.document import Attributed, Document, Marked, Stored
from gateway.errors import Refusal
from gateway.minimise import GRANTED, minimise
from gateway.paths import EACH, Path, Place, Step, written
from gateway.pieces import Pieces
from gateway.proving import proved

PARCEL = """
    - why: The driver finds the door.
      at: $.recipient
      fields: {name: person.name, lines.*: address.street}
    - why: The price of the transport.
      category: parcel.measure
      fields: [$.items.*.count, $.items.*.size.width]
"""


def kept(rules: Bound, document: Document, grants: Sequence[str] | None = None) -> Document:
    return minimise(rules, {"body": document}, grants).documents["body"]


def withheld(rules: Bound, document: Document, grants: Sequence[str] | None = None) -> dict[str, str]:
    """What stayed, and why."""
    return {str(each): each.reason for each in minimise(rules, {"body": document}, grants).withheld}


def refused(rules: Bound, document: Document) -> list[tuple[str, str]]:
    with pytest.raises(Refusal) as caught:
        minimise(rules, {"body": document})
    return [(failure.code, failure.detail) for failure in caught.value.failures]


def test_only_what_is_named_leaves() -> None:
    document: Document = {
        "recipient": {"name": "Ann", "email": "ann@example.com", "lines": ["Lindenstr. 7", "Hof 2"]},
        "items": [{"count": 1, "sku": "R-1", "size": {"width": 3, "colour": "red"}}],
        "crm": {"segment": "gold"},
    }

    assert kept(bound(PARCEL), document) == {
        "recipient": {"name": "Ann", "lines": ["Lindenstr. 7", "Hof 2"]},
        "items": [{"count": 1, "size": {"width": 3}}],
    }
    assert withheld(bound(PARCEL), document) == {
        "$.recipient.email": "field.unnamed",
        "$.items.*.sku": "field.unnamed",
        "$.items.*.size.colour": "field.unnamed",
        "$.crm": "field.unnamed",
    }


@pytest.mark.parametrize(
    ("document", "left", "reasons"),
    [
        pytest.param(
            {"recipient": {"name": {"first": "Ann"}}}, {}, {"$.recipient": "field.type"}, id="object for scalar"
        ),
        pytest.param({"recipient": {"name": ["Ann"]}}, {}, {"$.recipient": "field.type"}, id="list for scalar"),
        pytest.param({"recipient": {"name": {}}}, {}, {"$.recipient": "field.type"}, id="empty object for scalar"),
        pytest.param({"recipient": "Ann, Lindenstr. 7"}, {}, {"$.recipient": "field.type"}, id="scalar for object"),
        pytest.param({"recipient": None}, {}, {"$.recipient": "field.type"}, id="null for object"),
        pytest.param({"recipient": [{"name": "Ann"}]}, {}, {"$.recipient": "field.type"}, id="list for object"),
        pytest.param({"items": {"0": {"count": 1}}}, {}, {"$.items": "field.type"}, id="object for list"),
        pytest.param({"items": ["Serum"]}, {}, {"$.items": "field.type"}, id="scalar for element"),
        pytest.param(["Ann"], {}, {"$": "field.type"}, id="list for the whole"),
        pytest.param("Ann", {}, {"$": "field.type"}, id="scalar for the whole"),
        pytest.param({"recipient": {"name": None}}, {"recipient": {"name": None}}, {}, id="null for scalar"),
    ],
)
def test_what_has_another_type_than_named_never_leaves(
    document: Document, left: Document, reasons: Mapping[str, str]
) -> None:
    assert kept(bound(PARCEL), document) == left
    assert withheld(bound(PARCEL), document) == reasons


@pytest.mark.parametrize(
    ("document", "left"),
    [
        pytest.param({"items": []}, {"items": []}, id="a list that was empty"),
        pytest.param({"recipient": {}}, {"recipient": {}}, id="an object that was empty"),
        pytest.param(
            {"items": [{"sku": 1}, {"count": 2}]},
            {"items": [{}, {"count": 2}]},
            id="an element of which nothing is left",
        ),
        pytest.param({"items": [{}, {"count": 2}]}, {"items": [{}, {"count": 2}]}, id="an element that was empty"),
        pytest.param({"items": [{"sku": 1}]}, {}, id="a list of which nothing is left"),
        pytest.param({"recipient": {"email": "x"}}, {}, id="an object of which nothing is left"),
        pytest.param({"items": [None, {"count": 2}]}, {"items": [{}, {"count": 2}]}, id="a null element"),
        pytest.param({"items": [{"size": {}}]}, {"items": [{"size": {}}]}, id="empty deep inside"),
        pytest.param({}, {}, id="nothing at all"),
    ],
)
def test_containers_come_along_with_what_is_in_them(document: Document, left: Document) -> None:
    assert kept(bound(PARCEL), document) == left


MAPPED = """
    - why: Customs asks for the class of goods, never the product.
      fields: {$.items.*.title: order.items}
      form: {map: {table: {Night Serum: Cosmetics, Soap: Soap}%s}}
    - why: The price of the transport.
      category: parcel.measure
      fields: [$.items.*.count]
"""


def test_what_a_table_does_not_know_refuses_the_call_where_it_stands() -> None:
    document: Document = {"items": [{"title": "Soap", "count": 1}, {"title": "Rosacea Cream", "count": 2}]}

    assert refused(bound(MAPPED % ""), document) == [("field.unmapped", "$.items.*.title")]
    assert kept(bound(MAPPED % ", otherwise: Goods"), document) == {
        "items": [{"title": "Soap", "count": 1}, {"title": "Goods", "count": 2}]
    }


def test_in_an_answer_what_a_table_does_not_know_is_withheld() -> None:
    result = minimise(bound(MAPPED % ""), {"body": {"items": [{"title": "Cream", "count": 2}]}}, answer=True)

    assert result.documents["body"] == {"items": [{"count": 2}]}
    assert [(str(each), each.reason) for each in result.withheld] == [("$.items.*.title", "field.unmapped")]


def test_numbers_keep_their_digits_and_members_their_order() -> None:
    document: Document = {"items": [{"size": {"width": Decimal("1.10")}, "count": 10**30}]}

    result = kept(bound(PARCEL), document)

    assert repr(result) == repr(document)


def test_a_value_that_may_be_either_is_named_as_both() -> None:
    rules = bound("- {why: The SDK expands it., category: payment.token, fields: [$.customer, $.customer.id]}")

    assert kept(rules, {"customer": "cus_1"}) == {"customer": "cus_1"}
    assert kept(rules, {"customer": {"id": "cus_1", "email": "x"}}) == {"customer": {"id": "cus_1"}}


WHEN = """
    - why: Customs ask for it here.
      at: $.parcels.*
      when: {to.country: [BR, CN]}
      fields: {tax_id: identity.national_id}
    - why: Where it goes to.
      fields: {$.parcels.*.to.country: address.country}
"""


def test_a_condition_is_decided_for_each_element() -> None:
    document: Document = {
        "parcels": [
            {"tax_id": "1", "to": {"country": "BR"}},
            {"tax_id": "2", "to": {"country": "DE"}},
            {"tax_id": "3"},
            {"tax_id": "4", "to": {"country": ["BR"]}},
            {"tax_id": "5", "to": {"country": None}},
        ]
    }

    assert kept(bound(WHEN), document) == {
        "parcels": [
            {"tax_id": "1", "to": {"country": "BR"}},
            {"to": {"country": "DE"}},
            {},
            {},
            {"to": {"country": None}},
        ]
    }
    assert withheld(bound(WHEN), document)["$.parcels.*.tax_id"] == "field.condition"


def test_a_condition_may_stand_in_the_query() -> None:
    rules = bound("- {why: The test wants it., when: {query:mode: [test]}, fields: {$.note: parcel.measure}}")

    def left(mode: str) -> Document:
        return minimise(rules, {"body": {"note": "x"}, "query": {"mode": mode}}).documents["body"]

    assert left("test") == {"note": "x"}
    assert left("live") == {}


REQUIRED = """
    - why: The driver finds the door.
      fields: {$.name: person.name, $.items.*.count: parcel.measure}
      required: all
"""


@pytest.mark.parametrize(
    ("document", "failures"),
    [
        ({}, [("field.required", "$.name"), ("field.required", "$.items.*.count")]),
        ({"name": None, "items": [{"count": 1}]}, [("field.required", "$.name")]),
        ({"name": {"first": "Ann"}, "items": [{"count": 1}]}, [("field.type", "$.name")]),
        ({"name": ["Ann"], "items": [{"count": 1}]}, [("field.type", "$.name")]),
        ({"name": "Ann", "items": []}, [("field.required", "$.items.*.count")]),
        ({"name": "Ann", "items": [{"count": 1}, {}]}, [("field.required", "$.items.*.count")]),
        ({"name": "Ann", "items": [{"count": [1]}]}, [("field.type", "$.items.*.count")]),
        ({"name": "Ann", "items": "x"}, [("field.required", "$.items.*.count")]),
    ],
)
def test_a_required_field_is_there_and_has_its_type(document: Document, failures: list[tuple[str, str]]) -> None:
    assert refused(bound(REQUIRED), document) == failures


def test_a_required_field_of_which_its_form_can_make_nothing_refuses_the_call() -> None:
    born = "{why: Their age decides., form: {generalise: date}, fields: {$.born: demo.birth_date}%s}"

    assert refused(bound("- " + born % ", required: all"), {"born": "in spring"}) == [("field.type", "$.born")]
    assert kept(bound("- " + born % ""), {"born": "in spring"}) == {}


def test_an_empty_text_is_there_and_so_are_nought_and_false() -> None:
    for value in ("", 0, False):
        assert kept(bound(REQUIRED), {"name": value, "items": [{"count": value}]}) == {
            "name": value, "items": [{"count": value}],
        }  # fmt: skip


def test_a_field_is_not_required_where_its_condition_does_not_hold_or_its_group_stays() -> None:
    conditional = bound(
        "- {why: Customs ask for it., when: {$.to: [BR]}, fields: {$.id: parcel.measure}, required: all}"
    )

    assert kept(conditional, {"to": "DE"}) == {}
    assert refused(conditional, {"to": "BR"}) == [("field.required", "$.id")]
    assert kept(bound(REQUIRED), {}, ["consent.missing"]) == {}


def test_a_group_without_a_ground_stays_for_that_reason() -> None:
    document: Document = {"recipient": {"name": "Ann"}, "items": [{"count": 1}]}
    grants = ["consent.missing", GRANTED]

    assert kept(bound(PARCEL), document, grants) == {"items": [{"count": 1}]}
    assert withheld(bound(PARCEL), document, grants) == {"$.recipient": "consent.missing"}


DROPPED = """
    - {why: Notes are our own affair., form: drop, fields: {$.meta: service.consultation}}
    - {why: Matches our books again., fields: {$.meta.order: parcel.measure}}
    - {why: Cards never travel here., form: refuse, fields: {$.card: payment.pan, $.meta.card: payment.pan}}
"""


def test_what_is_dropped_stays_with_all_that_no_other_group_names_in_it() -> None:
    rules = bound(DROPPED)

    assert kept(rules, {"meta": {"order": 1, "note": "x"}}) == {"meta": {"order": 1}}
    assert withheld(rules, {"meta": {"order": 1, "note": "x"}}) == {"$.meta.note": "drop"}
    assert withheld(rules, {"meta": {"note": "x"}}) == {"$.meta": "drop"}
    assert withheld(rules, {"meta": "x"}) == {"$.meta": "drop"}
    assert withheld(rules, {"meta": ["x"]}) == {"$.meta": "drop"}


@pytest.mark.parametrize("value", ["4111", {"number": "4111"}, ["4111"], {}, 0, False, ""])
def test_what_is_refused_refuses_the_call_by_being_there(value: Document) -> None:
    assert refused(bound(DROPPED), {"card": value}) == [("field.refused", "$.card")]
    assert refused(bound(DROPPED), {"meta": {"card": value}}) == [("field.refused", "$.meta.card")]


def test_a_refused_field_may_be_null() -> None:
    assert kept(bound(DROPPED), {"card": None}) == {}


CLAIM = "- {why: Which build has failed., category: not_personal, fields: [$.release, $.items.*]}"


@pytest.mark.parametrize(
    "value",
    [
        "zoe@example.com",
        "write to zoe.mueller+shop@mail.example.co.uk",
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        4111111111111111,
        Decimal("4111111111111111.0"),
        Decimal("4.111111111111111E+15"),
        "DE89 3704 0044 0532 0130 00",
        "sk_live_51Jx0000000000000000",
        "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.",
        "x" * 257,
    ],
)
def test_a_claim_that_a_field_is_not_personal_is_tested(value: Document) -> None:
    assert [code for code, _ in refused(bound(CLAIM), {"release": value})] == ["field.personal"]
    assert [code for code, _ in refused(bound(CLAIM), {"items": ["x", value]})] == ["field.personal"]


@pytest.mark.parametrize(
    "value",
    [
        "shop@1.2.3",
        "x" * 256,
        "4111 1111 1111 1112",
        1795334632,
        Decimal("1795334632.66"),
        Decimal("1E+999"),
        True,
        None,
        "",
        "9f2c",
    ],
)
def test_what_is_not_personal_leaves(value: Document) -> None:
    assert kept(bound(CLAIM), {"release": value}) == {"release": value}


def test_the_refusal_of_a_claim_does_not_repeat_the_value() -> None:
    assert "zoe" not in repr(refused(bound(CLAIM), {"release": "zoe@example.com"}))


def test_nothing_in_an_answer_is_refused() -> None:
    answer: Document = {"release": "zoe@example.com", "items": ["x"]}

    result = minimise(bound(CLAIM), {"body": answer}, answer=True)

    assert result.documents["body"] == {"items": ["x"]}
    assert {str(each): each.reason for each in result.withheld} == {"$.release": "field.personal"}


def test_numbers_that_later_calls_refer_to_are_kept_apart() -> None:
    rules = bound("""
        - why: Shown to the customer.
          fields: {$.id: shipment.tracking, $.charge: payment.token, $.order: order.id, $.name: person.name}
    """)

    result = minimise(rules, {"body": {"id": "PG-7", "charge": 7, "order": None, "name": "Ann"}}, answer=True)

    assert result.retained == ["PG-7", "7"]


def test_a_credential_replaces_what_the_call_has_there() -> None:
    rules = bound(
        "- {why: The driver finds the door., fields: {$.name: person.name}}",
        credentials=[(Place("body", ("login", "key")), "$KEY")],
        secrets={"$KEY": "s3cret"}.__getitem__,
    )

    assert kept(rules, {"name": "Ann", "login": {"key": "token", "user": "x"}}) == {
        "name": "Ann",
        "login": {"key": "s3cret"},
    }
    assert kept(rules, {"name": "Ann"}) == {"name": "Ann"}


def test_the_callers_token_never_leaves_a_second_time() -> None:
    rules = bound("- {why: The driver finds the door., fields: {$.name: person.name, $.note: parcel.measure}}")
    document: Document = {"name": "Ann", "note": "Bearer eyJtoken"}

    result = minimise(rules, {"body": document}, secrets=["eyJtoken"])

    assert result.documents["body"] == {"name": "Ann"}
    assert {str(each): each.reason for each in result.withheld} == {"$.note": "field.secret"}
    assert kept(rules, document) == document


def test_the_callers_token_does_not_leave_in_bytes_that_are_not_in_memory() -> None:
    rules = bound("- {why: The driver finds the door., fields: {$.note: parcel.measure}}")
    note = Stored("20 bytes")
    note.content = Pieces((b"Bearer eyJ", b"token and on"))

    result = minimise(rules, {"body": {"note": note}}, secrets=["eyJtoken"])

    assert result.documents["body"] == {}
    assert [each.reason for each in result.withheld] == ["field.secret"]


def test_of_a_text_and_what_stands_beside_it_each_leaves_only_where_it_is_named() -> None:
    rules = bound("- {why: The price of it., category: parcel.measure, fields: [$.weight, $.box.@no]}")
    document: Document = {
        "weight": Attributed("2.50", {"@by": "zoe"}),
        "box": Attributed("", {"@no": "3", "@for": "zoe"}),
    }

    left = kept(rules, document)

    assert left == {"weight": "2.50", "box": {"@no": "3"}}
    assert isinstance(left, dict)
    assert not getattr(left["weight"], "attributes", {})
    assert withheld(rules, document) == {"$.weight.@by": "field.unnamed", "$.box.@for": "field.unnamed"}


def test_what_stands_beside_a_list_stays_and_is_reported() -> None:
    lines = Marked(["Weg 1"])
    lines.attributes = {"@of": "zoe"}

    assert kept(bound(PARCEL), {"recipient": {"lines": lines}}) == {"recipient": {"lines": ["Weg 1"]}}
    assert withheld(bound(PARCEL), {"recipient": {"lines": lines}}) == {"$.recipient.lines.@of": "field.unnamed"}


def test_forms_change_what_leaves_and_nothing_else() -> None:
    rules = bound("""
        - {why: Customs ask for the class., form: {replace: Cosmetics}, fields: {$.items.*.title: order.items}}
        - {why: Matches our books again., form: pseudonymise, fields: {$.order: order.id}}
        - {why: The label has little room., form: {truncate: 3}, fields: {$.name: person.name}}
    """)

    left = kept(rules, {"items": [{"title": "Serum"}, {"title": None}], "order": "A-1", "name": "Zoë Müller"})

    assert isinstance(left, dict)
    assert left["items"] == [{"title": "Cosmetics"}, {"title": "Cosmetics"}]
    assert str(left["order"]).startswith("psn_")
    assert left["name"] == "Zoë"


def test_each_rule_counts_what_it_let_out() -> None:
    result = minimise(bound(PARCEL), {"body": {"items": [{"count": 1}, {"count": 2}], "recipient": {"name": "Ann"}}})

    assert list(result.counts) == [1, 0, 2, 0]


def test_a_place_that_stays_often_is_one_entry_with_a_count() -> None:
    result = minimise(bound(PARCEL), {"body": {"items": [{"count": 1, "sku": 1}, {"count": 1, "sku": 2}]}})

    assert [(str(each), count) for each, count in result.withheld.items()] == [("$.items.*.sku", 2)]


def test_headers_query_and_path_are_minimised_by_the_same_rules() -> None:
    rules = bound("""
        - why: Which parcel is meant.
          category: parcel.measure
          fields: [header:X-Key, query:created.gte, path:parcel]
    """)

    result = minimise(
        rules,
        {
            "header": {"x-key": "1", "x-user": "Ann"},
            "query": {"created": {"gte": "1", "lt": "2"}, "debug": "1"},
            "path": {"parcel": "P-1"},
        },
    )

    assert result.documents == {"header": {"x-key": "1"}, "query": {"created": {"gte": "1"}}, "path": {"parcel": "P-1"}}
    assert sorted(map(str, result.withheld)) == ["header:x-user", "query:created.lt", "query:debug"]


# What holds for every contract and every document.

NAMES = ["a", "b", "c", "d"]
steps: st.SearchStrategy[Step] = st.sampled_from([*NAMES, EACH])
paths: st.SearchStrategy[Path] = st.lists(steps, min_size=1, max_size=4).map(tuple)
scalars = st.one_of(st.none(), st.booleans(), st.integers(0, 99), st.sampled_from(["x", "y", ""]))
documents: st.SearchStrategy[Document] = st.dictionaries(
    st.sampled_from([*NAMES, "e"]),
    st.recursive(
        scalars,
        lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from([*NAMES, "e"]), inner)),
        max_leaves=8,
    ),
)


@st.composite
def contracts(draw: st.DrawFn) -> Bound:
    named = draw(st.lists(paths, min_size=1, max_size=6, unique=True))
    lines = "".join(f"\n    {written(path)}: parcel.measure" for path in named)
    return bound(f"- why: It is under test here.\n  fields:{lines}\n")


def leaves(document: Document, path: Path = ()) -> Iterator[tuple[Path, object]]:
    """Every scalar and empty container with its path."""
    inner: list[tuple[Step, Document]] = []
    if isinstance(document, Mapping):
        inner = list(document.items())
    elif isinstance(document, list):
        inner = [(EACH, element) for element in document]
    if not inner:
        yield path, document
    for step, value in inner:
        yield from leaves(value, (*path, step))


def unnamed(rules: Bound, document: Document) -> list[Path]:
    """The paths of values in a document that no contract line names."""
    named = {rule.place.path for rule in rules.section.rules}
    return [path for path, value in leaves(document) if value not in ({}, []) and path not in named]


@given(contracts(), documents)
def test_what_leaves_stands_only_where_a_contract_line_names_it(rules: Bound, document: Document) -> None:
    assert unnamed(rules, kept(rules, document)) == []


def test_that_property_would_notice_a_value_too_many() -> None:
    rules = bound("- {why: It is under test here., fields: {$.a: parcel.measure}}")

    assert unnamed(rules, {"a": 1, "b": 2}) == [("b",)]


@given(contracts(), documents)
def test_every_value_is_either_disclosed_or_reported_as_withheld(rules: Bound, document: Document) -> None:
    result = minimise(rules, {"body": document})

    disclosed = list(leaves(result.documents["body"]))
    stayed = {str(each) for each in result.withheld}
    for path, value in leaves(document):
        above = {written(path[:depth]) for depth in range(len(path) + 1)}
        assert any(path == other and repr(value) == repr(left) for other, left in disclosed) or above & stayed, path


@given(contracts(), documents)
def test_no_value_leaves_that_was_not_in_the_call(rules: Bound, document: Document) -> None:
    given_values = [(path, repr(value)) for path, value in leaves(document)]

    for path, value in leaves(kept(rules, document)):
        # A list element of which nothing is left keeps its place.
        assert (path, repr(value)) in given_values or value == {}


@given(contracts(), documents)
def test_lists_keep_their_length_and_members_their_order(rules: Bound, document: Document) -> None:
    def check(left: Document, source: Document) -> None:
        if isinstance(left, Mapping) and isinstance(source, Mapping):
            assert [name for name in source if name in left] == list(left)
            for name, value in left.items():
                check(value, source[name])
        elif isinstance(left, list) and isinstance(source, list):
            assert len(left) == len(source)
            for value, origin in zip(left, source, strict=True):
                check(value, origin)

    check(kept(rules, document), document)


@given(contracts(), documents)
def test_minimising_what_is_minimal_changes_nothing(rules: Bound, document: Document) -> None:
    once = kept(rules, document)

    assert repr(kept(rules, once)) == repr(once)


@given(contracts(), documents)
def test_the_minimal_document_passes_its_proof(rules: Bound, document: Document) -> None:
    incoming: dict[str, Document] = {"body": document, "query": {}}
    outgoing = minimise(rules, incoming)
    payload = CODECS["json"].write(outgoing.documents["body"], document)

    assert proved(rules, outgoing.documents, incoming, payload, b"") == (payload, b"")
