"""Each item of a batch is decided as if it had come alone."""

from collections import Counter
from collections.abc import Collection, Sequence

import pytest
from bodies import Operation, contract, loaded
from clearances import given
from hypothesis import given as holding
from hypothesis import strategies as st
from small_contracts import SHIP

from gateway.batch import MAX_ITEMS, Documents, Item, check_people, together, views
from gateway.body.document import Document
from gateway.clearance import Clearance, Ground
from gateway.contract.terms import Batch, Terms
from gateway.errors import Refusal, refuse
from gateway.frozen import changed
from gateway.inforce import in_force
from gateway.minimise import GRANTED, Alone, Withheld, minimise
from gateway.registry.facts import Person
from gateway.subjects import order_of
from gateway.vocabulary import LegalBasis, SubjectRole

SENDING = """
body: json
batch: {items: $.parcels.*}
groups:
  - why: The driver finds the door.
    fields: {$.parcels.*.name: person.name, $.parcels.*.to.city: address.city}
  - why: Parcel notices.
    fields: {$.parcels.*.mail: person.name, $.lead: person.name}
"""


def batching(sending: str) -> Operation:
    """An operation that is about two people at most."""
    files = contract(sending)
    files[SHIP] = files[SHIP].replace("sending:\n", "limits: {per_call: 2}\nsending:\n")
    contracts, findings = loaded(files)
    assert contracts is not None, findings
    return Operation(in_force(contracts, secrets=lambda _: "k-acme-93847", vendor_key=lambda _: bytes(32)))


OPERATION = batching(SENDING)
[PREPARED] = OPERATION.contracts.prepared.values()
BATCH = Batch(("parcels",), drops=True)
LATE = "consent.withdrawn"
DOOR, NOTICES = 1, 2


def documents(body: Document) -> Documents:
    return {"body": body, "query": {}, "header": {}, "path": {"parcel": "P-1"}}


def item(who: str = "c-1", *reasons: str) -> Item:
    person = Person(who, SubjectRole.CONSIGNEE, "DE", "A-1")
    ground = Ground(SubjectRole.CONSIGNEE, "DE", LegalBasis.LEGITIMATE_INTEREST, None, "", person)
    clearance = Clearance("shop-eu", "1", ("DPA-1",), (ground,), (("DE", "none"),), reasons or (GRANTED,) * 3)
    facts = given(people={person.role: person})
    return Item(documents(None), facts, clearance)


def test_each_item_is_seen_alone_with_what_stands_around_the_list() -> None:
    body: Document = {"lead": "Zoe", "parcels": [{"name": "a"}, 7], "more": {}}

    assert [view["body"] for view in views(documents(body), BATCH)] == [
        {"lead": "Zoe", "parcels": [{"name": "a"}], "more": {}},
        {"lead": "Zoe", "parcels": [7], "more": {}},
    ]
    assert [view["body"] for view in views(documents([{"a": 1}, {}]), Batch((), drops=True))] == [[{"a": 1}], [{}]]


@pytest.mark.parametrize("body", [{}, {"parcels": {}}, {"parcels": None}, {"parcels": []}, [{"name": "a"}], "parcels"])
def test_what_is_no_list_of_items_has_none(body: Document) -> None:
    assert list(views(documents(body), BATCH)) == []


def test_a_batch_has_only_so_many_items() -> None:
    many: Document = {"parcels": [{} for _ in range(MAX_ITEMS)]}
    more: Document = {"parcels": [{} for _ in range(MAX_ITEMS + 1)]}

    assert sum(1 for _ in views(documents(many), BATCH)) == MAX_ITEMS
    with pytest.raises(Refusal) as refused:
        list(views(documents(more), BATCH))
    assert refused.value.code == "body.too_large"


