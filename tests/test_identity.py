"""A token proves one caller, for one audience, until it ends or is revoked."""

import hashlib
from base64 import urlsafe_b64decode
from itertools import permutations

import jwt
import pytest
from forgery import CLAIMS, HOUR, NOON, PUBLIC, SEED, THUMBPRINT, World, forged, issued, reason

from gateway.errors import Refusal
from gateway.identity import CACHED, LEEWAY, Caller, Tokens, thumbprint
from gateway.vocabulary import Role


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def tokens(world: World) -> Tokens:
    return world.tokens()


def test_a_token_proves_whom_it_was_issued_to(tokens: Tokens) -> None:
    text, caller = tokens.issue("checkout", entity="shop-eu", environment="sandbox", vendor="stripe", lifetime=HOUR)

    proven = tokens.verify(text)

    assert proven == caller
    assert proven == Caller("checkout", caller.token_id, "shop-eu", "sandbox", "stripe", NOON + HOUR, Role.SERVICE)


def test_an_operators_token_proves_an_operator(tokens: Tokens) -> None:
    text, _ = tokens.issue("anna", entity="shop-eu", environment="live", lifetime=HOUR, role=Role.OPERATOR)

    proven = tokens.verify(text, roles=[Role.OPERATOR])

    assert (proven.service, proven.role, proven.vendor) == ("anna", "operator", None)


def test_a_persons_token_proves_the_person_and_no_message_shows_whom(tokens: Tokens) -> None:
    text, _ = tokens.issue("Kundin 4711", entity="shop-eu", environment="live", lifetime=HOUR, role=Role.SUBJECT)

    proven = tokens.verify(text, roles=[Role.SUBJECT])

    assert (proven.subject, proven.service) == ("Kundin 4711", "")
    assert "4711" not in repr(proven)


@pytest.mark.parametrize(
    ("role", "longest"), [(Role.AUDITOR, 30 * 86_400), (Role.AGENT, 86_400), (Role.SUBJECT, 3_600)]
)
def test_some_roles_end_by_themselves(tokens: Tokens, role: Role, longest: int) -> None:
    def issued_for(lifetime: int) -> Caller:
        return tokens.issue("anna", entity="shop-eu", environment="live", lifetime=lifetime, role=role)[1]

    assert issued_for(longest).role is role
    with pytest.raises(ValueError, match="lives for"):
        issued_for(longest + 1)


def test_two_tokens_of_one_service_are_valid_at_a_time(tokens: Tokens) -> None:
    old, new = issued(tokens), issued(tokens)

    proven = [tokens.verify(text) for text in (old, new)]

    assert [caller.service for caller in proven] == ["checkout", "checkout"]
    assert proven[0].token_id != proven[1].token_id


def test_a_token_outlives_the_process_that_issued_it(world: World) -> None:
    text = issued(world.tokens())

    assert world.tokens().verify(text).service == "checkout"


def test_the_form_of_tokens_does_not_change(world: World) -> None:
    now, never = (lambda: world.now), (lambda _: False)
    tokens = Tokens(SEED, now=now, revoked=never, randomness=lambda length: bytes(range(length)))

    text, _ = tokens.issue("checkout", entity="shop-eu", environment="live", vendor="stripe", lifetime=HOUR)

    header, claims, _ = text.split(".")
    assert urlsafe_b64decode(header + "==") == (
        b'{"alg":"EdDSA","kid":"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k","typ":"JWT"}'
    )
    assert urlsafe_b64decode(claims + "==") == (
        b'{"iss":"data-sharing-gateway","aud":"data-sharing-gateway","sub":"checkout",'
        b'"jti":"000102030405060708090a0b0c0d0e0f","iat":1795348800,"exp":1795352400,'
        b'"entity":"shop-eu","environment":"live","vendor":"stripe"}'
    )


def test_another_library_reads_a_token_with_the_public_key_alone(tokens: Tokens) -> None:
    text = issued(tokens)

    claims = jwt.decode(
        text,
        PUBLIC,
        algorithms=["EdDSA"],
        audience="data-sharing-gateway",
        options={"verify_exp": False, "verify_iat": False},
    )

    assert claims["sub"] == "checkout"


def test_a_key_is_named_by_its_thumbprint() -> None:
    assert thumbprint(PUBLIC) == THUMBPRINT


OWN = {role: ("checkout",) if role is Role.ENGINEER else () for role in Role}


@pytest.mark.parametrize(("role", "services"), [(Role.ENGINEER, ()), (Role.SERVICE, ("checkout",))])
def test_an_engineer_answers_for_services_and_nobody_else_does(
    tokens: Tokens, role: Role, services: tuple[str, ...]
) -> None:
    with pytest.raises(ValueError, match="answers for services"):
        tokens.issue("emil", entity="shop-eu", environment="live", lifetime=HOUR, role=role, services=services)


