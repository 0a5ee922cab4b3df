"""Who received what of a person is what the record says: nobody else, nothing of others, and all doubt counts."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.frozen import changed
from gateway.ledger.entry import Subject
from gateway.ledger.personal import Personal
from gateway.ledger.store import Entry
from gateway.rights.recipients import Concern, Received, received
from gateway.vocabulary import Category, Purpose
from gateway.vocabulary.notices import Cause

DAY = 24 * 60 * 60 * 1_000_000
CONSIGNEE = Subject("c-89", "consignee", "DE", "A-1")
PURCHASER = Subject("c-88", "purchaser", "DE", "A-1")
EVERYTHING = Concern(Cause.ERASURE)


def left(*subjects: Subject, result: str | None = "sent", **members: Any) -> Personal:
    """A parcel with a consignee's name and a purchaser's order in it, that left an hour after the beginning."""
    body = {
        "vendor": "parcels",
        "operation": "ship",
        "contract": "parcels/ship@1",
        "entity": "shop-eu",
        "purpose": "delivery",
        "ts": 1,
        "grounds": [
            {"role": "purchaser", "jurisdiction": "DE", "basis": "performance_of_contract"},
            {"role": "consignee", "jurisdiction": "DE", "basis": "legitimate_interest"},
        ],
        "disclosed": [
            {"form": "as_is", "of": ["consignee"], "fields": [["$.to.name", "person.name"]]},
            {
                "form": "as_is",
                "of": ["consignee"],
                "purpose": "delivery_notification",
                "grounds": [{"role": "consignee", "jurisdiction": "DE", "basis": "consent"}],
                "fields": [["$.to.email", "contact.email"]],
            },
            {"form": "pseudonymise", "of": ["purchaser"], "fields": [["$.reference", "order.id", 2]]},
            {"form": "as_is", "fields": [["$.weight", "parcel.measure"]]},
            {"form": "as_is", "of": ["consignee"], "fields": [["$.service", "not_personal"]]},
        ],
        "retention": {"vendor_keeps": "P90D", "class": "routine"},
        **members,
    }
    return Personal(Entry(1, body, {"result": result} if result else None), subjects)


def categories(found: dict[str, Received] | Any) -> dict[str, list[str]]:
    return {vendor: sorted(each.categories) for vendor, each in found.items()}


def test_each_person_of_a_parcel_has_their_own_part_of_it() -> None:
    assert categories(received([left(CONSIGNEE)], EVERYTHING)) == {"parcels": ["contact.email", "person.name"]}
    assert categories(received([left(PURCHASER)], EVERYTHING)) == {"parcels": ["order.id"]}


@pytest.mark.parametrize(
    ("result", "counts"),
    [("sent", True), ("possibly", True), ("in_doubt", True), (None, True), ("not_sent", False)],
)
def test_what_may_have_arrived_counts_and_what_certainly_did_not_does_not(result: str | None, counts: bool) -> None:
    assert bool(received([left(CONSIGNEE, result=result)], EVERYTHING)) is counts


def test_a_correction_concerns_whoever_has_the_category_that_was_wrong() -> None:
    told = [left(CONSIGNEE), left(CONSIGNEE, vendor="payments", disclosed=[
        {"form": "as_is", "of": ["consignee"], "fields": [["$.mail", "contact.email"]]},
    ])]  # fmt: skip

    found = received(told, Concern(Cause.RECTIFICATION, categories=frozenset({Category.PERSON_NAME})))

    assert categories(found) == {"parcels": ["person.name"]}


@pytest.mark.parametrize("cause", [Cause.RECTIFICATION, Cause.ERASURE, Cause.RESTRICTION, Cause.OBJECTION])
def test_whatever_is_asked_of_one_category_concerns_nobody_who_has_others_alone(cause: Cause) -> None:
    other = [{"form": "as_is", "of": ["consignee"], "fields": [["$.mail", "contact.email"]]}]
    told = [left(CONSIGNEE), left(CONSIGNEE, vendor="payments", disclosed=other)]
    named = Concern(cause, categories=frozenset({Category.PERSON_NAME}))

    assert categories(received(told, named)) == {"parcels": ["person.name"]}
    assert set(received(told, Concern(cause))) == {"parcels", "payments"}


@pytest.mark.parametrize(
    ("asked", "has", "concerned"),
    [
        (Category.ADDRESS_FULL, "address.street", True),
        (Category.ADDRESS_FULL, "address.full", True),
        (Category.ADDRESS_CITY, "address.full", True),
        (Category.ADDRESS_CITY, "address.street", False),
        (Category.ADDRESS_FULL, "payment.billing_address", False),
        (Category.PERSON_NAME, "address.full", False),
    ],
)
def test_an_address_as_a_whole_is_in_its_parts_and_each_part_in_it(asked: Category, has: str, concerned: bool) -> None:
    told = left(CONSIGNEE, disclosed=[{"form": "as_is", "of": ["consignee"], "fields": [["$.to", has]]}])

    found = received([told], Concern(Cause.RECTIFICATION, categories=frozenset({asked})))

    assert categories(found) == ({"parcels": [has]} if concerned else {})


def test_a_withdrawn_consent_concerns_the_fields_that_left_on_it() -> None:
    concern = Concern(Cause.WITHDRAWAL, purpose=Purpose.DELIVERY_NOTIFICATION)

    assert categories(received([left(CONSIGNEE)], concern)) == {"parcels": ["contact.email"]}
    assert received([left(PURCHASER)], concern) == {}
    assert received([left(CONSIGNEE)], changed(concern, purpose=Purpose.DELIVERY)) == {}
    assert received([left(CONSIGNEE)], changed(concern, vendor="payments")) == {}


def test_a_call_that_rested_on_consent_as_a_whole_is_withdrawn_as_a_whole() -> None:
    grounds = [{"role": "consignee", "jurisdiction": "CN", "basis": "explicit_consent"}]
    concern = Concern(Cause.WITHDRAWAL, purpose=Purpose.DELIVERY)

    found = received([left(CONSIGNEE, grounds=grounds)], concern)

    assert categories(found) == {"parcels": ["person.name"]}
    assert received([left(PURCHASER, grounds=grounds)], concern) == {}


def test_an_objection_concerns_what_rests_on_a_legitimate_interest() -> None:
    concern, email = Concern(Cause.OBJECTION), frozenset({Category.CONTACT_EMAIL})

    assert categories(received([left(CONSIGNEE)], concern)) == {"parcels": ["person.name"]}
    assert received([left(CONSIGNEE)], changed(concern, categories=email)) == {}
    assert categories(received([left(CONSIGNEE, PURCHASER)], concern)) == {"parcels": ["person.name"]}
    assert received([left(PURCHASER)], concern) == {}


def test_a_closed_order_concerns_what_left_about_it() -> None:
    told = [left(CONSIGNEE), left(changed(CONSIGNEE, order_ref="A-2"), vendor="payments")]

    assert set(received(told, Concern(Cause.ORDER_CLOSED, order="A-2"))) == {"payments"}


def test_a_vendor_may_keep_what_it_got_last_for_as_long_as_its_contract_says() -> None:
    told = [left(CONSIGNEE, ts=5 * DAY, entity="shop-uk"), left(CONSIGNEE, ts=DAY)]

    [found] = received(told, EVERYTHING).values()

    assert (found.until, found.entity, found.orders) == (95 * DAY, "shop-uk", frozenset({"A-1"}))


def test_what_a_notice_says_is_no_reason_for_another() -> None:
    assert received([left(CONSIGNEE, purpose="rights_fulfilment")], EVERYTHING) == {}


@given(
    parcels=st.lists(
        st.tuples(st.sampled_from(["parcels", "payments", "faults"]), st.sampled_from(["sent", "possibly", "not_sent"]))
    )
)
def test_a_vendor_is_a_recipient_exactly_if_something_may_have_reached_it(parcels: list[tuple[str, str]]) -> None:
    told = [left(CONSIGNEE, vendor=vendor, result=result) for vendor, result in parcels]

    found = received(told, EVERYTHING)

    assert set(found) == {vendor for vendor, result in parcels if result != "not_sent"}
