"""Nothing is sold, rented or traded without everybody's explicit yes to this vendor, given after their last no."""

from datetime import datetime, timedelta

import pytest
from clearances import CONSENT, NOON, SHIP, asked, codes, given, marked
from hypothesis import example
from hypothesis import given as for_all
from hypothesis import strategies as st

from gateway.clearance import Question
from gateway.contract.terms import Terms
from gateway.frozen import changed
from gateway.registry.facts import Consent, Mark
from gateway.vocabulary import Commercial, ConsentState, Flag, Purpose

YES = changed(CONSENT, vendor="parcels", given=NOON - timedelta(days=7))
BOTH: dict[str, tuple[Consent, ...]] = {"c-88": (YES,), "c-89": (YES,)}
SALES = [each for each in Commercial if each is not Commercial.NONE]


def sold(commercial: Commercial = Commercial.SALE) -> Terms:
    return changed(SHIP, operation=SHIP.operation.model_copy(update={"commercial": commercial}))


def opted_out(since: datetime, *, purpose: Purpose | None = None, vendor: str | None = None) -> Question:
    """A sale to which both agreed a week ago, and the one of them opted out."""
    marks = {"c-88": (Mark(Flag.OPTED_OUT, purpose, vendor, since),)}
    return asked(sold(), facts=given(consents=BOTH, marks=marks))


SAID: dict[str, tuple[Consent | None, list[str]]] = {
    "an explicit yes to this vendor": (YES, []),
    "a yes that is not explicit": (changed(YES, explicit=False), ["sale.without_consent"]),
    "a yes to any vendor": (changed(YES, vendor=None), ["sale.without_consent"]),
    "a yes to another vendor": (changed(YES, vendor="payments"), ["sale.without_consent"]),
    "a yes to another purpose": (changed(YES, purpose=Purpose.AFTER_SALES), ["sale.without_consent"]),
    "a no": (changed(YES, state=ConsentState.WITHDRAWN), ["sale.without_consent"]),
    "nothing": (None, ["sale.without_consent"]),
}


@pytest.mark.parametrize("commercial", SALES)
@pytest.mark.parametrize(("said", "missing"), SAID.values(), ids=SAID)
def test_nothing_is_sold_without_everybodys_explicit_consent(
    said: Consent | None, missing: list[str], commercial: Commercial
) -> None:
    answers: tuple[Consent, ...] = (said,) if said else ()

    assert codes(asked(sold(commercial), facts=given(consents=BOTH | {"c-89": answers}))) == missing


@pytest.mark.parametrize("commercial", SALES)
def test_the_signal_of_a_call_beats_every_consent(commercial: Commercial) -> None:
    question = asked(sold(commercial), facts=given(consents=BOTH))

    assert codes(question) == []
    assert codes(changed(question, signal=True)) == ["sale.opted_out", "sale.opted_out"]


def test_the_signal_says_nothing_about_what_is_not_sold() -> None:
    assert codes(changed(asked(), signal=True)) == []


def test_an_opting_out_beats_a_consent_that_is_older_and_not_one_that_is_newer() -> None:
    older, newer = NOON - timedelta(days=8), NOON - timedelta(days=6)

    assert codes(opted_out(older)) == []
    assert codes(opted_out(newer)) == ["sale.opted_out"]
    assert codes(opted_out(NOON - timedelta(days=7))) == ["sale.opted_out"]


@pytest.mark.parametrize(
    ("purpose", "vendor", "counts"),
    [
        (Purpose.DELIVERY, None, True),
        (None, "parcels", True),
        (Purpose.AFTER_SALES, None, False),
        (None, "payments", False),
    ],
)
def test_an_opting_out_goes_as_far_as_it_was_said(purpose: Purpose | None, vendor: str | None, counts: bool) -> None:
    assert codes(opted_out(NOON, purpose=purpose, vendor=vendor)) == (["sale.opted_out"] if counts else [])


def test_who_opted_out_is_served_as_before() -> None:
    assert codes(asked(facts=marked(Flag.OPTED_OUT))) == []


def test_of_consent_whose_time_nobody_knows_every_opting_out_is_newer() -> None:
    question = opted_out(NOON - timedelta(days=1000))
    undated = {ref: (changed(YES, given=None),) for ref in BOTH}

    assert codes(question) == []
    assert codes(changed(question, facts=changed(question.facts, consents=undated))) == ["sale.opted_out"]


days = st.integers(0, 20).map(lambda count: NOON - timedelta(days=count))


@for_all(
    yes=st.none() | st.builds(changed, st.just(YES), given=days, explicit=st.booleans()),
    signals=st.lists(days, max_size=3),
    of_the_call=st.booleans(),
)
@example(yes=changed(YES, given=NOON - timedelta(days=1)), signals=[NOON], of_the_call=False)
@example(yes=changed(YES, given=NOON), signals=[NOON - timedelta(days=1)], of_the_call=False)
def test_a_sale_goes_only_on_an_explicit_yes_that_is_newer_than_every_signal(
    yes: Consent | None, signals: list[datetime], of_the_call: bool
) -> None:
    marks = {"c-88": tuple(Mark(Flag.OPTED_OUT, None, None, since) for since in signals)}
    answers: tuple[Consent, ...] = (yes,) if yes else ()
    facts = given(consents=BOTH | {"c-88": answers}, marks=marks)
    goes = yes is not None and yes.explicit and not of_the_call and all(str(yes.given) > str(each) for each in signals)

    assert (codes(changed(asked(sold(), facts=facts), signal=of_the_call)) == []) is goes
