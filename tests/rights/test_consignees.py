"""Who gets what somebody else bought is to be told when their data first leaves, and the shop is told so before."""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import pytest
from clearances import NOON, PEOPLE, POLICY, SHIP, asked, given, placed
from running import BY, Running, running, write_files
from shop_contracts import FILES
from shop_notices import CLAIM
from typer.testing import CliRunner

from gateway.clearance import NOTICE_DUE, clear, stand
from gateway.clearance.people import informed
from gateway.cli.main import cli
from gateway.due import Due
from gateway.frozen import changed
from gateway.identity import Caller
from gateway.rights.report import WantReport
from gateway.vocabulary import Level, Role, SubjectRole
from gateway.webhook import NotTaken, Receiver

WARNING = {NOTICE_DUE: "warn"}  # as it is where nobody sets it
STELLA = Caller("stella", "", "", "live", None, 0, Role.STEWARD)
UNTOLD: Sequence[Literal["", "noted", "new"]] = ("new", "noted", "")
TO = {"name": "Ann", "city": "Bonn"}


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path, levels=WARNING, webhook="https://shop.example/hook") as gateway:
        yield gateway


def waiting(gateway: Running) -> list[str]:
    return [each["subject"] for each in gateway.do(lambda: gateway.stores.consignees.listed(by=BY))]


def warnings(gateway: Running) -> list[list[str]]:
    return [each.get("warnings", []) for each in reversed(gateway.record(kind="intent"))]


def deadlines(gateway: Running) -> list[dict[str, str]]:
    return [each.members() for each in gateway.do(gateway.gateway.due) if each.what == "consignee.notice"]


def test_before_the_data_of_who_gets_a_gift_leaves_it_is_on_record_that_they_are_to_be_told(gateway: Running) -> None:
    replies = [gateway.ship(to=TO).status for _ in range(3)]

    [fact] = gateway.record(kind="fact", subject="c-89")
    assert replies == [200, 200, 200]
    assert (fact["fact"], fact["state"], fact["by"]) == ("flag:notice_due", "set", "gateway")
    assert fact["id"] < min(each["id"] for each in gateway.record(kind="intent"))
    assert warnings(gateway) == [[NOTICE_DUE]] * 3
    [listed] = gateway.do(lambda: gateway.stores.consignees.listed(by=BY))
    assert (listed["subject"], listed["orders"], listed["entry"]) == ("c-89", ("A-10045",), fact["id"])
    [due] = deadlines(gateway)
    assert (due["ref"], due["role"], due["at"]) == (fact["id"], "steward", listed["since"])
    assert "c-89" not in repr(due)
    assert gateway.record(kind="access")[0]["action"] == "consignees"


def test_whom_the_shop_has_told_is_told_of_no_more(gateway: Running) -> None:
    gateway.ship(to=TO)

    count = gateway.do(lambda: gateway.stores.consignees.informed({"subjects": ["c-89", "c-89"]}, by=BY))
    gateway.ship(to=TO)

    assert count == 1
    assert warnings(gateway) == [[NOTICE_DUE], []]
    assert (waiting(gateway), deadlines(gateway)) == ([], [])


def test_whom_the_shop_told_before_is_never_due(gateway: Running) -> None:
    gateway.put({"kind": "flag", "subject": "c-89", "flag": "informed"})

    gateway.ship(to=TO)

    assert warnings(gateway) == [[]]
    assert waiting(gateway) == []


def test_who_knows_it_under_another_number_knows_it(gateway: Running) -> None:
    gateway.ship(to=TO)
    gateway.put({"kind": "link", "subject": "c-89", "other": "account-7"})
    before = waiting(gateway)

    gateway.put({"kind": "flag", "subject": "account-7", "flag": "informed"})
    gateway.ship(to=TO)

    assert (before, waiting(gateway)) == (["c-89"], [])
    assert warnings(gateway) == [[NOTICE_DUE], []]


@pytest.mark.parametrize(
    "facts",
    [
        [{"kind": "link", "subject": "c-88", "other": "c-89"}],
        [{"kind": "flag", "subject": "c-89", "flag": "legal_person"}],
        [{"kind": "subject", "subject": "c-89", "jurisdiction": "JP"}],
    ],
    ids=["the buyer themselves", "a company", "another law"],
)
def test_nobody_else_is_to_be_told(facts: Sequence[dict[str, Any]], gateway: Running) -> None:
    gateway.put(*facts)

    gateway.ship(to=TO)

    assert waiting(gateway) == []


