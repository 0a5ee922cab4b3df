"""JSON under other names and other shapes: vendor types, lists at the top, from the contract to the wire and back."""

import pytest
from bodies import Operation, operation
from clearances import loaded as shop
from shop_contracts import FILES

from gateway.errors import Refusal
from gateway.examples import rehearsed

GROUPS = """
groups:
  - why: What the customer is called.
    fields: {$.*.name: person.name}
  - why: What is in it.
    category: not_personal
    fields: [$.*.parts.*.sku]
"""
API = operation(
    f"body: json\nmedia: [application/vnd.api+json, application/vnd.acme_v2+json]{GROUPS}", f"body: json{GROUPS}"
)
PLAIN = operation(f"body: json{GROUPS}", f"body: json\nmedia: [application/vnd.acme+json]{GROUPS}")
PEOPLE = b'[{"name":"Zoe","mail":"zoe@example.com","parts":[{"sku":"a","n":1},{}]},7,{"mail":"x"},{"name":"Bob"}]'
LEFT = b'[{"name":"Zoe","parts":[{"sku":"a"},{}]},{},{},{"name":"Bob"}]'


def typed(media: str) -> tuple[str, str]:
    return ("content-type", media)


@pytest.mark.parametrize("media", ["application/vnd.api+json", "application/vnd.acme_v2+json"])
async def test_a_vendors_own_type_leaves_as_it_came(media: str) -> None:
    sending, _ = await API.sent(PEOPLE, typed(f"{media}; ext=zoe"))

    assert dict(sending.headers)["content-type"] == media
    assert sending.payload == LEFT


@pytest.mark.parametrize(
    ("operation", "media"),
    [(API, "application/json"), (API, "application/other+json"), (PLAIN, "application/vnd.api+json")],
    ids=["the usual type, where others are listed", "a type that is not listed", "a type where none is listed"],
)
async def test_a_call_has_a_type_that_its_contract_takes(operation: Operation, media: str) -> None:
    with pytest.raises(Refusal) as refused:
        await operation.sent(PEOPLE, typed(media))

    assert refused.value.code == "body.media"


UNTYPED = operation(
    f"body: json\nmedia: [application/vnd.api+json, application/json, none]{GROUPS}",
    f"body: json\nmedia: [application/json, none]{GROUPS}",
)
BARE = operation(f"body: json\nmedia: [none]{GROUPS}")


async def test_a_call_without_a_type_leaves_with_the_first_that_its_contract_lists() -> None:
    sending, _ = await UNTYPED.sent(PEOPLE)

    assert sending.payload == LEFT
    assert dict(sending.headers)["content-type"] == "application/vnd.api+json"
    assert UNTYPED.back(200, PEOPLE).payload == LEFT
    assert dict(sending.headers)["accept"] == "application/json"


async def test_where_no_type_is_listed_a_call_without_one_leaves_without_one() -> None:
    sending, _ = await BARE.sent(PEOPLE)

    assert sending.payload == LEFT
    assert "content-type" not in dict(sending.headers)
    with pytest.raises(Refusal) as refused:
        await BARE.sent(PEOPLE, typed("application/json"))
    assert refused.value.code == "body.media"


@pytest.mark.parametrize("body", [b"Zoe", b"", b"[", b'{"name":"Zoe"}{}'])
async def test_a_call_without_a_type_has_to_be_what_its_contract_says(body: bytes) -> None:
    with pytest.raises(Refusal) as refused:
        await UNTYPED.sent(body)

    assert refused.value.code == "body.unreadable"


@pytest.mark.parametrize("made", [API, PLAIN], ids=["types that are listed", "the usual type"])
async def test_a_call_without_a_type_is_refused_where_its_contract_says_nothing_of_it(made: Operation) -> None:
    with pytest.raises(Refusal) as refused:
        await made.sent(PEOPLE)

    assert refused.value.code == "body.media"


