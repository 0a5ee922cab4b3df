"""Who asks to be erased is restricted at once and forgotten when the time has come, and not a day earlier."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from running import BY, Running, running

from gateway.asked import UnfitReason
from gateway.errors import Refusal
from gateway.retention import RetentionClass, days, kept

TO = {"name": "Ann", "city": "Bonn", "country": "DE"}
GUEST = {"kind": "link", "subject": "c-89", "other": "guest-1"}
FIVE_YEARS = timedelta(days=days(kept({})[RetentionClass.ROUTINE]))


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path) as gateway:
        yield gateway


@pytest.fixture
def soon(tmp_path: Path) -> Iterator[Running]:
    """A gateway that forgets people as soon as every vendor has answered."""
    with running(tmp_path, erasure="confirmed") as gateway:
        yield gateway


def begun(gateway: Running, subject: str = "c-89") -> dict[str, Any]:
    asked = {"subject": subject, "reason": "request"}
    return gateway.do(lambda: gateway.stores.erasures.begin(asked, by=BY))


def under_way(gateway: Running) -> list[dict[str, Any]]:
    return list(gateway.do(lambda: gateway.stores.erasures.listed(by=BY)))


def finished(gateway: Running, *, after: timedelta = timedelta()) -> int:
    later = datetime.now(UTC) + after
    gateway.stores.erasures._now = lambda: later
    erase = gateway.stores.desk.erase
    return gateway.do(lambda: gateway.stores.erasures.finish(lambda asked: erase(asked, by=BY)))


def confirmed(gateway: Running) -> None:
    for each in gateway.do(lambda: gateway.stores.notices.listed({"open": True}, by=BY)):
        step = {"notice": each["id"], "state": "confirmed"}
        gateway.do(lambda step=step: gateway.stores.notices.step(step, by=BY))  # type: ignore[misc]


def found(gateway: Running, subject: str = "c-89") -> int:
    """How many disclosures lead to a person."""
    return len(gateway.entries(kind="intent", subject=subject))


def test_whoever_is_to_be_erased_is_restricted_at_once_and_every_vendor_is_told(gateway: Running) -> None:
    gateway.ship(to=TO)

    erasure = begun(gateway)

    after = gateway.ship(to=TO)
    assert (after.status, after.code) == (403, "subject.restricted")
    assert (erasure["state"], erasure["waiting"], erasure["told"]) == ("telling", ["parcels"], 1)
    assert len(gateway.parcels.received) == 1


def test_what_is_begun_twice_is_one_erasure_and_vendors_are_told_once(gateway: Running) -> None:
    gateway.put(GUEST)
    gateway.ship(to=TO)
    first = begun(gateway)
    confirmed(gateway)

    again = [begun(gateway, each) for each in ("c-89", "guest-1")]

    assert [each["id"] for each in again] == [first["id"]] * 2
    assert [each["state"] for each in again] == ["confirmed"] * 2
    assert len(under_way(gateway)) == 1
    assert len(gateway.parcels.received) == 1


def test_where_something_left_since_an_erasure_is_begun_anew(gateway: Running) -> None:
    gateway.ship(to=TO)
    first = begun(gateway)
    confirmed(gateway)
    gateway.put({"kind": "flag", "subject": "c-89", "flag": "restricted", "lifted": True})
    gateway.ship(to=TO)

    again = begun(gateway)

    assert again["id"] != first["id"]
    assert (again["state"], again["waiting"]) == ("telling", ["parcels"])
    assert gateway.ship(to=TO).code == "subject.restricted"


def test_until_the_link_is_destroyed_a_breach_still_finds_the_person(soon: Running) -> None:
    soon.ship(to=TO)
    begun(soon)
    first = finished(soon)

    [incident] = soon.entries(kind="intent", vendor="parcels", subject="c-89")
    whom = soon.do(lambda: soon.stores.ledger.persons.about("c-89"))

    assert first == 0
    assert [each.entry.seq for each in whom] == [incident.seq]
    assert {each.ref for each in whom[0].subjects} == {"c-89"}


def test_when_every_vendor_has_answered_the_link_is_destroyed_where_that_is_set(soon: Running) -> None:
    soon.ship(to=TO)
    begun(soon)
    before = len(soon.record(kind="intent"))
    confirmed(soon)
    states = [each["state"] for each in under_way(soon)]

    soon.do(soon.gateway.tell)

    [_, erased] = soon.record(kind="erase")
    assert states == ["confirmed"]
    assert under_way(soon) == []
    assert found(soon) == 0
    assert len(soon.record(kind="intent")) == before
    assert "forced" not in erased
    assert "c-89" not in soon.do(soon.stores.registry.known)
    assert soon.do(soon.stores.ledger.signed) is not None


def test_otherwise_it_is_destroyed_at_the_end_of_retention_and_not_a_day_earlier(gateway: Running) -> None:
    gateway.ship(to=TO)
    erasure = begun(gateway)
    confirmed(gateway)

    early = finished(gateway, after=FIVE_YEARS - timedelta(hours=1))
    still = found(gateway)
    late = finished(gateway, after=FIVE_YEARS + timedelta(minutes=1))

    assert (early, still, late, found(gateway)) == (0, 1, 1, 0)
    assert erasure["ends"][:10] in {
        (datetime.now(UTC) + FIVE_YEARS - timedelta(days=n)).date().isoformat() for n in (0, 1)
    }


def test_a_vendor_that_never_answers_does_not_keep_the_link_for_ever(gateway: Running) -> None:
    gateway.ship(to=TO)
    begun(gateway)

    late = finished(gateway, after=FIVE_YEARS + timedelta(minutes=1))

    [_, erased] = gateway.record(kind="erase")
    assert (late, erased["forced"], found(gateway)) == (1, True, 0)


def test_an_answer_that_is_late_shows(gateway: Running) -> None:
    gateway.ship(to=TO)
    begun(gateway)
    gateway.stores.erasures._now = lambda: datetime.now(UTC) + timedelta(days=31)

    assert [each["state"] for each in under_way(gateway)] == ["overdue"]


def test_all_references_of_a_person_are_forgotten(soon: Running) -> None:
    soon.put(GUEST, {"kind": "order", "order": "A-2", "people": [
        {"role": "consignee", "subject": "guest-1", "jurisdiction": "DE"},
        {"role": "purchaser", "subject": "c-88", "jurisdiction": "DE"},
    ]})  # fmt: skip
    soon.ship(to=TO)
    soon.ship(reference="A-2", to=TO)
    erasure = begun(soon)
    confirmed(soon)

    count = finished(soon)

    assert (erasure["told"], count) == (1, 1)
    assert [found(soon, ref) for ref in ("c-89", "guest-1", "c-88")] == [0, 0, 2]


def test_a_hold_keeps_the_link_until_it_is_released(soon: Running) -> None:
    begun(soon)
    soon.do(lambda: soon.stores.holds.hold({"subject": "c-89", "reason": "court-order"}, by=BY))

    held = finished(soon)
    soon.do(lambda: soon.stores.holds.release({"subject": "c-89"}, by=BY))

    assert (held, finished(soon)) == (0, 1)
    assert under_way(soon) == []


def test_beside_one_that_cannot_be_finished_another_is(soon: Running) -> None:
    begun(soon)
    begun(soon, "c-88")
    soon.do(lambda: soon.stores.holds.hold({"subject": "c-89", "reason": "court-order"}, by=BY))

    assert finished(soon) == 1
    assert [each["subject"] for each in under_way(soon)] == ["c-89"]


def test_a_reason_that_says_who_it_is_about_begins_nothing(gateway: Running) -> None:
    with pytest.raises(UnfitReason):
        gateway.do(lambda: gateway.stores.erasures.begin({"subject": "c-89", "reason": "asked-by-c-89"}, by=BY))

    assert under_way(gateway) == []


def test_where_it_cannot_be_written_down_nothing_is_begun(gateway: Running) -> None:
    gateway.stores.ledger._writer._dead = True

    with pytest.raises(Refusal):
        begun(gateway)

    gateway.stores.ledger._writer._dead = False
    assert under_way(gateway) == []
