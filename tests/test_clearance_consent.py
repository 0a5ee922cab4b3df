"""A ground that is a consent holds only where the newest answer that is about it says yes."""

from dataclasses import replace
from datetime import timedelta

import pytest
from clearances import CONSENT, NOON, asked, codes, consented, given, grants
from hypothesis import given as for_all
from hypothesis import strategies as st

from gateway.registry.facts import Consent
from gateway.vocabulary import VALID_CONSENT, ConsentState, LegalBasis, Purpose

STATES = {
    ConsentState.GIVEN: "",
    ConsentState.RENEWED: "",
    ConsentState.WITHDRAWN: "consent.withdrawn",
    ConsentState.REVOKED: "consent.withdrawn",
    ConsentState.EXPIRED: "consent.expired",
    ConsentState.REQUESTED: "consent.missing",
    ConsentState.REFUSED: "consent.missing",
    ConsentState.INVALIDATED: "consent.missing",
    ConsentState.UNKNOWN: "consent.missing",
}


@pytest.mark.parametrize(("state", "code"), STATES.items(), ids=[state.value for state in STATES])
def test_only_a_yes_is_a_yes(state: ConsentState, code: str) -> None:
    assert set(STATES) == set(ConsentState)
    assert codes(consented(replace(CONSENT, state=state))) == ([code] if code else [])


def test_no_answer_means_no() -> None:
    assert codes(consented()) == ["consent.missing"]


CONSENTS = {
    "to another purpose": (replace(CONSENT, purpose=Purpose.DELIVERY_NOTIFICATION), "consent.missing"),
    "to another vendor": (replace(CONSENT, vendor="payments"), "consent.scope"),
    "to this vendor": (replace(CONSENT, vendor="parcels"), ""),
    "that runs out now": (replace(CONSENT, expires=NOON), "consent.expired"),
    "that runs out in a second": (replace(CONSENT, expires=NOON + timedelta(seconds=1)), ""),
}


@pytest.mark.parametrize(("consent", "code"), CONSENTS.values(), ids=CONSENTS.keys())
def test_consent_covers_what_it_was_given_for(consent: Consent, code: str) -> None:
    assert codes(consented(consent)) == ([code] if code else [])


def test_consent_that_is_not_explicit_is_not_enough_where_it_has_to_be() -> None:
    implied = replace(CONSENT, explicit=False)

    assert codes(consented(implied, basis=LegalBasis.EXPLICIT_CONSENT)) == ["consent.scope"]
    assert codes(consented(implied, basis=LegalBasis.CONSENT)) == []
    assert codes(consented(CONSENT, basis=LegalBasis.EXPLICIT_CONSENT)) == []


def test_the_newest_answer_counts() -> None:
    no = replace(CONSENT, state=ConsentState.WITHDRAWN)

    assert codes(consented(no, CONSENT)) == ["consent.withdrawn"]
    assert codes(consented(CONSENT, no)) == []
    assert codes(consented(replace(no, vendor="parcels"), CONSENT)) == ["consent.withdrawn"]
    assert codes(consented(replace(no, vendor="payments"), CONSENT)) == []


answers = st.builds(
    Consent,
    purpose=st.sampled_from([Purpose.DELIVERY, Purpose.DELIVERY_NOTIFICATION]),
    vendor=st.sampled_from([None, "parcels", "payments"]),
    state=st.sampled_from(list(ConsentState)),
    explicit=st.booleans(),
    expires=st.sampled_from([None, NOON - timedelta(days=1), NOON, NOON + timedelta(days=1)]),
    record=st.just("r"),
)


@for_all(said=st.lists(answers, max_size=5), basis=st.sampled_from([LegalBasis.CONSENT, LegalBasis.EXPLICIT_CONSENT]))
def test_a_call_on_consent_goes_only_if_the_newest_answer_that_is_about_it_says_yes(
    said: list[Consent], basis: LegalBasis
) -> None:
    about = [each for each in said if each.purpose is Purpose.DELIVERY and each.vendor in (None, "parcels")]
    last = about[0] if about else None
    yes = last is not None and last.state in VALID_CONSENT and (last.expires is None or last.expires > NOON)
    yes = yes and (last is None or last.explicit or basis is LegalBasis.CONSENT)

    assert (codes(consented(*said, basis=basis)) == []) is yes


def test_a_group_without_its_own_ground_stays_and_the_call_goes() -> None:
    stays = grants(asked())

    assert {why: code for why, code in stays.items() if code} == {
        "The courier writes only to people who asked for it.": "consent.missing"
    }


def test_a_group_with_its_own_ground_goes() -> None:
    asked_for = replace(CONSENT, purpose=Purpose.DELIVERY_NOTIFICATION)

    assert set(grants(asked(facts=given(consents={"c-89": (asked_for,)}))).values()) == {""}


def test_the_consent_of_another_person_is_no_consent() -> None:
    asked_for = replace(CONSENT, purpose=Purpose.DELIVERY_NOTIFICATION)

    stays = grants(asked(facts=given(consents={"c-88": (asked_for,)})))

    assert stays["The courier writes only to people who asked for it."] == "consent.missing"
