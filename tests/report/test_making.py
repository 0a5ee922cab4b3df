"""Reports of a real gateway: what was sent to vendors is what they say, and nothing of a person is in them."""

import csv
import html
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import apsw
import pytest
from clearances import CONTRACTS
from running import BY, Running, running
from shop_contracts import FILES
from sockets import Reply

from gateway.contract.load import ContractSet
from gateway.report.looks import Withdrawals, rested_on_it
from gateway.report.seen import Known, Seen
from gateway.report.table import Row
from gateway.report.wanted import REPORTS
from gateway.vocabulary import Role

BOTH = {"purchaser": "p-2", "consignee": "g-2"}
NOBODY = ("c-88", "c-89", "A-10045")


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("reports")) as gateway:
        for _ in range(3):
            gateway.ship(note="leave it at the door", colour="blue")
        gateway.ship(token=gateway.token("stranger"))
        yield gateway


def asked(gateway: Running, report: str, **wanted: str) -> Reply:
    query = "&".join(f"{name}={value}" for name, value in wanted.items())
    token = gateway.token("rita", role=Role.REVIEWER)
    return gateway.said(gateway.raw("GET", f"/reports/{report}?{query}", token=token), operators=True)


def rows(gateway: Running, report: str, **wanted: str) -> list[dict[str, Any]]:
    document = json.loads(asked(gateway, report, **wanted).payload)
    assert all(set(row) == set(document["columns"]) for row in document["rows"])
    found: list[dict[str, Any]] = document["rows"]
    return found


@pytest.mark.parametrize("report", REPORTS)
@pytest.mark.parametrize("form", ["json", "csv", "html"])
def test_every_report_has_a_header_and_one_table_and_shows_nobody(gateway: Running, report: str, form: str) -> None:
    reply = asked(gateway, report, form=form)

    text = reply.payload.decode()
    assert reply.status == 200
    assert not [name for name in NOBODY if name in text]
    if form == "json":
        document = json.loads(text)
        assert {"since", "until", "entity", "policy", "entries", "verification"} <= set(document)
        assert document["row_count"] == len(document["rows"])
        assert "hashed again" in document["verification"]
        assert list(document["columns"]) == list(REPORTS[report].table.columns)
    elif form == "csv":
        table = list(csv.reader(io.StringIO("".join(line for line in text.splitlines(True) if line[0] != "#"))))
        assert table[0] == list(REPORTS[report].table.columns)
        assert {len(row) for row in table} == {len(table[0])}
        assert len(table) == len(rows(gateway, report)) + 1 or report == "accesses"
    else:
        assert text.count("<th>") == len(REPORTS[report].table.columns)


def shown(cell: object) -> str:
    return "; ".join(map(str, cell)) if isinstance(cell, list) else "" if cell is None else str(cell)


@pytest.mark.parametrize("report", REPORTS)
def test_a_report_says_the_same_in_all_three_forms(gateway: Running, report: str) -> None:
    texts = {form: asked(gateway, report, form=form).payload.decode() for form in ("json", "csv", "html")}
    document = json.loads(texts["json"])
    said = [[shown(row[name]) for name in document["columns"]] for row in document["rows"]]

    lines = [line for line in texts["csv"].splitlines(keepends=True) if not line.startswith("#")]
    csv_rows = [[cell.removeprefix("'") for cell in row] for row in csv.reader(io.StringIO("".join(lines)))][1:]
    html_rows = [
        [html.unescape(cell) for cell in re.findall(r"<td>(.*?)</td>", row)]
        for row in re.findall(r"<tr>(<td>.*?)</tr>", texts["html"])
    ]
    # Each report is a look, so that the log of looks is longer by the time it is shown again.
    assert csv_rows[: len(said)] == html_rows[: len(said)] == said
    assert len(csv_rows) == len(html_rows) == len(said) or report == "accesses"
    about = dict(re.findall(r"^# (\w+): (.*?)\r$", texts["csv"], re.MULTILINE))
    assert {about["report"], document["report"]} == {REPORTS[report].table.title}
    for name in ("law", "policy", "entity", "vendor", "since", "until"):
        assert about[name] == shown(document[name])


