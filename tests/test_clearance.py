"""On what grounds a call may go: pure functions, tried with every ground missing in turn."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from clearances import (
    CONSENT,
    NOON,
    PEOPLE,
    POLICY,
    SHIP,
    TERMS,
    agreed,
    asked,
    codes,
    consented,
    given,
    grants,
    marked,
    of_subject,
)

from gateway.clearance import Clearance, Question, clear, stand
from gateway.contract.model import Policy, PolicyVersion
from gateway.errors import Refusal
from gateway.frozen import changed
from gateway.paths import parse_place
from gateway.registry.facts import Mark, Order, Papers, Suspension, Waiver
from gateway.vocabulary import (
    PURPOSES,
    AgreementType,
    Clause,
    Commercial,
    ConsentState,
    Flag,
    LegalBasis,
    Level,
    OrderState,
    Purpose,
    SubjectRole,
    VendorKind,
)

CLAUSES = tuple(Clause)


def test_a_call_with_every_ground_goes_and_says_on_which() -> None:
    clearance = clear(asked())

    assert (clearance.entity, clearance.policy, clearance.agreements) == ("shop-eu", "1", ("DPA-1",))
    assert [(each.role, each.jurisdiction, each.basis) for each in clearance.grounds] == [
        (SubjectRole.PURCHASER, "DE", LegalBasis.PERFORMANCE_OF_CONTRACT),
        (SubjectRole.CONSIGNEE, "DE", LegalBasis.LEGITIMATE_INTEREST),
    ]
    assert clearance.transfer == (("DE", "none_domestic"),)
    assert clearance.grounds[1].reference == "LIA-1"
    assert clearance.grounds[0].reference == "", "the number of an order is nothing to write down"


PAPERS: dict[str, tuple[dict[str, Any], str]] = {
    "of another type": ({"type": AgreementType.C2C_SHARING}, "agreement.wrong_type"),
    "that only carries transfers": ({"type": AgreementType.SCC}, "agreement.none"),
    "of another company": ({"entities": ("shop-uk",)}, "agreement.parties"),
    "that ended": ({"until": NOON.date() - timedelta(days=1)}, "agreement.expired"),
    "that has not begun": ({"starts": NOON.date() + timedelta(days=1)}, "agreement.not_active"),
    "that is signed tomorrow": ({"signed": NOON.date() + timedelta(days=1)}, "agreement.not_active"),
    "without clauses": ({"clauses": ()}, "agreement.clause_missing"),
}
LACKING: dict[str, tuple[dict[str, Any], str]] = {
    f"without {clause}": (
        {"clauses": tuple(each for each in CLAUSES if each is not clause)},
        "agreement.clause_missing",
    )
    for clause in CLAUSES
}


@pytest.mark.parametrize(("changed", "code"), (PAPERS | LACKING).values(), ids=(PAPERS | LACKING).keys())
def test_a_paper_that_does_not_fit_opens_nothing(changed: dict[str, Any], code: str) -> None:
    assert codes(asked(agreed(**changed))) == [code]


def test_without_any_paper_nothing_goes() -> None:
    vendor = SHIP.vendor.model_copy(update={"agreements": ()})

    assert codes(asked(changed(SHIP, vendor=vendor))) == ["agreement.none"]


def test_a_paper_that_names_no_company_binds_all_of_them() -> None:
    assert clear(asked(agreed(entities=()), entity="shop-uk")).entity == "shop-uk"


def test_a_company_that_has_not_signed_does_not_send() -> None:
    assert codes(asked(entity="shop-uk")) == ["agreement.parties"]


def test_one_fitting_paper_of_several_is_enough_and_only_it_is_recorded() -> None:
    [paper] = SHIP.vendor.agreements
    old = paper.model_copy(update={"id": "OLD", "until": date(2025, 6, 1)})
    vendor = SHIP.vendor.model_copy(update={"agreements": (old, paper)})

    assert clear(asked(changed(SHIP, vendor=vendor))).agreements == ("DPA-1",)


def test_of_several_papers_the_nearest_says_what_to_mend() -> None:
    [paper] = SHIP.vendor.agreements
    foreign = paper.model_copy(update={"entities": ("shop-uk",)})
    ended = paper.model_copy(update={"until": date(2025, 6, 1)})
    vendor = SHIP.vendor.model_copy(update={"agreements": (ended, foreign)})

    assert codes(asked(changed(SHIP, vendor=vendor))) == ["agreement.expired"]


# Berlin is two hours ahead of UTC in summer and one in winter.
DAYS = {
    "the last second of the last day": (
        datetime(2026, 6, 30, 21, 59, 59, tzinfo=UTC),
        {"until": date(2026, 6, 30)},
        "",
    ),
    "the second after it": (datetime(2026, 6, 30, 22, tzinfo=UTC), {"until": date(2026, 6, 30)}, "agreement.expired"),
    "the last second in winter": (datetime(2026, 1, 31, 22, 59, 59, tzinfo=UTC), {"until": date(2026, 1, 31)}, ""),
    "the second after it in winter": (
        datetime(2026, 1, 31, 23, tzinfo=UTC),
        {"until": date(2026, 1, 31)},
        "agreement.expired",
    ),
    "the first second of the first day": (datetime(2026, 6, 30, 22, tzinfo=UTC), {"starts": date(2026, 7, 1)}, ""),
    "the second before it": (
        datetime(2026, 6, 30, 21, 59, 59, tzinfo=UTC),
        {"starts": date(2026, 7, 1)},
        "agreement.not_active",
    ),
    "its only day": (NOON, {"starts": NOON.date(), "until": NOON.date()}, ""),
}


@pytest.mark.parametrize(("now", "changed", "code"), DAYS.values(), ids=DAYS.keys())
def test_days_are_whole_days_where_the_policy_says_and_both_ends_count(
    now: datetime, changed: dict[str, Any], code: str
) -> None:
    assert codes(asked(agreed(**changed), now=now)) == ([code] if code else [])


def version(published: datetime, **changed: Any) -> PolicyVersion:
    return POLICY.versions[0].model_copy(update={"version": "2", "published": published, **changed})


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"purposes": (Purpose.AFTER_SALES,)}, "policy.purpose"),
        ({"purposes": tuple(each for each in Purpose if each is not Purpose.DELIVERY_NOTIFICATION)}, "policy.purpose"),
        ({"vendor_kinds": (VendorKind.PAYMENT,)}, "policy.vendor_kind"),
    ],
    ids=["not this purpose", "not that of a group", "not this kind of vendor"],
)
def test_a_new_policy_counts_from_the_moment_it_is_published(changed: dict[str, Any], code: str) -> None:
    policy = POLICY.model_copy(update={"versions": (*POLICY.versions, version(NOON, **changed))})

    before = codes(asked(policy=policy, now=NOON - timedelta(seconds=1)))
    after = codes(asked(policy=policy, now=NOON))

    assert before == []
    assert code in after


EVERYTHING = ("person.*", "contact.*", "address.*", "order.*", "identity.*")


@pytest.mark.parametrize(
    ("receives", "code"),
    [
        ({}, ""),
        ({VendorKind.LOGISTICS: EVERYTHING}, ""),
        ({VendorKind.PAYMENT: ()}, ""),
        ({VendorKind.LOGISTICS: EVERYTHING[1:]}, "policy.category"),
        ({VendorKind.LOGISTICS: ()}, "policy.category"),
    ],
    ids=["says nothing", "names all of it", "says nothing of couriers", "does not name names", "names nothing"],
)
def test_what_a_kind_of_vendor_receives_is_closed_by_the_published_policy(
    receives: dict[VendorKind, tuple[str, ...]], code: str
) -> None:
    policy = POLICY.model_copy(update={"versions": (version(NOON, receives=receives),)})

    assert set(codes(asked(policy=policy))) == ({code} if code else set())


@pytest.mark.parametrize("purpose", [Purpose.PAYMENT_DISPUTE, Purpose.ACCOUNT_SECURITY])
def test_a_purpose_that_no_policy_has_opened_lets_nothing_go(purpose: Purpose) -> None:
    terms = next(each for each in TERMS.values() if each.vendor.kind in PURPOSES[purpose].kinds)
    asking = changed(terms, operation=terms.operation.model_copy(update={"purpose": purpose}))
    opened = version(NOON, purposes=(*POLICY.versions[0].purposes, purpose))
    caller = terms.operation.callers[0]

    def found(policy: Policy) -> list[str]:
        return [code for code in codes(asked(asking, policy=policy, caller=caller)) if code.startswith("p")]

    assert found(POLICY) == ["policy.purpose"]
    assert found(POLICY.model_copy(update={"versions": (opened,)})) == []


def test_a_prohibited_purpose_lets_nothing_go_although_lists_and_policy_have_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert codes(asked()) == []

    monkeypatch.setattr("gateway.vocabulary.purposes._PROHIBITED_BARE", frozenset({"delivery"}))

    assert codes(asked(changed(SHIP))) == ["purpose.prohibited"]


def test_the_policy_published_last_counts_in_whatever_order_they_stand() -> None:
    newer = version(NOON - timedelta(days=1))
    policy = POLICY.model_copy(update={"versions": (newer, *POLICY.versions)})

    assert clear(asked(policy=policy)).policy == "2"


def test_before_any_policy_is_published_nothing_goes() -> None:
    assert codes(asked(agreed(signed=date(2020, 1, 1)), now=datetime(2024, 1, 1, tzinfo=UTC))) == ["policy.purpose"]


def test_a_purpose_of_another_kind_of_vendor_does_not_go() -> None:
    operation = SHIP.operation.model_copy(update={"purpose": Purpose.PAYMENT_SETTLEMENT})

    assert "purpose.not_in_contract" in codes(asked(changed(SHIP, operation=operation)))


@pytest.mark.parametrize(
    ("suspension", "stops"),
    [
        (Suspension("parcels", None), True),
        (Suspension("parcels", "ship"), True),
        (Suspension("parcels", "track"), False),
        (Suspension("payments", None), False),
        (Suspension("payments", "ship"), False),
    ],
)
def test_a_suspension_stops_a_vendor_or_one_of_its_operations(suspension: Suspension, stops: bool) -> None:
    facts = given(suspensions=frozenset({suspension}))

    assert codes(asked(facts=facts)) == (["vendor.suspended"] if stops else [])


@pytest.mark.parametrize("status", ["draft", "observe", "retired"])
def test_only_an_enforced_contract_lets_calls_through(status: str) -> None:
    operation = SHIP.operation.model_copy(update={"status": status})

    assert codes(asked(changed(SHIP, operation=operation))) == ["operation.not_active"]


def test_only_the_callers_of_the_contract_may_make_the_call() -> None:
    assert codes(asked(caller="checkout")) == ["caller.not_allowed"]


def test_everything_that_is_missing_is_said_at_once_and_the_first_decides() -> None:
    facts = given(suspensions=frozenset({Suspension("parcels", None)}), people={})

    with pytest.raises(Refusal) as refused:
        clear(asked(agreed(clauses=()), facts=facts, caller="checkout"))

    assert refused.value.code == "caller.not_allowed"
    found = [failure.code for failure in refused.value.failures]
    assert found == ["caller.not_allowed", "vendor.suspended", "agreement.clause_missing", "subject.unresolved"]


# As the law asks, from who calls to the border; what a call is bounded by is counted when its intent is written.
IN_ORDER = (
    "caller.not_allowed", "vendor.suspended", "deletion.overdue", "agreement.clause_missing", "policy.purpose",
    "subject.unresolved", "subject.not_test", "subject.restricted", "consignee.notice_due", "order.state",
    "basis.objected", "sale.without_consent", "transfer.none",
)  # fmt: skip


def test_grounds_are_looked_at_in_the_order_of_the_law() -> None:
    vendor = agreed(clauses=()).vendor.model_copy(update={"test_subjects_only": True})
    operation = SHIP.operation.model_copy(update={"commercial": Commercial.SALE})
    [_, consignee] = SHIP.subjects
    bases = {"default": LegalBasis.LEGITIMATE_INTEREST}
    subjects = tuple(
        changed(each, bases=bases)
        for each in (*SHIP.subjects, changed(consignee, role=SubjectRole.PAYER, optional=False))
    )
    marks = tuple(Mark(flag, None, None, NOON) for flag in (Flag.RESTRICTED, Flag.OBJECTED))
    facts = changed(
        given(marks={"c-88": marks}, orders=(Order(is_known=True, state=OrderState.CLOSED),)),
        missing=frozenset({SubjectRole.PAYER}),
        suspensions=frozenset({Suspension("parcels", None)}),
        overdue_from={"parcels": NOON - timedelta(hours=1)},
        untold="new",
    )
    [version] = POLICY.versions
    closed = POLICY.model_copy(update={"versions": (version.model_copy(update={"purposes": (Purpose.SECURITY,)}),)})
    terms = changed(SHIP, vendor=vendor, operation=operation, subjects=subjects, transfer={})
    question = changed(
        asked(terms, facts=facts, policy=closed, caller="checkout"),
        exporter="CN",
        levels=dict.fromkeys(("deletion.overdue", "consignee.notice_due"), Level.REFUSE),
    )

    found = tuple(dict.fromkeys(codes(question)))

    assert found == IN_ORDER


STRICT = {
    "default": LegalBasis.LEGITIMATE_INTEREST,
    "EU": LegalBasis.LEGAL_OBLIGATION,
    "DE": LegalBasis.PERFORMANCE_OF_CONTRACT,
    "CN": LegalBasis.EXPLICIT_CONSENT,
}


@pytest.mark.parametrize(
    ("jurisdiction", "basis"),
    [
        ("DE", LegalBasis.PERFORMANCE_OF_CONTRACT),
        ("FR", LegalBasis.LEGAL_OBLIGATION),
        ("EU", LegalBasis.LEGAL_OBLIGATION),
        ("GB", LegalBasis.LEGITIMATE_INTEREST),
        ("US-CA", LegalBasis.LEGITIMATE_INTEREST),
    ],
)
def test_the_nearest_word_of_the_contract_gives_the_basis_of_a_person(jurisdiction: str, basis: LegalBasis) -> None:
    question = asked(of_subject(legal_basis=STRICT), facts=given(jurisdiction=jurisdiction))

    assert clear(question).grounds[0].basis is basis


def test_where_the_law_is_unknown_the_contracts_own_word_for_it_counts() -> None:
    bases = STRICT | {"unknown": LegalBasis.LEGAL_OBLIGATION}

    clearance = clear(asked(of_subject(legal_basis=bases), facts=given(jurisdiction="unknown")))

    assert clearance.grounds[0].basis is LegalBasis.LEGAL_OBLIGATION


def test_where_the_law_is_unknown_the_strictest_of_the_markets_counts() -> None:
    facts = given(jurisdiction="unknown")

    assert "consent.missing" in codes(asked(of_subject(legal_basis=STRICT), facts=facts))


def test_where_the_law_is_unknown_and_a_market_has_no_basis_nothing_goes() -> None:
    bases = {"EU": LegalBasis.LEGAL_OBLIGATION}

    assert "basis.none" in codes(asked(of_subject(legal_basis=bases), facts=given(jurisdiction="unknown")))


def test_a_person_for_whom_the_contract_gives_no_basis_is_not_disclosed() -> None:
    bases = {"EU": LegalBasis.LEGAL_OBLIGATION}

    assert codes(asked(of_subject(legal_basis=bases), facts=given(jurisdiction="AU"))) == ["basis.none"]


def test_legitimate_interest_is_no_basis_in_china() -> None:
    bases = {"default": LegalBasis.LEGITIMATE_INTEREST}

    assert "basis.not_valid" in codes(asked(of_subject(legal_basis=bases), facts=given(jurisdiction="CN")))


def test_a_contract_with_a_person_needs_an_order_stated_now_or_in_an_earlier_call() -> None:
    nobodys = {role: changed(person, order=None) for role, person in PEOPLE.items()}

    assert codes(asked(facts=given(people=nobodys, order_stated=False))) == ["basis.evidence_missing"]
    assert codes(asked(facts=given(people=nobodys, order_stated=True))) == []
    assert codes(asked(facts=given(people=PEOPLE, order_stated=False))) == []


@pytest.mark.parametrize("basis", [LegalBasis.LEGITIMATE_INTEREST, LegalBasis.LEGAL_OBLIGATION])
def test_a_basis_needs_what_it_rests_on(basis: LegalBasis) -> None:
    evidence = SHIP.operation.evidence.model_copy(update={"assessment": None, "law": None})
    terms = of_subject(legal_basis={"default": basis})

    bare = changed(terms, operation=terms.operation.model_copy(update={"evidence": evidence}))

    assert "basis.evidence_missing" in codes(asked(bare))


def test_without_an_optional_person_what_is_about_them_stays_and_the_call_goes() -> None:
    facts = given(people={SubjectRole.PURCHASER: PEOPLE[SubjectRole.PURCHASER]})

    stays = grants(asked(facts=facts))

    assert stays["The driver finds the door and can call."] == "subject.unresolved"
    assert stays["The price of the transport."] == ""


def test_without_a_person_who_is_not_optional_nothing_goes() -> None:
    facts = given(people={SubjectRole.CONSIGNEE: PEOPLE[SubjectRole.CONSIGNEE]})

    assert codes(asked(facts=facts)) == ["subject.unresolved"]


def test_of_a_call_without_an_orders_number_it_is_told_where_one_is_looked_for() -> None:
    people = {SubjectRole.CONSIGNEE: PEOPLE[SubjectRole.CONSIGNEE]}

    told = []
    for order_stated in (True, False):
        with pytest.raises(Refusal) as refused:
            clear(asked(facts=given(people=people, order_stated=order_stated)))
        told.append(refused.value.failures[0].detail)

    assert told == [
        "no purchaser is known for this call",
        "no purchaser is known for this call, which has no order's number at $.reference",
    ]


def test_of_a_person_who_is_named_at_a_place_it_is_told_where_nobody_is() -> None:
    by_user = changed(SHIP.subjects[0], role=SubjectRole.PURCHASER, order=False, ref=parse_place("$.user"))
    by_charge = changed(by_user, ref=None, earlier=parse_place("query:charge"))

    told = []
    for subject in (by_user, by_charge):
        with pytest.raises(Refusal) as refused:
            clear(asked(changed(SHIP, subjects=(subject,)), facts=given(people={})))
        told.append(refused.value.failures[0].detail)

    assert told == [
        "no purchaser is known for this call by what stands at $.user",
        "no purchaser is known for this call by what stands at query:charge",
    ]


def test_without_a_mechanism_for_the_persons_law_nothing_crosses_the_border() -> None:
    terms = changed(SHIP, transfer={key: SHIP.transfer[key] for key in ("EU", "GB")})

    assert codes(asked(terms, facts=given(jurisdiction="FR"))) == []
    assert codes(asked(terms, facts=given(jurisdiction="BR"))) == ["transfer.none"]


def test_where_the_law_is_unknown_every_market_needs_a_mechanism() -> None:
    facts = given(jurisdiction="unknown", consents={"c-89": (CONSENT,)})
    european = changed(SHIP, transfer={"EU": SHIP.transfer["EU"], "GB": SHIP.transfer["GB"]})

    assert codes(asked(european, facts=facts)) == ["transfer.none"]
    assert clear(asked(facts=facts)).transfer == (("unknown", "adequacy"), ("unknown", "cn_contract_necessity"))


ALONE = {SubjectRole.PURCHASER: PEOPLE[SubjectRole.PURCHASER]}
UNKNOWN_ORDERS = {role: changed(person, order=None) for role, person in PEOPLE.items()}
WAIVER = Waiver("w-1", frozenset({SHIP.name}), frozenset({"agreement.expired"}), NOON + timedelta(hours=1))
ENDED = agreed(until=date(2026, 6, 1))
TRIED = changed(SHIP, vendor=SHIP.vendor.model_copy(update={"test_subjects_only": True}))
CONTRACTED = changed(
    SHIP,
    subjects=tuple(changed(each, bases={"default": LegalBasis.PERFORMANCE_OF_CONTRACT}) for each in SHIP.subjects),
)
MADE_UP = (Mark(Flag.TEST, None, None, NOON),)
# First a call that goes, then one that is like it but for this.
UNLIKE: Mapping[str, tuple[Question, Question]] = {
    "somebody is not found": (asked(), asked(facts=given(people=ALONE))),
    "its vendor is suspended": (asked(), asked(facts=given(suspensions=frozenset({Suspension("parcels", None)})))),
    "somebody is restricted": (asked(), asked(facts=marked(Flag.RESTRICTED))),
    "somebody was not made up": (
        asked(TRIED, facts=given(marks=dict.fromkeys(("c-88", "c-89"), MADE_UP))),
        asked(TRIED, facts=given(marks={"c-88": MADE_UP})),
    ),
    "it is a gift": (asked(CONTRACTED), asked(CONTRACTED, facts=changed(given(), is_gift=True))),
    "nobody was made up": (
        asked(TRIED, facts=given(marks=dict.fromkeys(("c-88", "c-89"), MADE_UP))),
        asked(TRIED),
    ),
    "its order is closed": (asked(), asked(facts=given(orders=(Order(is_known=True, state=OrderState.CLOSED),)))),
    "its vendor owes the end of a deletion": (
        asked(),
        asked(facts=changed(given(), overdue_from={"parcels": NOON - timedelta(hours=1)})),
    ),
    "another service makes it": (asked(), asked(caller="newsletter")),
    "somebody lives elsewhere": (asked(), asked(facts=given(jurisdiction="CN"))),
    "it names no order": (
        asked(facts=given(people=UNKNOWN_ORDERS)),
        asked(facts=given(people=UNKNOWN_ORDERS, order_stated=False)),
    ),
    "nobody in it has an order": (
        asked(facts=given(order_stated=False)),
        asked(facts=given(people=UNKNOWN_ORDERS, order_stated=False)),
    ),
    "somebody is to be told": (asked(facts=changed(given(), untold="")), asked(facts=changed(given(), untold="new"))),
    "somebody withdrew": (consented(CONSENT), consented(changed(CONSENT, state=ConsentState.WITHDRAWN))),
    "nobody waived what is missing": (
        asked(ENDED, facts=changed(given(), papers=Papers(waivers=(WAIVER,)))),
        asked(ENDED),
    ),
}


def decided(question: Question) -> Clearance | list[str]:
    try:
        return clear(question)
    except Refusal as refusal:
        return [failure.code for failure in refusal.failures]


@pytest.mark.parametrize(("first", "then"), UNLIKE.values(), ids=UNLIKE)
def test_a_decision_is_not_that_of_a_call_before_it_which_differs_in_one_fact(first: Question, then: Question) -> None:
    standing = stand(first.terms, first.policy, first.entity, NOON)

    assert decided(first) == decided(changed(first, standing=standing))
    assert decided(first) != decided(then)
    assert decided(changed(then, standing=standing)) == decided(then)


def test_a_decision_that_is_that_of_a_call_before_it_names_its_own_people() -> None:
    standing = stand(SHIP, POLICY, "shop-eu", NOON)
    others = {role: changed(person, ref=f"{person.ref}-b") for role, person in PEOPLE.items()}

    clear(changed(asked(facts=given(people=others)), standing=standing))
    clearance = clear(changed(asked(), standing=standing))

    assert len(standing.cleared) == 1
    assert [each.person for each in clearance.grounds] == list(PEOPLE.values())


def overdue(since: datetime, *, vendor: str = "parcels", purpose: Purpose = Purpose.DELIVERY) -> list[str]:
    """What is missing for the parcel where a vendor's first unconfirmed deletion was due then, and that refuses."""
    terms = changed(SHIP, operation=SHIP.operation.model_copy(update={"purpose": purpose}))
    question = asked(terms, facts=changed(given(), overdue_from={vendor: since}))
    return codes(changed(question, levels={"deletion.overdue": Level.REFUSE}))


def test_a_vendor_that_owes_the_end_of_a_deletion_gets_nothing_from_then_on_but_notices() -> None:
    assert overdue(NOON) == []
    assert overdue(NOON - timedelta(microseconds=1)) == ["deletion.overdue"]
    assert overdue(NOON - timedelta(days=1), vendor="payments") == []
    assert "deletion.overdue" not in overdue(NOON - timedelta(days=1), purpose=Purpose.RIGHTS_FULFILMENT)
