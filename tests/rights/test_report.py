"""The report names who received somebody's data, what, on which basis: for that person, and of nobody else."""

import asyncio
import csv
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from asking import People, case
from running import BY, running

from gateway import privacy
from gateway.rights import report as rights_report
from gateway.rights.page import COLUMNS
from gateway.vocabulary import Role
from gateway.vocabulary.wording import RIGHT_LABELS

VALUES = ("Zoe Mueller", "Buxtehude", "+4930901820", "zoe@example.com")
TO = {"name": VALUES[0], "city": VALUES[1], "country": "DE", "phone": VALUES[2], "email": VALUES[3]}
PURCHASER, CONSIGNEE, PAYER = "c-88", "c-89", "c-90"


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    """A shop that has sent a parcel to somebody else, twice, and taken a payment."""
    with running(tmp_path_factory.mktemp("report")) as gateway:
        people = People(gateway)
        for _ in range(2):
            assert gateway.ship(to=TO, items=[{"title": "Retinol 1%"}]).status == 200
        charge = f"amount=1&source=tok_1&customer={PAYER}&metadata[order]=A-7".encode()
        form = "Content-Type: application/x-www-form-urlencoded"
        token = gateway.token("checkout")
        assert gateway.call("POST", "/payments/accounts/acct/charges", form, body=charge, token=token).status == 200
        yield people


def report(people: People, ref: str, **asked: object) -> dict[str, Any]:
    answer = people.ask(people.subject(ref), "/v1/disclosures", asked)
    assert answer.status == 200, answer.payload
    return dict(answer.document)


def codes(words: list[dict[str, Any]]) -> set[str]:
    return {word["code"] for word in words}


def test_exactly_what_went_to_whom_about_a_person_is_told(people: People) -> None:
    lines = report(people, CONSIGNEE)["disclosures"]

    assert [line["recipient"]["name"] for line in lines] == ["Parcels GmbH"] * 2
    line = lines[0]
    assert line["recipient"]["contact"] == "dpo@parcels.example"
    assert (line["controller"]["name"], line["controller"]["contact"]) == ("Shop GmbH", "privacy@shop.example")
    assert (line["purpose"]["code"], line["purpose"]["en"]) == ("delivery", "Delivering your parcel")
    assert (line["countries"], line["arrived"], line["channel"]["code"], line["keeps"]) == (
        ["DE"],
        "yes",
        "gateway",
        "P90D",
    )
    forms = {each["code"]: codes(each["forms"]) for each in line["categories"]}
    assert forms["person.name"] == {"as_is"}
    assert forms["contact.phone"] == {"mask"}
    assert "contact.email" not in forms
    [basis] = line["bases"]
    assert (basis["code"], basis["laws"]) == ("legitimate_interest", ["GDPR 6(1)(f)"])
    assert codes(basis["rights"]) >= {"15", "16", "17", "18", "21", "77"}
    assert "20" not in codes(basis["rights"])
    assert [each["code"] for each in line["safeguards"]] == ["none_domestic"]


def test_what_left_on_a_consent_of_its_own_says_so_with_the_right_to_withdraw_it(tmp_path: Path) -> None:
    yes = {"kind": "consent", "subject": CONSIGNEE, "purpose": "delivery_notification", "state": "given"}
    with running(tmp_path) as gateway:
        people = People(gateway)
        gateway.put(yes)
        assert gateway.ship(to=TO).status == 200
        [line] = report(people, CONSIGNEE)["disclosures"]
        paper = people.ask(people.subject(CONSIGNEE), "/v1/disclosures", {"form": "csv"}).payload.decode()

    apart = {each["code"]: (codes(each["purposes"]), codes(each["bases"])) for each in line["categories"]}
    assert apart.pop("contact.email") == ({"delivery_notification"}, {"consent"})
    assert all(each == (set(), set()) for each in apart.values())
    bases = {basis["code"]: codes(basis["rights"]) for basis in line["bases"]}
    assert set(bases) == {"consent", "legitimate_interest"}
    assert "7(3)" in bases["consent"] - bases["legitimate_interest"]
    assert "e-mail address (as it is, Telling you when the parcel comes, your consent" in paper


def test_each_person_of_a_gift_sees_their_own_part_and_that_there_is_another(people: People) -> None:
    purchaser, consignee = (report(people, ref)["disclosures"] for ref in (PURCHASER, CONSIGNEE))

    assert codes(purchaser[0]["others"]) == {"consignee"}
    assert "person.name" not in codes(purchaser[0]["categories"])
    assert (purchaser[0]["orders"], consignee[0]["orders"]) == (["A-10045"], [])
    assert codes(purchaser[0]["bases"]) == {"performance_of_contract"}
    assert codes(purchaser[0]["about"]) == {"purchaser"}
    assert codes(consignee[0]["about"]) == {"consignee"}


