"""A ground that is a consent holds only where the newest answer that is about it says yes."""

from collections.abc import Mapping
from datetime import timedelta

import pytest
from clearances import CONSENT, NOON, PEOPLE, POLICY, asked, codes, consented, given, grants
from hypothesis import given as for_all
from hypothesis import strategies as st

from gateway.clearance import Question, clear
from gateway.frozen import changed
from gateway.registry.facts import Consent, Papers
from gateway.vocabulary import VALID_CONSENT, Category, ConsentState, LegalBasis, Purpose, VendorKind

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
    assert codes(consented(changed(CONSENT, state=state))) == ([code] if code else [])


def test_no_answer_means_no() -> None:
    assert codes(consented()) == ["consent.missing"]


CONSENTS = {
    "to another purpose": (changed(CONSENT, purpose=Purpose.DELIVERY_NOTIFICATION), "consent.missing"),
    "to another vendor": (changed(CONSENT, vendor="payments"), "consent.scope"),
    "to this vendor": (changed(CONSENT, vendor="parcels"), ""),
    "that runs out now": (changed(CONSENT, expires=NOON), "consent.expired"),
    "that runs out in a second": (changed(CONSENT, expires=NOON + timedelta(seconds=1)), ""),
}


@pytest.mark.parametrize(("consent", "code"), CONSENTS.values(), ids=CONSENTS.keys())
def test_consent_covers_what_it_was_given_for(consent: Consent, code: str) -> None:
    assert codes(consented(consent)) == ([code] if code else [])


def named(*categories: Category) -> Question:
    """The parcel to somebody in China, which rests on their yes to these data."""
    yes = changed(CONSENT, separate=True, categories=frozenset(categories))
    return asked(facts=given(jurisdiction="CN", consents={"c-89": (yes,)}))


ON_THE_LABEL = (Category.PERSON_NAME, Category.CONTACT_PHONE, Category.ADDRESS_CITY, Category.ADDRESS_COUNTRY)


@pytest.mark.parametrize(
    ("categories", "code"),
    [
        ((), ""),
        ((*ON_THE_LABEL, Category.ADDRESS_UNIT), ""),
        ((*ON_THE_LABEL[:2], Category.ADDRESS_FULL), ""),
        (tuple(Category), ""),
        (ON_THE_LABEL, "consent.scope"),
        ((Category.CONTACT_EMAIL,), "consent.scope"),
    ],
)
def test_a_yes_that_names_its_data_covers_no_other(categories: tuple[Category, ...], code: str) -> None:
    assert codes(named(*categories)) == ([code] if code else [])


def test_a_yes_to_a_part_of_a_call_has_to_name_what_is_in_that_part() -> None:
    yes = changed(CONSENT, purpose=Purpose.DELIVERY_NOTIFICATION, categories=frozenset({Category.CONTACT_EMAIL}))
    other = changed(yes, categories=frozenset({Category.CONTACT_PHONE}))
    mail = "The courier writes only to people who asked for it."

    found = [grants(asked(facts=given(consents={"c-89": (each,), "c-88": (each,)})))[mail] for each in (yes, other)]

    assert found == ["", "consent.scope"]


def test_consent_that_is_not_explicit_is_not_enough_where_it_has_to_be() -> None:
    implied = changed(CONSENT, explicit=False)

    assert codes(consented(implied, basis=LegalBasis.EXPLICIT_CONSENT)) == ["consent.scope"]
    assert codes(consented(implied, basis=LegalBasis.CONSENT)) == []
    assert codes(consented(CONSENT, basis=LegalBasis.EXPLICIT_CONSENT)) == []


def test_the_newest_answer_counts() -> None:
    no = changed(CONSENT, state=ConsentState.WITHDRAWN)

    assert codes(consented(no, CONSENT)) == ["consent.withdrawn"]
    assert codes(consented(CONSENT, no)) == []
    assert codes(consented(changed(no, vendor="parcels"), CONSENT)) == ["consent.withdrawn"]
    assert codes(consented(changed(no, vendor="payments"), CONSENT)) == []


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
    asked_for = changed(CONSENT, purpose=Purpose.DELIVERY_NOTIFICATION)

    assert set(grants(asked(facts=given(consents={"c-89": (asked_for,)}))).values()) == {""}


def test_the_consent_of_another_person_is_no_consent() -> None:
    asked_for = changed(CONSENT, purpose=Purpose.DELIVERY_NOTIFICATION)

    stays = grants(asked(facts=given(consents={"c-88": (asked_for,)})))

    assert stays["The courier writes only to people who asked for it."] == "consent.missing"


OPEN = POLICY.versions[0].model_copy(update={"version": "2", "published": NOON - timedelta(days=10)})
BEFORE, AFTER = OPEN.published - timedelta(seconds=1), OPEN.published
LOGISTICS = {"vendor_kinds": (VendorKind.LOGISTICS,)}
SOME = {"receives": {VendorKind.LOGISTICS: tuple(each.value for each in Category if each.value[:7] != "person.")}}
WIDENED: Mapping[str, tuple[Mapping[str, object], Mapping[str, object], bool]] = {
    "a purpose was opened": ({"purposes": (Purpose.AFTER_SALES,)}, {}, True),
    "a kind of vendor was opened": ({"vendor_kinds": (VendorKind.PAYMENT,)}, {}, True),
    "a category was opened": (SOME, {}, True),
    "another purpose was opened": ({"purposes": (Purpose.DELIVERY, Purpose.DELIVERY_NOTIFICATION)}, {}, False),
    "nothing was opened": ({}, {}, False),
    "it was narrowed": ({}, LOGISTICS, False),
    "another kind of vendor was opened": (LOGISTICS, {}, False),
}


