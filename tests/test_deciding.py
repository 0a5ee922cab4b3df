"""Many people in one call, through real sockets: who may go goes, who may not stays, and the record says both."""

import json
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from clearances import loaded
from running import Running, running
from shop_contracts import FACTS, FILES
from sockets import Reply

from gateway.examples import rehearsed
from gateway.exchange import Book
from gateway.ledger.scribe import Ticket
from gateway.registry.entered import ROWS

MANIFEST = """\
operation: manifest
version: 1
status: enforce
owner: fulfilment
match: POST /manifests
callers: [fulfilment]
purpose: delivery
evidence: {order: reference, assessment: LIA-1}
subjects:
  consignee:
    ref: order
    jurisdiction: to.country
    legal_basis: {default: legitimate_interest, CN: explicit_consent}
retention: {vendor_keeps: P90D, why: As long as claims can come.}
limits: {per_call: 4}
sending:
  body: json
  batch: {items: $.shipments.*}
  groups:
    - why: The driver finds the door.
      at: $.shipments.*
      fields: {to.name: person.name, to.country: address.country}
      required: [to.name]
    - why: Parcel notices, for those who asked for them.
      purpose: delivery_notification
      legal_basis: consent
      fields: {$.shipments.*.to.email: contact.email}
    - why: Matches returns.
      fields: {$.shipments.*.reference: order.id}
      form: pseudonymise
    - why: Tells the gifts of one person apart.
      fields: {$.shipments.*.gift: order.id}
      form: {pseudonymise: token}
    - why: Where the driver leaves it.
      fields: {$.shipments.*.note: delivery.note}
      form: scrub
    - why: When it is fetched, and how heavy each is.
      category: not_personal
      fields: [$.pickup, $.shipments.*.weight]
answer:
  body: json
  groups:
    - why: Shown to the customer.
      fields: {$.parcels.*.tracking: shipment.tracking}
examples:
  - name: an item without a name
    given: |
      POST /manifests

      {"pickup":"am","shipments":[{"reference":"A-1","to":{"name":"Zoe"}},{"reference":"A-2","to":{}}]}
    refuses: field.required
  - name: two people
    given: |
      POST /manifests

      {"shipments":[{"reference":"A-1","to":{"name":"Zoe","phone":"1"}},{"reference":"A-2","to":{"name":"Ann"}}]}
    sends: |
      POST /manifests

      {"shipments":[{"reference":"psn_*","to":{"name":"Zoe"}},{"reference":"psn_*","to":{"name":"Ann"}}]}
    withholds: [$.shipments.*.to.phone]
"""
LINES = (
    (
        MANIFEST[: MANIFEST.index("examples:")]
        .replace("operation: manifest", "operation: lines")
        .replace("/manifests", "/lines")
        .replace(
            "body: json\n  batch: {items: $.shipments.*}", "body: ndjson\n  batch: {items: $.*, if_refused: drop_item}"
        )
        .replace("[$.pickup, $.shipments", "[$.shipments")
        .replace("$.shipments.*", "$.*")
    )
    + """\
examples:
  - name: one line that may not go
    given: |
      POST /lines

      {"reference":"A-1","to":{"name":"Zoe"}}
      {"reference":"A-2","to":{"phone":"1"}}
    sends: |
      POST /lines

      {"reference":"psn_*","to":{"name":"Zoe"}}
    withholds: [$.*]
"""
)
DROPPING = (
    (
        MANIFEST[: MANIFEST.index("examples:")]
        .replace("operation: manifest", "operation: dropping")
        .replace("/manifests", "/dropping")
        .replace("$.shipments.*}\n  groups", "$.shipments.*, if_refused: drop_item}\n  groups")
    )
    + """\
examples:
  - name: one
    given: |
      POST /dropping

      {"shipments":[{"reference":"A-1","to":{"name":"Zoe"}}]}
    sends: |
      POST /dropping

      {"shipments":[{"reference":"psn_*","to":{"name":"Zoe"}}]}
"""
)
SET = {**FILES, "parcels/manifest.yaml": MANIFEST, "parcels/dropping.yaml": DROPPING, "parcels/lines.yaml": LINES}


def order(number: int, country: str = "DE") -> dict[str, Any]:
    person = {"role": "consignee", "subject": f"c-{number}", "jurisdiction": country}
    return {"kind": "order", "order": f"B-{number}", "people": [person]}


def consent(number: int, purpose: str, state: str = "given") -> dict[str, Any]:
    return {"kind": "consent", "subject": f"c-{number}", "purpose": purpose, "state": state, "explicit": True}


PEOPLE: tuple[Mapping[str, Any], ...] = (
    *FACTS,
    *map(order, (1, 2, 3, 4, 5)),
    order(8, "CN"),
    order(9, "CN"),
    consent(8, "delivery"),
)
ASKED = (consent(1, "delivery_notification"), consent(2, "delivery_notification", "withdrawn"))


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("batch"), files=SET, facts=(*PEOPLE, *ASKED)) as gateway:
        yield gateway


