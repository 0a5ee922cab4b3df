"""The service token is found wherever an SDK puts its API key, and doubt about which one it is refuses the call."""

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Refusal
from gateway.identity import Tokens, find_token, token_in

TOKENS = Tokens(bytes(range(32)), now=lambda: 1_795_348_800, revoked=lambda _: False)
ONE, OTHER = (
    TOKENS.issue(service, entity="shop-eu", environment="live", lifetime=3_600)[0] for service in ("checkout", "crm")
)


def basic(user: str, password: str = "") -> str:
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()


FOUND = {
    "alone": ONE,
    "with spaces around": f"  {ONE}\t",
    "bearer": f"Bearer {ONE}",
    "a scheme word of the vendor's own": f"AcmeToken {ONE}",
    "a scheme word with a sign": f"token={ONE}",
    "quoted": f'Token token="{ONE}"',
    "behind a word that an SDK looks for": f"Bearer access_{ONE}",
    "behind two such words": basic(f"sk_test_{ONE}"),
    "Basic, as user": basic(ONE),
    "Basic, as password": basic("merchant-7", ONE),
    "Basic, beside a user beyond ASCII": basic("händler", ONE),
    "Basic in small letters": basic(ONE).replace("Basic", "basic"),
    "first of several values": f"Sentry sentry_key={ONE}, sentry_version=7",
    "last of several values": f"Monitor version=7,key={ONE}",
    "several values with semicolons": f"version=7;key={ONE};client=shop",
    "in a DSN": f"https://{ONE}@faults.example/42",
    "as a path segment": f"/~{ONE}/v1/things",
}


@pytest.mark.parametrize("text", FOUND.values(), ids=FOUND.keys())
def test_a_token_is_found(text: str) -> None:
    assert token_in(text) == (ONE,)


header, claims, signature = ONE.split(".")

NOT_FOUND = {
    "nothing": "",
    "a scheme word alone": "Bearer ",
    "a vendor's key": "Bearer sk_live_0123456789abcdefghijklmnopqrstuvwxyz",
    "two parts": f"{header}.{claims}",
    "no signature": f"{header}.{claims}.",
    "five parts, as an encrypted one has": f"{header}.{claims}.{signature}.{claims}.{signature}",
    "a part before": f"a.{ONE}",
    "something joined on before": f"x{ONE}",
    "three words before": f"a_b_c_{ONE}",
    "a word with a digit before": f"k1_{ONE}",
    "padding": f"{ONE}==",
    "short": "eyJhIjoxfQ.eyJhIjoxfQ.c2lnbmF0dXJl",
    "not an object": f"{header[3:]}.{claims}.{signature}",
    "Basic that is not base64": "Basic !!!!",
    "Basic cut short": basic(ONE)[:-1].rstrip("="),
    "Basic with more behind": basic(ONE) + "AAAA====",
    "Basic with more padding than fits": basic(ONE, "x" * ((1 - len(ONE)) % 3)) + "=",
    "base64 without the word": basic(ONE).removeprefix("Basic "),
}


@pytest.mark.parametrize("text", NOT_FOUND.values(), ids=NOT_FOUND.keys())
def test_what_has_another_shape_is_no_token(text: str) -> None:
    assert token_in(text) == ()


@given(
    before=st.sampled_from(" ,;=\"'~/:@("),
    after=st.sampled_from(" ,;\"'/:@)"),
    around=st.text(alphabet="xyz 7", max_size=9),
)
def test_a_token_is_found_whatever_stands_around_it(before: str, after: str, around: str) -> None:
    assert token_in(f"{around}{before}{ONE}{after}{around}") == (ONE,)


@given(text=st.text() | st.text(alphabet="eyJ.-_= A"))
def test_whatever_is_found_stands_in_the_text(text: str) -> None:
    found = token_in(text)

    assert all(token in text and token.count(".") == 2 and len(token) >= 40 for token in found)


def test_every_token_of_a_text_is_found() -> None:
    assert token_in(f"{ONE},{OTHER} {basic('x')} {ONE}") == (ONE, OTHER, ONE)


@pytest.mark.parametrize(
    "text",
    [
        "eyJ" * 1_000_000,
        "eyJ " * 1_000_000,
        "eyJa.b." * 500_000,
        "a_eyJ" * 600_000,
        "Basic " + " " * 3_000_000 + "!",
        "eyJ." * 1_000_000,
    ],
    ids=["one word", "many words", "many parts", "many words before", "spaces", "dots"],
)
@pytest.mark.timeout(60)
def test_a_long_text_costs_one_look(text: str) -> None:
    assert token_in(text) == ()


def test_the_one_token_is_found_among_many_values() -> None:
    assert find_token(iter(["", "application/json", f"Bearer {ONE}"])) == ONE


def test_the_same_token_in_two_places_is_one() -> None:
    assert find_token([f"Bearer {ONE}", basic(ONE), ONE]) == ONE


@pytest.mark.parametrize("values", [[], [""], ["Bearer sk_live_7", "x"]], ids=["no place", "empty", "a vendor's key"])
def test_without_a_token_nobody_is_known(values: list[str]) -> None:
    with pytest.raises(Refusal) as refused:
        find_token(values)

    assert [(failure.code, failure.detail) for failure in refused.value.failures] == [
        ("caller.unknown", "no service token")
    ]


@pytest.mark.parametrize(
    "values",
    [[ONE, OTHER], [f"{ONE},{OTHER}"], [basic(ONE, OTHER)], [f"Bearer {ONE}", basic("merchant-7", OTHER)]],
    ids=["two places", "one place", "Basic", "a scheme and Basic"],
)
def test_two_different_tokens_are_refused_rather_than_chosen_from(values: list[str]) -> None:
    with pytest.raises(Refusal) as refused:
        find_token(values)

    assert [(failure.code, failure.detail) for failure in refused.value.failures] == [
        ("caller.unknown", "two different tokens")
    ]


def test_what_was_found_proves_its_bearer() -> None:
    text = find_token([basic("merchant-7", ONE)])

    assert TOKENS.verify(text).service == "checkout"
