"""What papers open the door on which day, for which operation, and what of them ends when."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from clearances import NOON, POLICY, SHIP, agreed, asked, codes
from clearances import given as known
from hypothesis import given
from hypothesis import strategies as st

from gateway.clearance import around, clear, ends, stand, with_papers
from gateway.clearance.papers import last_day
from gateway.contract.papers import Agreement, OnLapse
from gateway.contract.terms import Terms
from gateway.frozen import changed
from gateway.registry.facts import Papers, Review
from gateway.vocabulary import AgreementStatus, AgreementType, Clause, Level, RiskTier, VendorRole

TODAY = NOON.date()
YESTERDAY = TODAY - timedelta(days=1)
NOBODY_SIGNS = {"signed": None, "starts": date(2024, 1, 1), "until": None}


def acting(role: VendorRole, terms: Terms = SHIP) -> Terms:
    """The parcel at a vendor that is something else in law for this call."""
    return changed(terms, role=role)


def lapsing(*operations: str, duration: str | None = None, **changed: Any) -> dict[str, Any]:
    lapse = OnLapse.model_validate({"continue": operations} | ({"for": duration} if duration else {}))
    return {"until": YESTERDAY, "on_lapse": lapse, **changed}


@pytest.mark.parametrize(
    ("paper", "role", "code"),
    [
        ({"type": AgreementType.STANDARD_TERMS} | NOBODY_SIGNS, VendorRole.PROCESSOR, ""),
        ({"type": AgreementType.STANDARD_TERMS} | NOBODY_SIGNS, VendorRole.CONTROLLER, ""),
        (
            {"type": AgreementType.STANDARD_TERMS, "clauses": (Clause.CONFIDENTIALITY,)} | NOBODY_SIGNS,
            VendorRole.CONTROLLER,
            "agreement.clause_missing",
        ),
        (
            {"type": AgreementType.STANDARD_TERMS, "until": YESTERDAY},
            VendorRole.CONTROLLER,
            "agreement.expired",
        ),
        ({"type": AgreementType.STATUTORY_SECRECY, "clauses": ()} | NOBODY_SIGNS, VendorRole.CONTROLLER, ""),
        (
            {"type": AgreementType.STATUTORY_SECRECY} | NOBODY_SIGNS,
            VendorRole.PROCESSOR,
            "agreement.wrong_type",
        ),
        ({"type": AgreementType.STANDARD_TERMS} | NOBODY_SIGNS, VendorRole.JOINT_CONTROLLER, "agreement.wrong_type"),
    ],
)
def test_a_vendor_that_signs_nothing_is_bound_by_its_terms_or_by_a_law(
    paper: dict[str, Any], role: VendorRole, code: str
) -> None:
    assert codes(asked(acting(role, agreed(**paper)))) == ([code] if code else [])


@pytest.mark.parametrize("type_", [AgreementType.NDA, AgreementType.CONFIDENTIALITY, AgreementType.C2C_SHARING])
def test_a_vendor_that_decides_alone_needs_no_processing_agreement_and_cannot_use_one(type_: AgreementType) -> None:
    assert codes(asked(acting(VendorRole.CONTROLLER, agreed(type=type_)))) == []
    assert codes(asked(acting(VendorRole.CONTROLLER))) == ["agreement.wrong_type"]


def test_one_vendor_has_another_role_and_another_paper_in_another_operation() -> None:
    [dpa] = SHIP.vendor.agreements
    nda = dpa.model_copy(update={"id": "NDA-1", "type": AgreementType.NDA})
    both = changed(SHIP, vendor=SHIP.vendor.model_copy(update={"agreements": (dpa, nda)}))

    assert clear(asked(acting(VendorRole.PROCESSOR, both))).agreements == ("DPA-1",)
    assert clear(asked(acting(VendorRole.CONTROLLER, both))).agreements == ("NDA-1",)


@pytest.mark.parametrize(
    ("covers", "code"),
    [
        ((), ""),
        (("person.*", "contact.*", "address.*", "order.*", "identity.*"), ""),
        (("person.*", "contact.*", "address.city", "order.*", "identity.*"), "agreement.scope"),
        (("person.name",), "agreement.scope"),
    ],
)
def test_what_a_paper_does_not_speak_of_does_not_leave_under_it(covers: tuple[str, ...], code: str) -> None:
    assert codes(asked(agreed(covers=covers))) == ([code] if code else [])


def test_papers_cover_together_what_none_of_them_covers_alone() -> None:
    [paper] = SHIP.vendor.agreements
    parts = (("person.*", "contact.*", "address.*"), ("order.*", "identity.*"))
    papers = [paper.model_copy(update={"id": f"P{n}", "covers": part}) for n, part in enumerate(parts)]

    def found(*of: Agreement) -> list[str]:
        return codes(asked(changed(SHIP, vendor=SHIP.vendor.model_copy(update={"agreements": of}))))

    assert found(*papers) == []
    assert [found(each) for each in papers] == [["agreement.scope"]] * 2


def test_a_paper_that_renews_itself_does_not_end() -> None:
    assert codes(asked(agreed(until=date(2025, 12, 31), renewal="P1Y"))) == []
    assert codes(asked(agreed(until=date(2025, 12, 31)))) == ["agreement.expired"]


STATUSES: Mapping[AgreementStatus, str] = dict.fromkeys(AgreementStatus, "agreement.not_active") | {
    AgreementStatus.ACTIVE: "",
    AgreementStatus.EXPIRED: "agreement.expired",
}


@pytest.mark.parametrize(("status", "code"), STATUSES.items())
def test_only_an_active_paper_opens_the_door(status: AgreementStatus, code: str) -> None:
    assert codes(asked(agreed(status=status))) == ([code] if code else [])


def test_what_a_paper_names_goes_on_after_its_end_and_each_entry_notes_it() -> None:
    goes_on, stops = lapsing("track", "ship"), lapsing("track")

    clearance = clear(asked(agreed(**goes_on)))

    assert (clearance.agreements, clearance.warnings) == (("DPA-1",), ("agreement.expired",))
    assert codes(asked(agreed(**stops))) == ["agreement.expired"]


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({}, "agreement.expired"),
        ({"duration": "P1D"}, ""),
        ({"duration": "P1D", "until": TODAY - timedelta(days=2)}, "agreement.expired"),
        ({"duration": "P2D", "until": TODAY - timedelta(days=2)}, ""),
        ({"duration": "P9Y", "clauses": ()}, "agreement.expired agreement.clause_missing"),
        ({"duration": "P9Y", "entities": ("shop-uk",)}, "agreement.parties"),
        ({"duration": "P9Y", "status": AgreementStatus.TERMINATED}, "agreement.expired agreement.not_active"),
        ({"duration": "P9Y", "until": TODAY, "status": AgreementStatus.BREACHED}, "agreement.not_active"),
    ],
    ids=["another operation", "a day", "a day too late", "two days", "no clauses", "not us", "terminated", "breached"],
)
def test_it_goes_on_for_so_long_and_only_after_a_paper_that_opened_the_door(changed: dict[str, Any], code: str) -> None:
    operation = "ship" if "duration" in changed else "track"

    assert codes(asked(agreed(**lapsing(operation, **changed)))) == code.split()


def test_nothing_is_noted_while_another_paper_holds() -> None:
    [paper] = SHIP.vendor.agreements
    old = paper.model_copy(update={"id": "OLD", **lapsing("ship")})
    vendor = SHIP.vendor.model_copy(update={"agreements": (old, paper)})

    clearance = clear(asked(changed(SHIP, vendor=vendor)))

    assert (clearance.agreements, clearance.warnings) == (("DPA-1",), ())


def reviewed(by: date) -> Terms:
    return changed(SHIP, vendor=SHIP.vendor.model_copy(update={"review": by}))


@pytest.mark.parametrize(
    ("levels", "refused", "noted"),
    [
        ({}, [], ("vendor.review_overdue",)),
        ({"vendor.review_overdue": Level.REFUSE}, ["vendor.review_overdue"], None),
        ({"vendor.review_overdue": Level.OFF}, [], ()),
    ],
)
def test_an_overdue_review_is_noted_or_refuses_as_the_settings_say(
    levels: dict[str, Level], refused: list[str], noted: tuple[str, ...] | None
) -> None:
    in_time = changed(asked(reviewed(TODAY)), levels=levels)
    overdue = changed(asked(reviewed(YESTERDAY)), levels=levels)

    assert (codes(in_time), clear(in_time).warnings) == ([], ())
    assert codes(overdue) == refused
    if noted is not None:
        assert clear(overdue).warnings == noted


DAYS = st.dates(date(2026, 6, 1), date(2026, 6, 30))
PAPERS = st.builds(
    lambda until, renewal, lapse: agreed(until=until, renewal=renewal, on_lapse=lapse),
    DAYS,
    st.sampled_from([None, None, "P1Y"]),
    st.sampled_from([None, *(lapsing("ship", duration=each)["on_lapse"] for each in ("P1D", "P9D"))]),
)


@given(terms=PAPERS, review=DAYS, today=DAYS)
def test_whatever_stops_by_itself_stops_after_a_day_that_was_told(terms: Terms, review: date, today: date) -> None:
    terms = changed(terms, vendor=terms.vendor.model_copy(update={"review": review}))
    told = {each.last for each in ends(terms, today)}

    def found(day: date) -> tuple[object, ...]:
        noon = datetime.combine(day, time(12), ZoneInfo(POLICY.time_zone)).astimezone(UTC)
        standing = stand(terms, POLICY, "shop-eu", noon)
        return [each.code for each in standing.failures], standing.notes

    for day in (today + timedelta(days=n) for n in range(45)):
        if found(day) != found(day + timedelta(days=1)):
            assert day in told


def test_what_renews_itself_or_binds_by_law_has_no_last_day() -> None:
    papers = [agreed(**each).vendor.agreements[0] for each in ({"renewal": "P1Y"}, NOBODY_SIGNS, {"until": TODAY})]

    assert [last_day(paper) for paper in papers] == [None, None, TODAY]


def test_things_stand_the_same_from_one_midnight_or_version_of_the_policy_to_the_next() -> None:
    zone = ZoneInfo(POLICY.time_zone)
    midnight, next_one = (datetime.combine(TODAY + timedelta(days=days), time.min, zone) for days in (0, 1))
    second = POLICY.versions[-1].model_copy(update={"version": "2", "published": NOON})
    two = POLICY.model_copy(update={"versions": (*POLICY.versions, second)})

    assert around(POLICY, midnight) == around(POLICY, NOON) == (midnight, next_one)
    assert around(two, NOON - timedelta(microseconds=1)) == (midnight, NOON)
    assert around(two, NOON) == (NOON, next_one)


NEW = SHIP.vendor.agreements[0].model_copy(update={"id": "DPA-2", "signed": TODAY})
ENTERED = Papers(entered={"parcels": (NEW,)})


@pytest.mark.parametrize(
    ("papers", "code"),
    [
        (Papers(ended={("parcels", "DPA-1"): None}), "agreement.not_active"),
        (Papers(ended={("parcels", "DPA-1"): YESTERDAY}), "agreement.expired"),
        (Papers(ended={("parcels", "DPA-1"): TODAY}), ""),
        (Papers(ended={("parcels", "DPA-1"): None}, entered={"parcels": (NEW,)}), ""),
        (Papers(ended={("parcels", "DPA-2"): None}, entered={"parcels": (NEW,)}), ""),
        (Papers(ended={("payments", "DPA-1"): None}), ""),
        (
            Papers(entered={"parcels": (NEW.model_copy(update={"id": "DPA-1", "until": YESTERDAY}),)}),
            "agreement.expired",
        ),
    ],
    ids=["at once", "yesterday", "today", "and another", "another", "of another vendor", "replaced by one that ended"],
)
def test_papers_that_are_entered_and_ended_count_beside_those_of_the_file(papers: Papers, code: str) -> None:
    assert codes(asked(facts=changed(known(), papers=papers))) == ([code] if code else [])


def test_a_paper_that_was_ended_does_not_renew_itself_any_more() -> None:
    renewing = agreed(until=date(2025, 12, 31), renewal="P1Y")

    def found(last: date) -> list[str]:
        return codes(asked(renewing, facts=changed(known(), papers=Papers(ended={("parcels", "DPA-1"): last}))))

    assert found(TODAY) == []
    assert found(YESTERDAY) == ["agreement.expired"]


def test_a_paper_that_was_entered_opens_the_door_where_the_file_has_none() -> None:
    bare = changed(SHIP, vendor=SHIP.vendor.model_copy(update={"agreements": ()}))

    assert codes(asked(bare)) == ["agreement.none"]
    assert clear(asked(bare, facts=changed(known(), papers=ENTERED))).agreements == ("DPA-2",)


def review_entered(by: date) -> Papers:
    return Papers(reviews={"parcels": Review(by - timedelta(days=30), by)})


def test_the_last_review_counts_in_place_of_the_file() -> None:
    held, late = review_entered(TODAY), review_entered(YESTERDAY)

    assert clear(asked(reviewed(YESTERDAY), facts=changed(known(), papers=held))).warnings == ()
    assert clear(asked(facts=changed(known(), papers=late))).warnings == ("vendor.review_overdue",)


@pytest.mark.parametrize(
    ("risk", "days"),
    [(None, 4000), (RiskTier.LOW, 3 * 366), (RiskTier.MEDIUM, 2 * 366), (RiskTier.HIGH, 366)],
    ids=str,
)
def test_the_more_risky_a_vendor_is_the_sooner_it_is_looked_at_again(risk: RiskTier | None, days: int) -> None:
    judged = changed(SHIP, vendor=SHIP.vendor.model_copy(update={"risk": risk}))

    def due(wanted: int) -> date:
        papers = Papers(reviews={"parcels": Review(TODAY, TODAY + timedelta(days=wanted))})
        [review] = [each for each in ends(with_papers(judged, papers), TODAY) if each.what == "review"]
        return review.last

    assert due(4000) == TODAY + timedelta(days=days)
    assert due(30) == TODAY + timedelta(days=30)
    overdue = Papers(reviews={"parcels": Review(YESTERDAY - timedelta(days=days), TODAY + timedelta(days=4000))})
    warnings = clear(asked(judged, facts=changed(known(), papers=overdue))).warnings
    assert warnings == (() if risk is None else ("vendor.review_overdue",))


def test_what_ends_is_told_of_the_papers_that_count() -> None:
    papers = changed(review_entered(TODAY), ended={("parcels", "DPA-1"): TODAY})

    assert {(each.what, each.last) for each in ends(with_papers(SHIP, papers), TODAY)} == {
        ("agreement", TODAY),
        ("review", TODAY),
    }