@pytest.fixture
def gateway(shared: Running) -> Running:
    shared.reset()
    return shared


def parcel(number: int, **members: object) -> dict[str, Any]:
    to = {"name": f"Zoë {number}", "email": f"z{number}@example.com", "birthday": "1990"} | members
    return {"reference": f"B-{number}", "weight": 1.50, "to": to}


def sent(gateway: Running, target: str, *parcels: object, **fields: str) -> Reply:
    body = json.dumps({"pickup": "am", "shipments": parcels}).encode()
    return gateway.call("POST", f"/parcels/{target}", *fields.values(), body=body)


def received(gateway: Running) -> list[dict[str, Any]]:
    [request] = gateway.parcels.received
    items: list[dict[str, Any]] = json.loads(request.payload)["shipments"]
    return items


def names(items: Sequence[dict[str, Any]]) -> list[str]:
    return [item["to"]["name"] for item in items]


def withheld(intent: dict[str, Any]) -> dict[str, Any]:
    return {group["reason"]: group["paths"] for group in intent["withheld"]}


def test_everybody_goes_who_may_with_what_each_agreed_to(gateway: Running) -> None:
    reply = sent(gateway, "manifests", parcel(1), parcel(2), parcel(3))

    assert reply.status == 200
    items = received(gateway)
    assert names(items) == ["Zoë 1", "Zoë 2", "Zoë 3"]
    assert [item["to"].get("email") for item in items] == ["z1@example.com", None, None]
    assert len({item["reference"] for item in items}) == 3
    stayed = withheld(gateway.record(kind="intent")[0])
    assert stayed["consent.withdrawn"] == stayed["consent.missing"] == ["$.shipments.*.to.email"]


def test_a_token_is_that_of_the_person_of_its_item(gateway: Running) -> None:
    sent(gateway, "manifests", *[parcel(number) | {"gift": "G-1"} for number in (1, 2, 1)])

    first, second, third = [item["gift"] for item in received(gateway)]
    assert first == third != second
    assert first != "G-1"


def test_of_a_note_in_a_long_batch_the_name_of_its_own_item_is_taken_out(gateway: Running) -> None:
    items = [parcel(1, name=f"Ann{number}") | {"note": f"for Ann{number}, ring"} for number in range(400)]

    sent(gateway, "manifests", *items)

    assert {item["note"] for item in received(gateway)} == {"for <PERSON>, ring"}


def test_the_record_is_found_by_each_of_them(gateway: Running) -> None:
    sent(gateway, "manifests", parcel(1), parcel(2))

    newest = gateway.entries(kind="intent")[0].seq
    for subject in ("c-1", "c-2"):
        assert gateway.entries(kind="intent", subject=subject)[0].seq == newest
    assert newest not in [entry.seq for entry in gateway.entries(kind="intent", subject="c-3")]
    grounds = gateway.record(kind="intent")[0]["grounds"]
    assert [(each["role"], each["basis"]) for each in grounds] == [("consignee", "legitimate_interest")]


REFUSED = {
    "nobody knows the order": (parcel(77), "subject.unresolved"),
    "no order": ({"to": {"name": "Zoe"}}, "subject.unresolved"),
    "no consent where the law asks for it": (parcel(9), "consent.missing"),
    "the call says where somebody lives": (parcel(4, country="CN"), "consent.missing"),
    "a field that must be there": (parcel(4, name=None), "field.required"),
    "a person where there is none": (parcel(4) | {"weight": "zoe@example.com"}, "field.personal"),
    "no object": ("B-4", "subject.unresolved"),
}
refusals = pytest.mark.parametrize(("bad", "code"), REFUSED.values(), ids=REFUSED.keys())


@refusals
@pytest.mark.parametrize("first", [True, False])
def test_one_who_must_not_go_keeps_everybody_here(gateway: Running, bad: object, code: str, first: bool) -> None:
    items = [bad, parcel(1)] if first else [parcel(1), bad]

    reply = sent(gateway, "manifests", *items)

    assert reply.code == code
    assert gateway.received == []


@refusals
@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_who_must_not_go_stays_alone_where_the_contract_says_so(
    gateway: Running, bad: object, code: str, place: int
) -> None:
    items = [parcel(1), parcel(8)]
    items.insert(place, bad)  # type: ignore[arg-type]

    reply = sent(gateway, "dropping", *items)

    assert reply.status == 200
    assert names(received(gateway)) == ["Zoë 1", "Zoë 8"]
    assert b'"weight":1.5' in gateway.parcels.received[0].payload
    intent = gateway.record(kind="intent")[0]
    assert "$.shipments.*" in withheld(intent)[code]
    assert sorted((each["jurisdiction"], each["basis"]) for each in intent["grounds"]) == [
        ("CN", "explicit_consent"),
        ("DE", "legitimate_interest"),
    ]
    assert int(reply.headers["gateway-withheld"]) >= 1


