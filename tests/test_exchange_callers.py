"""Who may call, where a service token stands, and that no call goes for which the facts say no."""

import asyncio
import base64
import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from clearances import CONTRACTS, SHIP, asked, codes, given
from hypothesis import given as for_all
from hypothesis import strategies as st
from running import Running, running, shipment
from shop_contracts import FACTS, FILES
from sockets import Reply

from gateway.app import Gateway
from gateway.identity import Tokens
from gateway.registry.facts import Consent, Facts, Mention, Suspension
from gateway.rehearse import Stage, parse_http, staged
from gateway.vocabulary import ConsentState, Purpose, SubjectRole

FORM = "Content-Type: application/x-www-form-urlencoded"
CHARGE = "amount=1&source=t&customer=c-90&metadata[order]=A-1"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("callers")) as gateway:
        yield gateway


@pytest.fixture
def gateway(shared: Running) -> Running:
    shared.reset()
    return shared


def charged(gateway: Running, *fields: str, body: str = CHARGE) -> Reply:
    return gateway.call("POST", "/payments/accounts/a/charges", FORM, *fields, body=body.encode(), token="")


def test_a_token_may_stand_wherever_the_sdk_of_the_vendor_has_its_key_or_in_a_header_of_ours(gateway: Running) -> None:
    checkout, fulfilment = gateway.token("checkout"), gateway.token()
    basic = base64.b64encode(f"{checkout}:".encode()).decode()

    replies = [
        gateway.call("POST", "/parcels/shipments", f"Gateway-Token: {fulfilment}", body=shipment(), token=""),
        gateway.call("POST", f"/faults/api/events?key={checkout}", body=b'{"release":"a"}', token=""),
        charged(gateway, f"Authorization: Basic {basic}"),
        charged(gateway, f"Authorization: Bearer {checkout}"),
        charged(gateway, body=f"{CHARGE}&api_key={checkout}"),
        charged(gateway, "Authorization: Bearer sk_test_of_somebody_else", body=f"{CHARGE}&api_key={checkout}"),
        charged(gateway, f"Authorization: Bearer {checkout}", body=f"{CHARGE}&api_key={checkout}"),
    ]

    assert [reply.status for reply in replies] == [200] * len(replies)
    assert all(b"sk_test_of" not in raw and checkout.encode() not in raw for raw in gateway.received)


def test_a_token_anywhere_else_proves_nobody(gateway: Running) -> None:
    token = gateway.token()

    reply = gateway.call("POST", f"/parcels/shipments?key={token}", f"X-Api-Key: {token}", body=shipment(), token="")

    assert (reply.status, reply.code) == (401, "caller.unknown")
    assert gateway.received == []


def test_two_different_tokens_prove_nobody(gateway: Running) -> None:
    reply = gateway.ship(f"Gateway-Token: {gateway.token('support')}")

    assert (reply.status, reply.code) == (401, "caller.unknown")
    assert gateway.received == []


def test_a_token_that_is_narrowed_to_a_vendor_is_good_for_no_other(gateway: Running) -> None:
    mine, other = gateway.token(vendor="parcels"), gateway.token(vendor="payments")

    replies = [gateway.ship(token=token) for token in (mine, other)]

    assert [reply.status for reply in replies] == [200, 403]
    assert replies[1].code == "caller.not_allowed"
    assert len(gateway.received) == 1
    assert gateway.record(kind="refusal")[0]["code"] == "caller.not_allowed"


def test_a_token_of_another_environment_proves_nobody(gateway: Running) -> None:
    tokens = gateway.stores.tokens
    played, _ = tokens.issue("fulfilment", entity="shop-eu", environment="sandbox", lifetime=60)

    reply = gateway.ship(token=played)

    assert (reply.status, reply.code) == (401, "caller.unknown")
    assert gateway.received == []


def test_a_token_of_another_gateway_proves_nobody(gateway: Running) -> None:
    foreign = Tokens(bytes(32), now=lambda: 1_795_348_800, revoked=lambda _: False)
    forged, _ = foreign.issue("fulfilment", entity="shop-eu", environment="live", lifetime=10**9)

    reply = gateway.ship(token=forged)

    assert (reply.status, reply.code) == (401, "caller.unknown")
    assert gateway.received == []


def test_a_service_makes_the_calls_that_contracts_give_it_for_the_company_of_its_token(gateway: Running) -> None:
    stranger = gateway.ship(token=gateway.token("shop-web"))
    british = gateway.ship(token=gateway.token(entity="shop-uk"))

    assert (stranger.status, stranger.code) == (403, "caller.not_allowed")
    assert (british.status, british.code) == (403, "agreement.parties")
    assert gateway.received == []


