"""What the shop can tell of each vendor when it is asked how it watches over it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from running import BY, Running, running
from shop_contracts import FILES
from vendors import answers

from gateway.vocabulary import Role

PARCELS = "parcels/vendor.yaml"


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path) as gateway:
        yield gateway


def row(gateway: Running, vendor: str = "parcels") -> dict[str, Any]:
    token = gateway.token("rita", role=Role.REVIEWER)
    reply = gateway.said(gateway.raw("GET", f"/reports/vendors?vendor={vendor}", token=token), operators=True)
    [found] = json.loads(reply.payload)["rows"]
    return dict(found)


@pytest.mark.parametrize(("line", "told"), [("risk: high\n", "high"), ("", None)], ids=["judged", "not judged"])
def test_a_vendor_is_shown_with_its_risk_and_its_next_review(line: str, told: str | None, tmp_path: Path) -> None:
    with running(tmp_path, files={**FILES, PARCELS: FILES[PARCELS] + line}) as gateway:
        gateway.put({"kind": "review", "vendor": "parcels", "held": "2026-01-01", "next": "2031-01-01"})

        shown = row(gateway)

    # A year is taken for 366 days.
    assert (shown["risk"], shown["review"]) == (told, "2027-01-02" if told else "2031-01-01")


def test_canaries_are_shown_when_they_are_made_and_when_they_turn_up(gateway: Running) -> None:
    made = [gateway.do(lambda: gateway.gateway.canaries.make({"vendor": "parcels"}, by=BY)) for _ in range(2)]
    before = row(gateway)["canaries"]

    gateway.do(lambda: gateway.gateway.canaries.seen({"text": f"found {made[1]['value']}"}, by=BY))
    shown = row(gateway)

    assert [each.partition(" made ")[0] for each in before] == ["canary 1", "canary 2"]
    assert shown["canaries"][:2] == before
    [hit] = shown["canaries"][2:]
    assert hit.startswith("canary 2 turned up 20")
    assert shown["incidents"] == ["opened 1"]
    assert row(gateway, "payments")["canaries"] == []
    assert not [each for each in made if each["value"] in json.dumps(shown)]


def test_an_incident_that_no_canary_told_of_is_no_hit(gateway: Running) -> None:
    lost = {"vendor": "parcels", "nature": "confidentiality", "reference": "mail of a customer"}
    gateway.do(
        lambda: gateway.gateway.incidents.open(lost | dict.fromkeys(("began", "aware"), "2026-01-02T10:00:00Z"), by=BY)
    )

    shown = row(gateway)

    assert (shown["canaries"], shown["incidents"]) == ([], ["opened 1"])


def test_an_answer_that_leads_elsewhere_is_counted(gateway: Running) -> None:
    gateway.ship()
    gateway.parcels.script = answers(302, b"", "location: https://elsewhere.example/")
    gateway.ship()

    shown = row(gateway)

    assert (shown["disclosures"], shown["redirected"]) == (2, 1)


def test_papers_and_mechanisms_are_shown_as_they_stand(gateway: Running) -> None:
    before = row(gateway)
    gateway.put({"kind": "agreement_end", "vendor": "parcels", "agreement": "DPA-1", "last": "2026-01-31"})

    after = row(gateway)

    assert before["agreements"] == ["dpa DPA-1 active, signed 2025-01-01, until 2095-12-31"]
    assert after["agreements"] == ["dpa DPA-1 expired, signed 2025-01-01, until 2026-01-31"]
    assert "CN: cn_contract_necessity" in after["transfer"]


def test_what_vendors_tell_of_people_in_no_call_is_shown_with_how_often_and_how_they_learn_of_it(
    tmp_path: Path,
) -> None:
    file, line = "parcels/ship.yaml", "    - why: Whether it was accepted.\n"
    who = "A neighbour who took it; the courier hands them the shop's notice."
    said = f"    - why: Shown to the customer.\n      others: {who}\n      fields: {{$.taken_by: person.name}}\n"
    files = {**FILES, file: FILES[file].replace(line, said + line)}
    with running(tmp_path, files=files) as gateway:
        declared = row(gateway)["others"]
        gateway.ship()
        gateway.parcels.script = answers(200, b'{"taken_by":"Ida Nachbar"}', "content-type: application/json")
        reply = [gateway.ship() for _ in range(2)][-1]
        shown = row(gateway)

    assert json.loads(reply.payload) == {"taken_by": "Ida Nachbar"}
    assert declared == [f"ship: person.name 0 times, {who}"]
    assert shown["others"] == [f"ship: person.name 2 times, {who}"]
    assert "Nachbar" not in json.dumps(shown)


def test_a_vendor_that_tells_of_nobody_else_has_nobody_there(gateway: Running) -> None:
    gateway.ship()

    assert row(gateway)["others"] == []


def test_a_paper_that_binds_later_than_it_was_signed_says_from_when(tmp_path: Path) -> None:
    later = FILES[PARCELS].replace("signed: 2025-01-01", "signed: 2025-01-01, from: 2025-03-01", 1)
    assert later != FILES[PARCELS]
    with running(tmp_path, files={**FILES, PARCELS: later}) as gateway:
        assert row(gateway)["agreements"] == ["dpa DPA-1 active, signed 2025-01-01, from 2025-03-01, until 2095-12-31"]
