from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote, urlencode

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec_key
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from signing_keys import bare, is_alipay, is_wechatpay, merchant, pem

from gateway.errors import Refusal
from gateway.outbound.send import Sending
from gateway.signing.rsa import Alipay, WechatPay, private_key, stand_in
from gateway.signing.signer import Moment, signed, unsigned

NOW = Moment(datetime(2026, 11, 22, 8, 10, tzinfo=UTC), "593BEC0C930BF1AFEB40B4A08C8FB242")
HOST = "openapi.vendor.example"
ALIPAY = Alipay(merchant())
WECHAT = WechatPay(merchant(), "1900009191", "1DDE55AD98ED71D6EDD4A4A16996DE7B47773A8C")
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(lambda name: not name.startswith("sign"))
VALUES = st.text(st.characters(exclude_categories=["Cs"]))


def sending(target: str = "/gateway.do", payload: bytes = b"", method: str = "POST") -> Sending:
    return Sending(method, target, (("content-type", "application/x-www-form-urlencoded"),), payload)


@pytest.mark.parametrize(
    ("target", "payload"),
    [
        ("/gateway.do?method=alipay.trade.create&charset=utf-8", b"biz_content=%7B%22a%22%3A%22Zo%C3%AB+M%22%7D"),
        ("/gateway.do", b"method=alipay.trade.create&biz_content=%7B%7D&empty="),
        ("/gateway.do?sign_type=RSA2&method=a", b""),
        ("/gateway.do", b""),
        ("/gateway.do?b=%2B%26%3D%25&a=1", b"c=x%3Dy"),
    ],
    ids=["query and form", "form alone", "query with its type", "nothing", "escaped signs"],
)
def test_alipay_finds_its_signature_over_what_arrives(target: str, payload: bytes) -> None:
    built = sending(target, payload)

    left = signed(ALIPAY, built, HOST, NOW)

    assert is_alipay(left.target, left.payload)
    assert unsigned(ALIPAY, left) == built


def test_the_signature_stands_where_the_parameters_of_the_call_stand() -> None:
    in_form = signed(ALIPAY, sending(payload=b"method=a"), HOST, NOW)
    beside = signed(ALIPAY, sending("/gateway.do?app_id=1", b"method=a"), HOST, NOW)
    in_query = signed(ALIPAY, sending("/gateway.do?method=a", b"biz_content=%7B%7D"), HOST, NOW)

    assert (in_form.target, in_form.payload[:14]) == ("/gateway.do", b"method=a&sign=")
    assert in_form.payload.endswith(b"&sign_type=RSA2")
    assert (beside.target, beside.payload[:14]) == ("/gateway.do?app_id=1", b"method=a&sign=")
    assert (in_query.target[:26], in_query.payload) == ("/gateway.do?method=a&sign=", b"biz_content=%7B%7D")


@given(pairs=st.dictionaries(NAMES, VALUES, max_size=6), asked=st.dictionaries(NAMES, VALUES, max_size=4))
@settings(max_examples=60)
def test_whatever_is_in_the_parameters_alipay_verifies_what_arrives(
    pairs: dict[str, str], asked: dict[str, str]
) -> None:
    asked = {name: value for name, value in asked.items() if name not in pairs}
    query = f"?{urlencode(asked, quote_via=quote)}" if asked else ""
    built = sending(f"/gateway.do{query}", urlencode(pairs).encode())

    left = signed(ALIPAY, built, HOST, NOW)

    assert is_alipay(left.target, left.payload)
    assert unsigned(ALIPAY, left) == built


@pytest.mark.parametrize(
    "tampered",
    [
        lambda left: (left.target, left.payload.replace(b"19.90", b"1.90")),
        lambda left: (left.target.replace("trade.create", "trade.refund"), left.payload),
        lambda left: (left.target + "&notify_url=x", left.payload),
    ],
    ids=["a value of the form", "a value of the query", "one more parameter"],
)
def test_what_was_changed_on_the_way_does_not_verify(tampered: object) -> None:
    left = ALIPAY.sign(sending("/gateway.do?method=trade.create", b"biz_content=19.90"), HOST, NOW)

    assert callable(tampered)
    assert not is_alipay(*tampered(left))


@pytest.mark.parametrize(
    ("target", "payload"),
    [("/gateway.do?a=1", b"a=2"), ("/gateway.do?a=1&a=1", b""), ("/gateway.do?sign_type=RSA", b"")],
    ids=["in query and form", "twice in the query", "another type"],
)
def test_what_two_readers_could_sign_differently_is_not_signed(target: str, payload: bytes) -> None:
    with pytest.raises(Refusal) as refused:
        ALIPAY.sign(sending(target, payload), HOST, NOW)

    assert refused.value.code == "signature.failed"


@pytest.mark.parametrize(("method", "payload"), [("POST", '{"amount":{"total":1},"n":"Zoë"}'.encode()), ("GET", b"")])
def test_wechat_pay_finds_its_signature_over_what_arrives(method: str, payload: bytes) -> None:
    target = "/v3/pay/transactions/jsapi?mchid=1900009191"
    built = Sending(method, target, (("accept", "application/json"),), payload)

    left = signed(WECHAT, built, HOST, NOW)

    said = dict(left.headers)["authorization"]
    assert is_wechatpay(said, method, target, payload)
    assert not is_wechatpay(said, method, target, payload + b" ")
    assert not is_wechatpay(said, "PUT", target, payload)
    assert not is_wechatpay(said, method, target + "1", payload)
    assert 'mchid="1900009191",nonce_str="593BEC0C930BF1AFEB40B4A08C8FB242"' in said
    assert said.endswith('timestamp="1795335000",serial_no="1DDE55AD98ED71D6EDD4A4A16996DE7B47773A8C"')
    assert unsigned(WECHAT, left) == built


@pytest.mark.parametrize(
    "text",
    [
        pem(),
        pem(form=PrivateFormat.TraditionalOpenSSL),
        pem().replace("\n", "\\n"),
        bare(),
        bare(PrivateFormat.TraditionalOpenSSL),
        "\n".join(bare()[start : start + 64] for start in range(0, len(bare()), 64)),
    ],
    ids=["PKCS 8", "PKCS 1", "line ends written out", "bare PKCS 8", "bare PKCS 1", "bare in lines"],
)
def test_a_key_is_read_however_a_wallet_hands_it_out(text: str) -> None:
    assert private_key(text).private_numbers() == merchant().private_numbers()


EC = generate_ec_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
LOCKED = merchant().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")).decode()


@pytest.mark.parametrize(
    "text",
    ["", "sandbox", "$KEY", pem()[:200], bare()[:-8], EC, LOCKED, pem(merchant(1024))],
    ids=["nothing", "a word", "a name", "half", "cut off", "an elliptic curve", "with a password", "too short"],
)
def test_what_is_no_key_of_its_kind_is_told_without_showing_it(text: str) -> None:
    with pytest.raises(ValueError, match=r"^not an? ") as refused:
        private_key(text)

    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


def test_the_key_that_stands_in_is_nobodys() -> None:
    assert stand_in() is stand_in()
    assert stand_in().private_numbers() != merchant().private_numbers()


def test_a_signature_is_read_back_from_a_form_as_it_was_made() -> None:
    left = ALIPAY.sign(sending(payload=b"method=a"), HOST, NOW)

    [_, (name, value), _] = parse_qsl(left.payload.decode())
    assert (name, len(value)) == ("sign", 344)
