"""Nothing but a token of this gateway, character for character, proves anybody."""

import hashlib
import hmac
import json
import string
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from forgery import CLAIMS, HEADER, HOUR, KEY, NOON, PUBLIC, THUMBPRINT, World, forged, issued, reason, segment
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Refusal
from gateway.identity import LONGEST, Tokens

BASE64URL = string.ascii_letters + string.digits + "-_"


@pytest.fixture
def tokens() -> Tokens:
    return World().tokens()


def without(claim: str) -> dict[str, object]:
    return {name: value for name, value in CLAIMS.items() if name != claim}


def test_what_these_tests_forge_verifies_when_nothing_is_wrong_with_it(tokens: Tokens) -> None:
    assert tokens.verify(forged()).service == "checkout"


PEM = PUBLIC.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def with_secret(secret: bytes) -> Callable[[bytes], bytes]:
    return lambda data: hmac.digest(secret, data, hashlib.sha256)


def with_long_secret(secret: bytes) -> Callable[[bytes], bytes]:
    return lambda data: hmac.digest(secret, data, hashlib.sha512)


FORGED = {
    "no algorithm and no signature": forged({**HEADER, "alg": "none"}, sign=lambda _: b""),
    "no algorithm and a signature of zeros": forged({**HEADER, "alg": "none"}, sign=lambda _: bytes(64)),
    "no algorithm over a genuine signature": forged({**HEADER, "alg": "none"}),
    "no algorithm in other letters": forged({**HEADER, "alg": "nOnE"}),
    "the algorithm missing": forged({"kid": THUMBPRINT, "typ": "JWT"}),
    "the algorithm a list": forged({**HEADER, "alg": ["EdDSA"]}),
    "HS256 with the public key": forged({**HEADER, "alg": "HS256"}, sign=with_secret(PUBLIC.public_bytes_raw())),
    "HS256 with the public key as PEM": forged({**HEADER, "alg": "HS256"}, sign=with_secret(PEM)),
    "HS512, as long as a genuine signature": forged(
        {**HEADER, "alg": "HS512"}, sign=with_long_secret(PUBLIC.public_bytes_raw())
    ),
    "EdDSA announced, HS512 with the public key": forged(sign=with_long_secret(PUBLIC.public_bytes_raw())),
    "another algorithm over a genuine signature": forged({**HEADER, "alg": "ES256"}),
    "another key": forged(sign=Ed25519PrivateKey.from_private_bytes(bytes(32)).sign),
    "another key's name": forged({**HEADER, "kid": segment(bytes(32))}),
    "no key's name": forged({"alg": "EdDSA", "typ": "JWT"}),
    "a key's name that is no text": forged({**HEADER, "kid": 7}),
    "another type": forged({**HEADER, "typ": "at+jwt"}),
    "no type": forged({"alg": "EdDSA", "kid": THUMBPRINT}),
    "a key brought along": forged({**HEADER, "jwk": {"kty": "OKP", "crv": "Ed25519", "x": segment(bytes(32))}}),
    "a key to be fetched": forged({**HEADER, "jku": "https://attacker.example/keys"}),
    "an extension that has to be understood": forged({**HEADER, "crit": ["b64"], "b64": False}),
    "a signature of zeros": forged(sign=lambda _: bytes(64)),
    "a signature cut short": forged(sign=lambda data: KEY.sign(data)[:63]),
    "a signature with more behind": forged(sign=lambda data: KEY.sign(data) + b"\0"),
}


@pytest.mark.parametrize("text", FORGED.values(), ids=FORGED.keys())
def test_nothing_else_than_our_own_signature_proves_anybody(tokens: Tokens, text: str) -> None:
    with pytest.raises(Refusal) as refused:
        tokens.verify(text)

    assert reason(refused)


def test_a_verifier_that_believes_the_header_falls_for_the_public_key() -> None:
    text = FORGED["HS512, as long as a genuine signature"]

    with pytest.warns(jwt.InsecureKeyLengthWarning):
        token = jwt.PyJWS().decode_complete(text, PUBLIC.public_bytes_raw(), algorithms=["EdDSA", "HS512"])

    assert json.loads(token["payload"])["sub"] == "checkout"


MISSHAPEN: Mapping[str, object] = {
    **{f"no {claim}": without(claim) for claim in CLAIMS},
    **{f"{claim} is null": {**CLAIMS, claim: None} for claim in CLAIMS},
    "another issuer": {**CLAIMS, "iss": "somebody-else"},
    "another audience": {**CLAIMS, "aud": "another-gateway"},
    "two audiences": {**CLAIMS, "aud": ["data-sharing-gateway", "another-gateway"]},
    "an end that is text": {**CLAIMS, "exp": str(NOON + HOUR)},
    "an end with a fraction": {**CLAIMS, "exp": NOON + HOUR + 0.5},
    "an end that is true": {**CLAIMS, "exp": True},
    "an end that is infinite": {**CLAIMS, "exp": float("inf")},
    "an id that is a number": {**CLAIMS, "jti": 7},
    "an empty id": {**CLAIMS, "jti": ""},
    "a service that no contract can name": {**CLAIMS, "sub": "Check out"},
    "an unknown environment": {**CLAIMS, "environment": "test"},
    "a vendor that is no name": {**CLAIMS, "vendor": ""},
    "a claim that could narrow it": {**CLAIMS, "operation": "create-customer"},
    "a list": [CLAIMS],
}


