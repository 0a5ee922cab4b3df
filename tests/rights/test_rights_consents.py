"""Consent is given and withdrawn at once; what it does not carry goes on, and the answer says on which basis."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from asking import People, case
from running import Running, running

from gateway.vocabulary import Role

EMAIL = {"name": "Zoe", "country": "DE", "email": "zoe@example.com"}
YES = {"purpose": "delivery_notification", "vendor": "parcels", "method": "account_setting"}
PERSON, OTHER = "c-89", "c-88"


@pytest.fixture
def people(tmp_path: Any) -> Iterator[People]:
    with running(tmp_path) as gateway:
        yield People(gateway)


def given(people: People, ref: str = PERSON, **asked: object) -> list[dict[str, Any]]:
    answer = people.ask(people.subject(ref), "/v1/consents", YES | asked)
    assert answer.status == 200, answer.payload
    return list(answer.document["consents"])


def withdrawn(people: People, ref: str = PERSON, **asked: object) -> dict[str, Any]:
    answer = people.ask(people.subject(ref), "/v1/consents/withdraw", asked)
    assert answer.status == 200, answer.payload
    return dict(answer.document)


def email_of(gateway: Running) -> str | None:
    """The e-mail address with which a parcel left."""
    gateway.reset()
    reply = gateway.ship(to=EMAIL)
    assert reply.status == 200, reply.payload
    [sent] = gateway.parcels.received
    return json.loads(sent.payload)["to"].get("email")  # type: ignore[no-any-return]


def test_a_yes_counts_for_the_next_call_and_a_no_too(people: People) -> None:
    assert email_of(people.gateway) is None

    [consent] = given(people)
    after_yes = email_of(people.gateway)
    effect = withdrawn(people, purpose="delivery_notification")
    after_no = email_of(people.gateway)

    assert (consent["state"], consent["in_force"], consent["explicit"]) == ("given", True, False)
    assert (after_yes, after_no) == ("zoe@example.com", None)
    assert [(each["record"], each["in_force"]) for each in effect["ended"]] == [(consent["record"], False)]
    facts = [(each["fact"], each["state"]) for each in people.gateway.record(kind="fact", subject=PERSON)]
    assert sorted(facts) == [
        ("consent:delivery_notification", "given"),
        ("consent:delivery_notification", "withdrawn"),
        ("telling:withdraw_consent", "asked"),
    ]


def test_a_withdrawal_in_the_middle_of_an_order_lists_what_stops_and_what_goes_on_and_why(people: People) -> None:
    given(people)

    effect = withdrawn(people, purpose="delivery_notification")

    [stops] = effect["stops"]
    assert (stops["vendor"], stops["recipient"], stops["operation"]) == ("parcels", "Parcels GmbH", "ship")
    assert (stops["purpose"]["code"], stops["basis"]["code"]) == ("delivery_notification", "consent")
    assert [each["code"] for each in stops["categories"]] == ["contact.email"]
    going = {(each["operation"], each["purpose"]["code"]): each for each in effect["goes_on"]}
    ship = going["ship", "delivery"]
    assert (ship["basis"]["code"], ship["as"]) == ("legitimate_interest", "consignee")
    assert {"person.name", "address.city"} <= {each["code"] for each in ship["categories"]}
    assert ship["basis"]["en"] == "our legitimate interest"
    assert "contact.email" not in {each["code"] for use in effect["goes_on"] for each in use["categories"]}
    assert effect["orders"] == "go_on"


def test_a_no_at_one_vendor_leaves_the_yes_at_others(people: People) -> None:
    given(people, vendor=None)

    withdrawn(people, vendor="payments")
    still = email_of(people.gateway)
    withdrawn(people, vendor="parcels")

    assert still == "zoe@example.com"
    assert email_of(people.gateway) is None


@pytest.mark.parametrize("path", ["/v1/consents", "/v1/consents/withdraw"])
def test_an_answer_about_nobody_is_refused_with_the_name_that_may_be_meant(people: People, path: str) -> None:
    asked = (YES if path == "/v1/consents" else {"purpose": YES["purpose"]}) | {"vendor": "parcel"}

    answer = people.ask(people.subject(PERSON), path, asked)

    assert (answer.status, answer.document["code"]) == (422, "request.invalid")
    assert answer.document["message"].endswith("did you mean `parcels`?")
    assert people.gateway.record(kind="fact", subject=PERSON) == []


def test_whoever_withdraws_touches_nobody_else(people: People) -> None:
    given(people)

    withdrawn(people, OTHER, everything=True)
    consents = people.ask(people.subject(PERSON), "/v1/consents/list").document["consents"]

    assert [each["in_force"] for each in consents] == [True]


def test_a_no_is_put_down_although_nobody_had_said_yes(people: People) -> None:
    effect = withdrawn(people, purpose="fault_repair")

    assert (effect["ended"], effect["stops"]) == ([], [])
    [consent] = people.ask(people.subject(PERSON), "/v1/consents/list").document["consents"]
    assert (consent["purpose"], consent["state"]) == ("fault_repair", "withdrawn")


def test_a_person_sees_what_they_said_as_the_newest_counts(people: People) -> None:
    given(people)
    withdrawn(people, purpose="delivery_notification")
    given(people, explicit=True)

    consents = people.ask(people.subject(PERSON), "/v1/consents/list").document["consents"]

    assert [(each["state"], each["explicit"], each["in_force"]) for each in consents] == [
        ("given", True, True), ("withdrawn", False, False), ("given", False, False),
    ]  # fmt: skip


WRONG: dict[str, dict[str, object]] = {
    "nothing": {},
    "everything and a purpose": {"everything": True, "purpose": "delivery"},
    "a purpose that does not exist": {"purpose": "fun"},
}


@pytest.mark.parametrize("asked", WRONG.values(), ids=WRONG.keys())
def test_a_withdrawal_says_of_what(people: People, asked: dict[str, object]) -> None:
    assert people.ask(people.subject(PERSON), "/v1/consents/withdraw", asked).status == 422


def test_a_box_that_was_ticked_before_is_no_way_to_consent(people: People) -> None:
    for method in ("pre_ticked", "deemed", None):
        assert people.ask(people.subject(PERSON), "/v1/consents", YES | {"method": method}).status == 422


def test_customer_service_withdraws_for_somebody_with_case_and_reason(people: People) -> None:
    given(people)
    agent = people.staff("ada", Role.AGENT)

    bare = people.ask(agent, "/v1/consents/withdraw", {"everything": True})
    done = people.ask(agent, "/v1/consents/withdraw", {"purpose": "delivery_notification"} | case(PERSON))

    assert (bare.status, done.status) == (422, 200)
    assert email_of(people.gateway) is None
    [access] = people.gateway.record(kind="access", subject=PERSON)
    assert (access["action"], access["why"]) == ("consent:withdrawn", "asked on the telephone")


def test_nobody_consents_for_the_dead_and_a_guardian_is_put_down_as_one(people: People) -> None:
    agent = people.staff("ada", Role.AGENT)
    dead = case(PERSON, requester="relative", proof="death_certificate")

    assert people.ask(agent, "/v1/consents", YES | dead).code == "request.ruling"
    assert (
        people.ask(agent, "/v1/consents", YES | case(PERSON, requester="guardian", proof="guardianship")).status == 200
    )


def everything(people: People, ref: str = OTHER) -> tuple[dict[str, Any], int]:
    """The effect of withdrawing everything, and how a parcel is answered after it."""
    effect = withdrawn(people, ref, everything=True)
    people.gateway.reset()
    return effect, people.gateway.ship().status


@pytest.mark.parametrize(
    ("setting", "orders", "status"), [("ask", "asked", 403), ("stop", "stopped", 403), ("continue", "go_on", 200)]
)
def test_whoever_withdraws_everything_stops_their_orders_as_the_settings_say(
    tmp_path: Any, setting: str, orders: str, status: int
) -> None:
    with running(tmp_path, withdraw_all_stops_contract=setting) as gateway:
        people = People(gateway)

        effect, answered = everything(people)

        assert (effect["orders"], answered) == (orders, status)
        assert (gateway.received == []) is (status == 403)
        waiting = people.ask(people.subject(OTHER), "/v1/requests/list").document["requests"]
        assert [each["status"] for each in waiting] == (["requires_action"] if setting == "ask" else [])


@pytest.mark.parametrize(("answer", "orders", "status"), [("continue", "go_on", 200), ("stop", "stopped", 403)])
def test_the_person_is_asked_what_becomes_of_their_orders(
    people: People, answer: str, orders: str, status: int
) -> None:
    everything(people)
    [request] = people.ask(people.subject(OTHER), "/v1/requests/list").document["requests"]
    path = f"/v1/requests/{request['request']}/answer"

    foreign = people.ask(people.subject(PERSON), path, {"orders": "continue"})
    told = people.ask(people.subject(OTHER), path, {"orders": answer})
    again = people.ask(people.subject(OTHER), path, {"orders": answer})

    assert (foreign.status, told.document["orders"], again.code) == (404, orders, "request.closed")
    [after] = people.ask(people.subject(OTHER), "/v1/requests/list").document["requests"]
    # Whatever they wish, the shop refused nothing.
    assert [each["ruling"] for each in after["decisions"]] == [answer]
    people.gateway.reset()
    assert people.gateway.ship().status == status


def test_whoever_withdraws_everything_twice_is_asked_once_and_again_after_an_answer(people: People) -> None:
    def requests() -> list[dict[str, Any]]:
        found = people.ask(people.subject(OTHER), "/v1/requests/list").document["requests"]
        return [each for each in found if each["status"] == "requires_action"]

    for _ in range(2):
        everything(people)
    [request] = requests()
    people.ask(people.subject(OTHER), f"/v1/requests/{request['request']}/answer", {"orders": "continue"})
    _, after = everything(people)

    [another] = requests()
    assert another["request"] != request["request"]
    assert after == 403


def test_of_a_child_the_yes_of_a_guardian_is_in_force_and_no_own_one(people: People) -> None:
    people.gateway.put({"kind": "flag", "subject": "child-1", "flag": "minor"})
    asked = {"purpose": "delivery", "method": "app"}
    guardian = asked | case("child-1", requester="guardian", proof="guardianship")

    own = people.ask(people.subject("child-1"), "/v1/consents", asked).document["consents"]
    given = people.ask(people.staff("anna", Role.AGENT), "/v1/consents", guardian).document["consents"]

    assert [each["in_force"] for each in own] == [False]
    assert [each["in_force"] for each in given] == [True, False]


def test_a_no_under_one_reference_ends_a_yes_under_another_also_where_they_are_linked_no_more(people: People) -> None:
    link = {"kind": "link", "subject": "account-7", "other": PERSON}
    given(people)
    people.gateway.put(link)
    before = email_of(people.gateway)

    effect = withdrawn(people, "account-7", everything=True)
    people.gateway.put(link | {"lifted": True})

    assert (before, email_of(people.gateway), len(effect["ended"])) == ("zoe@example.com", None, 1)
    steps = [each["state"] for each in people.gateway.record(kind="fact", subject=PERSON) if "state" in each]
    assert steps.count("withdrawn") == 1
    token = people.gateway.token("rita", role=Role.REVIEWER)
    reply = people.gateway.said(
        people.gateway.raw("GET", "/reports/withdrawals?form=json", token=token), operators=True
    )
    assert [row["ended"] for row in json.loads(reply.payload)["rows"]] == [1]


def test_a_person_answers_under_one_reference_what_was_asked_under_another(tmp_path: Any) -> None:
    with running(tmp_path, withdraw_all_stops_contract="ask") as gateway:
        people, everything = People(gateway), {"everything": True}
        gateway.put({"kind": "link", "subject": "account-7", "other": OTHER})
        token = people.subject("account-7")

        people.ask(people.staff("anna", Role.AGENT), "/v1/consents/withdraw", everything | case(OTHER))
        people.ask(token, "/v1/consents/withdraw", everything)
        stopped = gateway.ship().code
        [request] = people.ask(token, "/v1/requests/list").document["requests"]
        answer = people.ask(token, f"/v1/requests/{request['request']}/answer", {"orders": "continue"})

        assert (stopped, answer.document["orders"]) == ("subject.winding_up", "go_on")
        assert gateway.ship().status == 200


def test_what_winds_an_order_up_still_goes_after_everything_was_withdrawn(people: People) -> None:
    people.gateway.put({"kind": "subject", "subject": "c-1", "jurisdiction": "DE"})
    before = withdrawn(people, "c-1", purpose="delivery")["goes_on"]

    after = withdrawn(people, "c-1", everything=True)["goes_on"]

    assert {each["purpose"]["code"] for each in before} > {"delivery", "after_sales"}
    assert {each["purpose"]["code"] for each in after} == {"after_sales"}


class Waiting:
    """A ledger whose first intent is durable, and whose call then waits, as for a vendor that is slow to connect."""

    def __init__(self, ledger: Any) -> None:
        self._ledger = ledger
        self.reached, self.going = threading.Event(), threading.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    async def intend(self, *arguments: Any, **more: Any) -> Any:
        ticket = await self._ledger.intend(*arguments, **more)
        if not self.reached.is_set():
            self.reached.set()
            await asyncio.to_thread(self.going.wait, 20)
        return ticket


def left_after(people: People, book: Waiting) -> tuple[dict[str, Any], list[str]]:
    """What a parcel leaves with that was decided and written down before a withdrawal, and sent after its answer."""
    gateway = people.gateway
    given(people)
    gateway.gateway.exchange._ledger = book
    try:
        with ThreadPoolExecutor() as pool:
            shipping = pool.submit(lambda: gateway.ship(to=EMAIL))
            assert book.reached.wait(60)
            withdrawn(people, purpose="delivery_notification")
            book.going.set()
            assert shipping.result(60).status == 200
    finally:
        book.going.set()
        gateway.gateway.exchange._ledger = gateway.stores.ledger
    [sent] = gateway.parcels.received
    results = [each["outcome"]["result"] for each in gateway.record(kind="intent")]
    return dict(json.loads(sent.payload)["to"]), results


def test_what_is_durable_but_not_on_its_way_when_a_withdrawal_is_answered_leaves_without_it(people: People) -> None:
    to, results = left_after(people, Waiting(people.gateway.stores.ledger))

    assert to == {name: value for name, value in EMAIL.items() if name != "email"}
    assert results == ["sent", "not_sent"]


def test_a_gateway_that_does_not_look_again_before_the_first_byte_is_noticed(people: People) -> None:
    exchange: Any = people.gateway.gateway.exchange
    exchange._may_leave = lambda _, ticket: people.gateway.stores.ledger.release(ticket)

    to, _ = left_after(people, Waiting(people.gateway.stores.ledger))

    assert to == EMAIL


def test_nothing_that_was_decided_before_a_withdrawal_leaves_after_its_answer(people: People) -> None:
    gateway = people.gateway
    given(people)
    token, shipped, answered = people.subject(PERSON), threading.Event(), threading.Event()
    late: list[str] = []

    def ship() -> None:
        while not answered.is_set():
            gateway.ship(to=EMAIL)
            shipped.set()

    def ship_after() -> None:
        gateway.reset()
        gateway.ship(to=EMAIL)
        late.extend(sent.payload.decode() for sent in gateway.parcels.received)

    shipping = [threading.Thread(target=ship) for _ in range(6)]
    for each in shipping:
        each.start()
    assert shipped.wait(60)
    effect = people.ask(token, "/v1/consents/withdraw", {"purpose": "delivery_notification"})
    since = time.time_ns() // 1_000
    answered.set()
    for each in shipping:
        each.join()
    ship_after()

    assert effect.status == 200
    entries = gateway.entries(kind="intent")
    with_email = [each for each in entries if "contact.email" in json.dumps(each.body.get("disclosed", []))]
    left = [each for each in with_email if (each.outcome or {}).get("result") != "not_sent"]
    assert left
    assert not any(int(str(each.body["ts"])) > since for each in left)
    assert late
    assert not any("zoe@example.com" in payload for payload in late)
