"""Every vendor that has the data is told, once, and nobody else; and until it has answered, it is not forgotten."""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from running import BY, Running, running
from shop_contracts import FILES

from gateway import failpoints
from gateway.errors import Refusal
from gateway.failpoints import InjectedError
from gateway.registry import notices as rows
from gateway.registry.notices import Notice, Wanted
from gateway.rights.notices import NoticeEnded, Notices, OrderGoesOn, UnknownNotice
from gateway.vocabulary import Role
from gateway.vocabulary.notices import Cause, Duty, NoticeState, NoticeWay

TO = {"name": "Ann", "city": "Bonn", "country": "DE", "email": "ann@example.com"}
YES = {"kind": "consent", "subject": "c-89", "purpose": "delivery_notification", "state": "given"}
NO = YES | {"state": "withdrawn"}
KEPT = FILES["payments/vendor.yaml"] + "deletion: {keeps_by_law: Bookkeeping Act 12}\n"
CHARGED = {"amount": "1", "source": "tok_1", "customer": "c-88", "metadata[order]": "A-10045"}


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path, files={**FILES, "payments/vendor.yaml": KEPT}) as gateway:
        yield gateway
    failpoints.arm("")


def notices(gateway: Running) -> Notices:
    return gateway.stores.notices


def told(gateway: Running, cause: Cause, **asked: Any) -> list[dict[str, Any]]:
    return list(gateway.do(lambda: notices(gateway).tell({"cause": cause, **asked}, by=BY)))


def listed(gateway: Running, **asked: Any) -> list[dict[str, Any]]:
    return list(gateway.do(lambda: notices(gateway).listed(asked, by=BY)))


def step(gateway: Running, notice: str, state: str, **stated: str) -> dict[str, Any]:
    return gateway.do(lambda: notices(gateway).step({"notice": notice, "state": state, **stated}, by=BY))


def planned(gateway: Running) -> int:
    return gateway.do(lambda: notices(gateway).plan(by=BY))


def charge(gateway: Running) -> None:
    body = "&".join(f"{name}={value}" for name, value in CHARGED.items()).encode()
    form = "Content-Type: application/x-www-form-urlencoded"
    reply = gateway.call("POST", "/payments/accounts/a/charges", form, body=body, token=gateway.token("checkout"))
    assert reply.status == 200, reply.payload


def test_exactly_the_vendors_that_received_the_wrong_data_are_told_to_correct_it(gateway: Running) -> None:
    gateway.ship(to=TO)
    charge(gateway)

    address = told(gateway, Cause.RECTIFICATION, subject="c-89", categories=["address.city", "payment.token"])
    card = told(gateway, Cause.RECTIFICATION, subject="c-88", categories=["payment.token"])
    nothing = told(gateway, Cause.RECTIFICATION, subject="c-90", categories=["address.city"])

    assert [(each["vendor"], each["categories"], each["state"]) for each in address] == [
        ("parcels", ("address.city",), "task")
    ]
    assert [each["vendor"] for each in card] == ["payments"]
    assert nothing == []


def test_a_vendor_that_certainly_got_nothing_is_not_told(tmp_path: Path) -> None:
    unreachable = {name: text.replace("@parcels@", "9") for name, text in FILES.items()}
    with running(tmp_path, files=unreachable) as gateway:
        gateway.ship(to=TO)

        assert [each["outcome"]["result"] for each in gateway.record(kind="intent")] == ["not_sent"]
        assert told(gateway, Cause.ERASURE, subject="c-89") == []


def test_a_confirmation_ends_a_notice_for_good(gateway: Running) -> None:
    gateway.ship(to=TO)
    [opened] = told(gateway, Cause.ERASURE, subject="c-89")

    sent = step(gateway, opened["id"], "sent")
    confirmed = step(gateway, opened["id"], "confirmed", receipt="DEL-4711")

    assert (sent["state"], sent["open"]) == ("sent", True)
    assert (confirmed["state"], confirmed["open"], confirmed["receipt"]) == ("confirmed", False, "DEL-4711")
    assert confirmed["told"] == sent["told"]
    with pytest.raises(NoticeEnded):
        step(gateway, opened["id"], "sent")
    with pytest.raises(UnknownNotice):
        step(gateway, "0" * 32, "sent")
    assert listed(gateway, open=True) == []