def test_each_report_is_a_look_that_is_on_record_before_it_is_shown(gateway: Running) -> None:
    reply = asked(gateway, "vendors", vendor="parcels", since="2020-01-01")

    assert reply.status == 200
    [look, *_] = gateway.record(kind="access")
    assert (look["reviewer"], look["action"]) == ("rita", "report")
    assert look["filters"] == [["form", "json"], ["report", "vendors"], ["since", "2020-01-01"], ["vendor", "parcels"]]


def test_activities_are_the_contracts_with_what_went(gateway: Running) -> None:
    found = {row["id"]: row for row in rows(gateway, "activities")}

    parcels = found["shop-eu/parcels/delivery"]
    assert parcels["disclosures"] == len(gateway.entries(kind="intent", vendor="parcels")) >= 3
    assert parcels["recipient"] == gateway.gateway.exchange.contracts.contracts.vendors["parcels"].legal_entity.name
    assert parcels["mechanisms"] == [
        "CN: cn_contract_necessity", "EU: none_domestic", "GB: adequacy", "default: none_domestic",
    ]  # fmt: skip
    assert set(found) >= {f"{entity}/parcels/delivery" for entity in ("shop-eu", "shop-uk")}
    assert found["shop-uk/parcels/delivery"]["disclosures"] == 0


def test_what_a_group_lets_out_for_a_purpose_of_its_own_is_an_activity_of_its_own(tmp_path: Path) -> None:
    yes = {"kind": "consent", "subject": "c-89", "purpose": "delivery_notification", "state": "given"}
    to = {"name": "Zoe", "city": "Kiel", "country": "DE", "email": "zoe@example.com"}
    with running(tmp_path) as gateway:
        gateway.ship(to=to, items=[{"title": "Night serum"}])
        gateway.put(yes)
        gateway.ship(to=to)
        found = {row["id"].partition("/")[2]: row for row in rows(gateway, "activities", entity="shop-eu")}

    told, parcel = found["parcels/delivery_notification"], found["parcels/delivery"]
    shown = ("disclosures", "categories", "legal_bases", "assessments", "subjects", "never_sent")
    assert [told[name] for name in shown] == [1, ["contact.email"], ["consent"], [], ["consignee"], []]
    assert parcel["disclosures"] == 2
    assert not {"contact.email", "order.items"} & set(parcel["categories"])
    assert parcel["legal_bases"] == ["explicit_consent", "legitimate_interest", "performance_of_contract"]
    assert (parcel["assessments"], parcel["subjects"]) == (["LIA-1"], ["consignee", "purchaser"])
    customs = found["parcels/customs_clearance"]
    assert [customs[name] for name in shown[:4]] == [0, ["identity.national_id"], ["legal_obligation"], ["Customs law"]]


def test_a_transfer_is_found_by_each_purpose_of_what_went_and_lists_what_is_about_people(tmp_path: Path) -> None:
    yes = {"kind": "consent", "subject": "c-89", "purpose": "delivery_notification", "state": "given"}
    to = {"name": "Zoe", "city": "Kiel", "country": "DE", "email": "zoe@example.com"}
    purposes = ("delivery", "delivery_notification", "customs_clearance")
    with running(tmp_path) as gateway:
        gateway.ship(to=to, service="express", items=[{"title": "Night serum"}])
        gateway.put(yes)
        gateway.ship(to=to)
        found = {each: rows(gateway, "transfers", purpose=each, jurisdiction="DE") for each in purposes}
        [vendor] = [row for row in rows(gateway, "vendors") if row["vendor"] == "parcels"]

    [parcels], [told] = found["delivery"], found["delivery_notification"]
    assert (parcels["count"], told["count"], found["customs_clearance"]) == (2, 1, [])
    assert parcels["purposes"] == told["purposes"] == ["delivery", "delivery_notification"]
    shown = {"address.city", "address.country", "contact.email", "order.id", "parcel.measure", "person.name"}
    assert set(parcels["categories"]) == set(vendor["categories"]) == shown
    assert vendor["answers_received"] == ["shipment.tracking"]