def test_no_report_has_a_line_of_somebody_else(people: People) -> None:
    entries = {ref: people.gateway.entries(kind="intent", subject=ref) for ref in (PURCHASER, CONSIGNEE, PAYER)}

    for ref, found in entries.items():
        assert len(report(people, ref)["disclosures"]) == len(found) > 0
    assert report(people, "c-nobody")["disclosures"] == []
    payments = report(people, PAYER)["disclosures"]
    assert [line["recipient"]["name"] for line in payments] == ["Payments AS"]


@pytest.mark.parametrize("form", ["json", "csv", "html"])
def test_no_value_and_nobody_of_the_staff_stands_in_it(people: People, form: str) -> None:
    answer = people.ask(people.subject(CONSIGNEE), "/v1/disclosures", {"form": form})

    assert answer.status == 200
    text = answer.payload.decode()
    for secret in (*VALUES, "Zoe", CONSIGNEE, PURCHASER, "fulfilment", "ship", "$.to"):
        assert secret not in text, secret


def test_what_is_alike_is_one_line_with_first_and_last_time(people: People) -> None:
    alone, [together] = (report(people, CONSIGNEE, summary=summary)["disclosures"] for summary in (False, True))

    assert (together["count"], len(alone)) == (2, 2)
    assert (together["first"], together["last"]) == (alone[1]["first"], alone[0]["last"])
    assert together["first"] < together["last"]


@pytest.mark.parametrize("form", ["json", "csv"])
def test_calls_have_their_turn_while_a_long_report_is_made_and_written(
    people: People, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    waited: list[str] = []

    def watched(module: ModuleType, name: str) -> None:
        real = getattr(module, name)

        def on_a_thread(*given: object, **named: object) -> object:
            with pytest.raises(RuntimeError):
                asyncio.get_running_loop()
            waited.append(name)
            return real(*given, **named)

        monkeypatch.setattr(module, name, on_a_thread)

    watched(rights_report, "disclosures")
    watched(rights_report, "summed")
    watched(privacy, "_written")

    answer = people.ask(people.subject(CONSIGNEE), "/v1/disclosures", {"form": form, "summary": True})

    assert answer.status == 200
    assert waited == ["disclosures", "summed", "_written"]


def test_a_period_has_both_its_days(people: People) -> None:
    today = datetime.now(UTC).date().isoformat()

    assert len(report(people, PAYER, since=today)["disclosures"]) <= 1
    assert report(people, PAYER, since="2020-01-01", until="2020-12-31")["disclosures"] == []
    assert len(report(people, PAYER, since="2020-01-01", until="2095-12-31")["disclosures"]) == 1
    never = people.ask(people.subject(PAYER), "/v1/disclosures", {"until": "9999-12-31"})
    assert (never.status, b"write one from 1900 to 2999" in never.payload) == (422, True)
    wrong = people.ask(people.subject(PAYER), "/v1/disclosures", {"since": "2026-02-01", "until": "2026-01-01"})
    assert wrong.status == 422


def test_it_says_since_when_and_for_which_ways_it_is_complete(people: People) -> None:
    told = report(people, PAYER)

    [genesis] = people.gateway.record(kind="genesis")
    channels = {each["channel"]: each["complete_since"] for each in told["channels"]}
    begun = datetime.fromtimestamp(genesis["ts"] / 1_000_000, UTC)
    assert datetime.fromisoformat(str(channels["gateway"])) == begun
    assert channels["direct"] is None
    assert (told["identity"], told["policy"]) == ("token", "1")


@pytest.mark.parametrize("inquiries", [True, False])
def test_where_inquiries_of_authorities_are_left_out_the_report_says_so(people: People, *, inquiries: bool) -> None:
    people.gateway.gateway.disclosures._inquiries = inquiries

    told = report(people, PAYER)
    people.gateway.gateway.disclosures._inquiries = True

    [said] = [each["said"] for each in told["channels"] if each["channel"] == "exceptional"]
    assert ["4(9)" in said[language] for language in ("en", "zh")] == [not inquiries] * 2


def test_that_it_was_made_is_on_record_and_the_report_names_the_entry(people: People) -> None:
    told = report(people, PAYER)

    [entry] = people.gateway.record(id=told["report"])
    assert (entry["kind"], entry["reviewer"], entry["action"], entry["found"]) == ("access", "subject", "report", 1)
    assert entry["id"] in {each["id"] for each in people.gateway.record(kind="access", subject=PAYER)}


def test_customer_service_reads_it_for_somebody_whom_they_have_checked(people: People) -> None:
    agent = people.staff("ada", Role.AGENT)

    bare = people.ask(agent, "/v1/disclosures", {})
    told = people.ask(agent, "/v1/disclosures", case(PAYER, verified="document"))

    assert (bare.status, told.status, told.document["identity"]) == (422, 200, "document")
    assert len(told.document["disclosures"]) == 1


def test_as_csv_it_has_a_line_each_and_no_formula(people: People) -> None:
    answer = people.ask(people.subject(CONSIGNEE), "/v1/disclosures", {"form": "csv"})

    assert answer.media == "text/csv; charset=utf-8"
    lines = [line for line in answer.payload.decode().splitlines() if not line.startswith("#")]
    rows = list(csv.DictReader(StringIO("\n".join(lines))))
    assert set(rows[0]) == set(COLUMNS)
    assert [row["recipient"].split(",")[0] for row in rows] == ["Parcels GmbH"] * 2
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row.values())


