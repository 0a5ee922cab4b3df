"""The registers of what is done beside calls, of a real gateway in which it was done."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from asking import People
from asking import case as on_behalf
from demands import AGENCY, EMERGENCY, LEGAL, Staff
from running import Running, running

from gateway.report.cases import Incidents, Notices, days_late
from gateway.report.requests import Requests
from gateway.report.seen import Fold, Known, Seen
from gateway.report.supervision import Vendors
from gateway.vocabulary import Role

NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("cases")) as gateway:
        yield gateway


def rows(gateway: Running, report: str, **wanted: str) -> list[dict[str, Any]]:
    token, query = gateway.token("rita", role=Role.REVIEWER), urlencode(wanted)
    reply = gateway.said(gateway.raw("GET", f"/reports/{report}?{query}", token=token), operators=True)
    document = json.loads(reply.payload)
    assert all(set(row) == set(document["columns"]) for row in document["rows"])
    found: list[dict[str, Any]] = document["rows"]
    return found


def test_every_case_has_a_row_and_every_year_its_totals(gateway: Running) -> None:
    staff = Staff(gateway)
    sent, refused = staff.opened(LEGAL), staff.opened(LEGAL)
    assert staff.take(sent, "approve", {}).status == 200
    assert staff.send(sent).status == 200
    assert staff.take(refused, "refuse", {"why": "It names no person."}).status == 200
    still_open = staff.opened(EMERGENCY)

    found = {row["case"]: row for row in rows(gateway, "demands")}
    totals = rows(gateway, "demand-totals")

    assert {case: row["outcome"] for case, row in found.items()} == {
        sent: "sent",
        refused: "refused",
        still_open: "open",
    }
    assert found[sent]["approved_by"] == ["dora"]
    assert found[sent]["requested_by"] == "stella"
    assert (found[sent]["recipient"], found[sent]["country"]) == ("law_enforcement", "DE")
    assert (found[sent]["recipient_name"], found[refused]["recipient_name"]) == (LEGAL["recipient"]["name"], None)
    assert (found[sent]["fields"], found[sent]["withheld"]) == (3, 4)
    assert found[sent]["categories"] == ["address.city", "order.id", "person.name"]
    stated = ("dated", "instrument", "data_since", "data_until", "asked_people", "subjects", "asked_fields", "extent")
    assert [found[sent][name] for name in stated] == [
        "2026-01-05", ["written", "reasoned"], "2026-01-01", "2026-03-31", 1, 1, 3, "all of it",
    ]  # fmt: skip
    assert found[sent]["named"] == [
        "necessity", "instrument.type", "instrument.number", "instrument.law", "recipient.verified",
    ]  # fmt: skip
    assert (found[sent]["legal_bases"], found[sent]["decided_by"]) == (["legal_obligation"], "stella")
    assert (found[refused]["decided_by"], found[refused]["closed"]) == ("dora", found[refused]["decided"])
    assert (found[sent]["closed"], found[still_open]["closed"]) == (None, None)
    assert (found[still_open]["urgency"], found[still_open]["danger"]) == ("loss_of_life", "life")
    # What somebody wrote about a case stands in the case alone.
    assert not [text for text in ("123 Js 45/26", "StPO", "names two parcels") if text in json.dumps(found)]
    year = str(NOW.year)
    assert totals == [
        {
            "year": year,
            "scenario": "emergency",
            "cases": 1,
            "sent": 0,
            "refused": 0,
            "preserved": 0,
            "open": 1,
            "subjects": 1,
        },
        {
            "year": year,
            "scenario": "legal_compulsion",
            "cases": 2,
            "sent": 1,
            "refused": 1,
            "preserved": 0,
            "open": 0,
            "subjects": 2,
        },
    ]


def test_what_went_outside_contracts_stands_in_the_registers_with_everybody_who_got_it(tmp_path: Path) -> None:
    abroad = {
        "recipient": AGENCY | {"name": "District Court", "kind": "judicial", "country": "US"},
        "demand": "agreement",
        "agreement": "MLA 2010",
        "crossing": "derogation_public_interest",
        "stored_in": ["DE"],
    }
    cases = list[str]()
    with running(tmp_path) as gateway:
        staff = Staff(gateway)
        for each in (LEGAL, LEGAL | {"recipient": AGENCY | {"name": "Polizei Bremen"}}, LEGAL | abroad):
            case = staff.opened(each)
            cases.append(case)
            opinion = {"dated": str(NOW.date()), "favourable": True, "text": "A treaty says so."}
            assert staff.take(case, "opinion", opinion, "petra", Role.DPO).status == 200
            less = {"fields": {"$.orders.*.number": "order.id"}} if each["recipient"]["country"] == "US" else {}
            assert staff.take(case, "approve", less).status == 200
            assert staff.send(case).status == 200
        assert staff.take(cases[0], "told", {"how": "By letter."}, "stella", Role.STEWARD).status == 200

        register = [
            (
                row["case"],
                row["opinion"],
                row["crossing"],
                row["stored_in"],
                row["extent"],
                row["closed"] is not None,
            )
            for row in rows(gateway, "demands")
        ]
        activities = {row["id"].partition("/")[2]: row for row in rows(gateway, "activities")}
        [transfer] = rows(gateway, "transfers")
        drift = rows(gateway, "drift")

    police, court = (activities[f"{kind}/legal_compulsion"] for kind in ("law_enforcement", "judicial"))
    assert police["recipient"] == "Polizei Bremen; Staatsanwaltschaft Berlin"
    assert (police["countries"], police["mechanisms"], police["disclosures"]) == (["DE"], [], 2)
    assert (court["countries"], court["mechanisms"]) == (["US"], ["DE: derogation_public_interest"])
    assert (court["recipient_kind"], court["channels"], court["subjects"]) == (
        "judicial", ["outside contracts"], ["purchaser"],
    )  # fmt: skip
    assert "TLS" not in court["measures"]
    assert [transfer[name] for name in ("importer", "article", "status", "most_in_a_month")] == [
        "District Court", "GDPR 49(1)(d)", "single cases, outside contracts", 1,
    ]  # fmt: skip
    assert drift == []
    said = f"in favour, {NOW.date()}"
    assert register == [
        (cases[0], said, None, None, "all of it", True),
        (cases[1], said, None, None, "all of it", False),
        (cases[2], said, "derogation_public_interest", ["DE"], "a part", False),
    ]


def test_an_incident_has_a_row_with_its_steps(gateway: Running) -> None:
    token = gateway.token("stella", role=Role.STEWARD)
    given = {
        "vendor": "parcels",
        "nature": "confidentiality",
        "began": "2026-01-01T00:00:00Z",
        "aware": NOW.isoformat(),
        "vendor_told": NOW.isoformat(),
        "reference": "INC-2026/4",
    }

    def said(path: str, body: object) -> dict[str, Any]:
        raw = gateway.raw("POST", path, body=json.dumps(body).encode(), token=token)
        reply = gateway.said(raw, operators=True)
        assert reply.status == 200, reply.payload
        told: dict[str, Any] = json.loads(reply.payload)["result"]
        return told

    incident = said("/incidents", given)["incident"]
    said(f"/incidents/{incident}/steps", {"step": "authority", "reference": "A-7"})
    said(f"/incidents/{incident}/steps", {"step": "closed", "reference": "A-8"})

    [row] = rows(gateway, "incidents")

    assert (row["incident"], row["vendor"]) == (incident, "parcels")
    assert [step.partition(" ")[0] for step in row["steps"]] == ["opened", "authority", "closed"]
    assert row["closed"] is not None
    assert (row["reference"], row["nature"], row["began"]) == ("INC-2026/4", "confidentiality", "2026-01-01T00:00:00Z")
    due, told = datetime.fromisoformat(row["authority_due"]), datetime.fromisoformat(row["authority_told"])
    assert due == NOW.replace(microsecond=0) + timedelta(hours=72)
    assert told < due
    assert (row["hours_late"], row["why"], row["people_told"]) == (0, None, None)


def test_an_authority_that_was_told_late_or_not_at_all_stands_there_with_the_hours(gateway: Running) -> None:
    def entry(step: str, **said: str) -> Seen:
        return Seen(0, {"kind": "incident", "ts": 0, "incident": "7", "vendor": "parcels", "step": step, **said})

    aware = datetime(2026, 1, 1, tzinfo=UTC)
    fold = Incidents(Known(gateway.gateway.contracts(), aware + timedelta(hours=80)))
    list(fold.take(entry("opened", aware=aware.isoformat(), began=aware.isoformat())))

    [untold] = fold.rest()
    list(fold.take(entry("authority", at=(aware + timedelta(hours=75)).isoformat(), why="holidays")))
    [told] = fold.rest()

    assert (untold["hours_late"], untold["authority_told"]) == (8, None)
    assert (told["hours_late"], told["why"]) == (3, "holidays")


def test_what_people_asked_and_what_vendors_were_told_has_a_row_and_shows_nobody(gateway: Running) -> None:
    people = People(gateway)
    assert gateway.ship(to={"name": "Ann", "city": "Kiel", "country": "DE"}).status == 200
    asked = people.ask(
        people.subject("c-89"), "/v1/requests", {"right": "rectification", "categories": ["address.city"]}
    )
    wanted = {"cause": "rectification", "subject": "c-89", "categories": ["address.city"]}
    gateway.do(lambda: gateway.stores.notices.tell(wanted, by="stella"))

    requests, notices = rows(gateway, "requests"), rows(gateway, "notices")

    assert asked.status == 200, asked.payload
    [request] = requests
    assert (request["right"], request["by"], request["requester"]) == ("rectification", "subject", "self")
    assert (request["status"], request["answer"], request["days_late"]) == ("accepted", ["rectify all"], 0)
    assert [(row["cause"], row["vendor"]) for row in notices] == [("rectification", "parcels")]
    assert "c-89" not in json.dumps([requests, notices])
    assert rows(gateway, "waivers") == []


def test_the_oversight_of_a_vendor_knows_what_became_of_it(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        gateway.ship(to={"name": "Zoe", "city": "Kiel", "country": "DE"})
        gateway.entries()
        stop = {"kind": "suspension", "vendor": "parcels"}
        gateway.put({"kind": "review", "vendor": "parcels", "held": "2026-01-02", "next": "2095-01-01"}, stop)
        gateway.put(stop | {"lifted": True})
        gateway.do(lambda: gateway.stores.desk.notices.tell({"cause": "erasure", "subject": "c-89"}, by="a test"))
        lost = {"vendor": "parcels", "nature": "availability", "began": NOW.isoformat(), "aware": NOW.isoformat()}
        lost |= {"began": (NOW - timedelta(hours=30)).isoformat(), "vendor_told": NOW.isoformat()}
        gateway.do(lambda: gateway.gateway.incidents.open(lost | {"reference": "INC-9"}, by="a test"))

        [parcels] = [row for row in rows(gateway, "vendors") if row["vendor"] == "parcels"]

    assert [each.partition(" ")[0] for each in parcels["stopped"]] == ["suspended", "lifted"]
    assert (parcels["incidents"], parcels["told_after"]) == (["opened 1"], ["INC-9 30"])
    assert parcels["notices"] in (["queued 1"], ["task 1"])
    assert parcels["reviewed"] is not None


def test_the_register_of_requests_says_when_and_how_each_was_answered_and_why_not(tmp_path: Path) -> None:
    refuse = {"ruling": "refuse", "category": "person.name", "reason": "legally_required"}
    with running(tmp_path) as gateway:
        people = People(gateway)
        agent, steward = people.staff("ada", Role.AGENT), people.staff("stella", Role.STEWARD)
        wanted = {"right": "erasure", "categories": ["person.name", "contact.phone"]}
        first = people.ask(agent, "/v1/requests", wanted | on_behalf("c-1", requester="guardian", proof="guardianship"))
        second = people.ask(people.subject("c-2"), "/v1/requests", {"right": "erasure"})
        number = first.document["request"]
        people.ask(steward, f"/v1/requests/{number}/decision", {"decisions": [refuse, {"ruling": "erase"}]})
        people.ask(steward, f"/v1/requests/{number}/closing", {"fulfilled": True})
        people.ask(people.subject("c-1"), "/v1/disclosures", {})
        gateway.gateway.reports._now = lambda: datetime.now(UTC) + timedelta(days=40)
        decided, open_, told = rows(gateway, "requests")
        [later] = rows(gateway, "requests", since=str((datetime.now(UTC) - timedelta(days=1)).date()))[1:2]

    shown = ("request", "right", "by", "requester", "status", "answer", "refused_because", "days_late")
    assert [decided[name] for name in shown] == [
        number, "erasure", "ada", "guardian", "fulfilled", ["erase all", "refuse person.name"], ["legally_required"], 0,
    ]  # fmt: skip
    assert decided["categories"] == ["person.name", "contact.phone"]
    assert [step.split(" ")[:3] for step in decided["steps"]] == [
        ["acknowledged", "by", "ada"], ["accepted", "by", "stella"], ["fulfilled", "by", "stella"],
    ]  # fmt: skip
    assert decided["received"] <= decided["answered"] <= decided["closed"] < decided["due"]
    assert [open_[name] for name in shown[:5]] == [
        second.document["request"], "erasure", "subject", "self", "acknowledged",
    ]  # fmt: skip
    assert (open_["answered"], open_["answer"], later["request"]) == (None, [], open_["request"])
    assert open_["days_late"] in (9, 10, 11, 12, 13)
    assert [told[name] for name in shown[1:5]] == ["access", "subject", "self", "fulfilled"]
    assert not {"c-1", "c-2"} & {str(cell) for row in (decided, open_, told) for cell in row.values()}


DUE = int(NOW.timestamp() * 1_000_000)
HOUR = 3_600_000_000


@pytest.mark.parametrize(
    ("told", "after", "days"),
    [
        ({"state": "sent"}, timedelta(0), 0),
        ({"state": "sent"}, timedelta(hours=1), 1),
        ({"state": "queued"}, timedelta(days=3), 3),
        ({"state": "task"}, timedelta(days=3, hours=1), 4),
        ({"state": "confirmed", "ts": DUE - HOUR}, timedelta(days=9), 0),
        ({"state": "confirmed", "ts": DUE + 25 * HOUR}, timedelta(days=9), 2),
        ({"state": "excused"}, timedelta(days=9), 0),
        ({"state": "held"}, timedelta(days=9), 0),
        ({"state": "taken_back"}, timedelta(days=9), 0),
        ({"state": "sent", "duty": "attests"}, timedelta(days=9), 0),
        ({"state": "sent", "duty": "keeps_by_law"}, timedelta(days=9), 0),
    ],
)
def test_only_whoever_owes_an_answer_by_a_day_is_late_with_it(
    told: dict[str, Any], after: timedelta, days: int
) -> None:
    assert days_late({"duty": "confirms", "due": DUE, "ts": DUE - 30 * 24 * HOUR} | told, NOW + after) == days


OPENED = {"kind": "fact", "notice": "n-1", "fact": "notice:erasure", "vendor": "parcels", "way": "task"}
OPEN_NOTICE = OPENED | {"duty": "confirms", "due": 9, "state": "task"}
ASKED = {"kind": "fact", "id": "e-1", "request": "r-1", "fact": "request:erasure", "state": "acknowledged", "due": 9}
LOST = {"kind": "incident", "incident": "i-1", "step": "opened", "began": "2026-01-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("fold", "begun", "done"),
    [
        (Notices, OPEN_NOTICE, {"kind": "fact", "notice": "n-1", "fact": "notice:erasure", "state": "confirmed"}),
        (Requests, ASKED, ASKED | {"state": "rejected", "rulings": ["refuse all"]}),
        (Incidents, LOST, {"kind": "incident", "incident": "i-1", "step": "closed"}),
    ],
)
def test_what_was_begun_before_the_days_that_are_asked_for_stands_there_until_it_is_done(
    gateway: Running, fold: Callable[[Known], Fold], begun: dict[str, Any], done: dict[str, Any]
) -> None:
    def count(since: int, *steps: dict[str, Any]) -> int:
        report = fold(Known(gateway.gateway.contracts(), NOW, since=since))
        for number, step in enumerate(steps, 1):
            assert not list(report.take(Seen(number, step | {"ts": number * 10})))
        return len(list(report.rest()))

    assert count(15, begun) == 1
    assert count(15, begun, done) == 1
    assert count(25, begun, done) == 0


CONFIRMED = {"kind": "fact", "notice": "n-1", "fact": "notice:erasure", "vendor": "parcels", "state": "confirmed"}


@pytest.mark.parametrize(
    ("steps", "since", "told"),
    [
        ([], 15, (("task 1",), 1)),
        ([CONFIRMED], 15, (("confirmed 1",), 1)),
        ([CONFIRMED], 25, ((), 0)),
    ],
    ids=["still open", "confirmed in these days", "confirmed before them"],
)
def test_what_a_vendor_was_told_before_the_days_that_are_asked_for_counts_while_it_is_open_or_answered_in_them(
    gateway: Running, steps: list[dict[str, Any]], since: int, told: tuple[tuple[str, ...], int]
) -> None:
    fold = Vendors(Known(gateway.gateway.contracts(), NOW, since=since))
    refused = {"kind": "refusal", "vendor": "parcels", "code": "caller.unknown"}
    entries: list[tuple[int, dict[str, Any]]] = [(5, refused), (10, OPEN_NOTICE), *((20, step) for step in steps)]
    for moment, step in entries:
        assert not list(fold.take(Seen(moment, step | {"ts": moment})))

    [parcels] = [row for row in fold.rest() if row["vendor"] == "parcels"]

    assert (parcels["notices"], parcels["late"]) == told
    assert not parcels["refused"]


def test_an_answer_that_is_late_stands_in_the_oversight_of_its_vendor(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        gateway.ship(to={"name": "Zoe", "city": "Kiel", "country": "DE"})
        gateway.entries()
        gateway.do(lambda: gateway.stores.desk.notices.tell({"cause": "erasure", "subject": "c-89"}, by="a test"))

        def shown(**days: str) -> tuple[object, object]:
            [row] = rows(gateway, "notices", **days)
            [parcels] = [row for row in rows(gateway, "vendors", **days) if row["vendor"] == "parcels"]
            return row["days_late"], parcels["late"]

        in_time = shown()
        gateway.gateway.reports._now = lambda: datetime.now(UTC) + timedelta(days=31, hours=12)
        late = shown()
        of_the_last_days = shown(since=str((datetime.now(UTC) + timedelta(days=25)).date()))

    assert (in_time, late, of_the_last_days) == ((0, 0), (2, 1), (2, 1))
