"""A set of contracts joined to keys, credentials and hosts, or refused as a whole."""

import re
from collections.abc import Mapping
from datetime import timedelta

import pytest
from clearances import CONTRACTS, NOON, SHIP, asked, given, loaded
from hypothesis import given as for_all
from hypothesis import strategies as st
from joserfc.jwk import ECKey
from shop_contracts import FILES, SECRETS

from gateway.clearance import Clearance, clear
from gateway.contract.load import ContractSet
from gateway.errors import Refusal, StartError
from gateway.frozen import changed
from gateway.inforce import InForce, check_keys, in_force
from gateway.jwe import public_key, throwaway
from gateway.registry.facts import Papers, Suspension


def bound(contracts: ContractSet = CONTRACTS, secrets: Mapping[str, str] = SECRETS) -> InForce:
    return in_force(contracts, secrets=secrets.get, vendor_key=lambda vendor: vendor.encode().ljust(32))


def test_every_secret_that_is_not_set_is_named_at_once() -> None:
    with pytest.raises(StartError, match="PARCELS_KEY, PAYMENTS_ACCOUNT, PAYMENTS_KEY") as refused:
        bound(secrets={"FAULTS_KEY": "x", "PARCELS_KEY": ""})

    assert "FAULTS_KEY" not in str(refused.value)


@pytest.mark.parametrize("value", ["pk\r\nX-Admin: 1", "pk\npk", "schl\u00fcssel", "p\0k"])
def test_a_secret_that_no_header_can_hold_stops_the_start_without_being_told(value: str) -> None:
    with pytest.raises(StartError) as refused:
        bound(secrets={**SECRETS, "PARCELS_KEY": value})

    told = "PARCELS_KEY cannot stand in header:authorization (parcels/"
    assert str(refused.value).startswith(told)
    assert value not in str(refused.value)


def test_credentials_are_ready_and_basic_ones_are_encoded() -> None:
    prepared = bound().prepared

    assert prepared["parcels/ship"].headers == (("authorization", "Bearer pk-parcels-7Qx2"),)
    assert prepared["payments/charge"].headers == (("authorization", "Basic YWNjdC05OTMxOnBrLXBheW1lbnRzLThXejM="),)
    assert prepared["faults/report"].headers == (("x-faults-auth", "Faults key=pk-faults-9Ry4, version=1"),)
    assert prepared["faults/report"].query == (("key", "pk-faults-9Ry4"),)


def test_no_answer_may_carry_a_key_back_and_what_stands_in_the_path_is_none() -> None:
    prepared = bound().prepared

    assert set(prepared["payments/charge"].secrets) == {
        "pk-payments-8Wz3",
        "YWNjdC05OTMxOnBrLXBheW1lbnRzLThXejM=",
    }
    assert "acct-9931" in prepared["payments/refund"].secrets


def test_a_secret_as_short_as_a_word_is_not_looked_for() -> None:
    assert bound(secrets=dict.fromkeys(SECRETS, "sandbox")).prepared["faults/survey"].secrets == (
        "Faults key=sandbox, version=1",
    )


def test_the_address_of_a_vendor_is_host_port_and_the_path_below_which_its_api_begins() -> None:
    prepared = bound().prepared["parcels/ship"]

    assert (prepared.host.origin, prepared.base) == ("https://api.parcels.test:9", "/api")
    assert [str(network) for network in prepared.host.networks] == ["127.0.0.0/8"]
    assert prepared.accept == "application/json"


def test_two_vendors_have_two_keys_for_pseudonyms() -> None:
    contracts = bound()
    value = "A-1"

    made = [
        next(
            change
            for rule, change in zip(each.section.rules, each.changes, strict=True)
            if rule.form.name == "pseudonymise"
        )
        for each in (contracts.prepared["parcels/ship"].sending, contracts.prepared["payments/charge"].sending)
    ]

    assert made[0] is not None
    assert made[1] is not None
    assert made[0](value) != made[1](value)


@pytest.mark.parametrize(
    ("environment", "key", "fits"),
    [("live", "live_1", True), ("live", "test_1", False), ("sandbox", "test_1", True), ("sandbox", "live_1", False)],
)
def test_a_key_of_another_environment_is_refused_at_start_without_being_told(
    environment: str, key: str, fits: bool
) -> None:
    own = "environments: {live: {key_pattern: ^live_}, sandbox: {key_pattern: ^test_}}\ntoken:"
    contracts = loaded(dict(FILES) | {"parcels/vendor.yaml": FILES["parcels/vendor.yaml"].replace("token:", own)})

    if fits:
        check_keys(contracts, environment, lambda _: key)
        return
    with pytest.raises(StartError, match=f"PARCELS_KEY is not a key for {environment} at parcels") as refused:
        check_keys(contracts, environment, lambda _: key)

    assert key not in str(refused.value)


def test_how_things_stand_is_worked_out_once_a_day() -> None:
    contracts = bound()

    today = contracts.standing(SHIP, "shop-eu", NOON)

    assert contracts.standing(SHIP, "shop-eu", NOON + timedelta(hours=9)) is today
    assert contracts.standing(SHIP, "shop-uk", NOON) is not today
    assert contracts.standing(SHIP, "shop-eu", NOON + timedelta(hours=10)) is not today, "in Berlin it is tomorrow"


