"""What goes to a vendor beside the gateway is declared, recorded when it is told, and counts as any disclosure."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from clearances import placed
from pydantic import ValidationError
from running import BY, Running, running
from shop_contracts import FILES
from shop_notices import CLAIM
from small_contracts import read_files

from gateway.identity import Caller
from gateway.rights.direct import NotDirect
from gateway.rights.page import html
from gateway.rights.report import WantReport
from gateway.vocabulary import Role
from gateway.vocabulary.notices import Cause

BESIDE = {**FILES, "parcels/claim.yaml": CLAIM}
WHO = {"subject": "c-89", "role": "consignee", "order": "A-10045"}
CALLED = {"vendor": "parcels", "operation": "claim", "people": [WHO], "happened": "2026-03-02T10:00:00Z"}


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path, files=BESIDE) as gateway:
        yield gateway


def recorded(gateway: Running, *told: dict[str, Any]) -> list[str]:
    return [each["entry"] for each in gateway.do(lambda: gateway.stores.direct.record(list(told), by=BY))]


def test_what_is_told_stands_in_the_record_as_a_disclosure_beside_the_gateway(gateway: Running) -> None:
    [id_] = recorded(gateway, CALLED)

    [entry] = gateway.record(kind="intent", subject="c-89")
    happened = int(datetime(2026, 3, 2, 10, tzinfo=UTC).timestamp() * 1_000_000)
    assert (entry["id"], entry["channel"], entry["happened"]) == (id_, "direct", happened)
    assert entry["outcome"]["result"] == "sent"
    assert entry["disclosed"][0]["fields"][:2] == [["$.name", "person.name"], ["$.phone", "contact.phone"]]
    assert entry["grounds"] == [{"role": "consignee", "jurisdiction": "DE", "basis": "legitimate_interest"}]
    assert "recorded_afterwards" not in entry
    assert "destination" not in entry
    assert "c-89" not in repr(entry)
    assert gateway.received == []


SALE = CLAIM.replace("purpose: delivery\n", "purpose: delivery\ncommercial: sale\n").replace(
    "{default: legitimate_interest, CN: explicit_consent}", "explicit_consent"
)
YES = {
    "kind": "consent", "subject": "c-89", "purpose": "delivery", "vendor": "parcels", "state": "given",
    "explicit": True,
}  # fmt: skip
NO = {"kind": "flag", "subject": "c-89", "flag": "opted_out"}
BEFORE, JUST_BEFORE, AFTER = "2026-02-01T10:00:00Z", "2026-03-02T09:59:59Z", "2026-03-02T10:00:01Z"


@pytest.mark.parametrize(
    ("said", "missing"),
    [
        ([], ["sale.without_consent"]),
        ([YES | {"time": BEFORE}], []),
        ([YES | {"time": BEFORE, "explicit": False}], ["sale.without_consent"]),
        ([YES | {"time": AFTER}], ["sale.without_consent"]),
        ([YES | {"time": BEFORE}, NO | {"time": JUST_BEFORE}], ["sale.opted_out"]),
        ([YES | {"time": BEFORE}, NO | {"time": AFTER}], []),
        ([YES | {"time": BEFORE}, NO | {"flag": "minor", "time": BEFORE}], ["subject.minor", "sale.without_consent"]),
    ],
    ids=[
        "nothing was said", "an explicit yes", "a yes that was not explicit", "a yes that came after it",
        "a no before it", "a no after it", "somebody under age",
    ],
)  # fmt: skip
def test_a_sale_beside_the_gateway_stands_in_the_report_with_what_was_missing_when_it_happened(
    tmp_path: Path, said: list[dict[str, Any]], missing: list[str]
) -> None:
    with running(tmp_path, files={**FILES, "parcels/claim.yaml": SALE}) as gateway:
        gateway.put(*said)
        [id_] = recorded(gateway, CALLED)
        [entry] = gateway.record(kind="intent")
        token = gateway.token("rita", role=Role.REVIEWER)
        reply = gateway.said(gateway.raw("GET", "/reports/sales", token=token), operators=True)

    assert (entry["id"], entry["commercial"], entry.get("warnings", [])) == (id_, "sale", missing)
    [row] = json.loads(reply.payload)["rows"]
    assert (row["commercial"], row["channel"], row["at"][:19]) == ("sale", "direct", CALLED["happened"][:19])
    assert row["missing"] == sorted(missing)


@pytest.mark.parametrize(("level", "noted"), [("off", []), ("warn", ["subject.inactive"])], ids=["off", "warn"])
def test_what_the_settings_put_at_off_is_not_noted_of_what_went_beside_the_gateway(
    tmp_path: Path, level: str, noted: list[str]
) -> None:
    with running(tmp_path, files={**FILES, "parcels/claim.yaml": SALE}, levels={"subject.inactive": level}) as gateway:
        gateway.put(YES | {"time": BEFORE}, NO | {"flag": "inactive", "time": BEFORE})
        recorded(gateway, CALLED)
        [entry] = gateway.record(kind="intent")

    assert entry.get("warnings", []) == noted


def test_what_nobody_paid_for_is_no_sale_whatever_was_said(gateway: Running) -> None:
    gateway.put(NO)
    recorded(gateway, CALLED)

    [entry] = gateway.record(kind="intent")
    assert "commercial" not in entry
    assert "warnings" not in entry


def test_only_the_categories_that_went_are_recorded_and_what_is_imported_says_so(gateway: Running) -> None:
    recorded(gateway, CALLED | {"categories": ["person.name"], "afterwards": True})

    [entry] = gateway.record(kind="intent")
    assert [field for group in entry["disclosed"] for field in group["fields"]] == [["$.name", "person.name"]]
    assert entry["recorded_afterwards"] is True


def test_what_is_told_twice_is_recorded_once(gateway: Running) -> None:
    other, later = CALLED | {"people": [WHO | {"order": "A-2"}]}, CALLED | {"happened": "2026-03-02T10:00:01Z"}
    both = CALLED | {"people": [WHO, {"subject": "c-90", "role": "consignee"}]}
    first = recorded(gateway, CALLED, CALLED)

    again = gateway.do(lambda: gateway.stores.direct.record([CALLED, other, later, both, both], by=BY))

    assert len(set(first)) == 1
    assert [each["known"] for each in again] == [True, False, False, False, True]
    assert again[0]["entry"] == first[0]
    assert len(gateway.record(kind="intent")) == len({each["entry"] for each in again}) == 4


def test_the_persons_report_has_it_at_its_own_time_and_as_not_through_the_gateway(gateway: Running) -> None:
    recorded(gateway, CALLED | {"afterwards": True})

    def report(**days: str) -> Any:
        behalf = {"subject": "c-89", "case": "CS-1", "reason": "asked by letter", "verified": "document"}
        wanted = WantReport.model_validate({"on_behalf": behalf, **days})
        steward = Caller("stella", "", "", "live", None, 0, Role.STEWARD)
        return gateway.do(lambda: gateway.gateway.disclosures.made(steward, wanted))

    [line] = report(since="2026-03-02", until="2026-03-02").disclosures
    assert line.first == line.last == datetime(2026, 3, 2, 10, tzinfo=UTC)
    assert (line.channel.code, line.channel.en) == ("direct", "not through the gateway")
    assert "not through the gateway" in html(report(), "en")
    assert report(since="2026-03-03").disclosures == ()


def test_an_incident_counts_it_by_when_it_happened_and_not_by_when_it_was_written_down(gateway: Running) -> None:
    # The courier keeps it for ninety days, and it was told long after.
    recorded(gateway, CALLED | {"happened": "2025-12-01T10:00:00Z"}, CALLED)

    def affected(**given: str) -> dict[str, Any]:
        stated = {
            "vendor": "parcels",
            "nature": "confidentiality",
            "reference": "INC-1",
            "aware": "2026-04-02T00:00:00Z",
        }
        incidents = gateway.gateway.incidents
        opened = gateway.do(lambda: incidents.open(stated | given, by=BY))
        return dict(gateway.do(lambda: incidents.affected(opened["incident"], by=BY)))

    both, older = affected(began="2026-04-01T00:00:00Z"), affected(
        began="2026-02-01T00:00:00Z", ended="2026-03-01T00:00:00Z"
    )  # fmt: skip
    late = affected(began="2026-06-30T00:00:00Z", aware="2026-06-30T00:00:00Z")
    assert (both["disclosures"], both["people"], both["within_retention"]) == (2, 1, 1)
    assert (older["disclosures"], older["within_retention"]) == (1, 1)
    assert (late["within_retention"], late["past_retention"]) == (0, 1)
    assert both["by_channel"] == {"not through the gateway": 1}


def test_whoever_got_something_beside_the_gateway_is_told_as_well(gateway: Running) -> None:
    recorded(gateway, CALLED)

    asked = {"cause": Cause.RECTIFICATION, "subject": "c-89", "categories": ["contact.phone"]}
    told = gateway.do(lambda: gateway.stores.notices.tell(asked, by=BY))
    of_order = gateway.do(lambda: gateway.stores.notices.tell({"cause": "order_closed", "order": "A-10045"}, by=BY))

    assert [each["vendor"] for each in told] == ["parcels"]
    assert [each["vendor"] for each in of_order] == ["parcels"]


def test_nothing_can_be_called_by_what_goes_beside(gateway: Running) -> None:
    for method, target in (("POST", "/parcels"), ("POST", "/parcels/"), ("POST", "/parcels/claim")):
        assert gateway.call(method, target, body=b"{}").status in (403, 404)
    assert gateway.received == []


def test_recipients_and_registers_say_that_it_does_not_go_through_the_gateway(gateway: Running) -> None:
    page = gateway.do(lambda: gateway.gateway.page("recipients"))

    [parcels] = [each for each in page["recipients"] if each["name"] == "Parcels GmbH"]
    [delivery] = [use for use in parcels["uses"] if use["purpose"]["code"] == "delivery"]
    assert [each["en"] for each in delivery["channels"]] == ["through the gateway", "not through the gateway"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"operation": "ship"},
        {"operation": "gossip"},
        {"people": [WHO | {"role": "payer"}]},
        {"happened": (datetime.now(UTC) + timedelta(days=1)).isoformat()},
    ],
    ids=["through the gateway", "unknown", "nobody in this role", "to come"],
)
def test_what_no_such_operation_is_about_is_not_recorded(gateway: Running, wrong: dict[str, Any]) -> None:
    with pytest.raises(NotDirect):
        recorded(gateway, CALLED, CALLED | wrong)
    assert gateway.record(kind="intent") == []


def test_what_is_wrong_in_a_file_is_told_by_its_line_and_without_what_stands_there(gateway: Running) -> None:
    canary = "Qz7canary"
    wrong: list[dict[str, Any]] = [
        CALLED | {"line": 3},
        CALLED | {"line": 5, "people": [WHO | {canary: "Ada"}]},
        CALLED | {"line": 9, "happened": canary},
    ]
    unfit: list[dict[str, Any]] = [
        CALLED | {"line": 4, "operation": "ship"},
        CALLED | {"line": 5},
        CALLED | {"line": 6, "entity": "other"},
    ]

    with pytest.raises(NotDirect) as misread:
        recorded(gateway, *wrong)
    with pytest.raises(NotDirect) as unknown:
        recorded(gateway, *unfit)

    told = str(misread.value).split("; ")
    assert list(dict.fromkeys(each.partition(": ")[0] for each in told)) == ["line 5", "line 9"]
    assert told[0].startswith("line 5: people.0.*: ")
    assert canary not in str(misread.value)
    assert str(unknown.value) == (
        "line 4: parcels/ship is no operation with `channel: direct`; there are parcels/claim; "
        "line 6: there is no company other in entities.yaml"
    )
    assert gateway.record(kind="intent") == []


@pytest.mark.parametrize("wrong", [{"people": []}, {"happened": "2026-03-02T10:00:00"}, {"value": "+4930901820"}])
def test_what_is_told_has_people_and_a_moment_and_no_values(gateway: Running, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        recorded(gateway, CALLED | wrong)
    assert gateway.record(kind="intent") == []


@pytest.mark.parametrize(
    ("old", "new"), [("channel: direct", "channel: direct\nmatch: POST /claims"), ("channel: direct\n", "")]
)
def test_only_what_goes_beside_has_no_call(tmp_path: Path, old: str, new: str) -> None:
    contracts, findings = read_files(tmp_path, placed({**FILES, "parcels/claim.yaml": CLAIM.replace(old, new)}))

    assert contracts is None
    assert "contract.match" in {each.code for each in findings}