@pytest.mark.parametrize("media", ["application/json", "application/hal+json", "application/vnd.acme.v3+json"])
def test_an_answer_may_have_any_type_of_json_where_its_contract_lists_none(media: str) -> None:
    back = API.back(200, PEOPLE, typed(media))

    assert (back.payload, back.media) == (LEFT, media)


@pytest.mark.parametrize(
    "media", ["text/json", "text/x+json", "application/xml", "application/+xml", "application/jsonx"]
)
def test_an_answer_of_another_type_stays(media: str) -> None:
    back = API.back(200, PEOPLE, typed(media))

    assert back.minimised is None
    assert b"Zoe" not in back.payload


def test_an_answer_has_a_type_that_is_listed_where_any_is() -> None:
    assert PLAIN.back(200, PEOPLE, typed("application/vnd.acme+json")).payload == LEFT
    assert PLAIN.back(200, PEOPLE, typed("application/hal+json")).minimised is None


def test_an_error_in_the_shape_of_a_problem_is_minimised_like_any_other() -> None:
    back = API.back(422, b'{"error":{"code":"street","text":"Zoe"}}', typed("application/problem+json"))

    assert (back.payload, back.media) == (b'{"error":{"code":"street"}}', "application/problem+json")


async def test_of_a_list_at_the_top_every_element_is_judged_by_itself() -> None:
    _, outgoing = await PLAIN.sent(PEOPLE, typed("application/json"))

    assert sorted((str(place), place.reason) for place in outgoing.withheld) == [
        ("$.*", "field.type"),
        ("$.*", "field.unnamed"),
        ("$.*.mail", "field.unnamed"),
        ("$.*.parts.*.n", "field.unnamed"),
    ]


@pytest.mark.parametrize("body", [b"[]", b"[{}]"])
async def test_a_list_that_held_nothing_goes_as_it_came(body: bytes) -> None:
    sending, _ = await PLAIN.sent(body, typed("application/json"))

    assert sending.payload == body


@pytest.mark.parametrize("body", [b'{"name":"Zoe"}', b'"Zoe"', b'[["Zoe"]]', b'["Zoe"]', b"[[]]"])
async def test_another_shape_than_the_contract_names_stays(body: bytes) -> None:
    with pytest.raises(Refusal) as refused:
        await PLAIN.sent(body, typed("application/json"))

    assert refused.value.code == "body.empty"


LIST_CONTRACT = """\
operation: pages
version: 1
status: enforce
owner: platform
match: POST /api/pages
callers: [shop-web]
purpose: fault_repair
subjects: none
retention: {vendor_keeps: P90D, why: Time to mend a fault.}
sending:
  body: json
  media: [application/vnd.faults+json]
  groups:
    - why: Which page was slow.
      category: not_personal
      fields: [$.*.page]
answer:
  body: json
  groups:
    - why: Finds the report again.
      fields: {$.*.id: not_personal}
examples:
  - name: a list of pages
    given: |
      POST /api/pages

      [{"page": "cart", "user": "c-1"}, {"page": "pay"}]
    sends: |
      POST /api/pages
      Content-Type: application/vnd.faults+json

      [{"page": "cart"}, {"page": "pay"}]
    withholds: [$.*.user]
    answers: |
      200
      Content-Type: application/hal+json

      [{"id": 1, "owner": "Bob"}]
    returns: |
      200
      Content-Type: application/hal+json

      [{"id": 1}]
"""


@pytest.mark.parametrize(("there", "wrong"), [('"pay"}]', None), ('"pay"}, {}]', "sends"), ('"PAY"}]', "sends")])
async def test_an_example_may_be_a_list_and_have_a_type_of_its_own(there: str, wrong: str | None) -> None:
    example = LIST_CONTRACT.replace('[{"page": "cart"}, {"page": "pay"}]', '[{"page": "cart"}, {"page": ' + there)

    [found] = await rehearsed(shop({**FILES, "faults/pages.yaml": example}), frozenset({"faults/pages"}))

    assert [problem.partition(":")[0] for problem in found.problems] == ([wrong] if wrong else [])
