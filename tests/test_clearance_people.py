"""Of whom data is used at all: what holds for a person or an order comes before every ground."""

import pytest
from clearances import CONSENT, NOON, PEOPLE, POLICY, SHIP, asked, codes, given, grants, marked, of_subject
from hypothesis import given as for_all
from hypothesis import strategies as st

from gateway.clearance import clear, stand
from gateway.contract.terms import Terms
from gateway.errors import Refusal
from gateway.frozen import changed
from gateway.registry.facts import Consent, Facts, Mark, Order
from gateway.vocabulary import (
    Commercial,
    Evidence,
    Flag,
    LegalBasis,
    Level,
    OrderLevel,
    OrderState,
    Purpose,
    SubjectRole,
    VendorRole,
)

STOPS = {
    Flag.INACTIVE: "subject.inactive",
    Flag.RESTRICTED: "subject.restricted",
    Flag.ERASED: "subject.erased",
    Flag.WINDING_UP: "subject.winding_up",
}
NOTIFIED = changed(CONSENT, purpose=Purpose.DELIVERY_NOTIFICATION)
EMAIL = "The courier writes only to people who asked for it."


def operation(**members: object) -> Terms:
    return changed(SHIP, operation=SHIP.operation.model_copy(update=members))


def at_level(level: OrderLevel) -> Terms:
    return operation(evidence=SHIP.operation.evidence.model_copy(update={"level": level}))


@pytest.mark.parametrize("ref", ["c-88", "c-89"], ids=["the purchaser", "the consignee"])
@pytest.mark.parametrize(("flag", "code"), STOPS.items(), ids=STOPS)
def test_of_somebody_who_is_inactive_restricted_or_erased_nothing_leaves(flag: Flag, code: str, ref: str) -> None:
    assert codes(asked(facts=marked(flag, ref=ref))) == [code]


@pytest.mark.parametrize("flag", Flag)
def test_a_flag_of_somebody_else_stops_nothing(flag: Flag) -> None:
    assert codes(asked(facts=marked(flag, ref="c-90"))) == []


@pytest.mark.parametrize(
    ("purpose", "vendor", "stops"),
    [
        (Purpose.DELIVERY, None, True),
        (None, "parcels", True),
        (Purpose.DELIVERY, "parcels", True),
        (Purpose.CUSTOMS_CLEARANCE, None, False),
        (None, "payments", False),
        (Purpose.DELIVERY, "payments", False),
    ],
)
def test_a_restriction_holds_where_it_was_set(purpose: Purpose | None, vendor: str | None, stops: bool) -> None:
    facts = marked(Flag.RESTRICTED, purpose=purpose, vendor=vendor)

    assert codes(asked(facts=facts)) == (["subject.restricted"] if stops else [])


def test_a_restriction_of_a_groups_purpose_keeps_the_group_and_not_the_call() -> None:
    said = {"c-89": (changed(CONSENT, purpose=Purpose.DELIVERY_NOTIFICATION),)}
    restricted = marked(Flag.RESTRICTED, ref="c-89", purpose=Purpose.DELIVERY_NOTIFICATION)

    assert grants(asked(facts=changed(restricted, consents=said)))[EMAIL] == "subject.restricted"
    assert grants(asked(facts=given(consents=said)))[EMAIL] == ""


@pytest.mark.parametrize("flag", STOPS)
def test_vendors_are_told_of_rights_whatever_holds_for_the_person_and_the_order(flag: Flag) -> None:
    told = POLICY.versions[0].model_copy(update={"purposes": tuple(Purpose)})
    policy = POLICY.model_copy(update={"versions": (told,)})
    facts = changed(marked(flag), orders=(Order(is_known=True, state=OrderState.CLOSED),))

    assert codes(asked(operation(purpose=Purpose.RIGHTS_FULFILMENT), facts=facts, policy=policy)) == []
    assert codes(asked(facts=facts, policy=policy)) == [STOPS[flag], "order.state"]


@pytest.mark.parametrize(
    ("level", "refused", "warnings"),
    [
        (Level.REFUSE, ["subject.inactive"], ()),
        (Level.WARN, [], ("subject.inactive",)),
        (Level.OFF, [], ()),
    ],
)
def test_how_much_a_long_silence_counts_the_settings_say(
    level: Level, refused: list[str], warnings: tuple[str, ...]
) -> None:
    question = changed(asked(facts=marked(Flag.INACTIVE)), levels={"subject.inactive": level})

    assert codes(question) == refused
    if not refused:
        assert clear(question).warnings == warnings