def test_oversight_counts_what_went_what_stayed_and_what_was_refused(gateway: Running) -> None:
    [parcels] = [row for row in rows(gateway, "vendors") if row["vendor"] == "parcels"]
    [effect] = [row for row in rows(gateway, "minimisation") if row["operation"] == "parcels/ship"]

    intents = gateway.record(kind="intent", vendor="parcels")
    assert parcels["people"] == 2
    assert parcels["disclosures"] == len(intents) == effect["calls"]
    stayed = sum(
        1 if isinstance(path, str) else path[1]
        for each in intents
        for group in each.get("withheld", ())
        for path in group["paths"]
    )
    assert effect["withheld"] == stayed > 0
    assert parcels["refused"]
    assert sum(int(each.split(" ")[1]) for each in parcels["refused"]) == len(
        gateway.record(kind="refusal", vendor="parcels")
    )


def test_what_no_line_names_drifts(gateway: Running) -> None:
    found = rows(gateway, "drift")

    assert [row for row in found if row["what"].startswith("no contract line") and row["count"] >= 3]


def tally(gateway: Running, report: str) -> dict[str, Any]:
    async def read() -> dict[str, Any]:
        frames = gateway.gateway.reports.frames({"report": report}, by="rita", role="reviewer")
        return dict([frame async for frame in frames][-1])

    return gateway.do(read)


def test_a_report_ends_with_how_many_of_its_rows_should_not_be_there(gateway: Running) -> None:
    found = rows(gateway, "drift")
    stray = [row for row in found if row["what"] != "allowed, and nobody sends it"]

    assert 0 < len(stray) < len(found)
    assert tally(gateway, "drift") == {"is_sound": True, "rows": len(found), "wrong": len(stray)}
    assert tally(gateway, "sales") == {"is_sound": True, "rows": 0, "wrong": 0}
    assert tally(gateway, "vendors") == {"is_sound": True, "rows": 3, "wrong": 0}


def test_a_period_is_days_and_a_vendor_is_a_filter(gateway: Running) -> None:
    assert [row["disclosures"] for row in rows(gateway, "vendors", until="2020-01-01")] == [0, 0, 0]
    assert rows(gateway, "minimisation", vendor="payments") == []


@pytest.mark.parametrize("report", [name for name, report in REPORTS.items() if "vendor" in report.of])
def test_a_report_of_one_vendor_has_no_row_of_another(gateway: Running, report: str) -> None:
    names = ("vendor", "operation", "id", "importer")
    found = [str(row.get(name, "")) for row in rows(gateway, report, vendor="parcels") for name in names]

    assert not [each for each in found if "payments" in each or "faults" in each or "Payments" in each]
    assert found or report in ("sales", "incidents", "notices", "withdrawals")


def test_a_vendor_whose_file_is_gone_still_has_its_reports(gateway: Running) -> None:
    reports, contracts = gateway.gateway.reports, gateway.gateway.contracts()
    gone = replace(contracts, vendors={"faults": contracts.vendors["faults"]}, terms=())

    async def fewer() -> ContractSet:
        return gone

    known, reports._contracts = reports._contracts, fewer
    found = rows(gateway, "minimisation", vendor="parcels")
    reports._contracts = known

    assert [row["operation"] for row in found] == ["parcels/ship"]


def test_a_report_of_one_company_has_no_row_of_another(gateway: Running) -> None:
    found = {row["entity"] for row in rows(gateway, "activities", entity="shop-uk")}

    assert found == {"shop-uk"}


@pytest.mark.parametrize(
    ("report", "of"), [("accesses", "vendor"), ("vendors", "entity"), ("demands", "entity"), ("vendors", "purpose")]
)
def test_a_report_whose_entries_do_not_say_it_is_not_made_of_one(gateway: Running, report: str, of: str) -> None:
    reply = asked(gateway, report, **{of: "delivery"})

    assert reply.status == 422
    assert f"leave `{of}` out" in reply.payload.decode()