def test_who_has_not_proven_who_it_is_is_counted_and_not_recorded(gateway: Running) -> None:
    before = len(gateway.entries(kind="refusal"))

    gateway.ship(token="")
    gateway.call("GET", "/nobody/at/all")
    numbers = gateway.said(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", operators=True).payload

    assert len(gateway.entries(kind="refusal")) == before
    assert b'gateway_calls_total{code="caller.unknown",vendor="parcels"}' in numbers
    assert b'gateway_calls_total{code="vendor.unknown",vendor=""}' in numbers


def test_one_key_of_two_services_is_two_disclosures(tmp_path: Path) -> None:
    both = FILES["parcels/ship.yaml"].replace("callers: [fulfilment]", "callers: [fulfilment, checkout]")
    with running(tmp_path, files=dict(FILES) | {"parcels/ship.yaml": both}) as gateway:
        services = ("fulfilment", "checkout", "fulfilment")

        replies = [gateway.ship("Idempotency-Key: 1", token=gateway.token(service)) for service in services]

        first, other, again = (reply.headers["gateway-disclosure"] for reply in replies)
        assert first == again != other


def fickle(*arguments: Any) -> Gateway:
    """A gateway whose facts have always just changed."""
    gateway = Gateway(*arguments)
    gateway.exchange.deciding._people = Fickle(gateway.stores.registry)
    return gateway


class Fickle:
    def __init__(self, registry: Any) -> None:
        self._registry = registry

    def __getattr__(self, name: str) -> Any:
        return getattr(self._registry, name)

    async def about(self, *mentions: Any, **asked: Any) -> Facts:
        facts: Facts = await self._registry.about(*mentions, **asked)
        self._registry._forget(facts.basis.keys)
        return facts


def test_a_call_whose_facts_keep_changing_is_given_up_unsent(tmp_path: Path) -> None:
    with running(tmp_path, built=fickle, facts=FACTS) as gateway:
        reply = gateway.ship()

        assert (reply.status, reply.code, reply.headers["gateway-sent"]) == (503, "gateway.overloaded", "no")
        assert gateway.record(kind="intent") == []
        assert gateway.received == []


@dataclass(slots=True)
class Known(Stage):
    """A stage on which that is known of people which a test says."""

    facts: Facts = given()  # noqa: RUF009  Facts are immutable

    async def about(
        self, mentions: Sequence[Mention], *, consents: bool, order: str | None, consents_in: Collection[str] = ()
    ) -> Facts:
        del mentions, consents, order, consents_in
        return self.facts


said = st.builds(
    Consent,
    purpose=st.sampled_from([Purpose.DELIVERY, Purpose.DELIVERY_NOTIFICATION]),
    vendor=st.sampled_from([None, "parcels", "payments"]),
    state=st.sampled_from(ConsentState),
    explicit=st.booleans(),
    expires=st.none(),
    record=st.just("r"),
)
ON_STAGE = staged(CONTRACTS)
STAGED = next(prepared.terms for prepared in ON_STAGE.prepared.values() if prepared.terms.name == "parcels/ship")
EMAIL = "zoe@example.com"
CALL = parse_http("POST /shipments\n\n" + json.dumps({"reference": "A-1", "weight": 1, "to": {"email": EMAIL}}))


@for_all(
    jurisdiction=st.sampled_from(["DE", "GB", "CN", "US", "unknown"]),
    people=st.sets(st.sampled_from([SubjectRole.PURCHASER, SubjectRole.CONSIGNEE])),
    answers=st.lists(said, max_size=3),
    suspensions=st.sets(st.sampled_from([Suspension("parcels", None), Suspension("parcels", "track")])),
)
def test_no_call_goes_for_which_the_facts_say_no_and_no_field_either(
    jurisdiction: str, people: set[SubjectRole], answers: list[Consent], suspensions: set[Suspension]
) -> None:
    all_of_them = given(jurisdiction=jurisdiction)
    facts = Facts(
        {role: person for role, person in all_of_them.people.items() if role in people},
        frozenset(all_of_them.people) - people,
        {"c-89": tuple(answers)},
        frozenset(suspensions),
        order_stated=True,
    )
    stage = Known(ON_STAGE, facts=facts)

    done = asyncio.run(stage.play(STAGED, CALL))

    missing = codes(asked(SHIP, facts=facts))
    wanted = [each for each in answers if each.purpose is Purpose.DELIVERY_NOTIFICATION and each.vendor != "payments"]
    agreed = bool(wanted) and wanted[0].state in (ConsentState.GIVEN, ConsentState.RENEWED)
    assert (len(stage.sent), len(stage.intents)) == ((0, 0) if missing else (1, 1))
    assert (done.reply.status == 403) is bool(missing)
    if stage.sent:
        assert (EMAIL.encode() in stage.sent[0].payload) is (agreed and SubjectRole.CONSIGNEE in people)