def test_every_step_is_on_record_without_saying_who(gateway: Running) -> None:
    gateway.ship(to=TO)
    [opened] = told(gateway, Cause.ERASURE, subject="c-89")
    step(gateway, opened["id"], "excused", reason="impossible")

    found = [each for each in gateway.record(kind="fact", subject="c-89") if "fact" in each]
    steps = [(each["fact"], each.get("state"), each.get("vendor"), each["by"]) for each in found]

    assert steps == [
        ("notice:erasure", "excused", "parcels", BY),
        ("notice:erasure", "task", "parcels", BY),
        ("telling:erasure", "asked", None, BY),
    ]
    assert found[0]["reason"] == "impossible"
    assert "c-89" not in repr(gateway.record())


def test_a_withdrawal_has_those_told_who_have_what_left_on_it(gateway: Running) -> None:
    gateway.put(YES)
    gateway.ship(to=TO)
    charge(gateway)
    before = planned(gateway)

    gateway.put(NO)
    count = planned(gateway)

    [notice] = listed(gateway, subject="c-89")
    assert (before, count) == (0, 1)
    assert (notice["vendor"], notice["cause"], notice["categories"]) == (
        "parcels", "withdraw_consent", ("contact.email",),
    )  # fmt: skip
    assert planned(gateway) == 0


def test_what_left_on_a_consent_is_known_though_contracts_have_changed_since(tmp_path: Path) -> None:
    with running(tmp_path, files=FILES) as gateway:
        gateway.put(YES)
        gateway.ship(to=TO)
        contract = tmp_path / "contracts" / "parcels" / "ship.yaml"
        contract.write_text(without_letters(contract.read_text()))
        gateway.do(gateway.gateway.activate)
        token = gateway.token("rita", role=Role.REVIEWER)
        reply = gateway.said(gateway.raw("GET", "/reports/activities?form=json", token=token), operators=True)

        gateway.put(NO)
        planned(gateway)

        [notice] = listed(gateway, subject="c-89")
        [entry] = gateway.record(kind="intent")
        activities = {row["id"]: row for row in json.loads(reply.payload)["rows"]}
    [apart] = [group for group in entry["disclosed"] if "grounds" in group]
    assert (notice["vendor"], notice["categories"]) == ("parcels", ("contact.email",))
    assert (apart["purpose"], apart["fields"]) == ("delivery_notification", [["$.to.email", "contact.email"]])
    assert [ground["basis"] for ground in apart["grounds"]] == ["consent"]
    letters = activities["shop-eu/parcels/delivery_notification"]
    assert (letters["categories"], letters["legal_bases"]) == (["contact.email"], ["consent"])


def without_letters(contract: str) -> str:
    """A contract under which the courier gets no address of mail any more."""
    begins, ends = contract.index("    - why: The courier writes"), contract.index("    - why: These countries")
    return (contract[:begins] + contract[ends:]).replace("version: 1\n", "version: 2\n")


def test_of_a_closed_order_each_vendor_is_told_once_and_answers_as_its_file_says(gateway: Running) -> None:
    gateway.ship(to=TO)
    charge(gateway)

    parcels, payments = sorted(told(gateway, Cause.ORDER_CLOSED, order="A-10045"), key=lambda each: each["vendor"])

    today = datetime.now(UTC).date()
    assert (parcels["vendor"], parcels["duty"]) == ("parcels", "confirms")
    assert parcels["until"] == (today + timedelta(days=90)).isoformat()
    assert parcels["due"][:10] == (today + timedelta(days=120)).isoformat()
    assert set(parcels["categories"]) == {"person.name", "address.city", "address.country", "order.id"}
    assert (payments["vendor"], payments["duty"], payments["law"]) == (
        "payments", "keeps_by_law", "Bookkeeping Act 12",
    )  # fmt: skip


