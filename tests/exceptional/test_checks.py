"""What the law asks of a request outside contracts, and of each scenario: nothing is done here, only judged."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from demands import AGENCY, EMERGENCY, INSTRUMENT, LEGAL, RIGHTS

from gateway.exceptional.asked import REQUEST
from gateway.exceptional.checks import Circumstances, basis_of, crossing_of, failures, is_abroad
from gateway.registry.facts import Person
from gateway.vocabulary import Category, LegalBasis, Scenario, SubjectRole
from gateway.vocabulary.exceptional import (
    CROSSINGS,
    CROSSINGS_OF,
    IN_EMERGENCY,
    RECIPIENTS,
    RECIPIENTS_OF,
    SECRETS,
    CrossingGround,
    RecipientKind,
)

NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)
THIRD = LEGAL | {
    "recipient": AGENCY | {"country": "US"},
    "demand": "third_country",
    "assessment": "LIA-9",
    "crossing": "derogation_public_interest",
    "stored_in": ["DE"],
}
TREATY = THIRD | {"demand": "agreement", "agreement": "Treaty of 2003"}
UNION = LEGAL | {
    "recipient": AGENCY | {"country": "FR"},
    "demand": "eu_recognition",
    "recognition": "Regulation (EU) 2023/1543",
    "stored_in": ["DE"],
}
WRITTEN = {"until": "2027-01-01", "authority": "AG Tiergarten", "written": True}


def codes(asked: dict[str, Any], law: str = "DE", home: str = "DE", **known: Any) -> list[str]:
    people = (Person("c-1", SubjectRole.PURCHASER, law),)
    around = Circumstances(people, home, ("EU", "CN"), NOON, **known)
    return [failure.code for failure in failures(REQUEST.validate_python(asked), around)]


@pytest.mark.parametrize(
    "asked",
    [LEGAL, RIGHTS, EMERGENCY, THIRD, TREATY, UNION, LEGAL | {"suppress": WRITTEN}],
    ids=["legal", "rights", "emergency", "third country", "treaty", "union", "suppressed"],
)
def test_a_request_that_lacks_nothing_is_taken(asked: dict[str, Any]) -> None:
    assert codes(asked) == []


@pytest.mark.parametrize(
    ("asked", "missing"),
    [
        *((LEGAL, name) for name in ("recipient", "subjects", "fields", "demand", "instrument", "period", "necessity")),
        *((RIGHTS, name) for name in ("recipient", "subjects", "fields", "case", "rule", "assessment", "necessity")),
        *((EMERGENCY, name) for name in ("recipient", "subjects", "fields", "urgency", "danger", "happened")),
        *((EMERGENCY, name) for name in ("at_risk", "no_other_way")),
        (UNION, "recognition"),
        (UNION, "stored_in"),
    ],
)
def test_each_thing_that_the_law_demands_is_missed(asked: dict[str, Any], missing: str) -> None:
    assert "exceptional.incomplete" in codes({name: value for name, value in asked.items() if name != missing})


@pytest.mark.parametrize("missing", ["type", "number", "dated", "law"])
def test_an_instrument_says_what_it_is_and_on_which_law_it_rests(missing: str) -> None:
    assert codes(LEGAL | {"instrument": INSTRUMENT | {missing: None}}) == ["exceptional.incomplete"]


@pytest.mark.parametrize(
    ("instrument", "expected"),
    [
        ({"written": False}, "exceptional.not_written"),
        ({"reasoned": False}, "exceptional.not_reasoned"),
        ({"entire": True}, "exceptional.entirety"),
        ({"standing": True}, "exceptional.entirety"),
        ({"dated": "2026-07-01"}, "exceptional.incomplete"),
    ],
    ids=["oral", "without reasons", "everybody", "again and again", "of a day to come"],
)
def test_an_authority_asks_in_writing_with_reasons_and_not_for_everybody(
    instrument: dict[str, Any], expected: str
) -> None:
    assert codes(LEGAL | {"instrument": INSTRUMENT | instrument}) == [expected]


@pytest.mark.parametrize(
    ("home", "country", "fitting"),
    [
        ("DE", "DE", {"domestic"}),
        ("DE", "FR", {"eu_recognition"}),
        ("DE", "US", {"agreement", "third_country"}),
        ("DE", "NO", {"agreement", "third_country"}),
        ("GB", "FR", {"agreement", "third_country"}),
        ("GB", "GB", {"domestic"}),
    ],
)
def test_a_demand_comes_from_where_it_says(home: str, country: str, fitting: set[str]) -> None:
    asked = TREATY | {"recipient": AGENCY | {"country": country}, "recognition": "EIO"}

    taken = {
        demand
        for demand in ("domestic", "eu_recognition", "agreement", "third_country")
        if "exceptional.demand" not in codes(asked | {"demand": demand}, home=home)
    }

    assert taken == fitting


def test_a_treaty_is_named_and_without_one_the_demand_is_no_ground() -> None:
    assert codes(TREATY | {"agreement": None}) == ["transfer.foreign_authority"]
    assert codes(THIRD | {"assessment": None}) == ["basis.evidence_missing"]
    bases = [basis_of(REQUEST.validate_python(asked), "DE") for asked in (LEGAL, UNION, TREATY, THIRD)]
    assert bases == [LegalBasis.LEGAL_OBLIGATION] * 3 + [LegalBasis.LEGITIMATE_INTEREST]


@pytest.mark.parametrize("asked", [THIRD, TREATY], ids=["third country", "treaty"])
@pytest.mark.parametrize("crossing", [None, "derogation_vital_interests", "cn_emergency"])
def test_a_third_country_needs_a_ground_of_its_own_to_cross_into(asked: dict[str, Any], crossing: str | None) -> None:
    assert codes(asked | {"crossing": crossing}) == ["transfer.none"]


@pytest.mark.parametrize(
    ("stored", "home", "country", "approval", "refused"),
    [
        (["CN"], "DE", "US", None, True),
        (["CN"], "DE", "US", "MoJ 2026-4", False),
        (["DE", "CN"], "DE", "US", None, True),
        (["DE"], "CN", "US", None, True),
        (["DE"], "DE", "US", None, False),
        (["CN"], "DE", "CN", None, False),
        (["CN"], "DE", "DE", None, False),
    ],
)
def test_what_stands_in_china_goes_to_no_foreign_authority_without_approval(
    stored: list[str], home: str, country: str, approval: str | None, *, refused: bool
) -> None:
    asked = TREATY | {"recipient": AGENCY | {"country": country}, "stored_in": stored, "approval": approval}

    assert ("transfer.foreign_authority" in codes(asked, home=home)) is refused


@pytest.mark.parametrize(
    ("law", "danger", "refused"),
    [("CN", "property", False), ("DE", "property", True), ("US", "property", True), ("unknown", "property", True)]
    + [(law, danger, False) for law in ("CN", "DE", "unknown") for danger in ("life", "health")],
)
def test_property_alone_is_an_emergency_in_china_and_nowhere_else(law: str, danger: str, *, refused: bool) -> None:
    urgency = "property_loss" if danger == "property" else "serious_harm"

    found = codes(EMERGENCY | {"danger": danger, "urgency": urgency}, law)

    assert found == (["basis.not_valid"] if refused else [])


@pytest.mark.parametrize("law", ["CN", "unknown", "DE", "GB"])
def test_chinese_law_has_no_legitimate_interest(law: str) -> None:
    is_strict = law in ("CN", "unknown")

    assert codes(RIGHTS, law) == (["basis.not_valid"] if is_strict else [])
    assert codes(RIGHTS | {"law": "PIPL 13(3)"}, law) == []


def test_an_objection_that_was_upheld_stops_the_protection_of_rights_alone() -> None:
    assert codes(RIGHTS, objected={"c-1"}) == ["basis.objected"]
    assert codes(RIGHTS, objected={"c-2"}) == codes(LEGAL, objected={"c-1"}) == []


@pytest.mark.parametrize("asked", [LEGAL, RIGHTS, EMERGENCY], ids=lambda asked: str(asked["scenario"]))
@pytest.mark.parametrize("category", sorted(SECRETS))
def test_a_secret_leaves_on_no_ground(asked: dict[str, Any], category: Category) -> None:
    found = codes(asked | {"fields": {"$.a": category}, "special": "It is needed.", "law": "a law"})

    assert found == ["field.unclassified" if category is Category.UNCLASSIFIED else "field.secret"]


def test_special_categories_need_a_reason_and_offences_a_law() -> None:
    health, offences = {"$.a": "special.health"}, {"$.a": "special.criminal"}

    assert codes(LEGAL | {"fields": health}) == ["field.special_category"]
    assert codes(LEGAL | {"fields": health, "special": "The order asks for it."}) == []
    assert codes(RIGHTS | {"fields": offences, "special": "Fraud."}) == ["field.special_category"]
    assert codes(RIGHTS | {"fields": offences, "special": "Fraud.", "law": "BDSG § 24"}) == []


def test_in_an_emergency_few_people_and_what_finds_them() -> None:
    many = [{"subject": f"c-{number}", "role": "purchaser"} for number in range(6)]

    assert codes(EMERGENCY | {"subjects": many}) == ["limit.subjects"]
    assert codes(EMERGENCY | {"subjects": many[:5]}) == []
    assert codes(EMERGENCY | {"fields": {"$.a": "payment.pan"}}) == ["exceptional.scope"]
    assert not IN_EMERGENCY & SECRETS


def test_an_oral_order_keeps_a_person_from_knowing_for_thirty_days_at_most() -> None:
    oral = WRITTEN | {"written": False}

    assert codes(LEGAL | {"suppress": oral}) == ["exceptional.suppression"]
    assert codes(LEGAL | {"suppress": oral | {"until": "2026-07-15"}}) == []
    assert codes(LEGAL | {"suppress": oral | {"until": "2026-07-16"}}) == ["exceptional.suppression"]


@pytest.mark.parametrize(("delays", "expected"), [(False, ["exceptional.suppression"]), (True, [])])
def test_an_investigation_of_the_shops_own_delays_telling_only_where_the_setting_says_so(
    *, delays: bool, expected: list[str]
) -> None:
    assert codes(RIGHTS | {"suppress": WRITTEN}, delays=delays) == expected
    assert codes(EMERGENCY | {"suppress": WRITTEN}, delays=delays) == ["exceptional.suppression"]


@pytest.mark.parametrize("kind", list(RecipientKind))
@pytest.mark.parametrize("asked", [LEGAL, RIGHTS, EMERGENCY], ids=lambda asked: str(asked["scenario"]))
def test_each_scenario_has_its_recipients(asked: dict[str, Any], kind: RecipientKind) -> None:
    found = codes(asked | {"recipient": AGENCY | {"kind": kind}})

    assert found == ([] if kind in RECIPIENTS_OF[Scenario(asked["scenario"])] else ["exceptional.recipient"])


def test_only_a_counterparty_is_a_private_person() -> None:
    private = {"private": True}

    assert codes(RIGHTS | {"recipient": RIGHTS["recipient"] | private}) == []
    assert codes(LEGAL | {"recipient": AGENCY | private}) == ["exceptional.recipient"]


def test_an_emergency_abroad_crosses_on_its_own_ground() -> None:
    asked = REQUEST.validate_python(EMERGENCY | {"recipient": EMERGENCY["recipient"] | {"country": "TR"}})

    assert [crossing_of(asked, home) for home in ("DE", "CN", "TR")] == [
        "derogation_vital_interests",
        "cn_emergency",
        None,
    ]
    assert [is_abroad(asked, home) for home in ("DE", "TR")] == [True, False]


def test_the_request_that_is_documented_lacks_nothing() -> None:
    page = (Path(__file__).parents[2] / "docs" / "oversight.md").read_text("utf-8")
    [shown] = [block for block in re.findall(r"```json\n(.*?)```", page, re.DOTALL) if '"scenario"' in block]

    assert codes(json.loads(shown)) == []


def test_every_word_has_its_law() -> None:
    assert set(RECIPIENTS) == set(RecipientKind)
    assert set(CROSSINGS) == set(CrossingGround) == frozenset().union(*CROSSINGS_OF.values())
    assert set(RECIPIENTS_OF) == set(CROSSINGS_OF) == set(Scenario)
