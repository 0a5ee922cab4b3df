"""What is encrypted for a vendor is read by whoever has the vendor's private key, and by nobody else."""

import json
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc.errors import JoseError
from joserfc.jwe import decrypt_compact
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from gateway.jwe import Sealed, encrypted, public_key, throwaway

RSA, P256, P521 = RSAKey.generate_key(2048), ECKey.generate_key("P-256"), ECKey.generate_key("P-521")
X25519 = OKPKey.generate_key("X25519")
KEYS = {"RSA": RSA, "P-256": P256, "P-521": P521, "X25519": X25519}
ALGORITHMS = ["RSA-OAEP-256", "ECDH-ES+A256KW", "A256GCM"]

Private = RSAKey | ECKey | OKPKey


def pem(key: Private) -> str:
    return key.as_pem(private=False).decode()


def jwk(key: Private, **more: str) -> str:
    return json.dumps({**key.as_dict(private=False), **more})


def read(sealed: str, key: Private) -> tuple[str, dict[str, object]]:
    opened = decrypt_compact(sealed, key, algorithms=ALGORITHMS)
    assert opened.plaintext is not None
    return opened.plaintext.decode(), dict(opened.headers())


@pytest.mark.parametrize("written", [pem, jwk])
@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS.keys())
def test_the_vendor_reads_what_was_encrypted_for_its_key(key: Private, written: object) -> None:
    assert callable(written)
    public = public_key(written(key))

    text, header = read(encrypted(public)("Zoë Müller"), key)

    assert text == "Zoë Müller"
    assert (header["alg"], header["enc"]) == (public.algorithm, "A256GCM")
    assert public.algorithm == ("RSA-OAEP-256" if key is RSA else "ECDH-ES+A256KW")
    assert header["kid"] == public.id == key.thumbprint()


def test_the_thumbprint_is_that_of_the_example_in_rfc_7638() -> None:
    modulus = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3o"
        "knjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZH"
        "zu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEg"
        "U8awapJzKnqDKgw"
    )

    public = public_key(json.dumps({"kty": "RSA", "n": modulus, "e": "AQAB", "kid": "2011-04-29"}))

    assert (public.id, public.name) == ("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs", "2011-04-29")


@settings(max_examples=30)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_whatever_is_encrypted_is_read_again_and_stands_nowhere_in_clear(text: str) -> None:
    change = encrypted(public_key(pem(P256)))

    one, other = change(text), change(text)

    assert read(one, P256)[0] == read(other, P256)[0] == text
    assert one != other
    assert len(text) < 8 or text not in one


def test_another_key_reads_nothing() -> None:
    sealed = encrypted(public_key(pem(P256)))("Zoe")

    with pytest.raises(JoseError):
        decrypt_compact(sealed, ECKey.generate_key("P-256"), algorithms=ALGORITHMS)
    with pytest.raises(JoseError):
        decrypt_compact(sealed[:-2] + ("AA" if sealed[-2:] != "AA" else "BB"), P256, algorithms=ALGORITHMS)


def weak() -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pem(RSAKey.generate_key(1024))


UNFIT = {
    "nothing": "",
    "a word": "sandbox",
    "half a PEM": pem(P256)[:60],
    "an empty JWK": "{}",
    "a list": "[1]",
    "a deep list": "[" * 100_000,
    "half a JWK": '{"kty": "EC", "crv": "P-256", "x": "AA"}',
    "a point off the curve": '{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}',
    "a number": '{"kty": "RSA", "n": 7, "e": "AQAB"}',
    "a private PEM": P256.as_pem(private=True).decode(),
    "a private JWK": json.dumps(P256.as_dict(private=True)),
    "a private RSA key": RSA.as_pem(private=True).decode(),
    "a shared key": json.dumps(OctKey.generate_key(256).as_dict(private=True)),
    "a weak key": weak(),
    "a curve of coins": pem(ECKey.generate_key("secp256k1")),
    "a curve of signatures": pem(OKPKey.generate_key("Ed25519")),
    "a key for signatures": jwk(P256, use="sig"),
    "a key for another algorithm": jwk(RSA, alg="RSA-OAEP"),
}


@pytest.mark.parametrize("text", UNFIT.values(), ids=UNFIT.keys())
def test_nothing_is_encrypted_for_what_is_no_good_public_key(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w") as caught:
        public_key(text)

    assert caught.value.__cause__ is None
    assert len(text) < 8 or text[-20:] not in str(caught.value)


def test_a_throwaway_is_one_key_for_the_whole_process() -> None:
    assert throwaway() is throwaway()
    assert encrypted(throwaway())("Zoe").count(".") == 4


def test_another_attempt_at_a_call_sends_the_same_bytes_and_equal_values_of_one_do_not_look_alike() -> None:
    sealed, public = Sealed(), public_key(pem(P256))

    def attempt(*texts: str) -> list[str]:
        change = sealed.again().encrypted(public)
        return [change(text) for text in texts]

    first = attempt("Zoe", "Bob", "Zoe")

    assert attempt("Zoe", "Bob", "Zoe") == first
    assert attempt("Bob", "Zoe") == [first[1], first[0]]
    assert len(set(first)) == 3
    assert [read(each, P256)[0] for each in first] == ["Zoe", "Bob", "Zoe"]
    assert attempt("Ann")[0] not in first
    assert Sealed().encrypted(public)("Zoe") not in first
