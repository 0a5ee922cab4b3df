"""The groups of a section become one tree of rules for each kind of place."""

import pytest
from small_contracts import section, section_and_findings

from gateway.contract.compile import Source, match_of
from gateway.contract.strict_yaml import read_yaml
from gateway.contract.terms import Origin, Variable
from gateway.paths import Place
from gateway.vocabulary import Category, SubjectRole


def codes(groups: str) -> list[str]:
    return [finding.code for finding in section_and_findings(groups)[1]]


def test_each_rule_stands_at_its_place_in_the_tree() -> None:
    made = section("""
        - why: The driver finds the door.
          at: $.recipient
          fields: {name: person.name, lines.*: address.street}
        - why: Matches our books again.
          fields: {query:ref: order.id, header:Key: order.id, path:parcel: order.id, query:created.gte: not_personal}
    """)

    recipient = made.trees["body"].members["recipient"]
    assert recipient.members["name"].rules == (0,)
    lines = recipient.members["lines"].each
    assert lines is not None
    assert (lines.path, lines.rules) == ("$.recipient.lines.*", (1,))
    assert made.trees["query"].members["created"].members["gte"].path == "query:created.gte"
    assert list(made.trees["header"].members) == ["key"]
    assert list(made.trees["path"].members) == ["parcel"]
    assert [rule.number for rule in made.rules] == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("fields", "levels"),
    [("$.name, header:Key", ["note"]), ("name", []), ("name, $.name", [])],
    ids=["all start at the top", "goes on", "one goes on"],
)
def test_an_at_from_which_no_field_goes_on_is_a_note(fields: str, levels: list[str]) -> None:
    group = f"- {{why: It is somewhere., at: $.recipient, category: person.name, fields: [{fields}]}}"

    assert [finding.level for finding in section_and_findings(group)[1]] == levels


def test_a_list_of_at_names_one_shape_in_several_places() -> None:
    made = section("""
        - why: Which build failed, and when.
          at: [$.event.*, $.transaction.*]
          category: not_personal
          fields: [id, $.sent_at]
    """)

    assert [rule.path for rule in made.rules] == ["$.event.*.id", "$.sent_at", "$.transaction.*.id"]


def test_a_group_has_the_roles_and_the_purpose_of_the_operation_unless_it_says_otherwise() -> None:
    made = section("""
        - why: The driver finds the door.
          fields: {$.a: person.name}
        - why: Notices for who asked.
          of: consignee
          purpose: delivery_notification
          fields: {$.b: contact.email}
    """)

    assert [group.roles for group in made.groups] == [(SubjectRole.PURCHASER,), (SubjectRole.CONSIGNEE,)]
    assert [group.purpose.value for group in made.groups] == ["delivery", "delivery_notification"]
    assert [rule.where for rule in made.rules] == ["acme/ship.yaml:5", "acme/ship.yaml:9"]


def test_pins_headers_and_credentials_have_rules_of_their_own() -> None:
    made = section(
        "- {why: The driver finds the door., fields: {$.a: person.name}}",
        fixed=[Place("header", ("acme-version",))],
        credentials=[(Place("body", ("key",)), "$KEY"), (Place("header", ("authorization",)), "Bearer $KEY")],
    )

    assert [(rule.path, rule.origin) for rule in made.rules] == [
        ("header:acme-version", Origin.HEADER),
        ("$.key", Origin.CREDENTIAL),
        ("$.a", Origin.GROUP),
    ]
    assert made.rules[1].category is Category.SESSION_SECRET


def test_two_groups_may_name_one_path_under_conditions_that_exclude_each_other() -> None:
    made = section("""
        - why: Customs ask for the number here.
          when: {$.country: [BR, CN]}
          fields: {$.tax_id: identity.national_id}
        - why: And for this one there.
          when: {$.country: [US]}
          fields: {$.tax_id: identity.passport}
    """)

    assert made.trees["body"].members["tax_id"].rules == (0, 1)
    assert made.conditions == 2


