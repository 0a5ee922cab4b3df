import hashlib
import hmac
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.outbound.send import Sending
from gateway.signing.hmac_sha256 import Hmac, template
from gateway.signing.signer import Moment, signed, unsigned

KEY = b"whsec_held-here"
MOMENT = Moment(datetime(2026, 11, 22, 8, 10, 0, 250_000, tzinfo=UTC), "n0nce")
SENDING = Sending("POST", "/v1/pay?b=2&a=1", (("content-type", "application/json"),), '{"name":"Zoë"}'.encode())
HOST = "api.vendor.example:8443"


def signer(over: str, encoding: str = "hex", timestamp: str = "seconds", **headers: str) -> Hmac:
    fields = tuple((name.lower().replace("_", "-"), template(text, resolved)) for name, text in headers.items())
    return Hmac(KEY, template(over, str), fields, encoding, timestamp)


def resolved(text: str) -> str:
    return text.replace("$ACCOUNT", "acct_$body")


def expected(text: bytes) -> str:
    return hmac.new(KEY, text, hashlib.sha256).hexdigest()


def said(made: Hmac, sending: Sending = SENDING) -> Mapping[str, str]:
    return dict(signed(made, sending, HOST, MOMENT).headers[1:])


@pytest.mark.parametrize(
    ("over", "text"),
    [
        ("$body", SENDING.payload),
        ("$timestamp.$body", b"1795335000." + SENDING.payload),
        ("v0:$timestamp:$body", b"v0:1795335000:" + SENDING.payload),
        ("$method\n$target\n$timestamp\n$body\n", b"POST\n/v1/pay?b=2&a=1\n1795335000\n" + SENDING.payload + b"\n"),
        ("$host$path?$query|$nonce|$body", b"api.vendor.example:8443/v1/pay?b=2&a=1|n0nce|" + SENDING.payload),
        ("$method $body_sha256", b"POST " + hashlib.sha256(SENDING.payload).hexdigest().encode()),
    ],
    ids=["the body", "time and body", "as chats do", "lines", "parts of the address", "a digest"],
)
def test_the_text_that_is_signed_is_the_one_that_the_contract_composes(over: str, text: bytes) -> None:
    made = signer(over, X_Signature="$signature", X_Time="$timestamp", X_Nonce="$nonce")

    assert said(made) == {"x-signature": expected(text), "x-time": "1795335000", "x-nonce": "n0nce"}


def test_a_header_says_what_its_text_says_and_a_secret_in_it_stands_as_it_is() -> None:
    made = signer("$timestamp.$body", X_Sig="id=$ACCOUNT,t=$timestamp,v1=$signature")

    assert said(made) == {"x-sig": f"id=acct_$body,t=1795335000,v1={expected(b'1795335000.' + SENDING.payload)}"}


@pytest.mark.parametrize(
    ("kind", "text"), [("seconds", "1795335000"), ("milliseconds", "1795335000250"), ("iso", "2026-11-22T08:10:00Z")]
)
def test_a_time_is_written_as_the_vendor_reads_it(kind: str, text: str) -> None:
    made = signer("$timestamp$body", timestamp=kind, X_Sig="$signature", X_Time="$timestamp")

    assert said(made) == {"x-sig": expected(text.encode() + SENDING.payload), "x-time": text}


def test_a_signature_may_be_base64() -> None:
    made = signer("$body", "base64", X_Sig="$signature")

    assert said(made)["x-sig"] == b64encode(hmac.digest(KEY, SENDING.payload, "sha256")).decode()


@given(payload=st.binary(), query=st.from_regex(r"[a-z0-9=&%$_]{0,40}", fullmatch=True))
def test_a_word_in_the_call_is_no_word_of_the_contract(payload: bytes, query: str) -> None:
    sending = Sending("POST", f"/$body?{query}", (), b"$timestamp" + payload)
    made = signer("$target\n$body", X_Sig="$signature")

    left = signed(made, sending, HOST, MOMENT)

    assert dict(left.headers)["x-sig"] == expected(f"/$body?{query}\n".encode() + b"$timestamp" + payload)
    assert unsigned(made, left) == sending


def test_a_key_is_never_shown() -> None:
    assert "whsec" not in repr(signer("$body", X_Sig="$signature"))