@pytest.mark.parametrize("claims", MISSHAPEN.values(), ids=MISSHAPEN.keys())
def test_a_token_that_says_less_or_more_than_ours_proves_nobody(tokens: Tokens, claims: object) -> None:
    with pytest.raises(Refusal) as refused:
        tokens.verify(forged(claims=claims))

    assert reason(refused) == "the token's claims are not of this gateway"
    assert_tells_nothing_of(forged(claims=claims), refused.value)


@pytest.mark.parametrize(
    "nested",
    ["[" * 2_000, '{"a":' * 400, '{"exp":' + "9" * 2_500 + "}"],
    ids=["lists", "objects", "a number"],
)
def test_a_payload_made_to_exhaust_a_parser_proves_nobody(tokens: Tokens, nested: str) -> None:
    signed = f"{segment(json.dumps(HEADER).encode())}.{segment(nested.encode())}"

    with pytest.raises(Refusal) as refused:
        tokens.verify(f"{signed}.{segment(KEY.sign(signed.encode()))}")

    assert reason(refused) == "the token's claims are not of this gateway"


@pytest.mark.parametrize(
    "head",
    ['{"alg":' + "[" * 2_000, '{"alg":' * 400, '{"alg":' + "9" * 2_800 + "}", '{"alg":"\xff"}', '{"alg":"EdDSA"'],
    ids=["lists", "objects", "a number", "not UTF-8", "cut short"],
)
def test_a_header_made_to_exhaust_a_parser_proves_nobody(tokens: Tokens, head: str) -> None:
    signed = f"{segment(head.encode('latin-1'))}.{segment(b'{}')}"

    with pytest.raises(Refusal) as refused:
        tokens.verify(f"{signed}.{segment(KEY.sign(signed.encode()))}")

    assert reason(refused) == "the token is not signed by this gateway"


def test_a_text_that_is_too_long_is_not_looked_at(tokens: Tokens) -> None:
    text = forged(claims={**CLAIMS, "note": "x" * LONGEST})

    with pytest.raises(Refusal) as refused:
        tokens.verify(text)

    assert reason(refused) == "not the shape of a gateway token"


@pytest.mark.parametrize("sign", ["\ud800", "é", "\N{FULLWIDTH DIGIT ONE}", "\0"])
def test_a_text_with_a_sign_beyond_the_alphabet_is_not_looked_at(tokens: Tokens, sign: str) -> None:
    with pytest.raises(Refusal) as refused:
        tokens.verify(forged() + sign)

    assert reason(refused) == "not the shape of a gateway token"


def test_what_is_refused_takes_no_place_among_what_is_known(tokens: Tokens) -> None:
    for text in FORGED.values():
        with pytest.raises(Refusal):
            tokens.verify(text)

    assert not tokens._proven


@given(data=st.data())
def test_no_token_with_another_character_verifies(data: st.DataObject) -> None:
    tokens = World().tokens()
    text = issued(tokens)
    tokens.verify(text)
    position = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from(BASE64URL + ".=") | st.characters())
    altered = text[:position] + other + text[position + 1 :]

    if altered == text:
        assert tokens.verify(altered)
        return

    with pytest.raises(Refusal) as refused:
        tokens.verify(altered)
    assert_tells_nothing_of(altered, refused.value)


@given(more=st.text(min_size=1, max_size=5), at=st.integers(0, 600))
def test_no_token_with_more_in_it_verifies(more: str, at: int) -> None:
    tokens = World().tokens()
    text = issued(tokens)

    with pytest.raises(Refusal) as refused:
        tokens.verify(text[:at] + more + text[at:])

    assert_tells_nothing_of(text, refused.value)


@given(start=st.integers(0, 600), length=st.integers(1, 600))
def test_no_token_with_less_in_it_verifies(start: int, length: int) -> None:
    tokens = World().tokens()
    text = issued(tokens)
    start %= len(text)

    with pytest.raises(Refusal) as refused:
        tokens.verify(text[:start] + text[start + length :])

    assert_tells_nothing_of(text, refused.value)


@given(text=st.text() | st.from_regex(r"\AeyJ[\w-]{1,40}\.[\w-]{1,40}\.[\w-]{85}[AQgw]\Z"))
def test_no_other_text_verifies(text: str) -> None:
    tokens = World().tokens()

    with pytest.raises(Refusal) as refused:
        tokens.verify(text)

    assert reason(refused)


def test_a_second_spelling_of_the_same_signature_is_refused(tokens: Tokens) -> None:
    text = issued(tokens)
    spellings = [text[:-1] + last for last in BASE64URL if last != text[-1]]
    same = [other for other in spellings if signature(other) == signature(text)]

    for other in same:
        with pytest.raises(Refusal) as refused:
            tokens.verify(other)
        assert reason(refused) == "not the shape of a gateway token"

    assert len(same) == 15


def signature(text: str) -> bytes:
    return urlsafe_b64decode(text.rpartition(".")[2] + "==")


def assert_tells_nothing_of(token: str, refusal: Refusal) -> None:
    """No piece of a token in anything that a log, a trace or a reply could show."""
    shown = f"{refusal!r} {refusal} {refusal.failures!r} {refusal.__cause__}"

    assert refusal.__suppress_context__ or refusal.__context__ is None
    assert not [token[at : at + 12] for at in range(len(token) - 11) if token[at : at + 12] in shown]
