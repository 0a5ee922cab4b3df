"""While somebody is held nobody deletes anything about them, here or at a vendor; afterwards it goes on by itself."""

import asyncio
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from asking import People
from running import BY, Running, running
from shop_notices import MAILED, TOLD
from vendors import answers

from gateway.errors import Refusal
from gateway.oversight import agenda
from gateway.rights.holds import UnfitDay
from gateway.vocabulary import Role

TO = {"name": "Ann", "city": "Bonn", "country": "DE"}
GUEST = {"kind": "link", "subject": "c-89", "other": "guest-1"}
CLOSED = {"kind": "order_state", "order": "A-10045", "state": "closed"}


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path, files=TOLD) as gateway:
        yield gateway


def held(gateway: Running, subject: str = "c-89", **asked: str) -> dict[str, Any]:
    wanted = {"subject": subject, "reason": "litigation", **asked}
    return gateway.do(lambda: gateway.stores.holds.hold(wanted, by=BY))


def released(gateway: Running, subject: str = "c-89") -> int:
    return gateway.do(lambda: gateway.stores.holds.release({"subject": subject}, by=BY))


def begun(gateway: Running, subject: str = "c-89") -> dict[str, Any]:
    return gateway.do(lambda: gateway.stores.erasures.begin({"subject": subject, "reason": "request"}, by=BY))


def told(gateway: Running, cause: str, subject: str = "c-89") -> list[dict[str, Any]]:
    return list(gateway.do(lambda: gateway.stores.notices.tell({"cause": cause, "subject": subject}, by=BY)))


def listed(gateway: Running, **asked: Any) -> list[dict[str, Any]]:
    return list(gateway.do(lambda: gateway.stores.notices.listed(asked, by=BY)))


def states(gateway: Running) -> list[tuple[str, str]]:
    return sorted((each["cause"], each["state"]) for each in listed(gateway))


def turned(gateway: Running) -> None:
    """What a running gateway does by itself every few seconds."""
    gateway.do(gateway.gateway.tell)


def heard(gateway: Running) -> list[str]:
    """What the courier was told by its own address, notice by notice."""
    return [json.loads(each.payload)["cause"] for each in gateway.parcels.received if "/privacy/" in each.line]


def test_whoever_is_held_is_restricted_when_they_ask_and_no_vendor_is_told_until_they_are_released(
    gateway: Running,
) -> None:
    gateway.ship(to=TO)
    held(gateway)

    erasure = begun(gateway)
    turned(gateway)
    before, refused = heard(gateway), gateway.ship(to=TO)
    count = released(gateway)
    turned(gateway)

    assert (erasure["state"], erasure["told"], erasure["waiting"]) == ("held", 1, ["parcels"])
    assert (before, refused.code) == ([], "subject.restricted")
    assert count == 1
    assert heard(gateway) == ["erasure"]
    assert states(gateway) == [("erasure", "sent")]


def test_a_notice_that_has_not_left_waits_for_a_hold_that_comes_later(gateway: Running) -> None:
    gateway.ship(to=TO)
    begun(gateway)

    done = held(gateway)
    turned(gateway)
    waiting = states(gateway)
    released(gateway)
    turned(gateway)

    assert (done["told"], waiting) == ([], [("erasure", "held")])
    assert heard(gateway) == ["erasure"]


def test_a_hold_that_ends_with_its_day_lets_go_on_what_waited(gateway: Running) -> None:
    gateway.ship(to=TO)
    today = datetime.now(UTC)
    held(gateway, until=today.date().isoformat())
    begun(gateway)
    turned(gateway)
    before = heard(gateway)

    erasing, tomorrow = gateway.stores.ledger.erasing, int((today + timedelta(days=1)).timestamp() * 1_000_000)
    erasing._scribe = replace(erasing._scribe, now=lambda: tomorrow)
    turned(gateway)

    assert (before, heard(gateway)) == ([], ["erasure"])


def test_whoever_heard_before_is_to_be_asked_to_keep_it_and_told_again_afterwards(gateway: Running) -> None:
    gateway.ship(to=TO)
    begun(gateway)
    turned(gateway)

    done = held(gateway)
    turned(gateway)
    [keep] = [each for each in listed(gateway) if each["cause"] == "keep"]
    waiting = states(gateway)
    overdue = [each["overdue"] for each in listed(gateway)]
    released(gateway)
    turned(gateway)

    assert [(each["vendor"], each["cause"]) for each in done["told"]] == [("parcels", "erasure")]
    assert (keep["way"], keep["state"], keep["open"]) == ("task", "task", True)
    assert datetime.fromisoformat(keep["due"]) < datetime.now(UTC) + timedelta(days=1)
    assert (waiting, overdue) == ([("erasure", "held"), ("keep", "task")], [False, False])
    assert states(gateway) == [("erasure", "sent"), ("keep", "taken_back")]
    assert heard(gateway) == ["erasure", "erasure"]