@pytest.mark.parametrize(("role", "other"), list(permutations(Role, 2)))
def test_a_token_of_one_role_is_refused_in_the_other(tokens: Tokens, role: Role, other: Role) -> None:
    text, caller = tokens.issue(
        "anna", entity="shop-eu", environment="live", lifetime=HOUR, role=role, services=OWN[role]
    )

    with pytest.raises(Refusal) as refused:
        tokens.verify(text, roles=[other])

    assert reason(refused) == "the token is for another audience"
    assert tokens.verify(text, roles=[role]) == caller
    with pytest.raises(Refusal, match=r"caller\.unknown"):  # again, now that the signature is known
        tokens.verify(text, roles=[other])


@pytest.mark.parametrize("claim", ["iat", "nbf"])
def test_a_token_of_the_future_waits_for_its_time(tokens: Tokens, world: World, claim: str) -> None:
    early = forged(claims={**CLAIMS, claim: NOON + LEEWAY + 1})

    with pytest.raises(Refusal) as refused:
        tokens.verify(early)

    assert reason(refused) == "the token is not valid yet"
    world.now += 1
    assert tokens.verify(early).service == "checkout"


@pytest.mark.parametrize("known", [False, True], ids=["first use", "signature known"])
def test_a_token_ends_on_its_second(tokens: Tokens, world: World, known: bool) -> None:
    text = issued(tokens)
    world.now = NOON + HOUR - 0.001
    if known:
        tokens.verify(text)

    world.now = NOON + HOUR
    with pytest.raises(Refusal) as refused:
        tokens.verify(text)

    assert reason(refused) == "the token has expired"


def test_a_token_holds_until_its_last_second(tokens: Tokens, world: World) -> None:
    text = issued(tokens)

    world.now = NOON + HOUR - 0.001

    assert tokens.verify(text).expires == NOON + HOUR


@pytest.mark.parametrize("known", [False, True], ids=["first use", "signature known"])
def test_revocation_holds_from_the_next_call(tokens: Tokens, world: World, known: bool) -> None:
    text, caller = tokens.issue("checkout", entity="shop-eu", environment="live", lifetime=HOUR)
    other = issued(tokens)
    if known:
        tokens.verify(text)

    world.revoked.add(caller.token_id)
    with pytest.raises(Refusal) as refused:
        tokens.verify(text)

    assert reason(refused) == "the token was revoked"
    assert tokens.verify(other).service == "checkout"


def test_a_token_of_another_gateway_proves_nobody(tokens: Tokens, world: World) -> None:
    text = issued(world.tokens(seed=bytes(32)))

    with pytest.raises(Refusal) as refused:
        tokens.verify(text)

    assert reason(refused) == "the token is not signed by this gateway"


def test_a_signature_is_known_by_digest_only_and_forgotten_when_it_proves_nothing(tokens: Tokens, world: World) -> None:
    text, caller = tokens.issue("checkout", entity="shop-eu", environment="live", lifetime=HOUR)
    tokens.verify(text)

    assert list(tokens._proven.items()) == [(hashlib.sha256(text.encode()).digest(), caller)]
    world.now += HOUR
    with pytest.raises(Refusal):
        tokens.verify(text)
    assert not tokens._proven


def test_of_too_many_tokens_the_one_longest_unused_is_forgotten(tokens: Tokens) -> None:
    (used, kept), (unused, forgotten) = (
        tokens.issue("checkout", entity="shop-eu", environment="live", lifetime=HOUR) for _ in range(2)
    )
    tokens.verify(used)
    tokens.verify(unused)
    for number in range(CACHED - 2):
        tokens._proven[number.to_bytes(32, "big")] = kept

    tokens.verify(used)
    tokens.verify(issued(tokens))

    assert len(tokens._proven) == CACHED
    assert hashlib.sha256(used.encode()).digest() in tokens._proven
    assert forgotten not in tokens._proven.values()
    assert tokens.verify(unused) == forgotten


@pytest.mark.parametrize(
    ("service", "lifetime"),
    [("checkout", 0), ("checkout", -1), ("", HOUR), ("Checkout 7", HOUR), ("c" * 65, HOUR)],
    ids=["no lifetime", "a lifetime in the past", "no name", "no name of a contract", "a long name"],
)
def test_a_token_that_would_prove_nothing_is_not_issued(tokens: Tokens, service: str, lifetime: int) -> None:
    with pytest.raises(ValueError, match=r"lives|sub") as wrong:
        issued(tokens, service, lifetime)

    assert "Checkout 7" not in str(wrong.value)


def test_a_key_of_another_length_is_refused(world: World) -> None:
    with pytest.raises(ValueError, match="32"):
        world.tokens(seed=bytes(31))