@pytest.mark.parametrize(
    ("level", "statuses", "due"), [("off", [200, 200], []), ("refuse", [403, 200], [])], ids=["off", "refuse"]
)
def test_what_becomes_of_a_parcel_until_then_is_a_setting(
    level: str, statuses: list[int], due: list[str], tmp_path: Path
) -> None:
    with running(tmp_path, levels={NOTICE_DUE: level}) as gateway:
        first = gateway.ship(to=TO).status
        gateway.put({"kind": "flag", "subject": "c-89", "flag": "informed"})
        second = gateway.ship(to=TO).status

        assert [first, second] == statuses
        assert waiting(gateway) == due
        assert len(gateway.parcels.received) == statuses.count(200)


def test_the_shop_hears_of_it_at_once_and_once(gateway: Running) -> None:
    heard: list[Sequence[Due]] = []
    refusing = [True]

    async def posted(receiver: Receiver, due: Sequence[Due], now: datetime) -> None:
        del receiver, now
        if refusing.pop() if refusing else False:
            raise NotTaken("no")
        heard.append(due)

    gateway.ship(to=TO)
    with pytest.raises(NotTaken):
        gateway.do(lambda: gateway.gateway.notify_new(posted))
    for _ in range(2):
        gateway.do(lambda: gateway.gateway.notify_new(posted))

    [[due]] = heard
    assert due.what == "consignee.notice"
    assert "c-89" not in repr(heard)


@pytest.mark.parametrize(
    ("place", "warned"),
    [("DE", True), ("NO", True), ("GB", True), ("unknown", True), ("US-CA", False), ("CN", False), ("JP", False)],
)
def test_it_is_the_law_of_whoever_gets_it_that_asks_for_it(place: str, warned: bool) -> None:
    people = {**PEOPLE, SubjectRole.CONSIGNEE: changed(PEOPLE[SubjectRole.CONSIGNEE], jurisdiction=place)}
    question = changed(asked(facts=changed(given(people=people), untold="new")), levels={NOTICE_DUE: Level.REFUSE})

    assert (NOTICE_DUE in {failure.code for failure in informed(question)}) is warned


def test_a_call_like_one_that_was_cleared_has_its_note_too_and_others_do_not() -> None:
    standing = stand(SHIP, POLICY, "shop-eu", NOON)
    new, noted, told = (changed(asked(facts=changed(given(), untold=each)), standing=standing) for each in UNTOLD)

    assert clear(new).warnings == clear(noted).warnings == (NOTICE_DUE,)
    assert clear(told).warnings == ()


def test_who_bought_sees_that_it_was_about_somebody_else_and_each_sees_only_their_own(gateway: Running) -> None:
    gateway.ship(to=TO, billing={"name": "Ben"})

    def line(ref: str) -> Any:
        behalf = {"subject": ref, "case": "CS-1", "reason": "asked by letter", "verified": "document"}
        wanted = WantReport.model_validate({"on_behalf": behalf})
        [only] = gateway.do(lambda: gateway.gateway.disclosures.made(STELLA, wanted)).disclosures
        return only

    buyer, guest = line("c-88"), line("c-89")
    assert [each.code for each in buyer.others] == ["consignee"]
    assert "person.name" not in {each.code for each in buyer.categories}
    assert "person.name" in {each.code for each in guest.categories}
    assert "c-89" not in buyer.model_dump_json()
    assert "c-88" not in guest.model_dump_json()


def test_the_commands_list_them_and_say_that_they_were_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(tmp_path, levels=WARNING) as gateway:
        gateway.ship(to=TO)
    write_files(tmp_path / "contracts", placed(FILES))
    for name in ("data", "contracts"):
        monkeypatch.setenv(f"GATEWAY_{name.upper()}", str(tmp_path / name))

    def typed(*words: str) -> str:
        return CliRunner().invoke(cli, ["notice", *words]).stdout

    listed, told, after = typed("consignees", "--json"), typed("informed", "c-89"), typed("consignees")

    assert [(each["subject"], each["orders"]) for each in json.loads(listed)] == [("c-89", ["A-10045"])]
    assert (told, after) == ("1 person was told\n", "0 people are to be told\n")


