"""A notice reaches its vendor by the path of every call, minimised and on record, or a person is asked to see to it."""

import asyncio
import email
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email import policy
from pathlib import Path
from typing import Any

import pytest
from running import BY, Running, running
from shop_notices import DAILY, FORGET, MAILED, TOLD
from vendors import answers

from gateway.rights.delivery import WAITS
from gateway.vocabulary.notices import Cause

TO = {"name": "Ann", "city": "Bonn", "country": "DE"}
RESTRICTED = {"kind": "flag", "subject": "c-89", "flag": "restricted"}
CLOSED = {"kind": "order_state", "order": "A-10045", "state": "closed"}


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path, files=TOLD) as gateway:
        yield gateway


def erasure(gateway: Running, subject: str = "c-89") -> list[dict[str, Any]]:
    asked = {"cause": Cause.ERASURE, "subject": subject}
    return list(gateway.do(lambda: gateway.stores.notices.tell(asked, by=BY)))


def delivered(gateway: Running, *, after: timedelta = timedelta()) -> int:
    later = datetime.now(UTC) + after
    gateway.gateway.delivery._now = lambda: later
    return gateway.do(gateway.gateway.delivery.deliver)


def listed(gateway: Running, **asked: Any) -> list[dict[str, Any]]:
    return list(gateway.do(lambda: gateway.stores.notices.listed(asked, by=BY)))


def bodies(gateway: Running, path: str = "/api/privacy/requests") -> list[Any]:
    vendors = gateway.vendors.values()
    return [json.loads(each.payload) for vendor in vendors for each in vendor.received if path in each.line]


def test_a_notice_is_minimised_by_its_contract_and_recorded_as_any_call(gateway: Running) -> None:
    gateway.ship(to=TO)
    [parcel] = bodies(gateway, "/api/shipments")
    [opened] = erasure(gateway)

    count = delivered(gateway)

    assert bodies(gateway) == [
        {
            "notice": opened["id"], "cause": "erasure", "due": opened["due"][:10],
            "categories": ["address.city", "address.country", "person.name"], "orders": [parcel["reference"]],
        }
    ]  # fmt: skip
    [notice] = listed(gateway)
    [told, _] = gateway.record(kind="intent")
    assert (count, notice["state"], notice["open"]) == (1, "sent", True)
    assert (told["purpose"], told["operation"], told["caller"]) == ("rights_fulfilment", "forget", "gateway")
    assert notice["receipt"] == told["disclosure"]
    assert "c-89" not in repr(gateway.received)
    assert delivered(gateway, after=timedelta(days=9)) == 0


def test_of_a_restricted_person_and_a_closed_order_vendors_are_still_told(gateway: Running) -> None:
    gateway.ship(to=TO)
    gateway.put(RESTRICTED, CLOSED)
    refused = gateway.ship(to=TO)
    gateway.do(gateway.gateway.tell)

    assert refused.status == 403
    assert [each["cause"] for each in bodies(gateway)] == ["order_closed"]
    assert bodies(gateway)[0]["until"] > datetime.now(UTC).date().isoformat()


def test_of_an_order_that_goes_on_a_notice_does_not_leave_though_nobody_took_it_back_yet(gateway: Running) -> None:
    gateway.ship(to=TO)
    gateway.put(CLOSED)
    gateway.do(lambda: gateway.stores.notices.plan(by=BY))
    gateway.put(CLOSED | {"state": "after_sales"})

    count = delivered(gateway)

    assert (count, bodies(gateway)) == (0, [])
    assert [each["state"] for each in listed(gateway)] == ["taken_back"]


def test_what_does_not_get_through_is_tried_again_and_then_a_person_is_asked(gateway: Running) -> None:
    gateway.ship(to=TO)
    erasure(gateway)
    gateway.parcels.script = answers(500, b"{}", "content-type: application/json")

    counts, codes, after = [delivered(gateway)], [], timedelta()
    for wait in WAITS:
        codes.append(listed(gateway)[0]["code"])
        assert delivered(gateway, after=after + wait - timedelta(seconds=20)) == 0
        after += wait + timedelta(seconds=1)
        counts.append(delivered(gateway, after=after))

    [notice] = listed(gateway)
    assert sum(counts) == 0
    assert set(codes) == {"vendor.answered"}
    assert len(bodies(gateway)) == len(WAITS) + 1
    assert (notice["state"], notice["open"]) == ("task", True)