class Texts(HTMLParser):
    """What a page shows, and what it would load."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[str] = []
        self.loads: list[str] = []

    def handle_data(self, data: str) -> None:
        self.shown.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.loads += [f"{tag} {value}" for name, value in attrs if name in ("src", "href")]


@pytest.mark.parametrize(("language", "said"), [("en", "Who received your data"), ("zh", "谁接收了您的个人信息")])
def test_as_a_page_it_is_printed_in_both_languages_and_loads_nothing(people: People, language: str, said: str) -> None:
    answer = people.ask(people.subject(CONSIGNEE), "/v1/disclosures", {"form": "html", "language": language})

    page = Texts()
    page.feed(answer.payload.decode())
    assert answer.media == "text/html; charset=utf-8"
    assert said in page.shown
    assert "Parcels GmbH" in page.shown
    assert page.loads == []
    right = RIGHT_LABELS["21"].zh if language == "zh" else RIGHT_LABELS["21"].en
    assert any(right in text for text in page.shown)


def test_each_line_has_what_its_vendor_was_told_later_of_what_it_got_then(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        people = People(gateway)
        gateway.ship(to=TO)
        gateway.ship(to={"city": "Kiel", "country": "DE"})
        wanted = {"right": "rectification", "categories": ["person.name"]}
        assert people.ask(people.subject(CONSIGNEE), "/v1/requests", wanted).status == 200
        gateway.do(lambda: gateway.stores.notices.plan(by=BY))
        gateway.ship(to=TO)

        lines = report(people, CONSIGNEE)["disclosures"]

    told = [[(each["cause"], each["state"]) for each in line["notices"]] for line in lines]
    assert told == [[], [], [("rectification", "task")]]


def test_that_a_vendor_deletes_what_it_had_for_an_order_stands_in_the_report_of_everybody_in_it(tmp_path: Path) -> None:
    people_of = {"purchaser": CONSIGNEE, "consignee": "c-91"}
    other = [{"role": role, "subject": ref, "jurisdiction": "DE"} for role, ref in people_of.items()]
    with running(tmp_path) as gateway:
        people = People(gateway)
        gateway.put({"kind": "order", "order": "B-2", "people": other})
        gateway.ship(to=TO)
        gateway.ship(to=TO, reference="B-2")
        gateway.put({"kind": "order_state", "order": "A-10045", "state": "closed"})
        assert people.ask(people.subject("c-91"), "/v1/requests", {"right": "rectification"}).status == 200
        gateway.do(lambda: gateway.stores.notices.plan(by=BY))

        told = {
            ref: sorted([each["cause"] for each in line["notices"]] for line in report(people, ref)["disclosures"])
            for ref in (PURCHASER, CONSIGNEE, "c-91")
        }

    # Of the other order, and of what somebody else asked, nothing.
    assert told == {PURCHASER: [["order_closed"]], CONSIGNEE: [[], ["order_closed"]], "c-91": [["rectification"]]}


def test_references_of_one_person_are_reported_together(people: People) -> None:
    people.gateway.put({"kind": "link", "subject": "account-9", "other": PAYER})

    assert len(report(people, "account-9")["disclosures"]) == 1


def test_after_an_erasure_nothing_is_left_to_report(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        people = People(gateway)
        gateway.ship(to=TO)
        before = len(report(people, CONSIGNEE)["disclosures"])
        wanted = {"subject": CONSIGNEE, "reason": "request", "force": True}

        gateway.do(lambda: gateway.stores.desk.erase(wanted, by="a test"))

        assert (before, report(people, CONSIGNEE)["disclosures"]) == (1, [])
        assert len(report(people, PURCHASER)["disclosures"]) == 1


def test_what_did_not_leave_is_in_no_report_and_what_may_have_is(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        people = People(gateway)
        gateway.parcels.script = gateway.parcels.script
        gateway.put({"kind": "suspension", "vendor": "parcels"})
        refused = gateway.ship(to=TO)

        assert refused.status == 403
        assert report(people, CONSIGNEE)["disclosures"] == []


def test_the_report_is_json_that_says_everything_twice_in_no_place(people: People) -> None:
    told = report(people, CONSIGNEE)

    assert json.loads(json.dumps(told)) == told
    assert told["complaint"]["en"].startswith("You may complain")
