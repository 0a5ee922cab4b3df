"""What people ask for is on record when it is answered, decided by those who may, and in time."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from asking import Answer, People, case
from hypothesis import given
from hypothesis import strategies as st
from running import BY, running

from gateway.rights.requests import months_after
from gateway.vocabulary import Right, Role

ERASURE = {"right": "erasure", "categories": ["person.name", "contact.phone"]}


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    with running(tmp_path_factory.mktemp("rights")) as gateway:
        yield People(gateway)


@pytest.fixture
def steward(people: People) -> str:
    return people.staff("stella", Role.STEWARD)


def opened(people: People, ref: str = "c-1", **asked: object) -> dict[str, Any]:
    answer = people.ask(people.subject(ref), "/v1/requests", ERASURE | asked)
    assert answer.status == 200, answer.payload
    return dict(answer.document)


def decided(people: People, steward: str, request: str, *decisions: object) -> Answer:
    return people.ask(steward, f"/v1/requests/{request}/decision", {"decisions": decisions})


def test_a_request_is_acknowledged_with_the_month_in_which_it_is_answered(people: People) -> None:
    request = opened(people, "c-acknowledged")

    received, due = (datetime.fromisoformat(request[name]) for name in ("received", "due"))
    assert (request["status"], request["overdue"], request["decisions"]) == ("acknowledged", False, [])
    assert due == months_after(received, 1)
    entries = people.gateway.record(kind="fact", subject="c-acknowledged")
    assert {(entry["fact"], entry["state"], entry["by"]) for entry in entries} == {
        ("request:erasure", "acknowledged", "subject"),
        ("flag:restricted", "set", "subject"),
    }


def test_a_correction_is_accepted_at_once(people: People) -> None:
    request = opened(people, right="rectification")

    assert request["status"] == "accepted"
    assert request["decisions"] == [{"category": None, "ruling": "rectify", "reason": None}]


def test_a_decision_goes_category_by_category_with_reasons(people: People, steward: str) -> None:
    request = opened(people)["request"]

    answer = decided(
        people, steward, request,
        {"category": "person.name", "ruling": "restrict", "reason": "legally_required"},
        {"ruling": "erase"},
    )  # fmt: skip

    assert answer.status == 200
    assert answer.document["status"] == "accepted"
    assert [(each["category"], each["ruling"], each["reason"]) for each in answer.document["decisions"]] == [
        ("person.name", "restrict", "legally_required"),
        (None, "erase", None),
    ]
    told = [(each["fact"], each["state"], each["by"]) for each in people.gateway.record(kind="fact", subject="c-1")]
    assert ("request:erasure", "accepted", "stella") in told
    assert decided(people, steward, request, {"ruling": "erase"}).code == "request.closed"


WRONG: dict[str, list[dict[str, str]]] = {
    "nothing of a category": [{"category": "person.name", "ruling": "erase"}],
    "twice of one": [{"ruling": "erase"}, {"ruling": "erase"}],
    "of another category": [{"category": "tech.ip", "ruling": "erase"}, {"ruling": "erase"}],
    "what belongs to another right": [{"ruling": "stop"}],
    "a restriction without a reason": [{"ruling": "restrict"}],
    "a reason for what was asked for": [{"ruling": "erase", "reason": "legal_claims"}],
}


@pytest.mark.parametrize("decisions", WRONG.values(), ids=WRONG.keys())
def test_what_cannot_be_decided_changes_nothing(people: People, steward: str, decisions: list[object]) -> None:
    request = opened(people)["request"]

    answer = decided(people, steward, request, *decisions)

    assert (answer.status, answer.code) == (422, "request.ruling")
    seen = people.ask(steward, f"/v1/requests/{request}", method="GET").document
    assert (seen["status"], seen["decisions"]) == ("acknowledged", [])


def test_what_is_refused_as_a_whole_is_rejected(people: People, steward: str) -> None:
    request = opened(people)["request"]

    answer = decided(people, steward, request, {"ruling": "refuse", "reason": "identity_failure"})

    assert answer.document["status"] == "rejected"


def test_what_was_accepted_ends_when_it_was_carried_out(people: People, steward: str) -> None:
    request = opened(people)["request"]
    closing = f"/v1/requests/{request}/closing"

    early = people.ask(steward, closing, {"fulfilled": True})
    decided(people, steward, request, {"ruling": "erase"})
    done = people.ask(steward, closing, {"fulfilled": True})
    again = people.ask(steward, closing, {"fulfilled": False})

    assert (early.code, done.document["status"], again.code) == ("request.ruling", "fulfilled", "request.closed")


def test_a_request_is_extended_once_by_two_months(people: People, steward: str) -> None:
    request = opened(people)
    extension = f"/v1/requests/{request['request']}/extension"

    first, second = (people.ask(steward, extension, {"reason": "complexity"}) for _ in range(2))

    received = datetime.fromisoformat(request["received"])
    assert datetime.fromisoformat(first.document["due"]) == months_after(received, 3)
    assert first.document["extended"] == "complexity"
    assert second.code == "request.closed"


def test_stewards_see_what_waits_and_first_what_is_due_first(people: People, steward: str) -> None:
    mine, later = opened(people, "c-7"), opened(people, "c-8")
    people.ask(steward, f"/v1/requests/{mine['request']}/extension", {"reason": "number"})

    waiting = people.ask(steward, "/v1/requests/waiting").document["requests"]

    order = [each["request"] for each in waiting if each["subject"] in ("c-7", "c-8")]
    assert order == [later["request"], mine["request"]]
    assert [each["due"] for each in waiting] == sorted(each["due"] for each in waiting)


def test_a_person_sees_their_own_requests_and_nobody_elses(people: People) -> None:
    mine, theirs = opened(people, "c-5", right="objection"), opened(people, "c-6")

    listed = people.ask(people.subject("c-5"), "/v1/requests/list").document["requests"]
    own = people.ask(people.subject("c-5"), f"/v1/requests/{mine['request']}", method="GET")
    other = people.ask(people.subject("c-5"), f"/v1/requests/{theirs['request']}", method="GET")
    nobodys = people.ask(people.subject("c-5"), f"/v1/requests/{'0' * 32}", method="GET")

    assert listed == [mine] == [own.document]
    assert (other.status, other.payload) == (404, nobodys.payload)


@pytest.mark.parametrize("right", sorted({Right.ACCESS, Right.PORTABILITY, Right.WITHDRAW_CONSENT}))
def test_what_is_answered_elsewhere_is_no_request(people: People, right: str) -> None:
    assert people.ask(people.subject("c-1"), "/v1/requests", {"right": right}).status == 422


def test_customer_service_acts_with_a_case_and_a_reason(people: People) -> None:
    agent = people.staff("ada", Role.AGENT)

    answers = [
        people.ask(agent, "/v1/requests", ERASURE),
        people.ask(agent, "/v1/requests", ERASURE | case("c-4", reason="")),
        people.ask(agent, "/v1/requests", ERASURE | case("c-4", verified="same_name")),
        people.ask(agent, "/v1/requests", ERASURE | case("c-4")),
    ]

    assert [answer.status for answer in answers] == [422, 422, 422, 200]
    [access] = people.gateway.record(kind="access", subject="c-4")
    assert (access["reviewer"], access["action"], access["why"]) == ("ada", "request:erasure", "asked on the telephone")
    assert access["filters"] == [["case", "CS-1"], ["requester", "self"], ["verified", "call_back"]]
    facts = people.gateway.record(kind="fact", subject="c-4")
    assert {fact["by"] for fact in facts} == {"ada"}
    assert "c-4" not in repr([access, *facts])


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/v1/disclosures", {}),
        ("/v1/requests", {"right": "rectification", "categories": ["person.name"]}),
        ("/v1/requests", ERASURE),
    ],
    ids=["access", "correction", "deletion"],
)
def test_relatives_of_somebody_who_died_see_correct_and_delete_with_a_proof(
    people: People, path: str, asked: dict[str, Any]
) -> None:
    agent, ref = people.staff("ada", Role.AGENT), f"c-late-{asked.get('right', 'access')}"

    unproved = people.ask(agent, path, asked | case(ref, requester="relative"))
    proved = people.ask(agent, path, asked | case(ref, requester="relative", proof="death_certificate"))

    assert (unproved.status, proved.status) == (422, 200)
    [access] = people.gateway.record(kind="access", subject=ref)
    assert {"requester": "relative", "proof": "death_certificate"}.items() <= dict(access["filters"]).items()


@given(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)), st.integers(1, 12))  # noqa: DTZ001
def test_a_month_ends_on_the_same_day_or_on_the_last(moment: datetime, months: int) -> None:
    moment = moment.replace(tzinfo=UTC)
    later = months_after(moment, months)

    assert (later.year - moment.year) * 12 + later.month - moment.month == months
    assert later.day == moment.day or (later.day < moment.day and (later.replace(day=later.day)).month == later.month)
    assert later.timetz() == moment.timetz()


def test_the_last_of_january_leads_to_the_last_of_february() -> None:
    assert months_after(datetime(2027, 1, 31, tzinfo=UTC), 1) == datetime(2027, 2, 28, tzinfo=UTC)
    assert months_after(datetime(2026, 12, 15, tzinfo=UTC), 1) == datetime(2027, 1, 15, tzinfo=UTC)


RESTRICTING = ["objection", "restriction", "erasure"]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[People]:
    with running(tmp_path) as gateway:
        yield People(gateway)


def ships(people: People) -> bool:
    """Whether a parcel to c-88's order leaves."""
    people.gateway.reset()
    reply = people.gateway.ship()
    assert (reply.status == 200) is bool(people.gateway.received)
    assert reply.status == 200 or reply.code in ("subject.restricted", "basis.objected")
    return reply.status == 200