@pytest.mark.parametrize("level", [Level.WARN, Level.OFF], ids=["warn", "off"])
def test_what_does_not_refuse_a_call_keeps_none_of_its_groups_back_either(level: Level) -> None:
    said = {"c-89": (NOTIFIED,)}
    inactive = given(consents=said, marks={"c-89": (Mark(Flag.INACTIVE, None, None, NOON),)})

    found = grants(changed(asked(facts=inactive), levels={"subject.inactive": level}))

    assert found == grants(asked(facts=given(consents=said)))
    assert found[EMAIL] == ""


def test_no_setting_takes_the_weight_from_a_restriction() -> None:
    question = changed(asked(facts=marked(Flag.RESTRICTED)), levels={"subject.restricted": Level.OFF})

    assert codes(question) == ["subject.restricted"]


def test_a_legitimate_interest_falls_where_the_person_objects() -> None:
    assert codes(asked(facts=marked(Flag.OBJECTED, ref="c-89"))) == ["basis.objected"]


def test_to_a_contract_of_their_own_nobody_objects() -> None:
    assert codes(asked(facts=marked(Flag.OBJECTED, ref="c-88"))) == []


@pytest.mark.parametrize(
    ("purpose", "vendor", "falls"),
    [(Purpose.DELIVERY, None, True), (None, "parcels", True), (Purpose.SECURITY, None, False), (None, "other", False)],
)
def test_an_objection_goes_as_far_as_it_was_made(purpose: Purpose | None, vendor: str | None, falls: bool) -> None:
    facts = marked(Flag.OBJECTED, ref="c-89", purpose=purpose, vendor=vendor)

    assert codes(asked(facts=facts)) == (["basis.objected"] if falls else [])


def test_a_parcel_to_somebody_under_age_goes() -> None:
    assert codes(asked(facts=marked(Flag.MINOR, ref="c-89"))) == []


@pytest.mark.parametrize("commercial", [Commercial.SALE, Commercial.RENT, Commercial.TRADE])
def test_data_of_somebody_under_age_is_never_sold(commercial: Commercial) -> None:
    said = {"c-88": (CONSENT,), "c-89": (CONSENT,)}
    facts = changed(marked(Flag.MINOR), consents=said)

    assert "subject.minor" in codes(asked(operation(commercial=commercial), facts=facts))


def test_nobody_under_age_is_scored_for_fraud() -> None:
    terms = operation(purpose=Purpose.FRAUD_PREVENTION)

    assert "subject.minor" in codes(asked(terms, facts=marked(Flag.MINOR)))
    assert "subject.minor" not in codes(asked(terms))


UNKNOWN = Order(is_known=False, state=None)
LEVELS = [
    (OrderLevel.STATED, UNKNOWN, ""),
    (OrderLevel.STATED, Order(is_known=True, state=None), ""),
    (OrderLevel.KNOWN, UNKNOWN, "basis.evidence_missing"),
    (OrderLevel.KNOWN, Order(is_known=True, state=None), ""),
    (OrderLevel.LIVE, UNKNOWN, "basis.evidence_missing"),
    (OrderLevel.LIVE, Order(is_known=True, state=None), "order.state"),
    *((level, Order(is_known=True, state=OrderState.CLOSED), "order.state") for level in OrderLevel),
    *(
        (level, Order(is_known=True, state=state), "")
        for level in OrderLevel
        for state in (OrderState.OPEN, OrderState.SHIPPED, OrderState.DELIVERED, OrderState.AFTER_SALES)
    ),
]


@pytest.mark.parametrize(("level", "order", "code"), LEVELS)
def test_an_order_is_evidence_as_far_as_the_contract_wants_it_known(level: OrderLevel, order: Order, code: str) -> None:
    assert codes(asked(at_level(level), facts=given(orders=(order,)))) == ([code] if code else [])


def test_of_several_orders_none_may_be_closed() -> None:
    orders = (Order(is_known=True, state=OrderState.OPEN), Order(is_known=True, state=OrderState.CLOSED))

    assert codes(asked(facts=given(orders=orders))) == ["order.state"]


def test_where_the_contract_wants_an_order_known_a_call_without_one_does_not_go() -> None:
    facts = given(orders=(), order_stated=False)

    assert codes(asked(at_level(OrderLevel.KNOWN), facts=facts)) == ["basis.evidence_missing"]


def test_calls_are_alike_only_where_their_orders_are() -> None:
    question = asked(facts=given(orders=(Order(is_known=True, state=OrderState.OPEN),)))
    standing = stand(SHIP, question.policy, question.entity, question.now)

    closed = given(orders=(Order(is_known=True, state=OrderState.CLOSED),))

    assert codes(changed(question, standing=standing)) == []
    assert codes(changed(question, standing=standing, facts=closed)) == ["order.state"]
    assert codes(changed(question, standing=standing, facts=marked(Flag.RESTRICTED))) == ["subject.restricted"]