@pytest.mark.parametrize("failpoint", ["after-pending", "after-entry", "after-row"])
def test_wherever_telling_broke_off_each_vendor_has_one_notice_in_the_end(gateway: Running, failpoint: str) -> None:
    gateway.put(YES)
    gateway.ship(to=TO)
    gateway.put(NO)
    failpoints.arm(f"{failpoint}=raise")
    with pytest.raises(InjectedError):
        planned(gateway)
    failpoints.arm("")

    gateway.put({"kind": "suspension", "vendor": "faults"})
    later = datetime.now(UTC) + timedelta(minutes=5)
    notices(gateway)._now = lambda: later
    planned(gateway)

    assert [each["vendor"] for each in listed(gateway, subject="c-89")] == ["parcels"]


def test_two_that_plan_at_once_open_one_notice(gateway: Running) -> None:
    gateway.put(YES)
    gateway.ship(to=TO)
    gateway.put(NO)

    async def both() -> list[int]:
        return list(await asyncio.gather(*(notices(gateway).plan(by=BY) for _ in range(4))))

    assert sorted(gateway.do(both)) == [0, 0, 0, 1]
    assert len(listed(gateway, subject="c-89")) == 1


def test_nobody_is_erased_while_vendors_were_not_told_or_have_not_answered(gateway: Running) -> None:
    gateway.ship(to=TO)

    def erase() -> Any:
        return gateway.do(lambda: gateway.stores.desk.erase({"subject": "c-89", "reason": "request"}, by=BY))

    with pytest.raises(Refusal, match=r"erasure\.notices_open") as untold:
        erase()
    [opened] = told(gateway, Cause.ERASURE, subject="c-89")
    with pytest.raises(Refusal, match=r"erasure\.notices_open"):
        erase()
    step(gateway, opened["id"], "confirmed")

    assert "parcels" in untold.value.failures[0].detail
    assert erase()["keys"] == 1
    [notice] = listed(gateway, id=opened["id"])
    assert "subject" not in notice
    assert notice["state"] == "confirmed"
    assert gateway.do(lambda: gateway.stores.registry.read(rows.everybody, "")) == frozenset()


def notice(**members: Any) -> Notice:
    fields: dict[str, Any] = dict.fromkeys(Notice.__slots__, "") | {
        "due": datetime(2026, 6, 15, tzinfo=UTC), "duty": Duty.CONFIRMS, "state": NoticeState.SENT,
    }  # fmt: skip
    return Notice(**fields | members)


@pytest.mark.parametrize("state", list(NoticeState))
@pytest.mark.parametrize("duty", list(Duty))
def test_only_of_a_vendor_that_confirms_an_answer_is_overdue(duty: Duty, state: NoticeState) -> None:
    one = notice(duty=duty, state=state)
    is_due = state in (NoticeState.QUEUED, NoticeState.TASK) or (state is NoticeState.SENT and duty is Duty.CONFIRMS)

    assert one.is_open is (is_due or state is NoticeState.HELD)
    assert one.is_overdue(one.due + timedelta(seconds=1)) is (is_due and duty is Duty.CONFIRMS)
    assert not one.is_overdue(one.due)


def test_what_is_listed_as_open_is_what_is_open(gateway: Running) -> None:
    gateway.ship(to=TO)
    charge(gateway)
    for state in ("sent", "confirmed", None):
        for each in told(gateway, Cause.ORDER_CLOSED, order="A-10045"):
            if state:
                step(gateway, each["id"], state)

    everything, waiting = listed(gateway), listed(gateway, open=True)

    assert len(everything) == 6
    assert sorted(each["id"] for each in waiting) == sorted(each["id"] for each in everything if each["open"])
    assert len(waiting) == 3