def test_what_stands_behind_a_transfer_is_shown_with_its_law_and_whether_it_holds(tmp_path: Path) -> None:
    idta = "GB: [{mechanism: uk_idta, reference: TRA-2026-3, until: 2095-01-01}]"
    vendor = FILES["parcels/vendor.yaml"].replace("GB: adequacy", idta)
    people = [{"role": role, "subject": ref, "jurisdiction": "GB"} for role, ref in BOTH.items()]
    with running(tmp_path, files={**FILES, "parcels/vendor.yaml": vendor}) as gateway:
        gateway.put({"kind": "order", "order": "B-3", "people": people})
        assert gateway.ship(reference="B-3").status == 200
        found = {row["mechanism"]: row for row in rows(gateway, "transfers", jurisdiction="GB")}
        reports, terms = gateway.gateway.reports, gateway.gateway.contracts()

        async def without() -> ContractSet:
            return replace(terms, terms=tuple(replace(each, transfer={}) for each in terms.terms))

        reports._contracts = without
        [later] = rows(gateway, "transfers", jurisdiction="GB")

    row = found["uk_idta"]
    shown = ("article", "rests_on", "status", "subjects", "sensitive")
    assert [row[name] for name in shown] == [
        "UK GDPR 46(2)(d)", ["TRA-2026-3, until 2095-01-01"], "in force", ["consignee", "purchaser"], [],
    ]  # fmt: skip
    assert "pseudonymise" in row["forms"]
    assert (later["rests_on"], later["status"]) == ([], "not in the vendor's file")


def test_a_report_is_of_one_purpose_and_of_one_law(tmp_path: Path) -> None:
    yes = {"kind": "consent", "subject": "c-89", "purpose": "delivery_notification", "state": "given"}
    to = {"name": "Zoe", "city": "Kiel", "country": "DE", "email": "zoe@example.com"}
    with running(tmp_path) as gateway:
        gateway.put(yes)
        gateway.ship(to=to)
        activities = {
            (row["id"], row["disclosures"])
            for row in rows(gateway, "activities", purpose="delivery_notification", entity="shop-eu")
        }
        both = {row["jurisdiction"] for row in rows(gateway, "transfers")}
        member, union = (rows(gateway, "transfers", jurisdiction=law) for law in ("DE", "EU"))
        others = [rows(gateway, report, jurisdiction="BR") for report in ("transfers", "minimisation", "drift")]
        effect = [rows(gateway, "minimisation", purpose=each) for each in ("delivery", "payment_settlement")]
        header = json.loads(asked(gateway, "minimisation", purpose="delivery", jurisdiction="DE").payload)

    assert activities == {("shop-eu/parcels/delivery_notification", 1)}
    assert "DE" in both
    assert member == union != []
    assert others == [[], [], []]
    assert [len(each) for each in effect] == [1, 0]
    assert [header[name] for name in ("purpose", "jurisdiction", "row_count")] == ["delivery", "DE", 1]
    assert (header["days_of"], header["times_of"]) == ("Europe/Berlin", "UTC")


@pytest.mark.parametrize(
    ("report", "wanted"),
    [
        ("sales", {"purpose": "growth_hacking"}),
        ("sales", {"jurisdiction": "Germany"}),
        ("sales", {"jurisdiction": "default"}),
        ("nothing", {}),
        ("vendors", {"since": "yesterday"}),
        ("vendors", {"form": "pdf"}),
        ("sales", {"vendor": "parsels"}),
        ("sales", {"entity": "shop-fr"}),
        ("sales", {"since": "2026-02-01", "until": "2026-01-31"}),
        ("vendors", {"vendor": "c-88@example"}),
        ("vendors", {"subject": "c-88"}),
    ],
)
def test_what_is_no_report_is_refused(gateway: Running, report: str, wanted: dict[str, str]) -> None:
    reply = asked(gateway, report, **wanted)

    assert (reply.status, reply.code) == (422, "request.invalid")
    assert b"c-88" not in reply.payload