def test_a_vendor_that_comes_back_is_told(gateway: Running) -> None:
    gateway.ship(to=TO)
    erasure(gateway)
    accepts = gateway.parcels.script
    gateway.parcels.script = answers(503, b"{}", "content-type: application/json")
    first = delivered(gateway)
    gateway.parcels.script = accepts

    assert (first, delivered(gateway, after=WAITS[0] + timedelta(seconds=1))) == (0, 1)
    assert listed(gateway)[0]["state"] == "sent"


def test_what_no_contract_lets_out_is_for_a_person_at_once(gateway: Running) -> None:
    gateway.ship(to=TO)
    erasure(gateway)
    gateway.put({"kind": "suspension", "vendor": "parcels"})

    assert delivered(gateway) == 0

    [notice] = listed(gateway)
    assert (notice["state"], notice["code"]) == ("task", "vendor.suspended")
    assert bodies(gateway) == []


def test_what_was_tried_before_is_decided_anew(gateway: Running) -> None:
    gateway.ship(to=TO)
    erasure(gateway)
    gateway.parcels.script = answers(503, b"{}", "content-type: application/json")
    delivered(gateway)

    gateway.put({"kind": "suspension", "vendor": "parcels"})
    delivered(gateway, after=WAITS[0] + timedelta(seconds=1))

    assert len(bodies(gateway)) == 1
    assert listed(gateway)[0]["code"] == "vendor.suspended"


def test_two_that_deliver_at_once_tell_a_vendor_once(gateway: Running) -> None:
    gateway.ship(to=TO)
    erasure(gateway)

    async def both() -> list[int]:
        return list(await asyncio.gather(*(gateway.gateway.delivery.deliver() for _ in range(4))))

    assert sum(gateway.do(both)) == 1
    assert len(bodies(gateway)) == 1


def test_a_mail_is_what_would_have_been_the_body_of_the_call(tmp_path: Path) -> None:
    with running(tmp_path, files=MAILED) as gateway:
        gateway.ship(to=TO)
        [opened] = erasure(gateway)

        count = delivered(gateway)

        [file] = (tmp_path / "data" / "mail").glob("*")
        mail = email.message_from_bytes(file.read_bytes(), policy=policy.default)
        [attached] = mail.iter_attachments()
        assert attached.get_filename() == "notice.json"
        document = json.loads(bytes(attached.get_content()))
        [told, _] = gateway.record(kind="intent")
        assert count == 1
        assert (mail["to"], mail["from"]) == ("dpo@parcels.example", "privacy@shop.example")
        assert document["notice"] == opened["id"]
        assert document["orders"][0].startswith("psn_")
        assert b"c-89" not in file.read_bytes()
        assert (told["operation"], told["outcome"]["result"]) == ("forget", "sent")
        assert file.stat().st_mode & 0o077 == 0
        assert bodies(gateway) == []