@pytest.mark.parametrize(
    "groups",
    [
        pytest.param(
            """
            - {why: It is named once., fields: {$.a: person.name}}
            - {why: It is named twice., fields: {$.a: person.name}}
            """,
            id="two groups",
        ),
        pytest.param("- {why: It is named twice., fields: {$.a: person.name, a: person.name}}", id="two spellings"),
        pytest.param(
            """
            - {why: These overlap in one., when: {$.c: [x, y]}, fields: {$.a: person.name}}
            - {why: These overlap in one., when: {$.c: [y, z]}, fields: {$.a: person.name}}
            """,
            id="conditions that overlap",
        ),
        pytest.param(
            """
            - {why: These are on two paths., when: {$.c: [x]}, fields: {$.a: person.name}}
            - {why: These are on two paths., when: {$.d: [y]}, fields: {$.a: person.name}}
            """,
            id="conditions on two paths",
        ),
        pytest.param(
            """
            - {why: This one is refused., form: refuse, fields: {$.a: payment.pan}}
            - {why: And this is inside., fields: {$.a.b: person.name}}
            """,
            id="inside a refused one",
        ),
        pytest.param(
            """
            - {why: This one is inside., fields: {$.a.b: person.name}}
            - {why: And this is refused., form: refuse, fields: {$.a: payment.pan}}
            """,
            id="around one that is refused",
        ),
    ],
)
def test_a_path_that_two_rules_claim_is_found(groups: str) -> None:
    assert codes(groups) == ["contract.twice"]


def test_a_field_may_be_a_scalar_or_an_object_if_both_are_named() -> None:
    made = section("- {why: The SDK expands it., category: payment.token, fields: [$.customer, $.customer.id]}")

    customer = made.trees["body"].members["customer"]
    assert (customer.rules, customer.members["id"].rules) == ((0,), (1,))


def test_what_is_dropped_may_have_named_members() -> None:
    made = section("""
        - {why: Notes are our own affair., form: drop, fields: {$.metadata: service.consultation}}
        - {why: Matches our books again., fields: {$.metadata.order: order.id}}
    """)

    metadata = made.trees["body"].members["metadata"]
    assert (metadata.cover, metadata.members["order"].rules) == (0, (1,))


@pytest.mark.parametrize(
    "groups",
    [
        pytest.param(
            "- {why: It is required., fields: {$.a: person.name}, required: [$.b]}", id="not among the fields"
        ),
        pytest.param("- {why: It is somewhere., at: query:a, fields: {b: person.name}}", id="at outside the body"),
        pytest.param(
            "- {why: Which element is meant., when: {$.items.*.kind: [x]}, fields: {$.a: person.name}}",
            id="a condition on several elements",
        ),
    ],
)
def test_a_path_that_leads_nowhere_is_found(groups: str) -> None:
    assert set(codes(groups)) == {"contract.path"}


def test_a_condition_holds_for_the_element_that_it_shares_with_its_field() -> None:
    made = section("""
        - why: Customs ask for it here.
          at: $.parcels.*
          when: {to.country: [BR]}
          fields: {to.tax_id: identity.national_id}
    """)

    parcels = made.trees["body"].members["parcels"].each
    assert parcels is not None
    [condition] = parcels.conditions
    assert (condition.below, condition.texts) == (("to", "country"), frozenset({"BR"}))


def test_a_required_field_is_asked_for_in_each_element_of_its_list() -> None:
    made = section("""
        - why: The price of the transport.
          at: $.parcels.*
          fields: {weight.value: parcel.measure}
          required: all
    """)

    parcels = made.trees["body"].members["parcels"].each
    assert parcels is not None
    assert [(required.rule, required.below) for required in parcels.required] == [(0, ("weight", "value"))]
    assert made.trees["body"].required == ()


@pytest.mark.parametrize(
    ("text", "method", "segments"),
    [
        ("GET /", "GET", ("",)),
        ("POST /v1/things", "POST", ("v1", "things")),
        ("DELETE /v1/things/{thing}/", "DELETE", ("v1", "things", Variable("thing", "token"), "")),
        ("PUT /x/{a:digits}/{b:uuid}", "PUT", ("x", Variable("a", "digits"), Variable("b", "uuid"))),
    ],
)
def test_a_match_is_a_method_and_segments(text: str, method: str, segments: tuple[object, ...]) -> None:
    source = Source("x.yaml", read_yaml("match: x\n"))

    assert match_of(text, source) == (method, segments)
    assert source.findings == []


@pytest.mark.parametrize(
    "text", ["TRACE /x", "post /x", "POST x", "POST  /x", "POST /a b", "POST /a?b=1", "POST /%61", "POST /a/{B}"]
)
def test_a_match_that_is_none_is_found(text: str) -> None:
    source = Source("x.yaml", read_yaml("match: x\n"))

    match_of(text, source)

    assert [finding.code for finding in source.findings] == ["contract.match"]