marks = st.builds(
    Mark,
    flag=st.sampled_from(Flag),
    purpose=st.sampled_from([None, Purpose.DELIVERY, Purpose.AFTER_SALES]),
    vendor=st.sampled_from([None, "parcels", "payments"]),
    since=st.datetimes().map(lambda moment: moment.replace(tzinfo=NOON.tzinfo)),
)


@for_all(held=st.lists(marks, max_size=4), ref=st.sampled_from(["c-88", "c-89", "c-90"]))
def test_whatever_is_said_of_people_a_call_goes_only_where_nothing_said_forbids_it(held: list[Mark], ref: str) -> None:
    about = [
        each.flag
        for each in held
        if each.purpose in (None, Purpose.DELIVERY) and each.vendor in (None, "parcels") and ref != "c-90"
    ]
    forbidden = set(STOPS) & set(about) or (Flag.OBJECTED in about and ref == "c-89")

    assert bool(codes(asked(facts=given(marks={ref: tuple(held)})))) is bool(forbidden)


def test_everything_that_forbids_it_is_said_at_once_in_the_order_of_the_law() -> None:
    marks = {"c-88": tuple(Mark(flag, None, None, NOON) for flag in (Flag.ERASED, Flag.INACTIVE))}
    facts = given(
        people={SubjectRole.PURCHASER: PEOPLE[SubjectRole.PURCHASER]},
        marks=marks,
        orders=(Order(is_known=True, state=OrderState.CLOSED),),
        order_stated=False,
    )

    assert codes(asked(facts=facts)) == ["subject.inactive", "subject.erased", "order.state"]


@pytest.mark.parametrize("basis", [LegalBasis.CONSENT, LegalBasis.EXPLICIT_CONSENT])
def test_for_somebody_under_age_a_guardian_says_yes(basis: LegalBasis) -> None:
    minor = marked(Flag.MINOR)
    terms = of_subject({"default": basis})
    by_guardian = changed(CONSENT, by_guardian=True)

    assert codes(asked(terms, facts=changed(minor, consents={"c-88": (CONSENT,)}))) == ["subject.minor"]
    assert codes(asked(terms, facts=changed(minor, consents={"c-88": (by_guardian,)}))) == []
    assert codes(asked(terms, facts=given(consents={"c-88": (CONSENT,)}))) == []


def test_a_company_has_nobody_to_ask_and_the_record_says_that_it_is_one() -> None:
    question = asked(of_subject({"default": LegalBasis.CONSENT}), facts=marked(Flag.LEGAL_PERSON))

    assert clear(question).grounds[0].evidence is Evidence.LEGAL_PERSON
    assert codes(changed(question, facts=given())) == ["consent.missing"]


def test_whoever_is_not_said_to_be_a_company_is_a_person() -> None:
    assert codes(asked(of_subject({"default": LegalBasis.CONSENT}), facts=marked(Flag.INACTIVE))) == [
        "subject.inactive",
        "consent.missing",
    ]


def test_where_the_law_is_unknown_a_legitimate_interest_counts_only_if_every_market_knows_it() -> None:
    terms = of_subject({"default": LegalBasis.LEGITIMATE_INTEREST})
    european = POLICY.model_copy(update={"markets": ("EU", "GB")})
    said = of_subject({"default": LegalBasis.EXPLICIT_CONSENT, "unknown": LegalBasis.LEGITIMATE_INTEREST})
    facts = given(jurisdiction="unknown")

    assert codes(asked(terms, facts=facts)) == ["basis.not_valid"]
    assert codes(asked(terms, facts=facts, policy=european)) == []
    assert codes(asked(said, facts=facts)) == []


@pytest.mark.parametrize("role", [VendorRole.PROCESSOR, VendorRole.CONTROLLER, VendorRole.JOINT_CONTROLLER])
def test_in_china_consent_to_hand_data_to_another_controller_is_asked_for_apart(role: VendorRole) -> None:
    terms = changed(of_subject({"default": LegalBasis.CONSENT}), role=role)
    apart = changed(CONSENT, separate=True)

    def missing(said: Consent, lives: str) -> list[str]:
        facts = given(jurisdiction=lives, consents={"c-88": (said,)})
        return [code for code in codes(asked(terms, facts=facts)) if code.startswith("consent.")]

    assert missing(CONSENT, "CN") == ([] if role is VendorRole.PROCESSOR else ["consent.missing"])
    assert missing(apart, "CN") == []
    assert missing(CONSENT, "DE") == []