def test_a_folder_for_mail_that_cannot_be_written_leaves_the_notice_for_later(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with running(tmp_path, files=MAILED, notice_mail=tmp_path / "taken") as gateway:
        gateway.ship(to=TO)
        erasure(gateway)

        assert delivered(gateway) == 0
        assert listed(gateway)[0]["code"] == "vendor.broken"


def report(gateway: Running, subject: str) -> None:
    token = gateway.token("shop-web")
    body = json.dumps({"user": subject, "page": "cart"}).encode()
    reply = gateway.call("POST", "/faults/api/surveys", "X-Faults-Auth: " + token, body=body, token="")
    assert reply.status == 200, reply.payload


def test_a_vendor_that_wants_a_list_gets_one_a_day(tmp_path: Path) -> None:
    yes: dict[str, Any] = {"kind": "consent", "purpose": "fault_repair", "state": "given"}
    with running(tmp_path, files=survey(DAILY)) as gateway:
        gateway.put(yes | {"subject": "c-90"}, yes | {"subject": "c-89"})
        for each in ("c-90", "c-89"):
            report(gateway, each)
        ids = {erasure(gateway, each)[0]["id"] for each in ("c-90", "c-89")}

        early, late = delivered(gateway), delivered(gateway, after=timedelta(days=1))

        [told] = bodies(gateway, "/privacy/lists")
        assert (early, late) == (0, 2)
        assert {each["notice"] for each in told["notices"]} == ids
        assert all(each["subject"].startswith("psn_") for each in told["notices"])
        assert {each["state"] for each in listed(gateway)} == {"sent"}


def test_what_waited_for_a_hold_is_in_the_list_of_the_day_on_which_it_goes_on(tmp_path: Path) -> None:
    with running(tmp_path, files=survey(DAILY)) as gateway:
        gateway.put({"kind": "consent", "purpose": "fault_repair", "state": "given", "subject": "c-90"})
        report(gateway, "c-90")
        holds = gateway.stores.holds
        gateway.do(lambda: holds.hold({"subject": "c-90", "reason": "litigation"}, by=BY))
        erasure(gateway, "c-90")
        gateway.do(lambda: holds.release({"subject": "c-90"}, by=BY))

        assert (delivered(gateway), delivered(gateway, after=timedelta(days=1))) == (0, 1)


def test_a_vendor_is_told_of_somebody_by_the_number_under_which_it_has_them(tmp_path: Path) -> None:
    files = survey(DAILY)
    every = "      fields: {subjects.*: account.id}\n      form: pseudonymise\n"
    files["faults/forget-list.yaml"] = files["faults/forget-list.yaml"].replace(
        "examples:", f"    - why: All numbers that the monitor knows.\n      at: $.notices.*\n{every}examples:"
    )
    with running(tmp_path, files=files) as gateway:
        gateway.put(*({"kind": "link", "subject": "c-90", "other": other} for other in ("device-7", "device-8")))
        gateway.put({"kind": "consent", "purpose": "fault_repair", "state": "given", "subject": "c-90"})
        for device in ("device-7", "device-8"):
            report(gateway, device)
        known = [each["user"] for each in bodies(gateway, "/api/surveys")]

        erasure(gateway, "c-90")
        delivered(gateway, after=timedelta(days=1))

        [told] = bodies(gateway, "/privacy/lists")
        assert (told["notices"][0]["subject"], told["notices"][0]["subjects"]) == (known[0], known)


def survey(files: Mapping[str, str]) -> dict[str, str]:
    """The survey lets the number of the person out, so that there is somebody to tell of."""
    return {**files, "faults/survey.yaml": files["faults/survey.yaml"].replace("form: drop", "form: pseudonymise", 1)}


def test_where_the_file_names_no_such_operation_any_more_a_person_is_asked(gateway: Running) -> None:
    gateway.ship(to=TO)
    erasure(gateway)
    terms = tuple(each for each in gateway.stores.notices.contracts().terms if each.operation.operation != "forget")
    contracts = gateway.stores.notices.contracts()
    gateway.stores.notices.contracts = lambda: type(contracts)(
        contracts.root, contracts.policy, contracts.entities, contracts.vendors, terms
    )

    assert delivered(gateway) == 0
    assert listed(gateway)[0]["state"] == "task"


@pytest.mark.parametrize(("members", "state"), [("{how: https, operation: forget}", "queued"), ("{how: task}", "task")])
def test_a_notice_goes_the_way_that_the_vendor_declared(tmp_path: Path, members: str, state: str) -> None:
    vendor = TOLD["parcels/vendor.yaml"].replace("{how: https, operation: forget}", members)
    with running(tmp_path, files={**TOLD, "parcels/vendor.yaml": vendor}) as gateway:
        gateway.ship(to=TO)

        assert [each["state"] for each in erasure(gateway)] == [state]


def test_the_contract_of_these_tests_says_what_the_page_says() -> None:
    page = (Path(__file__).parents[2] / "docs" / "contracts.md").read_text("utf-8")
    [members] = [line for line in page.splitlines() if line.startswith('{"notice": ')]

    named = {"notice", "cause", "subject", "order", "orders"}
    assert all(f'"{name}"' in members for name in named)
    assert all(f"$.{name}" in FORGET for name in named)


@pytest.mark.parametrize(
    ("levels", "status", "warnings"),
    [
        ({}, 200, ["deletion.overdue"]),
        ({"deletion.overdue": "refuse"}, 403, []),
        ({"deletion.overdue": "off"}, 200, []),
    ],
)
def test_a_vendor_whose_deletion_is_overdue_is_noted_and_then_gets_nothing_where_that_is_set(
    tmp_path: Path, levels: dict[str, str], status: int, warnings: list[str]
) -> None:
    with running(tmp_path, files=TOLD, levels=levels) as gateway:
        gateway.ship(to=TO)
        erasure(gateway)
        before = gateway.ship(to=TO)
        gateway.set_clock(lambda: datetime.now(UTC) + timedelta(days=31))

        late = gateway.ship(to=TO)
        noted = [each.get("warnings", []) for each in gateway.record(kind="intent", operation="ship")]
        delivered(gateway)
        step = {"notice": listed(gateway)[0]["id"], "state": "confirmed"}
        gateway.do(lambda: gateway.stores.notices.step(step, by=BY))
        after = gateway.ship(to=TO)

        assert (before.status, late.status, after.status) == (200, status, 200)
        assert noted[: len(noted) - 2] == ([warnings] if status == 200 else [])
        assert len(bodies(gateway)) == 1