WHO = {"subject": "c-89", "role": "consignee", "order": "A-10045"}
CALLED = {"vendor": "parcels", "operation": "claim", "people": [WHO], "happened": "2026-03-02T10:00:00Z"}
BOUGHT = {"subject": "c-88", "role": "purchaser"}


@pytest.fixture
def beside(tmp_path: Path) -> Iterator[Running]:
    claim = CLAIM.replace("subjects:\n", "subjects:\n  purchaser: {legal_basis: legitimate_interest}\n")
    with running(
        tmp_path, files={**FILES, "parcels/claim.yaml": claim}, levels=WARNING, webhook="https://shop.example/hook"
    ) as gateway:
        yield gateway


def recorded(gateway: Running, *told: dict[str, Any]) -> list[str]:
    return [each["entry"] for each in gateway.do(lambda: gateway.stores.direct.record(list(told), by=BY))]


def test_whose_data_first_went_beside_the_gateway_is_to_be_told_from_when_it_went(beside: Running) -> None:
    earlier = CALLED | {"happened": "2026-03-01T08:00:00Z"}

    ids = recorded(beside, CALLED, earlier)
    later = beside.ship(to=TO)

    [fact] = beside.record(kind="fact", subject="c-89")
    assert (fact["fact"], fact["state"], fact["by"]) == ("flag:notice_due", "set", "gateway")
    assert fact["id"] < min(ids)
    assert later.status == 200
    assert warnings(beside) == [[NOTICE_DUE]] * 3
    [listed] = beside.do(lambda: beside.stores.consignees.listed(by=BY))
    assert (listed["subject"], listed["since"]) == ("c-89", "2026-03-01T08:00:00+00:00")
    [due] = deadlines(beside)
    assert (due["ref"], due["at"]) == (fact["id"], listed["since"])
    heard: list[Sequence[Due]] = []

    async def posted(receiver: Receiver, due: Sequence[Due], now: datetime) -> None:
        del receiver, now
        heard.append(due)

    beside.do(lambda: beside.gateway.notify_new(posted))
    assert [[each.ref for each in one] for one in heard] == [[fact["id"]]]
    recorded(beside, CALLED, CALLED | {"happened": "2026-03-03T10:00:00Z"})
    assert len(beside.record(kind="fact", subject="c-89")) == 1


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ([{"kind": "flag", "subject": "c-89", "flag": "informed"}], CALLED),
        ([{"kind": "flag", "subject": "c-89", "flag": "legal_person"}], CALLED),
        ([{"kind": "link", "subject": "c-88", "other": "c-89"}], CALLED),
        ([{"kind": "subject", "subject": "c-89", "jurisdiction": "JP"}], CALLED),
        ([], CALLED | {"people": [WHO | {"jurisdiction": "JP"}]}),
        ([], CALLED | {"people": [WHO | {"subject": "c-88"}]}),
        ([], CALLED | {"people": [BOUGHT | {"order": "A-10045"}]}),
    ],
    ids=[
        "told before",
        "a company",
        "the buyer's other number",
        "another law",
        "the same by the call",
        "the buyer",
        "no parcel",
    ],
)
def test_nobody_else_is_to_be_told_of_what_went_beside(
    facts: Sequence[dict[str, Any]], told: dict[str, Any], beside: Running
) -> None:
    beside.put(*facts)

    recorded(beside, told)

    assert waiting(beside) == []
    assert NOTICE_DUE not in warnings(beside)[0]


def test_who_bought_can_be_told_with_the_disclosure_where_no_order_says_it(beside: Running) -> None:
    strangers = [{"subject": "c-90", "role": "consignee"}, BOUGHT]
    recorded(beside, CALLED | {"people": strangers[:1]})
    before = waiting(beside)

    recorded(beside, CALLED | {"people": [each | {"order": "A-7", "jurisdiction": "DE"} for each in strangers]})

    assert (before, waiting(beside)) == ([], ["c-90"])


@pytest.mark.parametrize(("level", "due"), [("off", []), ("refuse", ["c-89"])])
def test_what_went_beside_is_recorded_whatever_the_setting_is(level: str, due: list[str], tmp_path: Path) -> None:
    with running(tmp_path, files={**FILES, "parcels/claim.yaml": CLAIM}, levels={NOTICE_DUE: level}) as gateway:
        recorded(gateway, CALLED)

        assert waiting(gateway) == due
        assert warnings(gateway) == [[NOTICE_DUE] if due else []]