@pytest.mark.parametrize("right", RESTRICTING)
def test_from_its_receipt_on_nothing_leaves_until_it_is_refused(shop: People, right: str) -> None:
    steward = shop.staff("stella", Role.STEWARD)
    assert ships(shop)

    request = opened(shop, "c-88", right=right, categories=[])["request"]
    meanwhile = ships(shop)
    decided(shop, steward, request, {"ruling": "refuse", "reason": "legal_claims"})

    assert not meanwhile
    assert ships(shop)


def test_a_correction_restricts_nothing(shop: People) -> None:
    opened(shop, "c-88", right="rectification", categories=[])

    assert ships(shop)


def test_an_objection_that_is_upheld_ends_what_rests_on_our_own_interest(shop: People) -> None:
    steward = shop.staff("stella", Role.STEWARD)
    purchaser = opened(shop, "c-88", right="objection", categories=[])["request"]
    decided(shop, steward, purchaser, {"ruling": "stop"})
    # The purchaser's data rests on the contract, which no objection ends; the consignee's on our interest.
    after_purchaser = ships(shop)
    consignee = opened(shop, "c-89", right="objection", categories=[])["request"]
    answer = decided(shop, steward, consignee, {"ruling": "stop"})

    assert (after_purchaser, answer.document["status"]) == (True, "fulfilled")
    assert not ships(shop)
    assert shop.gateway.record(kind="refusal")[0]["code"] == "basis.objected"