def under(old: Mapping[str, object], new: Mapping[str, object], answer: Consent) -> Question:
    """The parcel that rests on a consent, under a policy that was another one until ten days ago."""
    versions = POLICY.versions[0].model_copy(update=dict(old)), OPEN.model_copy(update=dict(new))
    return changed(consented(answer), policy=POLICY.model_copy(update={"versions": versions}))


@pytest.mark.parametrize(("old", "new", "touched"), WIDENED.values(), ids=WIDENED.keys())
def test_a_consent_that_is_older_than_what_the_policy_opened_has_to_be_renewed(
    old: Mapping[str, object], new: Mapping[str, object], *, touched: bool
) -> None:
    code = ["consent.outdated"] if touched else []

    assert codes(under(old, new, changed(CONSENT, given=BEFORE))) == code
    assert codes(under(old, new, changed(CONSENT, given=AFTER))) == []
    # Nobody knows when: then it may have been before.
    assert codes(under(old, new, changed(CONSENT, given=None))) == code


def test_a_yes_under_the_newer_policy_counts_although_there_is_an_older_one() -> None:
    old, new, _ = WIDENED["a purpose was opened"]
    answers = changed(CONSENT, given=AFTER, record="r-2"), changed(CONSENT, given=BEFORE)
    question = changed(consented(*answers), policy=under(old, new, CONSENT).policy)

    assert clear(question).grounds[0].reference == "r-2"


def test_what_a_policy_closed_and_opened_again_reaches_a_consent_from_before() -> None:
    closed = POLICY.versions[0].model_copy(
        update={"version": "1b", "published": OPEN.published - timedelta(days=5), "purposes": ()}
    )
    versions = (POLICY.versions[0], closed, OPEN)
    question = changed(
        consented(changed(CONSENT, given=closed.published - timedelta(days=1))),
        policy=POLICY.model_copy(update={"versions": versions}),
    )
    between = changed(question, facts=consented(changed(CONSENT, given=closed.published)).facts)

    assert codes(question) == []
    assert codes(between) == ["consent.outdated"]


def test_of_a_group_that_rests_on_an_older_consent_the_fields_stay_and_the_call_goes() -> None:
    notified = changed(CONSENT, purpose=Purpose.DELIVERY_NOTIFICATION)
    old = {"purposes": tuple(each for each in Purpose if each is not Purpose.DELIVERY_NOTIFICATION)}
    policy = under(old, {}, CONSENT).policy

    def found(answer: Consent) -> set[str]:
        people = {person.ref: (answer,) for person in PEOPLE.values()}
        return set(grants(changed(asked(facts=given(consents=people)), policy=policy)).values())

    assert "consent.outdated" in found(changed(notified, given=BEFORE))
    assert "consent.outdated" not in found(changed(notified, given=AFTER))


@for_all(
    opened=st.lists(st.sets(st.sampled_from([Purpose.DELIVERY, Purpose.AFTER_SALES])), min_size=1, max_size=5),
    said=st.integers(-1, 50),
)
def test_a_consent_reaches_exactly_as_far_as_the_policy_under_which_it_was_given(
    opened: list[set[Purpose]], said: int
) -> None:
    """Versions come every ten hours; what each of them lets go of the parcel is known."""
    start, always = NOON - timedelta(hours=60), set(Purpose) - {Purpose.DELIVERY, Purpose.AFTER_SALES}
    versions = tuple(
        POLICY.versions[0].model_copy(
            update={
                "version": str(number),
                "published": start + timedelta(hours=10 * number),
                "purposes": (*each, *always),
            }
        )
        for number, each in enumerate(opened)
    )
    question = changed(
        consented(changed(CONSENT, given=start + timedelta(hours=said))),
        policy=POLICY.model_copy(update={"versions": versions}),
    )
    then, now = opened[min(max(said, 0) // 10, len(opened) - 1)], opened[-1]

    if Purpose.DELIVERY not in now:
        assert codes(question) == ["policy.purpose"]
    else:
        assert codes(question) == ([] if Purpose.DELIVERY in then else ["consent.outdated"])


def test_no_version_that_a_file_brings_in_afterwards_makes_an_older_consent_reach_further() -> None:
    """Once the register has versions it knows all that were published before its last."""
    old, new = POLICY.versions[0].model_copy(update={"purposes": (Purpose.AFTER_SALES,)}), OPEN
    forged = POLICY.versions[0].model_copy(update={"version": "f", "published": BEFORE - timedelta(hours=1)})
    question = consented(changed(CONSENT, given=BEFORE))
    facts = changed(question.facts, papers=Papers(versions=(old, new)))
    policy = POLICY.model_copy(update={"versions": (old, forged)})

    assert codes(changed(question, facts=facts, policy=policy)) == ["consent.outdated"]
    assert codes(changed(question, policy=policy.model_copy(update={"versions": (old, forged, new)}))) == []