def test_what_a_vendor_has_confirmed_is_gone_and_it_is_asked_nothing(gateway: Running) -> None:
    gateway.ship(to=TO)
    begun(gateway)
    turned(gateway)
    step = {"notice": listed(gateway)[0]["id"], "state": "confirmed"}
    gateway.do(lambda: gateway.stores.notices.step(step, by=BY))

    assert held(gateway)["told"] == []
    assert states(gateway) == [("erasure", "confirmed")]


def test_a_restriction_and_a_correction_are_told_all_the_same(gateway: Running) -> None:
    gateway.ship(to=TO)
    held(gateway)

    for cause in ("restriction", "rectification", "erasure"):
        told(gateway, cause)
    turned(gateway)

    assert sorted(heard(gateway)) == ["rectification", "restriction"]
    assert ("erasure", "held") in states(gateway)


@pytest.mark.parametrize("closes_first", [True, False], ids=["closed, then held", "held, then closed"])
def test_of_an_order_nobody_deletes_anything_while_one_of_its_people_is_held(
    gateway: Running, *, closes_first: bool
) -> None:
    gateway.ship(to=TO)
    if closes_first:
        gateway.put(CLOSED)
        gateway.do(lambda: gateway.stores.notices.plan(by=BY))
        held(gateway, "c-88")
    else:
        held(gateway, "c-88")
        gateway.put(CLOSED)
    turned(gateway)
    waiting = (heard(gateway), states(gateway))

    released(gateway, "c-88")
    turned(gateway)

    # Who is held bought it; the courier has the data of whoever it was sent to.
    assert waiting == ([], [("order_closed", "held")])
    assert heard(gateway) == ["order_closed"]


@pytest.mark.parametrize(("hold_on", "asked_by"), [("c-89", "guest-1"), ("guest-1", "c-89")])
def test_a_hold_is_on_the_person_whichever_of_their_numbers_is_named(
    gateway: Running, hold_on: str, asked_by: str
) -> None:
    gateway.ship(to=TO)
    gateway.put(GUEST)
    held(gateway, hold_on)
    asked = {"subject": asked_by, "reason": "request", "force": True}

    with pytest.raises(Refusal) as refused:
        gateway.do(lambda: gateway.stores.desk.erase(asked, by=BY))
    state = begun(gateway, asked_by)["state"]

    assert (refused.value.code, state) == ("erasure.held", "held")
    assert released(gateway, asked_by) == 1
    assert gateway.do(lambda: gateway.stores.desk.erase(asked, by=BY))["links"]


def test_of_somebody_held_under_a_number_that_was_linked_later_nothing_is_erased_either(gateway: Running) -> None:
    gateway.ship(to=TO)
    held(gateway, "guest-1")
    gateway.put(GUEST)
    begun(gateway)
    gateway.stores.erasures._now = lambda: datetime.now(UTC) + timedelta(days=3000)
    erase = gateway.stores.desk.erase

    count = gateway.do(lambda: gateway.stores.erasures.finish(lambda asked: erase(asked, by=BY)))

    assert count == 0
    assert gateway.record(kind="erase") == []