def test_where_nobody_may_go_nothing_goes(gateway: Running) -> None:
    reply = sent(gateway, "dropping", parcel(77), parcel(9))

    assert (reply.status, reply.code) == (403, "subject.unresolved")
    assert gateway.received == []


@pytest.mark.parametrize("target", ["manifests", "dropping"])
def test_a_batch_of_nobody_is_about_nobody_and_does_not_go(gateway: Running, target: str) -> None:
    for body in (
        b'{"pickup":"am","shipments":[]}',
        b'{"pickup":"am"}',
        b'{"pickup":"am","shipments":{"to":{"name":"Zoe"}}}',
    ):
        reply = gateway.call("POST", f"/parcels/{target}", body=body)

        assert reply.code == "subject.unresolved"
    assert gateway.received == []


@pytest.mark.parametrize("target", ["manifests", "dropping"])
def test_more_people_than_the_contract_allows_do_not_go(gateway: Running, target: str) -> None:
    fits = sent(gateway, target, *[parcel(number) for number in (1, 2, 3, 4, 4, 4)])
    refused = sent(gateway, target, *[parcel(number) for number in (1, 2, 3, 4, 5)])

    assert fits.status == 200
    assert (refused.status, refused.code) == (403, "limit.subjects")
    assert len(gateway.parcels.received) == 1


def test_a_withdrawal_counts_for_the_item_that_it_concerns(gateway: Running) -> None:
    before = sent(gateway, "dropping", parcel(1), parcel(8))
    gateway.put(consent(8, "delivery", "withdrawn"))
    gateway.reset()
    after = sent(gateway, "dropping", parcel(1), parcel(8))
    gateway.put(consent(8, "delivery"))

    assert (before.status, after.status) == (200, 200)
    assert names(received(gateway)) == ["Zoë 1"]
    assert "$.shipments.*" in withheld(gateway.record(kind="intent")[0])["consent.withdrawn"]


@dataclass
class Slow:
    """A ledger in which a deed is done while the first intent is being written down."""

    book: Book
    deeds: list[Callable[[], Awaitable[None]]]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.book, name)

    async def intend(self, *arguments: Any, **named: Any) -> Ticket:
        ticket = await self.book.intend(*arguments, **named)
        while self.deeds:
            await self.deeds.pop()()
        return ticket


def test_a_withdrawal_counts_for_every_item_until_the_first_byte(
    gateway: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    exchange, registry = gateway.gateway.exchange, gateway.stores.registry
    late = ROWS.validate_python([consent(8, "delivery", "withdrawn")])
    monkeypatch.setattr(exchange, "_ledger", Slow(exchange._ledger, [lambda: registry.put(late)]))

    reply = sent(gateway, "dropping", parcel(1), parcel(8))
    gateway.put(consent(8, "delivery"))

    assert reply.status == 200
    assert names(received(gateway)) == ["Zoë 1"]
    assert [each["outcome"]["result"] for each in gateway.record(kind="intent")[:2]] == ["sent", "not_sent"]


def test_who_the_shop_means_is_one_of_them(gateway: Running) -> None:
    meant = sent(gateway, "manifests", parcel(1), parcel(2), who="Gateway-Subject: c-2")
    other = sent(gateway, "manifests", parcel(1), parcel(2), who="Gateway-Subject: c-3")

    assert (meant.status, other.code) == (200, "subject.mismatch")


def test_other_calls_have_their_turn_between_two_items(gateway: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    deciding, turns = gateway.gateway.exchange.deciding, [0]
    seen: list[int] = []
    cleared = deciding._cleared

    def turn() -> None:
        turns[0] += 1
        if len(seen) < 4:
            gateway.loop.call_soon(turn)

    def clear(*arguments: Any) -> Any:
        seen.append(turns[0])
        return cleared(*arguments)

    monkeypatch.setattr(deciding, "_cleared", clear)
    gateway.loop.call_soon_threadsafe(turn)

    assert sent(gateway, "manifests", *map(parcel, (1, 2, 3, 4))).status == 200
    assert len(set(seen)) == 4


def test_lines_are_items_too(gateway: Running) -> None:
    lines = b"\n".join(json.dumps(each).encode() for each in (parcel(1), parcel(77), parcel(2)))

    reply = gateway.call("POST", "/parcels/lines", "Content-Type: application/x-ndjson", body=lines)

    assert reply.status == 200
    [request] = gateway.parcels.received
    assert names([json.loads(line) for line in request.payload.splitlines()]) == ["Zoë 1", "Zoë 2"]


@pytest.mark.parametrize("name", ["parcels/manifest", "parcels/dropping", "parcels/lines"])
async def test_the_examples_of_these_contracts_hold(name: str) -> None:
    verdicts = await rehearsed(loaded(SET), frozenset({name}))

    assert [(each.name, each.problems) for each in verdicts if each.problems] == []
    assert verdicts