def test_a_restriction_ends_when_a_steward_lifts_it_and_nothing_else_restricts(shop: People) -> None:
    steward = shop.staff("stella", Role.STEWARD)
    first, second = (opened(shop, "c-88", right="restriction", categories=[])["request"] for _ in range(2))
    decided(shop, steward, first, {"ruling": "restrict"})

    def lifted(request: str) -> Answer:
        return shop.ask(steward, f"/v1/requests/{request}/lifting")

    early = lifted(second)
    lifted(first)
    between = ships(shop)
    decided(shop, steward, second, {"ruling": "refuse", "reason": "legal_claims"})

    assert (early.code, between) == ("request.ruling", False)
    assert ships(shop)


@pytest.mark.parametrize("is_told", [True, False])
def test_whoever_was_told_to_restrict_hears_when_that_is_over(shop: People, *, is_told: bool) -> None:
    notices, steward = shop.gateway.stores.notices, shop.staff("stella", Role.STEWARD)
    shop.gateway.ship(to={"name": "Ann", "city": "Bonn", "country": "DE"})

    def standing() -> list[tuple[str, str]]:
        shop.gateway.do(lambda: notices.plan(by="anna"))
        found = shop.gateway.do(lambda: notices.listed({"subject": "c-89"}, by="anna"))
        return sorted((each["cause"], each["state"]) for each in found)

    first, second = (opened(shop, "c-89", right="restriction", categories=[])["request"] for _ in range(2))
    decided(shop, steward, first, {"ruling": "restrict"})
    before = standing()
    [notice] = shop.gateway.do(lambda: notices.listed({"subject": "c-89"}, by="anna"))
    if is_told:
        shop.gateway.do(lambda: notices.step({"notice": notice["id"], "state": "sent"}, by="anna"))
    shop.ask(steward, f"/v1/requests/{first}/lifting")
    between = standing()
    decided(shop, steward, second, {"ruling": "refuse", "reason": "legal_claims"})

    # While another request restricts the data, nothing is over.
    assert before == [("restriction", "task")]
    assert between == [("restriction", "sent" if is_told else "task")]
    told = [("restriction", "sent"), ("unrestricted", "task")]
    assert standing() == (told if is_told else [("restriction", "taken_back")])


