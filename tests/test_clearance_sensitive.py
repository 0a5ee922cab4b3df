"""Cards, accounts and whereabouts of people in China leave only with a consent that was asked for apart."""

from typing import Any

import pytest
from clearances import NOON, POLICY, TERMS, asked, codes, grants

from gateway.clearance import Question, asks_in
from gateway.contract.terms import GroupTerms, Terms
from gateway.frozen import changed
from gateway.registry.facts import Consent, Facts, Mark, Person
from gateway.vocabulary import (
    CN_SENSITIVE,
    Category,
    ConsentState,
    Flag,
    LegalBasis,
    Purpose,
    SubjectRole,
)

CHARGE = TERMS["charge"]
SEPARATE = Consent(
    Purpose.PAYMENT_SETTLEMENT, None, ConsentState.GIVEN, explicit=False, expires=None, record="r", separate=True
)


def charged(
    *said: Consent, lives: str = "CN", terms: Terms = CHARGE, flags: tuple[Flag, ...] = (), **members: Any
) -> Question:
    payer = Person("c-90", SubjectRole.PAYER, lives, "A-1")
    marks = {"c-90": tuple(Mark(flag, None, None, NOON) for flag in flags)} if flags else {}
    facts = Facts({payer.role: payer}, frozenset(), {"c-90": said}, frozenset(), order_stated=True, marks=marks)
    return changed(asked(terms, facts=facts, caller="checkout"), **members)


def grouped(**members: Any) -> Terms:
    """The charge with a ground or purpose of its own for the group with the card."""
    groups = [changed(each, **members) if each.number == 0 else each for each in CHARGE.sending.groups]
    return changed(CHARGE, sending=changed(CHARGE.sending, groups=tuple[GroupTerms, ...](groups)))


SAID: dict[str, tuple[tuple[Consent, ...], list[str]]] = {
    "nothing": ((), ["consent.missing"]),
    "a yes that was asked for apart": ((SEPARATE,), []),
    "a yes among others": ((changed(SEPARATE, separate=False),), ["consent.missing"]),
    "an explicit yes among others": ((changed(SEPARATE, separate=False, explicit=True),), ["consent.missing"]),
    "a no": ((changed(SEPARATE, state=ConsentState.WITHDRAWN), SEPARATE), ["consent.withdrawn"]),
    "a yes that ran out": ((changed(SEPARATE, expires=NOON),), ["consent.expired"]),
    "a yes to another vendor": ((changed(SEPARATE, vendor="parcels"),), ["consent.scope"]),
}


@pytest.mark.parametrize(("said", "missing"), SAID.values(), ids=SAID)
def test_a_card_of_somebody_in_china_leaves_only_with_a_separate_consent(
    said: tuple[Consent, ...], missing: list[str]
) -> None:
    assert codes(charged(*said)) == missing


@pytest.mark.parametrize("said", [(), (changed(SEPARATE, separate=False),)])
def test_the_setting_takes_the_demand_away(said: tuple[Consent, ...]) -> None:
    assert codes(charged(*said, cn_separate=False)) == []


@pytest.mark.parametrize("lives", ["DE", "GB", "US", "default"])
def test_elsewhere_no_law_asks_for_it(lives: str) -> None:
    assert codes(charged(lives=lives)) == []


def test_where_somebody_lives_nobody_knows_the_strictest_of_the_markets_counts() -> None:
    european = POLICY.model_copy(update={"markets": ("EU", "GB")})

    assert codes(charged(lives="unknown")) == ["consent.missing"]
    assert codes(charged(lives="unknown", policy=european)) == []


def test_what_is_sensitive_and_has_a_ground_of_its_own_stays_and_the_rest_goes() -> None:
    own = grouped(bases={"default": LegalBasis.PERFORMANCE_OF_CONTRACT})

    assert grants(charged(terms=own))["How much is paid, and by which card."] == "consent.missing"
    assert grants(charged(SEPARATE, terms=own))["How much is paid, and by which card."] == ""


def test_what_does_not_leave_needs_no_consent() -> None:
    dropped = [changed(rule, form=changed(rule.form, name="drop")) for rule in CHARGE.sending.rules]
    terms = changed(CHARGE, sending=changed(CHARGE.sending, rules=tuple(dropped)))

    assert codes(charged(terms=terms)) == []
    assert asks_in(terms) == frozenset()
    assert asks_in(CHARGE) == {"CN", "unknown"}


def test_a_company_has_no_whereabouts() -> None:
    assert codes(charged(flags=(Flag.LEGAL_PERSON,))) == []


def test_what_is_sensitive_are_accounts_and_whereabouts() -> None:
    assert {
        Category.PAYMENT_PAN,
        Category.PAYMENT_EXPIRY,
        Category.PAYMENT_BANK_ACCOUNT,
        Category.PAYMENT_TOKEN,
        Category.SHIPMENT_TRACKING,
        Category.GEO_PRECISE,
    } == CN_SENSITIVE


def test_of_somebody_under_age_in_china_nothing_leaves_without_a_guardian() -> None:
    by_guardian = changed(SEPARATE, by_guardian=True)
    minor = (Flag.MINOR,)

    assert codes(charged(flags=minor, cn_separate=False)) == ["subject.minor"]
    assert codes(charged(SEPARATE, flags=minor, cn_separate=False)) == ["subject.minor"]
    assert codes(charged(by_guardian, flags=minor)) == []
    assert codes(charged(changed(by_guardian, state=ConsentState.WITHDRAWN), flags=minor, cn_separate=False)) == [
        "subject.minor"
    ]
    assert codes(charged(lives="DE", flags=minor)) == []
    assert codes(charged(lives="unknown", flags=minor, cn_separate=False)) == ["subject.minor"]
