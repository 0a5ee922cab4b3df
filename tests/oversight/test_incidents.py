"""An incident at a vendor: its clocks, and whom it concerns, counted against the record itself."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwe import decrypt_compact
from joserfc.jwk import ECKey
from running import Running, running
from sockets import Reply

from gateway.ledger.steps import IncidentStep
from gateway.vocabulary import Role

START = datetime(2026, 1, 1, tzinfo=UTC)
ORDERS = [
    {
        "kind": "order",
        "order": f"B-{number}",
        "people": [{"role": "purchaser", "subject": f"p-{number}", "jurisdiction": law}]
        + [{"role": "consignee", "subject": f"g-{number}", "jurisdiction": "FR"}] * (number % 2),
    }
    for number, law in enumerate(["DE", "DE", "FR", "GB"])
]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("incidents")) as gateway:
        gateway.put(*ORDERS)
        for number in (0, 1, 2, 3, 3):
            assert gateway.ship(reference=f"B-{number}").status == 200
        yield gateway


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Running]:
    """One for a test that makes calls, which the others would count."""
    with running(tmp_path) as gateway:
        gateway.put(*ORDERS)
        yield gateway


def asked(gateway: Running, method: str, path: str, body: object = None, role: Role = Role.STEWARD) -> Reply:
    payload = b"" if body is None else json.dumps(body).encode()
    raw = gateway.raw(method, path, body=payload, token=gateway.token("stella", role=role))
    return gateway.said(raw, operators=True)


def result(reply: Reply) -> Any:
    assert reply.status == 200, reply.payload
    return json.loads(reply.payload)["result"]


def opened(gateway: Running, **given: object) -> dict[str, Any]:
    now = datetime.now(UTC)
    usual = {
        "vendor": "parcels",
        "nature": "confidentiality",
        "began": START.isoformat(),
        "aware": now.isoformat(),
        "vendor_told": now.isoformat(),
        "reference": "INC-2026/4",
    }
    found: dict[str, Any] = result(asked(gateway, "POST", "/incidents", usual | given))
    return found


def test_the_people_are_those_that_the_record_links_to_what_went_there(gateway: Running) -> None:
    incident = opened(gateway)["incident"]

    counts = result(asked(gateway, "GET", f"/incidents/{incident}/affected"))

    intents = gateway.record(kind="intent", vendor="parcels")
    people: dict[str, set[str]] = {}
    for ref in [f"{kind}-{number}" for kind in "pg" for number in range(4)]:
        laws = {
            ground["jurisdiction"]
            for each in gateway.record(kind="intent", vendor="parcels", subject=ref)
            for ground in each["grounds"]
        }
        if laws:
            people[ref] = laws
    assert counts["disclosures"] == len(intents) == 5
    assert counts["people"] == len(people) == sum(counts["by_jurisdiction"].values())
    assert counts["by_jurisdiction"] == {"DE": 2, "FR": 3, "GB": 1}
    categories = {
        category
        for each in intents
        for group in each["disclosed"]
        if group.get("of")
        for _, category, *_ in group["fields"]
    } - {"not_personal"}
    assert set(counts["by_category"]) == categories
    assert counts["forgotten"] == counts["uncertain"] == 0
    [look, *_] = gateway.record(kind="access")
    assert (look["action"], look["found"]) == ("affected", counts["people"])


def test_nobody_else_is_concerned(gateway: Running) -> None:
    others = opened(gateway, vendor="payments")["incident"]
    earlier = opened(gateway, began="2025-01-01T00:00:00Z", ended="2025-01-02T00:00:00Z")["incident"]
    elsewhere = opened(gateway, operations=["track"])["incident"]

    found = [
        result(asked(gateway, "GET", f"/incidents/{each}/affected"))["people"] for each in (others, earlier, elsewhere)
    ]

    assert found == [0, 0, 0]


def test_somebody_with_several_references_is_one_person_in_numbers_and_in_the_list(own: Running) -> None:
    for number in range(4):
        own.ship(reference=f"B-{number}")
    apart = result(asked(own, "GET", f"/incidents/{opened(own)['incident']}/affected"))
    links = [("p-0", "account-7"), ("account-7", "p-1"), ("p-3", "account-8")]
    own.put(*({"kind": "link", "subject": one, "other": other} for one, other in links))
    apart_again = {"kind": "link", "subject": "p-2", "other": "p-3"}
    own.put(apart_again, apart_again | {"lifted": True})
    key = ECKey.generate_key("P-256")
    incident = opened(own)["incident"]

    counts = result(asked(own, "GET", f"/incidents/{incident}/affected"))
    mailing = result(asked(own, "POST", f"/incidents/{incident}/mailing", {"key": key.as_pem(private=False).decode()}))

    listed = json.loads(decrypt_compact(mailing["content"], key).plaintext or b"")["people"]
    assert (apart["people"], apart["by_jurisdiction"]) == (6, {"DE": 2, "FR": 3, "GB": 1})
    assert (counts["people"], counts["by_jurisdiction"]) == (5, {"DE": 1, "FR": 3, "GB": 1})
    assert counts["disclosures"] == apart["disclosures"] == 4
    assert [each["subjects"] for each in listed if len(each["subjects"]) > 1] == [["p-0", "p-1"]]
    assert len(listed) == mailing["people"] == 5


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"vendor": "parsels", "suspend": True}, "vendor: there is no such vendor; the contracts have"),
        ({"operations": ["ship", "shipp"]}, "operations: parcels has none of that name; it has"),
        ({"began": "2026-01-02T00:00:00Z", "aware": "2026-01-01T00:00:00Z"}, "before it began"),
    ],
    ids=["a vendor", "an operation", "times in the wrong order"],
)
def test_a_slip_of_the_pen_opens_no_incident(gateway: Running, given: dict[str, object], said: str) -> None:
    usual = {"vendor": "parcels", "nature": "integrity", "began": START.isoformat(), "reference": "INC-9"}
    before = len(gateway.record(kind="incident")), len(gateway.record(kind="fact"))

    reply = asked(gateway, "POST", "/incidents", usual | {"aware": datetime.now(UTC).isoformat()} | given)

    assert reply.status == 422
    assert said in json.loads(reply.payload)["message"]
    assert (len(gateway.record(kind="incident")), len(gateway.record(kind="fact"))) == before


def test_what_is_on_record_is_read_although_it_could_not_be_entered_so_any_more(gateway: Running) -> None:
    said = {
        "nature": "integrity",
        "began": "2026-01-02T00:00:00Z",
        "aware": "2026-01-01T00:00:00Z",
        "reference": "OLD-1",
    }
    ledger = gateway.stores.ledger
    gateway.do(lambda: ledger.record(IncidentStep("e" * 32, "opened", "gone", "stella", tuple(said.items()))))

    listed = result(asked(gateway, "GET", "/incidents"))

    assert [each["vendor"] for each in listed if each["reference"] == "OLD-1"] == ["gone"]


def test_a_vendor_whose_file_is_gone_is_still_on_record(gateway: Running) -> None:
    contracts, incidents = gateway.gateway.contracts(), gateway.gateway.incidents
    gone = replace(contracts, vendors={"payments": contracts.vendors["payments"]}, terms=())
    known, incidents._contracts = incidents._contracts, lambda: gone

    incident = opened(gateway, operations=["ship"])["incident"]
    incidents._contracts = known

    assert result(asked(gateway, "GET", f"/incidents/{incident}/affected"))["people"] > 0


def test_what_the_vendor_should_have_deleted_long_ago_is_counted_apart(gateway: Running) -> None:
    incident = opened(gateway)["incident"]
    within = result(asked(gateway, "GET", f"/incidents/{incident}/affected"))
    later = gateway.gateway.incidents._now
    gateway.gateway.incidents._now = lambda: datetime.now(UTC) + timedelta(days=4000)
    far = (datetime.now(UTC) + timedelta(days=3900)).isoformat()

    incident = opened(gateway, began=far, aware=far)["incident"]
    gateway.gateway.incidents._now = later
    past = result(asked(gateway, "GET", f"/incidents/{incident}/affected"))

    assert (within["within_retention"], within["past_retention"]) == (within["people"], 0)
    assert (past["within_retention"], past["past_retention"]) == (0, within["people"])


def test_the_list_of_people_opens_with_one_key_alone_and_is_on_record(gateway: Running) -> None:
    key = ECKey.generate_key("P-256")
    incident = opened(gateway)["incident"]
    public = key.as_pem(private=False).decode()

    reply = asked(gateway, "POST", f"/incidents/{incident}/mailing", {"key": public})
    none = asked(gateway, "POST", f"/incidents/{incident}/mailing", {"key": "no key"})

    given = result(reply)
    opened_list = json.loads(
        decrypt_compact(given["content"], key, algorithms=["ECDH-ES+A256KW", "A256GCM"]).plaintext or b""
    )
    assert [person["subject"] for person in opened_list["people"]][-4:] == ["p-0", "p-1", "p-2", "p-3"]
    assert len(opened_list["people"]) == given["people"]
    assert b"p-0" not in reply.payload
    assert none.status == 422
    [look, *_] = gateway.record(kind="access")
    assert (look["action"], dict(look["filters"])["key"]) == ("mailing", key.thumbprint())


def test_who_asked_to_be_erased_is_found_until_the_link_is_gone(own: Running) -> None:
    own.put(
        {"kind": "order", "order": "B-9", "people": [{"role": "purchaser", "subject": "p-9", "jurisdiction": "DE"}]}
    )
    assert own.ship(reference="B-9").status == 200
    incident = opened(own)["incident"]
    path = f"/incidents/{incident}/affected"

    own.put({"kind": "flag", "subject": "p-9", "flag": "erased"})
    asked_for = result(asked(own, "GET", path))
    own.do(
        lambda: own.stores.ledger.erasing.erase("p-9", own.stores.registry, reason="request", by="a test", forced=True)
    )
    gone = result(asked(own, "GET", path))

    assert asked_for["people"] - gone["people"] == 1
    assert (asked_for["forgotten"], gone["forgotten"]) == (0, 1)
    assert asked_for["disclosures"] == gone["disclosures"]


def test_an_authority_is_told_within_72_hours_or_why_not(gateway: Running) -> None:
    aware = datetime.now(UTC) - timedelta(hours=73)
    late, soon = opened(gateway, aware=aware.isoformat()), opened(gateway)
    path = f"/incidents/{late['incident']}/steps"

    due = gateway.do(gateway.gateway.incidents.due)
    silent = asked(gateway, "POST", path, {"step": "authority", "reference": "BfDI 1"})
    told = asked(gateway, "POST", path, {"step": "authority", "reference": "BfDI 1", "why": "vendor told late"})
    again = asked(gateway, "POST", path, {"step": "authority", "reference": "BfDI 1", "why": "vendor told late"})
    closed = asked(gateway, "POST", path, {"step": "closed", "reference": "done"})
    after = asked(gateway, "POST", path, {"step": "people", "reference": "letters"})

    assert {late["incident"], soon["incident"]} <= {each.ref for each in due}
    assert [each.at for each in due if each.ref == late["incident"]] == [aware + timedelta(hours=72)]
    assert (late["overdue"], soon["overdue"]) == (True, False)
    assert [reply.status for reply in (silent, told, again, closed, after)] == [422, 200, 422, 200, 422]
    assert late["incident"] not in {each.ref for each in gateway.do(gateway.gateway.incidents.due)}
    [listed] = [each for each in result(asked(gateway, "GET", "/incidents")) if each["incident"] == late["incident"]]
    assert set(listed["steps"]) == {"authority", "closed"}


def test_with_the_incident_the_vendor_can_be_stopped_on_the_next_call(own: Running) -> None:
    opened(own, suspend=True)
    stopped = own.ship(reference="B-0")
    own.put({"kind": "suspension", "vendor": "parcels", "lifted": True})

    assert (stopped.status, stopped.code) == (403, "vendor.suspended")
    assert own.ship(reference="B-0").status == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"aware": "2095-01-01T00:00:00Z"},
        {"ended": "2025-01-01T00:00:00Z"},
        {"nature": "loss"},
        {"began": "2026-01-01T00:00:00"},
        {"reference": "ann@example.com"},
    ],
    ids=["to come", "backwards", "unknown", "nowhere", "a person"],
)
def test_what_cannot_be_so_is_not_put_on_record(gateway: Running, wrong: dict[str, object]) -> None:
    before = len(gateway.record(kind="incident"))
    usual = {
        "vendor": "parcels",
        "nature": "integrity",
        "began": START.isoformat(),
        "aware": START.isoformat(),
        "reference": "INC-1",
    }

    reply = asked(gateway, "POST", "/incidents", usual | wrong)

    assert reply.status == 422
    assert len(gateway.record(kind="incident")) == before