def test_how_things_stand_is_worked_out_anew_when_papers_change() -> None:
    contracts, ended = bound(), Papers(ended={("parcels", "DPA-1"): None})

    before = contracts.standing(SHIP, "shop-eu", NOON)
    after = contracts.standing(SHIP, "shop-eu", NOON, ended)

    assert contracts.standing(SHIP, "shop-eu", NOON, ended) is after
    assert [each.code for each in before.failures] == []
    assert [each.code for each in after.failures] == ["agreement.not_active"]


def test_on_the_day_after_the_last_one_things_stand_otherwise() -> None:
    [paper] = SHIP.vendor.agreements
    vendor = SHIP.vendor.model_copy(update={"agreements": (paper.model_copy(update={"until": NOON.date()}),)})
    contracts, terms = bound(), changed(SHIP, vendor=vendor)

    days = [contracts.standing(terms, "shop-eu", NOON + timedelta(days=days)).failures for days in (0, 1)]

    assert [[failure.code for failure in failures] for failures in days] == [[], ["agreement.expired"]]


facts = st.builds(
    given,
    jurisdiction=st.sampled_from(["DE", "GB", "BR", "CN", "unknown"]),
    order_stated=st.booleans(),
    suspensions=st.sampled_from([frozenset(), frozenset({Suspension("parcels", None)})]),
    consents=st.sampled_from([{}, {"c-89": ()}]),
)


def outcome(question: object) -> Clearance | list[str]:
    try:
        return clear(question)  # type: ignore[arg-type]
    except Refusal as refusal:
        return [failure.code for failure in refusal.failures]


@for_all(calls=st.lists(st.tuples(facts, st.sampled_from(["fulfilment", "checkout"])), max_size=6))
def test_a_call_is_decided_alike_whatever_was_decided_before_it(calls: list[tuple[object, str]]) -> None:
    standing = bound().standing(SHIP, "shop-eu", NOON)

    for known, caller in calls:
        fresh = asked(facts=known, caller=caller)  # type: ignore[arg-type]
        assert outcome(changed(fresh, standing=standing)) == outcome(fresh)


def test_an_agreement_that_names_no_company_binds_only_those_that_are_listed() -> None:
    contracts = bound()
    terms = contracts.prepared["parcels/ship"].terms
    for_all_companies = tuple(each.model_copy(update={"entities": ()}) for each in terms.vendor.agreements)
    open_terms = changed(terms, vendor=terms.vendor.model_copy(update={"agreements": for_all_companies}))
    listed = next(iter(contracts.contracts.entities.entities))

    known, stranger = (contracts.standing(open_terms, entity, NOON) for entity in (listed, "somebody-else"))

    assert known.failures == ()
    assert [failure.code for failure in stranger.failures] == ["agreement.parties"]
    assert stranger.agreements == ()


SEALED = """    - why: Nobody on the way reads it.
      of: consignee
      fields: {$.recipient.phone: contact.phone}
      form: {encrypt: $PARCELS_JWE}
answer:
"""
PEM = ECKey.generate_key("P-256").as_pem(private=False).decode()
WEAK = {
    "not set": None,
    "a word": "sandbox",
    "a private key": ECKey.generate_key("P-256").as_pem(private=True).decode(),
}


def sealed() -> ContractSet:
    ship = re.sub(r"answer:\n", lambda _: SEALED, FILES["parcels/ship.yaml"], count=1)
    return loaded({**FILES, "parcels/ship.yaml": re.sub(r"\n +phone: contact.phone", "", ship)})


@pytest.mark.parametrize("key", WEAK.values(), ids=WEAK.keys())
def test_a_key_that_nothing_can_be_encrypted_for_stops_the_start(key: str | None) -> None:
    with pytest.raises(StartError, match="PARCELS_JWE") as refused:
        bound(sealed(), {**SECRETS, **({"PARCELS_JWE": key} if key else {})})

    assert "BEGIN" not in str(refused.value)


def test_a_public_key_is_a_secret_like_others_or_stands_in_the_vendors_file() -> None:
    contracts = sealed()
    [key_id] = bound(contracts, {**SECRETS, "PARCELS_JWE": PEM}).prepared["parcels/ship"].sending.key_ids.values()
    vendor = contracts.vendors["parcels"].model_copy(update={"keys": {"PARCELS_JWE": PEM}})
    written = changed(contracts, terms=tuple(
        changed(each, vendor=vendor) if each.vendor.vendor == "parcels" else each for each in contracts.terms
    ))  # fmt: skip

    assert key_id == public_key(PEM).id
    assert [*bound(written).prepared["parcels/ship"].sending.key_ids.values()] == [key_id]


def test_where_vendors_are_played_no_key_is_needed() -> None:
    played = in_force(sealed(), secrets=lambda _: "sandbox", vendor_key=lambda _: bytes(32), is_played=True)

    assert [*played.prepared["parcels/ship"].sending.key_ids.values()] == [throwaway().id]