BODIES = {
    "json": b'{"parcels":[{"order":"A-1"},{"order":"A-2"}],"order":"A-9"}',
    "form": b"parcels[0][order]=A-1&order=A-9&parcels[1][order]=A-2",
    "xml": b"<all><parcels><order>A-1</order></parcels><order>A-9</order><parcels><order>A-2</order></parcels></all>",
    "ndjson": b'{"order":"A-1"}\n{"order":"A-2"}',
}
MEDIA = {"form": "application/x-www-form-urlencoded", "xml": "text/xml", "ndjson": "application/x-ndjson"}
LISTS = {"xml": "$.all.parcels", "ndjson": "$"}


@pytest.mark.parametrize("body", BODIES)
async def test_in_every_format_an_item_has_one_order(body: str) -> None:
    path = LISTS.get(body, "$.parcels")
    files = contract(f"""
        body: {body}
        batch: {{items: {path}.*}}
        groups:
          - why: Matches our books again.
            fields: {{{path}.*.order: order.id}}
            form: pseudonymise
    """)
    files[SHIP] = files[SHIP].replace("sending:\n", "limits: {per_call: 2}\nsending:\n")
    files[SHIP] = files[SHIP].replace("{order: header:order,", "{order: order,")
    contracts, findings = loaded(files)
    assert contracts is not None, findings
    made = Operation(in_force(contracts, secrets=lambda _: "k-acme-93847", vendor_key=lambda _: bytes(32)))

    matched, incoming, _ = await made.read(BODIES[body], ("content-type", MEDIA.get(body, "application/json")))

    batch = matched.terms.sending.batch
    assert batch is not None
    assert [order_of(matched.terms, view) for view in views(incoming, batch)] == ["A-1", "A-2"]


def test_what_is_refused_is_taken_out_and_counted() -> None:
    incoming = documents({"lead": "Zoe", "parcels": [{"name": "a"}, {"name": "b"}, {"name": "c"}]})

    decision = together([item("c-1"), refuse(LATE), item("c-3")], incoming, BATCH)

    assert decision.incoming["body"] == {"lead": "Zoe", "parcels": [{"name": "a"}, {"name": "c"}]}
    assert Counter(decision.withheld) == {Withheld("$.parcels.*", None, LATE): 1}
    assert [ground.person.ref for ground in decision.clearance.grounds if ground.person] == ["c-1", "c-3"]
    assert [item.people for item in decision.items] == [
        {SubjectRole.CONSIGNEE: "c-1"},
        {SubjectRole.CONSIGNEE: "c-3"},
    ]


def test_where_nothing_is_left_the_first_refusal_decides() -> None:
    with pytest.raises(Refusal) as refused:
        together([refuse(LATE), refuse("field.required")], documents({"parcels": [1, 2]}), BATCH)

    assert refused.value.code == LATE


def test_what_stands_around_the_items_needs_the_grounds_of_all() -> None:
    decision = together([item("c-1"), item("c-2", GRANTED, GRANTED, LATE)], documents({"parcels": [1, 2]}), BATCH)

    assert decision.clearance.grants == (GRANTED, GRANTED, LATE)


def test_one_person_in_many_items_is_one_person() -> None:
    decision = together([item("c-1"), item("c-1")], documents({"parcels": [1, 2]}), BATCH)

    assert len(decision.clearance.grounds) == 1
    assert decision.people == {SubjectRole.CONSIGNEE: "c-1"}


def test_a_call_about_two_people_in_one_role_is_as_a_whole_about_neither() -> None:
    decision = together([item("c-1"), item("c-2")], documents({"parcels": [1, 2]}), BATCH)

    assert decision.people == {}


def refused_for(terms: Terms, people: Collection[str]) -> str:
    """The code that a call about these people is refused with; nothing where it may go."""
    try:
        check_people(terms, people)
    except Refusal as refusal:
        return refusal.code
    return ""


@pytest.mark.parametrize(
    ("refs", "code"), [([], ""), (["a", "b"], ""), (["a", "a", "a"], ""), (["a", "b", "c"], "limit.subjects")]
)
def test_a_call_is_about_no_more_people_than_its_contract_says(refs: list[str], code: str) -> None:
    assert refused_for(PREPARED.terms, set(refs)) == code


