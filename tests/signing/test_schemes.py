from typing import Any

import pytest
from pydantic import TypeAdapter
from signing_keys import merchant, pem, shown

from gateway.contract.sign import Sign
from gateway.errors import StartError
from gateway.signing.answers import AlipaySeal, WechatPaySeal
from gateway.signing.hmac_sha256 import Hmac
from gateway.signing.rsa import Alipay, WechatPay, stand_in
from gateway.signing.schemes import seal_of, secrets_of, signer_of
from gateway.signing.signer import Signer
from gateway.signing.sigv4 import SigV4

SECRETS = {
    "$RSA": pem(),
    "$HEX": "00ff10",
    "$BASE64": "AP8Q",
    "$KEY": "k-1",
    "$ID": "id-1",
    "$TOKEN": "t-1",
    "$PUBLIC": shown(merchant()),
}
HMAC: dict[str, Any] = {"scheme": "hmac-sha256-body", "key": "$KEY", "headers": {"X-Sig": "id=$ID,v1=$signature"}}
AWS: dict[str, Any] = {
    "scheme": "aws-sigv4",
    "key": "$KEY",
    "access_key": "$ID",
    "region": "eu-central-1",
    "service": "s3",
}
WECHAT: dict[str, Any] = {"scheme": "rsa-sha256-request", "key": "$RSA", "mchid": "$ID", "serial_no": "1D"}


def written(**block: Any) -> Sign:
    return TypeAdapter[Sign](Sign).validate_python(block)


def resolved(text: str) -> str:
    for name, value in SECRETS.items():
        text = text.replace(name, value)
    return text


def made(*, is_played: bool = False, **block: Any) -> Signer:
    return signer_of(written(**block), resolved, is_played=is_played)


def test_a_scheme_holds_the_keys_that_its_block_names() -> None:
    assert made(scheme="rsa-sha256-params", key="$RSA") == Alipay(made_key())
    assert made(**WECHAT) == WechatPay(made_key(), "id-1", "1D")
    assert made(**AWS, session_token="$TOKEN") == SigV4("id-1", "k-1", "eu-central-1", "s3", "t-1")
    assert made(**AWS) == SigV4("id-1", "k-1", "eu-central-1", "s3")


def made_key() -> Any:
    """What is equal to any key with the merchant's numbers."""

    class Same:
        def __eq__(self, other: object) -> bool:
            return bool(other.private_numbers() == merchant().private_numbers())  # type: ignore[attr-defined]

        def __hash__(self) -> int:
            return 0

    return Same()


@pytest.mark.parametrize(
    ("encoding", "name", "key"),
    [("text", "$KEY", b"k-1"), ("hex", "$HEX", b"\x00\xff\x10"), ("base64", "$BASE64", b"\x00\xff\x10")],
)
def test_a_key_of_bytes_is_written_as_the_vendor_gives_it(encoding: str, name: str, key: bytes) -> None:
    signer = made(**HMAC | {"key": name, "key_encoding": encoding})

    assert isinstance(signer, Hmac)
    assert (signer.key, signer.headers) == (key, frozenset({"x-sig"}))
    assert signer.fields == (("x-sig", (("id=id-1,v1=", "signature"), ("", ""))),)


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ({"scheme": "rsa-sha256-params", "key": "$KEY"}, "KEY is no RSA private key of 2048 bits"),
        ({**WECHAT, "key": "$HEX"}, "HEX is no RSA private key of 2048 bits"),
        ({**HMAC, "key_encoding": "hex"}, "KEY is not written in hex"),
        ({**HMAC, "key_encoding": "base64"}, "KEY is not written in base64"),
    ],
    ids=["alipay", "wechatpay", "hex", "base64"],
)
def test_a_key_that_is_none_is_told_by_its_name_and_never_shown(block: dict[str, Any], message: str) -> None:
    with pytest.raises(StartError, match=message) as refused:
        made(**block)

    assert not [value for value in SECRETS.values() if value in str(refused.value)]


@pytest.mark.parametrize(
    "block",
    [{"scheme": "rsa-sha256-params", "key": "$KEY"}, {**WECHAT, "key": "$KEY"}, {**HMAC, "key_encoding": "hex"}, AWS],
    ids=lambda block: block["scheme"],
)
def test_where_vendors_are_played_nobody_needs_a_key(block: dict[str, Any]) -> None:
    signer = made(**block, is_played=True)

    assert getattr(signer, "key", stand_in()) in (stand_in(), b"k-1")


@pytest.mark.parametrize(
    ("block", "texts"),
    [
        ({"scheme": "rsa-sha256-params", "key": "$RSA"}, {"$RSA"}),
        (WECHAT, {"$RSA", "$ID", "1D"}),
        (
            {"scheme": "rsa-sha256-params", "key": "$RSA", "verify": "$PUBLIC", "answers": "$KEY"},
            {"$RSA", "$PUBLIC", "$KEY"},
        ),
        (HMAC, {"$KEY", "id=$ID,v1=$signature"}),
        ({**AWS, "session_token": "$TOKEN"}, {"$KEY", "$ID", "$TOKEN"}),
        (AWS, {"$KEY", "$ID"}),
    ],
    ids=["alipay", "wechatpay", "alipay and its answers", "hmac-sha256", "aws-sigv4 for a session", "aws-sigv4"],
)
def test_every_text_that_can_name_a_secret_is_known(block: dict[str, Any], texts: set[str]) -> None:
    assert set(secrets_of(written(**block))) == texts


def test_answers_are_checked_and_signed_with_the_keys_that_the_block_names() -> None:
    alipay = seal_of(written(scheme="rsa-sha256-params", key="$KEY", verify="$PUBLIC", answers="$RSA"), resolved)
    wechat = seal_of(written(**WECHAT, verify="$PUBLIC"), resolved)

    assert isinstance(alipay, AlipaySeal)
    assert isinstance(wechat, WechatPaySeal)
    assert alipay.public == wechat.public == merchant().public_key()
    assert (alipay.key, wechat.key) == (made_key(), None)


@pytest.mark.parametrize(
    "block", [{"scheme": "rsa-sha256-params", "key": "$RSA"}, HMAC, AWS], ids=lambda block: block["scheme"]
)
def test_without_a_key_to_check_them_by_answers_are_taken_as_they_come(block: dict[str, Any]) -> None:
    assert seal_of(written(**block), resolved) is None


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"verify": "$KEY"}, "KEY is no RSA public key or certificate"),
        ({"verify": "$RSA"}, "RSA is no RSA public key or certificate"),
        ({"verify": "$PUBLIC", "answers": "$PUBLIC"}, "PUBLIC is no RSA private key"),
    ],
    ids=["a word", "a private key", "a public key"],
)
def test_a_key_for_answers_that_is_none_is_told_by_its_name(keys: dict[str, str], message: str) -> None:
    with pytest.raises(StartError, match=message):
        seal_of(written(scheme="rsa-sha256-params", key="$RSA", **keys), resolved)