def test_a_refusal_says_that_the_consent_has_to_be_asked_for_apart() -> None:
    terms = of_subject({"default": LegalBasis.CONSENT})

    def said(role: VendorRole) -> list[str]:
        facts = given(jurisdiction="CN", consents={"c-88": ()})
        with pytest.raises(Refusal) as refused:
            clear(asked(changed(terms, role=role), facts=facts))
        return [each.detail for each in refused.value.failures if each.code == "consent.missing"]

    assert "consent of the purchaser, asked for apart from everything else (PIPL 23)" in said(VendorRole.CONTROLLER)
    assert "consent of the purchaser" in said(VendorRole.PROCESSOR)


TRIED = changed(SHIP, vendor=SHIP.vendor.model_copy(update={"test_subjects_only": True}))


def made_up(*refs: str) -> Facts:
    return given(marks={ref: (Mark(Flag.TEST, None, None, NOON),) for ref in refs})


@pytest.mark.parametrize(
    ("refs", "missing"),
    [
        (("c-88", "c-89"), []),
        (("c-88",), ["subject.not_test"]),
        (("c-89",), ["subject.not_test"]),
        (("c-90",), ["subject.not_test"]),
        ((), ["subject.not_test"]),
    ],
)
def test_where_a_vendor_is_tried_everybody_in_a_call_was_made_up(refs: tuple[str, ...], missing: list[str]) -> None:
    assert sorted(set(codes(asked(TRIED, facts=made_up(*refs))))) == missing
    # In earnest it makes no difference who was made up.
    assert codes(asked(SHIP, facts=made_up(*refs))) == []


def test_whoever_nobody_looks_up_may_be_real() -> None:
    [purchaser, _] = SHIP.subjects
    stranger = changed(purchaser, order=False, ref=None, earlier=None)
    facts = given(people={})

    assert codes(asked(changed(TRIED, subjects=(stranger,)), facts=facts)) == ["subject.not_test"]
    assert codes(asked(changed(SHIP, subjects=(stranger,)), facts=facts)) == []
    assert codes(asked(changed(TRIED, subjects=()), facts=facts)) == []


def test_whoever_was_tried_with_by_mistake_is_told_of_to_the_vendor_all_the_same() -> None:
    told = POLICY.versions[0].model_copy(update={"purposes": tuple(Purpose)})
    policy = POLICY.model_copy(update={"versions": (told,)})
    notice = changed(TRIED, operation=SHIP.operation.model_copy(update={"purpose": Purpose.RIGHTS_FULFILMENT}))

    assert codes(asked(notice, policy=policy)) == []


def to_consignee(basis: LegalBasis) -> Terms:
    [_, consignee] = SHIP.subjects
    return changed(SHIP, subjects=(SHIP.subjects[0], changed(consignee, bases={"default": basis})))


@pytest.mark.parametrize("basis", [LegalBasis.PERFORMANCE_OF_CONTRACT, LegalBasis.PRE_CONTRACT])
@pytest.mark.parametrize("place", ["DE", "GB", "CN", "US-CA", "unknown"])
def test_who_gets_a_gift_is_not_party_to_a_contract(basis: LegalBasis, place: str) -> None:
    facts = given(jurisdiction=place, consents={"c-89": (changed(CONSENT, separate=True),)})

    assert codes(asked(to_consignee(basis), facts=changed(facts, is_gift=True))) == ["basis.not_party"]
    assert codes(asked(to_consignee(basis), facts=facts)) == []
    # Whoever bought it is.
    assert codes(asked(of_subject({"default": basis}), facts=changed(facts, is_gift=True))) == []


@pytest.mark.parametrize(
    "basis", [each for each in LegalBasis if each not in (LegalBasis.PERFORMANCE_OF_CONTRACT, LegalBasis.PRE_CONTRACT)]
)
def test_every_other_ground_is_that_of_a_gift_too(basis: LegalBasis) -> None:
    facts = given(consents={"c-89": (CONSENT,)})

    assert codes(asked(to_consignee(basis), facts=changed(facts, is_gift=True))) == codes(
        asked(to_consignee(basis), facts=facts)
    )


def test_a_company_that_gets_a_gift_has_nobody_to_ask() -> None:
    facts = changed(marked(Flag.LEGAL_PERSON, ref="c-89"), is_gift=True)

    assert codes(asked(to_consignee(LegalBasis.PERFORMANCE_OF_CONTRACT), facts=facts)) == []