def test_a_task_of_somebody_held_is_nobodys_and_is_not_due(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        gateway.ship(to=TO)
        held(gateway)
        begun(gateway)
        later = datetime.now(UTC) + timedelta(days=90)
        gateway.stores.notices._now = lambda: later

        [notice] = listed(gateway)
        due = gateway.do(agenda.of_registry(gateway.stores.registry))
        shipped = gateway.do(lambda: gateway.stores.registry.about([], consents=False, order=None))
        released(gateway)
        [after] = listed(gateway)

        assert (notice["state"], notice["open"], notice["overdue"]) == ("held", True, False)
        assert [each.what for each in due] == []
        assert shipped.overdue_from == {}
        assert after["state"] == "task"


def test_a_vendor_is_to_answer_within_its_time_from_the_end_of_the_hold_on(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        gateway.ship(to=TO)
        held(gateway)
        [before] = told(gateway, "erasure")
        later = datetime.now(UTC) + timedelta(days=400)
        gateway.stores.registry.now = lambda: later

        released(gateway)
        [after] = listed(gateway)

        assert datetime.fromisoformat(after["due"]) == later + timedelta(days=30)
        assert before["due"] < after["due"]


def test_by_mail_nothing_lies_in_the_folder_of_somebody_held(tmp_path: Path) -> None:
    with running(tmp_path, files=MAILED) as gateway:
        gateway.ship(to=TO)
        begun(gateway)
        held(gateway)
        turned(gateway)
        before = list((tmp_path / "data").glob("mail/*"))
        released(gateway)
        turned(gateway)

        assert (before, len(list((tmp_path / "data").glob("mail/*")))) == ([], 1)


def test_a_hold_waits_for_the_notice_that_is_just_leaving_and_after_its_answer_none_leaves(gateway: Running) -> None:
    gateway.ship(to=TO)
    begun(gateway)
    reached, go_on = threading.Event(), threading.Event()
    usual = gateway.parcels.script

    async def stalled(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.set()
        while not go_on.is_set():  # noqa: ASYNC110  it is set in another thread
            await asyncio.sleep(0.01)
        await usual(reader, writer)

    gateway.parcels.script = stalled
    leaving = asyncio.run_coroutine_threadsafe(gateway.gateway.tell(), gateway.loop)
    assert reached.wait(30)

    holding = asyncio.run_coroutine_threadsafe(
        gateway.stores.holds.hold({"subject": "c-89", "reason": "litigation"}, by=BY), gateway.loop
    )
    done_at_once = holding.done()
    go_on.set()
    done = holding.result(30)
    leaving.result(30)

    assert not done_at_once
    # It had left, so its vendor is to be asked to keep what it has.
    assert [each["vendor"] for each in done["told"]] == ["parcels"]


def test_their_own_report_does_not_tell_that_somebody_is_held(gateway: Running) -> None:
    gateway.ship(to=TO)
    begun(gateway)
    turned(gateway)
    held(gateway)
    turned(gateway)

    people = People(gateway)
    report = people.ask(people.subject("c-89"), "/v1/disclosures", {}).document

    told = [(each["cause"], each["state"]) for line in report["disclosures"] for each in line["notices"]]
    assert told == [("erasure", "queued")]


def test_a_day_that_is_over_holds_nothing(gateway: Running) -> None:
    with pytest.raises(UnfitDay):
        held(gateway, until="2020-01-01")

    assert gateway.record(kind="hold") == []


def test_where_the_answer_is_turned_down_nobody_is_told_twice(gateway: Running) -> None:
    gateway.ship(to=TO)
    gateway.parcels.script = answers(503, b"{}", "content-type: application/json")
    begun(gateway)
    turned(gateway)
    tried = len(heard(gateway))

    held(gateway)
    gateway.gateway.delivery._now = lambda: datetime.now(UTC) + timedelta(days=2)
    turned(gateway)

    assert (tried, len(heard(gateway))) == (1, 1)
    assert states(gateway) == [("erasure", "held")]


def test_whoever_decides_sees_that_somebody_is_held_and_what_is_decided_is_carried_out_afterwards(
    tmp_path: Path,
) -> None:
    with running(tmp_path, files=TOLD, privacy_port=0) as gateway:
        people = People(gateway)
        gateway.ship(to=TO)
        held(gateway)
        stella, request = people.staff("stella", Role.STEWARD), {"right": "erasure"}
        asked = people.ask(people.subject("c-89"), "/v1/requests", request).document["request"]
        [waiting] = people.ask(stella, "/v1/requests/waiting").document["requests"]

        decided = people.ask(stella, f"/v1/requests/{asked}/decision", {"decisions": [{"ruling": "erase"}]})
        turned(gateway)
        before = heard(gateway)
        status = people.ask(people.subject("c-89"), f"/v1/requests/{asked}", method="GET").document["status"]
        released(gateway)
        turned(gateway)

        assert (waiting["held"], decided.document["status"]) == (True, "accepted")
        assert (before, status) == ([], "accepted")
        assert heard(gateway) == ["erasure"]


def test_an_erasure_of_what_was_to_be_kept_for_an_order_that_goes_on_ends_that(gateway: Running) -> None:
    gateway.ship(to=TO)
    gateway.put(CLOSED)
    turned(gateway)
    gateway.put(CLOSED | {"state": "after_sales"})
    turned(gateway)
    before = states(gateway)

    begun(gateway)

    assert before == [("keep", "task"), ("order_closed", "taken_back")]
    assert ("keep", "taken_back") in states(gateway)


def test_when_a_hold_on_the_buyer_ends_nobody_asks_any_more_to_keep_what_went_to_the_consignee(
    gateway: Running,
) -> None:
    gateway.ship(to=TO)
    gateway.put(CLOSED)
    turned(gateway)
    held(gateway, "c-88")
    turned(gateway)
    before = states(gateway)

    released(gateway, "c-88")

    assert before == [("keep", "task"), ("order_closed", "held")]
    assert ("keep", "taken_back") in states(gateway)


def test_before_anything_is_purged_a_hold_is_on_numbers_too_that_were_linked_later(gateway: Running) -> None:
    gateway.ship(to=TO)
    told(gateway, "erasure")
    held(gateway, "guest-1")
    gateway.put(GUEST)
    before = gateway.do(gateway.gateway.purge), states(gateway)

    again = gateway.do(lambda: gateway.stores.holds.extend(by=BY))

    erasing = gateway.stores.ledger.erasing
    holds = [(each["reason"], each["subjects"]["n"]) for each in gateway.record(kind="hold")]
    assert before[1] == [("erasure", "held")]
    assert erasing.is_held("c-89")
    assert (again, holds) == (0, [("litigation", 1), ("litigation", 1)])
    assert released(gateway) == 2
    assert not erasing.is_held("guest-1", "c-89")


def test_the_end_of_a_hold_is_a_deadline_until_it_is_released(gateway: Running) -> None:
    held(gateway)
    entry = held(gateway, until="2999-12-31")["entry"]

    def ends() -> list[tuple[str, str]]:
        return [(each.ref, each.at.isoformat()) for each in gateway.do(gateway.gateway.due) if each.what == "hold.ends"]

    before = ends()
    released(gateway)

    assert before == [(entry, "3000-01-01T00:00:00+00:00")]
    assert ends() == []