def test_a_restriction_is_the_last_that_a_vendor_hears_while_it_stands(shop: People) -> None:
    notices, steward = shop.gateway.stores.notices, shop.staff("stella", Role.STEWARD)
    shop.gateway.ship(to={"name": "Ann", "city": "Bonn", "country": "DE"})

    def restricted(*categories: str) -> str:
        request = opened(shop, "c-89", right="restriction", categories=categories)["request"]
        decided(shop, steward, request, {"ruling": "restrict"})
        return str(request)

    def standing() -> list[tuple[str, str]]:
        shop.gateway.do(lambda: notices.plan(by=BY))
        found = shop.gateway.do(lambda: notices.listed({"subject": "c-89"}, by=BY))
        return sorted((each["cause"], each["state"]) for each in found)

    first = restricted("person.name")
    standing()
    [notice] = shop.gateway.do(lambda: notices.listed({"subject": "c-89"}, by=BY))
    shop.gateway.do(lambda: notices.step({"notice": notice["id"], "state": "sent"}, by=BY))
    shop.ask(steward, f"/v1/requests/{first}/lifting")
    freed = standing()
    second, third = restricted("person.name"), restricted("address.city")
    again = standing()
    for request in (second, third):
        shop.ask(steward, f"/v1/requests/{request}/lifting")

    assert freed == [("restriction", "sent"), ("unrestricted", "task")]
    assert again == [("restriction", "sent"), *[("restriction", "task")] * 2, ("unrestricted", "taken_back")]
    # Of the first one, which the vendor has heard, it hears the end, and nothing of the others.
    both = [("unrestricted", "taken_back"), ("unrestricted", "task")]
    assert standing() == [("restriction", "sent"), *[("restriction", "taken_back")] * 2, *both]


def test_what_the_shop_restricted_itself_no_request_sets_free(shop: People) -> None:
    shop.gateway.put({"kind": "flag", "subject": "c-88", "flag": "restricted"})
    request = opened(shop, "c-88", right="objection", categories=[])["request"]

    decided(shop, shop.staff("stella", Role.STEWARD), request, {"ruling": "refuse", "reason": "legal_claims"})

    assert not ships(shop)


def test_what_the_shop_restricts_meanwhile_no_request_sets_free_and_a_later_one_ends_as_any(shop: People) -> None:
    flag = {"kind": "flag", "subject": "c-88", "flag": "restricted"}
    steward = shop.staff("stella", Role.STEWARD)

    def refused(request: str) -> bool:
        decided(shop, steward, request, {"ruling": "refuse", "reason": "legal_claims"})
        return ships(shop)

    first = opened(shop, "c-88", right="restriction", categories=[])["request"]
    shop.gateway.put(flag)
    meanwhile = refused(first)
    second = opened(shop, "c-88", right="restriction", categories=[])["request"]
    shop.gateway.put(flag | {"lifted": True})
    third = opened(shop, "c-88", right="restriction", categories=[])["request"]
    between = refused(second)

    assert (meanwhile, between) == (False, False)
    assert refused(third)


def test_an_erasure_that_was_begun_keeps_somebody_restricted_whatever_becomes_of_their_request(shop: People) -> None:
    request = opened(shop, "c-88", right="restriction", categories=[])["request"]
    shop.gateway.do(lambda: shop.gateway.stores.erasures.begin({"subject": "c-88", "reason": "letter"}, by=BY))

    decided(shop, shop.staff("stella", Role.STEWARD), request, {"ruling": "refuse", "reason": "legal_claims"})

    assert not ships(shop)


def test_what_somebody_asks_under_one_reference_counts_under_all_that_are_linked(shop: People) -> None:
    gateway, steward = shop.gateway, shop.staff("stella", Role.STEWARD)
    gateway.put({"kind": "link", "subject": "account-7", "other": "c-88"})
    assert ships(shop)
    asked = {"right": "restriction"} | case("c-88")
    guest = shop.ask(shop.staff("anna", Role.AGENT), "/v1/requests", asked).document["request"]
    own = opened(shop, "account-7", right="restriction", categories=[])["request"]
    for request in (guest, own):
        decided(shop, steward, request, {"ruling": "restrict"})

    def after(request: str) -> tuple[list[str], bool]:
        shop.ask(steward, f"/v1/requests/{request}/lifting")
        gateway.do(lambda: gateway.stores.notices.plan(by=BY))
        found = gateway.do(lambda: gateway.stores.notices.listed({"subject": "c-88"}, by=BY))
        return [each["state"] for each in found], ships(shop)

    token = shop.subject("account-7")
    known = shop.ask(token, "/v1/requests/list").document["requests"]
    assert {each["request"] for each in known} == {guest, own}
    assert shop.ask(token, f"/v1/requests/{guest}", method="GET").status == 200
    # While one of them restricts the data no vendor hears that it is over, and after the last one nothing does.
    assert after(guest) == (["task"], False)
    assert after(own) == (["taken_back"], True)