def test_each_version_of_the_policy_says_who_accepted_it_and_what_went_under_it(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        gateway.put(
            *({"kind": "acceptance", "subject": each, "policy": "1", "how": "deemed"} for each in ("c-1", "c-2"))
        )
        gateway.put({"kind": "acceptance", "subject": "c-1", "policy": "1", "how": "express"})
        gateway.put({"kind": "acceptance", "subject": "c-1", "policy": "0", "how": "express"})
        assert gateway.ship().status == 200
        found = {row["version"]: row for row in rows(gateway, "policies")}
        in_force = gateway.gateway.contracts().policy.versions[-1]

    now = found[in_force.version]
    assert [now[name] for name in ("deemed", "express", "disclosures", "until")] == [2, 1, 1, None]
    assert now["document"] == in_force.document
    assert any(each.startswith("purposes: +") and "+delivery" in each for each in now["brought"])
    assert [found["0"][name] for name in ("published", "express", "deemed", "disclosures")] == [None, 1, 0, 0]
    assert not {"c-1", "c-2"} & set(map(str, found))


def test_nothing_was_sold(gateway: Running) -> None:
    assert rows(gateway, "sales") == []


def test_a_withdrawal_ends_what_rested_on_it(gateway: Running) -> None:
    consent = {"kind": "consent", "subject": "c-88", "purpose": "delivery_notification"}
    gateway.put(consent | {"state": "given"})
    gateway.ship()
    gateway.put(consent | {"state": "withdrawn"})
    gateway.ship()

    found = rows(gateway, "withdrawals")

    assert [(row["scope"], row["disclosures_after"]) for row in found] == [("delivery_notification", 0)]
    assert found[0]["going_on"] >= 1
    assert found[0]["ended"] == 1
    assert "delivery: performance_of_contract" in found[0]["grounds"]


def test_what_went_on_a_withdrawn_consent_is_counted_also_where_a_part_of_a_call_rested_on_it() -> None:
    consent = {"fact": "consent:delivery_notification", "kind": "fact", "ts": 1, "id": "c-1", "state": "given"}
    ground = {
        "role": "consignee",
        "jurisdiction": "DE",
        "basis": "consent",
        "evidence": {"kind": "consent", "ref": "c-1"},
    }
    parcel = {"kind": "intent", "ts": 3, "purpose": "delivery", "vendor": "parcels", "grounds": []}
    letter = {"form": "as_is", "fields": [], "purpose": "delivery_notification", "grounds": [ground]}
    beside = {**ground, "evidence": None}
    seen = [
        consent, consent | {"ts": 2, "id": "c-2", "state": "withdrawn"}, parcel, parcel | {"disclosed": [letter]},
        parcel | {"grounds": [{name: value for name, value in beside.items() if value}]},
    ]  # fmt: skip
    report = Withdrawals(Known(CONTRACTS, datetime.now(UTC)))

    for number, body in enumerate(seen):
        assert not list(report.take(Seen(number, body, {"result": "sent"}, (b"token",))))
    [row] = report.rest()

    assert (row["disclosures_after"], row["going_on"]) == (1, 2)
    assert rested_on_it(row)


def folded(seen: Sequence[Mapping[str, Any]], since: int) -> list[Row]:
    report = Withdrawals(Known(CONTRACTS, datetime.now(UTC), since=since))
    for number, body in enumerate(seen):
        assert not list(report.take(Seen(number, body, {"result": "sent"}, (b"token",))))
    return list(report.rest())


def test_what_was_said_before_the_days_that_are_asked_for_counts_in_them(gateway: Running) -> None:
    consent = {"fact": "consent:delivery", "kind": "fact", "ts": 1, "id": "c-1", "state": "given"}
    ground = {"role": "consignee", "jurisdiction": "CN", "basis": "explicit_consent", "evidence": {"ref": "c-1"}}
    parcel = {"kind": "intent", "ts": 5, "purpose": "delivery", "vendor": "parcels", "grounds": [ground]}
    seen = [consent, consent | {"ts": 3, "id": "c-2", "state": "withdrawn"}, parcel]

    found = [[(row["ended"], row["disclosures_after"]) for row in folded(seen, since)] for since in (2, 4, 6)]

    assert found == [[(1, 1)], [(1, 1)], []]
    assert folded(seen[:2], 4) == []
    later = json.loads(asked(gateway, "withdrawals", since="2096-01-01").payload)
    assert (later["entries"][0], later["rows"]) == (0, [])
    assert later["entries"][1] > 0


def test_the_effect_of_a_withdrawal_is_what_stayed_and_who_was_told_since(tmp_path: Path) -> None:
    people = [{"role": role, "subject": ref, "jurisdiction": "CN"} for role, ref in BOTH.items()]
    to = {"name": "Zoe", "city": "Kiel", "country": "CN", "email": "zoe@example.com"}
    told = {"kind": "consent", "subject": "g-2", "purpose": "delivery_notification"}
    sent = {"kind": "consent", "subject": "g-2", "purpose": "delivery", "explicit": True, "separate": True}
    with running(tmp_path) as gateway:
        gateway.put({"kind": "order", "order": "B-2", "people": people})
        gateway.put(told | {"state": "given"}, sent | {"state": "given"})
        gateway.ship(reference="B-2", to=to)
        gateway.put(told | {"state": "withdrawn"})
        without = gateway.ship(reference="B-2", to=to)
        gateway.put(sent | {"state": "withdrawn"})
        refused = gateway.ship(reference="B-2", to=to)
        gateway.ship()
        gateway.do(lambda: gateway.stores.notices.plan(by=BY))
        first, second = rows(gateway, "withdrawals")

    assert (without.status, refused.code) == (200, "consent.withdrawn")
    shown = ("scope", "disclosures_after", "stayed")
    assert [first[name] for name in shown] == ["delivery_notification", 0, ["parcels/ship $.to.email 1"]]
    assert [second[name] for name in shown] == ["delivery", 0, []]
    assert (first["by"], first["ended"], first["dropped"]) == (BY, 1, [])
    assert first["stopped_ms"] >= 0
    assert second["stopped_ms"] is None
    assert first["told"]
    assert second["told"]
    assert "g-2" not in json.dumps([first, second])


def test_a_report_over_an_altered_record_says_so(tmp_path: Any) -> None:
    with running(tmp_path) as gateway:
        gateway.ship()
        [entry] = gateway.entries(kind="intent")
        database = gateway.stores.ledger._store._database  # type: ignore[attr-defined]
        assert isinstance(database, apsw.Connection)

        async def alter() -> None:
            database.execute("DROP TRIGGER leaf_body_UPDATE")
            database.execute(
                "UPDATE leaf_body SET body = CAST(replace(body, 'parcels', 'parcelz') AS BLOB) WHERE seq = ?",
                (entry.seq,),
            )

        sound = json.loads(asked(gateway, "minimisation").payload)["verification"]
        gateway.do(alter)
        document = json.loads(asked(gateway, "minimisation").payload)
        is_sound = tally(gateway, "minimisation")["is_sound"]

    assert not is_sound
    assert "entries hashed again" in sound
    assert document["verification"].startswith("FAILED: ")


def test_the_operators_guide_lists_every_report() -> None:
    text = (Path(__file__).parents[2] / "docs" / "oversight.md").read_text("utf-8")
    section = text.partition("\n## Reports\n")[2].partition("\n## ")[0]

    cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    assert {name for cell in cells for name in re.findall(r"`([a-z-]+)`", cell)} == set(REPORTS)


def test_what_a_vendor_requires_and_did_not_get_drifts(tmp_path: Path) -> None:
    file = "parcels/ship.yaml"
    asking = FILES[file].replace("  max_bytes: 8 KiB\n", "  vendor_requires: [$.weight, $.to.email, $.to.name]\n")
    with running(tmp_path, files={**FILES, file: asking}) as gateway:
        gateway.ship(to={"name": "Ann"})
        gateway.ship()
        found = rows(gateway, "drift")

    lacking = {row["path"]: row["count"] for row in found if row["what"].startswith("the vendor requires")}
    assert lacking == {"$.to.email": 2, "$.to.name": 1}
