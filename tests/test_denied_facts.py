"""Whatever single fact denies a call, alone or with others, and whatever else is known: nothing is sent."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from clearances import CONSENT, CONTRACTS, given
from hypothesis import example, settings
from hypothesis import given as for_all
from hypothesis import strategies as st
from running import shipment

from gateway.frozen import changed
from gateway.registry.facts import Facts, Mark, Order, Papers, Suspension
from gateway.rehearse import Stage, parse_http, staged
from gateway.vocabulary import ConsentState, Flag, OrderState, SubjectRole

BUYER = SubjectRole.PURCHASER
STAGED = staged(CONTRACTS)
SHIP = next(terms for terms in STAGED.contracts.terms if terms.name == "parcels/ship")
SINCE = datetime(2020, 1, 1, tzinfo=UTC)
YES = changed(CONSENT, vendor="parcels", separate=True)
Change = Callable[[Facts], Facts]


def living(place: str) -> Change:
    return lambda facts: changed(
        facts, people={role: changed(person, jurisdiction=place) for role, person in facts.people.items()}
    )


def said(state: ConsentState, **members: Any) -> Change:
    """The newest answer of whoever receives the parcel, which goes to China on consent."""
    newest = changed(YES, state=state, **members)
    earlier = () if "vendor" in members else (YES,)
    return lambda facts: changed(living("CN")(facts), consents={"c-89": (newest, *earlier), "c-88": (YES,)})


def flagged(flag: Flag, ref: str) -> Change:
    return lambda facts: changed(facts, marks={**facts.marks, ref: (Mark(flag, None, None, SINCE),)})


DENIALS: Mapping[str, Change] = {
    "the vendor is suspended": lambda facts: changed(facts, suspensions=frozenset({Suspension("parcels", None)})),
    "the operation is suspended": lambda facts: changed(facts, suspensions=frozenset({Suspension("parcels", "ship")})),
    "the agreement was ended": lambda facts: changed(facts, papers=Papers(ended={("parcels", "DPA-1"): None})),
    "the order is closed": lambda facts: changed(facts, orders=(Order(is_known=True, state=OrderState.CLOSED),)),
    "the buyer is restricted": flagged(Flag.RESTRICTED, "c-88"),
    "the receiver is restricted": flagged(Flag.RESTRICTED, "c-89"),
    "the buyer was erased": flagged(Flag.ERASED, "c-88"),
    "the buyer is inactive": flagged(Flag.INACTIVE, "c-88"),
    # An objection is to what rests on a legitimate interest (GDPR 21(1)), as the parcel does outside China.
    "the receiver in Germany objected": lambda facts: flagged(Flag.OBJECTED, "c-89")(living("DE")(facts)),
    "nobody knows the buyer": lambda facts: changed(
        facts,
        people={role: person for role, person in facts.people.items() if role is not BUYER},
        missing=facts.missing | {BUYER},
    ),
    "no mechanism for where they live": living("JP"),
    "consent was withdrawn": said(ConsentState.WITHDRAWN),
    "consent was refused": said(ConsentState.REFUSED),
    "consent has run out": said(ConsentState.GIVEN, expires=SINCE),
    "consent was only hinted at": said(ConsentState.GIVEN, explicit=False),
    "consent is another vendor's": said(ConsentState.GIVEN, vendor="faults"),
}
# What denies nothing by itself: with any of these alone the parcel goes.
HARMLESS: Mapping[str, Change] = {
    "another vendor is suspended": lambda facts: changed(facts, suspensions=frozenset({Suspension("faults", None)})),
    "another agreement was ended": lambda facts: changed(facts, papers=Papers(ended={("faults", "DPA-1"): None})),
    "they live in France": living("FR"),
    "they live in Britain": living("GB"),
    "somebody else is restricted": flagged(Flag.RESTRICTED, "c-90"),
    "the order was shipped": lambda facts: changed(facts, orders=(Order(is_known=True, state=OrderState.SHIPPED),)),
    "they agreed": said(ConsentState.GIVEN),
    "they agreed, and objected to what needs no yes": lambda facts: flagged(Flag.OBJECTED, "c-89")(
        said(ConsentState.GIVEN)(facts)
    ),
    "an answer nobody needs": lambda facts: changed(facts, consents={"c-88": (YES,), **facts.consents}),
}


@dataclass(slots=True)
class Knowing(Stage):
    """A stage on which exactly these facts are known."""

    facts: Facts = field(default_factory=given)

    async def about(self, *_: Any, **__: Any) -> Facts:
        return self.facts


def sent(*changes: Change) -> int:
    """How often something leaves when a parcel is called for, where all of this has come to be in turn."""
    facts = given()
    for change in changes:
        facts = change(facts)
    stage = Knowing(STAGED, facts=facts)
    asyncio.run(stage.play(SHIP, parse_http(f"POST /shipments\n\n{shipment().decode()}")))
    return len(stage.sent)


@pytest.mark.parametrize("name", HARMLESS)
def test_what_denies_nothing_lets_the_parcel_go(name: str) -> None:
    assert sent() == sent(HARMLESS[name]) == 1


@pytest.mark.parametrize("name", DENIALS)
def test_a_single_fact_that_denies_it_keeps_the_parcel_here(name: str) -> None:
    assert sent(DENIALS[name]) == 0


@settings(deadline=None, max_examples=60)
@for_all(
    harmless=st.lists(st.sampled_from(sorted(HARMLESS)), max_size=3),
    denials=st.lists(st.sampled_from(sorted(DENIALS)), min_size=1, max_size=3),
)
@example(harmless=["they agreed"], denials=["the receiver in Germany objected"])
def test_a_denied_fact_never_leads_to_a_sending(harmless: list[str], denials: list[str]) -> None:
    assert sent(*(HARMLESS[name] for name in harmless), *(DENIALS[name] for name in denials)) == 0


def test_a_clearance_that_forgets_a_check_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.clearance.decide._suspended", lambda _: ())

    assert sent(DENIALS["the vendor is suspended"]) == 1