def tellings(people: People, ref: str) -> list[str]:
    return [entry["fact"] for entry in people.gateway.record(kind="fact", subject=ref) if "telling" in entry["fact"]]


def test_vendors_are_told_of_what_was_decided_and_not_before(shop: People) -> None:
    steward = shop.staff("stella", Role.STEWARD)
    request = opened(shop, "c-89", categories=[])["request"]
    before = tellings(shop, "c-89")

    decided(
        shop, steward, request,
        {"category": "person.name", "ruling": "restrict", "reason": "legally_required"},
        {"ruling": "erase"},
    )  # fmt: skip
    opened(shop, "c-89", right="rectification", categories=["address.city"])
    refused = opened(shop, "c-89", right="restriction", categories=[])["request"]
    decided(shop, steward, refused, {"ruling": "refuse", "reason": "legal_claims"})

    assert before == []
    assert sorted(tellings(shop, "c-89")) == ["telling:erasure", "telling:rectification", "telling:restriction"]


def test_a_vendor_is_told_of_the_categories_that_were_decided_about(shop: People) -> None:
    shop.gateway.ship(to={"name": "Zoe", "city": "Bonn", "country": "DE"})
    steward, desk = shop.staff("stella", Role.STEWARD), shop.gateway.stores.desk
    request = opened(shop, "c-89", categories=[])["request"]
    restrict = {"category": "person.name", "ruling": "restrict", "reason": "legally_required"}

    decided(shop, steward, request, restrict, {"ruling": "erase"})
    shop.gateway.do(shop.gateway.gateway.tell)
    notices = shop.gateway.do(lambda: desk.notices.listed({"subject": "c-89"}, by="a test"))

    by_cause = {each["cause"]: set(each["categories"]) for each in notices}
    assert by_cause["restriction"] == {"person.name"}
    assert by_cause["erasure"] == {"address.city", "address.country"}
    assert {each["vendor"] for each in notices} == {"parcels"}


def test_what_was_accepted_is_closed_by_itself_once_every_vendor_has_answered(people: People, steward: str) -> None:
    """The courier confirms; whoever received nothing has nothing to answer."""
    gateway = people.gateway
    for ref, order in (("k-1", "K-1"), ("k-2", "K-2")):
        who = [{"role": role, "subject": ref, "jurisdiction": "DE"} for role in ("purchaser", "consignee")]
        gateway.put({"kind": "order", "order": order, "people": who})
    assert gateway.ship(reference="K-1").status == 200
    requests = {ref: opened(people, ref, categories=[])["request"] for ref in ("k-1", "k-2")}

    def status(ref: str) -> str:
        answer = people.ask(people.subject(ref), f"/v1/requests/{requests[ref]}", method="GET")
        return str(answer.document["status"])

    gateway.do(gateway.gateway.tell)
    undecided = [status(ref) for ref in requests]
    for request in requests.values():
        assert decided(people, steward, request, {"ruling": "erase"}).status == 200
    gateway.do(gateway.gateway.tell)
    waiting = [status(ref) for ref in requests]
    [notice] = gateway.do(lambda: gateway.stores.notices.listed({"subject": "k-1"}, by=BY))
    gateway.do(lambda: gateway.stores.notices.step({"notice": notice["id"], "state": "confirmed"}, by=BY))
    gateway.do(gateway.gateway.tell)
    gateway.do(gateway.gateway.tell)

    assert undecided == ["acknowledged", "acknowledged"]
    assert waiting == ["accepted", "fulfilled"]
    assert [status(ref) for ref in requests] == ["fulfilled", "fulfilled"]
    states = [each["state"] for each in gateway.record(kind="fact", subject="k-1") if each["fact"] == "request:erasure"]
    assert states == ["fulfilled", "accepted", "acknowledged"]