def test_the_words_of_the_table_are_those_of_the_contract_language(gateway: Running) -> None:
    [vendor] = {type(each.notices) for each in gateway.gateway.exchange.contracts.contracts.vendors.values()}
    ways = vendor.model_fields["how"].annotation

    assert set(getattr(ways, "__args__", ())) == set(NoticeWay)
    assert gateway.do(lambda: gateway.stores.registry.read(rows.listed, Wanted(id="0" * 32))) == []


@pytest.mark.parametrize(
    "asked",
    [
        {"cause": "erasure"},
        {"cause": "erasure", "order": "A-1"},
        {"cause": "order_closed", "subject": "c-1"},
        {"cause": "order_closed", "subject": "c-1", "order": "A-1"},
        {"cause": "gossip", "subject": "c-1"},
    ],
)
def test_what_is_told_has_a_cause_and_somebody_it_is_about(gateway: Running, asked: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        gateway.do(lambda: notices(gateway).tell(asked, by=BY))
    assert listed(gateway) == []


CLOSED = {"kind": "order_state", "order": "A-10045", "state": "closed"}
AGAIN = CLOSED | {"state": "after_sales"}


def states(gateway: Running) -> list[tuple[str, str]]:
    return sorted((each["cause"], each["state"]) for each in listed(gateway))


@pytest.mark.parametrize("is_planned", [True, False])
def test_of_an_order_that_goes_on_nobody_is_told_to_delete(gateway: Running, *, is_planned: bool) -> None:
    gateway.ship(to=TO)
    gateway.put(CLOSED)
    if is_planned:
        planned(gateway)
    before = states(gateway)

    gateway.put(AGAIN)
    planned(gateway)

    assert before == ([("order_closed", "task")] if is_planned else [])
    assert states(gateway) == ([("order_closed", "taken_back")] if is_planned else [])
    assert listed(gateway, open=True) == []


def test_whoever_heard_that_an_order_was_closed_is_to_be_asked_to_keep_what_they_have(gateway: Running) -> None:
    gateway.ship(to=TO)
    charge(gateway)
    gateway.put(CLOSED)
    planned(gateway)
    for each in listed(gateway):
        step(gateway, each["id"], "sent")

    gateway.put(AGAIN)
    planned(gateway)
    asked = [each for each in listed(gateway) if each["cause"] == "keep"]
    waits = gateway.do(lambda: gateway.stores.registry.about([], consents=False, order=None)).overdue_from
    gateway.put(CLOSED)
    planned(gateway)

    # Who keeps it by law does so anyway.
    assert [(each["vendor"], each["state"], each["order"]) for each in asked] == [("parcels", "task", "A-10045")]
    assert waits == {}
    assert states(gateway) == [
        ("keep", "taken_back"), ("order_closed", "sent"), ("order_closed", "taken_back"),
        ("order_closed", "task"), ("order_closed", "task"),
    ]  # fmt: skip


def test_an_order_that_is_closed_twice_is_told_once(gateway: Running) -> None:
    gateway.ship(to=TO)
    for _ in range(2):
        gateway.put(CLOSED)
        planned(gateway)
        for each in listed(gateway, open=True):
            step(gateway, each["id"], "confirmed")

    assert states(gateway) == [("order_closed", "confirmed")]


def test_vendors_are_told_of_a_closed_order_some_days_later_where_that_is_set(tmp_path: Path) -> None:
    with running(tmp_path, closed_days=14) as gateway:
        gateway.ship(to=TO)
        counts = list[int]()
        for state, days in (("closed", 13), ("delivered", 13), ("closed", 13), ("closed", 15)):
            gateway.put(CLOSED | {"state": state})
            notices(gateway)._now = partial(datetime.__add__, datetime.now(UTC), timedelta(days=days))
            counts.append(planned(gateway))

        assert counts == [0, 0, 0, 1]


def test_what_is_told_by_hand_of_an_order_that_goes_on_is_refused(gateway: Running) -> None:
    gateway.ship(to=TO)
    gateway.put(AGAIN)

    with pytest.raises(OrderGoesOn):
        told(gateway, Cause.ORDER_CLOSED, order="A-10045")
    assert listed(gateway) == []