def test_a_contract_that_says_nothing_limits_nobody() -> None:
    limits = PREPARED.terms.operation.limits.model_copy(update={"per_call": None})
    terms = changed(PREPARED.terms, operation=PREPARED.terms.operation.model_copy(update={"limits": limits}))

    assert refused_for(terms, {str(number) for number in range(50)}) == ""


names = st.sampled_from(["name", "mail", "to", "other"])
parcels = st.dictionaries(names, st.sampled_from(["x", 7, None, {"city": "y"}, ["z"]]))
reasons = st.sampled_from([GRANTED, LATE])


@holding(items=st.lists(st.tuples(parcels, reasons, reasons), min_size=1, max_size=5), lead=st.booleans())
def test_a_batch_lets_out_what_its_items_would_alone(items: Sequence[tuple[Document, str, str]], lead: bool) -> None:
    body: Document = {"parcels": [parcel for parcel, _, _ in items]} | ({"lead": "Zoe"} if lead else {})
    incoming = documents(body)
    decision = together([item(str(n), GRANTED, *each[1:]) for n, each in enumerate(items)], incoming, BATCH)

    grants = [each.clearance.grants for each in decision.items]
    alone = [Alone(view, each) for view, each in zip(views(incoming, BATCH), grants, strict=True)]

    outgoing = minimise(PREPARED.sending, incoming, decision.clearance.grants, items=alone)

    singly = [minimise(PREPARED.sending, each.documents, each.grants) for each in alone]
    left = [_parcels(each.documents["body"]) for each in singly]
    expected = [each[0] if each else {} for each in left]
    assert _parcels(outgoing.documents["body"]) == (expected if any(left) else [])
    inside = [number for number, rule in enumerate(PREPARED.sending.section.rules) if rule.path.startswith("$.parcels")]
    assert [outgoing.counts[n] for n in inside] == [sum(each.counts[n] for each in singly) for n in inside]
    is_shared = lead and not any(notices for _, _, notices in items)
    assert ("lead" in _object(outgoing.documents["body"])) is is_shared


SCRUBBED = """
body: json
batch: {items: $.parcels.*}
groups:
  - why: The driver finds the door.
    fields: {$.parcels.*.name: person.name}
  - why: What the depot should know.
    form: scrub
    fields: {$.parcels.*.note: delivery.note, $.note: delivery.note}
"""


def test_what_stands_behind_the_items_is_without_the_names_of_all_of_them() -> None:
    [prepared] = batching(SCRUBBED).contracts.prepared.values()
    incoming = documents({"parcels": [{"name": "Zora"}, {"name": "Wanda", "note": "Zora"}], "note": "Zora or Wanda"})
    alone = [Alone(view, (GRANTED,) * 3) for view in views(incoming, BATCH)]

    left = minimise(prepared.sending, incoming, (GRANTED,) * 3, items=alone).documents["body"]

    assert _object(left)["note"] == "<PERSON> or <PERSON>"


def _object(body: Document) -> dict[str, Document]:
    assert isinstance(body, dict)
    return body


def _parcels(body: Document) -> list[Document]:
    found = _object(body).get("parcels", [])
    assert isinstance(found, list)
    return found


def test_what_was_counted_before_and_after_is_counted_together() -> None:
    incoming = documents({"parcels": [{"x": 1}, {"name": "a"}, {"name": "b"}]})
    decision = together([item("c-1"), item("c-2"), refuse(LATE)], incoming, BATCH)
    outgoing = minimise(PREPARED.sending, decision.incoming, decision.clearance.grants)

    completed = decision.completed(outgoing)

    assert Counter(completed.withheld) == Counter(outgoing.withheld) + Counter({Withheld("$.parcels.*", None, LATE): 1})
