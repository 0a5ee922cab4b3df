import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from signing_keys import made, merchant, other, verifies

from gateway.signing.answers import AlipaySeal, WechatPaySeal, members_as_written
from gateway.signing.signer import Moment

NOW = datetime(2026, 11, 22, 8, 10, tzinfo=UTC)
MOMENT = Moment(NOW, "n0nce")
VENDOR = other("vendor")
ALIPAY = AlipaySeal(VENDOR.public_key(), merchant())
WECHAT = WechatPaySeal(VENDOR.public_key(), merchant())
NODE = '{ "code":"10000", "msg":"Zo\\u00eb ☺", "trade_no":"20\\/1" }'


def answer(node: str = NODE, *, by: str = "vendor", over: str | None = None, more: str = "") -> bytes:
    sign = made(other(by), (node if over is None else over).encode())
    return f'{{"alipay_trade_create_response" : {node} ,{more}"sign" : "{sign}"}}\n'.encode()


@pytest.mark.parametrize(
    "payload",
    [
        answer(),
        answer(more='"alipay_cert_sn":"1",'),
        b'{"sign":"%b","error_response":{"code":"20000"}}' % made(VENDOR, b'{"code":"20000"}').encode(),
        b'{"error_response":{"code":"40002","sub_code":"isv.invalid-signature"}}',
        b'{"error_response":{"code":"40002"},"sign":null}',
        answer(json.dumps(NODE)),
    ],
    ids=[
        "a payment",
        "a certificate's number beside it",
        "the other order",
        "an unsigned refusal",
        "a refusal whose sign is null",
        "an encrypted node",
    ],
)
def test_an_answer_that_alipay_signed_is_authentic(payload: bytes) -> None:
    assert ALIPAY.is_authentic((), payload, NOW)


@pytest.mark.parametrize(
    "payload",
    [
        answer(by="somebody"),
        answer(over=NODE.replace(" ", "")),
        answer().replace(b"20\\/1", b"20\\/2"),
        answer().replace(b"Zo\\u00eb", "Zoë".encode()),
        b'{"alipay_trade_create_response":{"code":"10000"}}',
        b'{"alipay_trade_create_response":{}}',
        b'{"alipay_trade_create_response":["40002"]}',
        b'{"alipay_trade_create_response":{"code":"40002"},"sign":""}',
        b'{"alipay_trade_create_response":{"code":"40002"},"sign":1}',
        answer(more='"other_response":{},'),
        answer(more='"alipay_trade_create_response":{"code":"10000"},'),
        answer() + b"{}",
        answer()[:-3],
        b'{"sign":"eA=="}',
        b"[]",
        b"",
        b"\xff",
        b"[" * 100_000,
        b'{"a_response":' + b"[" * 100_000,
        answer().replace(b'"sign" : "', b'"sign" : "\xc3\xa9'),
    ],
    ids=[
        "another key", "another spacing", "another value", "another spelling", "unsigned", "unsigned and empty",
        "unsigned list", "an empty one", "a number", "two nodes", "a node twice", "something behind it",
        "cut off", "no node", "no object", "nothing", "no text", "deep", "deep inside", "no base64",
    ],
)  # fmt: skip
def test_an_answer_that_alipay_did_not_sign_is_not(payload: bytes) -> None:
    assert not ALIPAY.is_authentic((), payload, NOW)


def test_what_is_left_of_an_answer_verifies_with_our_public_key_as_sdks_cut_it_out() -> None:
    left = '{"alipay_trade_create_response":{"code":"10000","msg":"Zoë"}}'.encode()

    headers, payload = ALIPAY.seal((), left, MOMENT)

    # How Alipay's SDK for Python finds the two.
    begin = re.search(rb'"[a-zA-z_]+_response"[ \t\n]*:[ \t\n]*\{', payload)
    sign = re.search(rb'\}[ \t\n]*,[ \t\n]*"sign"[ \t\n]*:[ \t\n]*"', payload)
    assert headers == ()
    assert begin is not None
    assert sign is not None
    text, signature = payload[begin.end() - 1 : sign.start() + 1], payload[sign.end() : payload.index(b'"', sign.end())]
    assert verifies(signature.decode(), text)
    assert json.loads(payload)["alipay_trade_create_response"] == {"code": "10000", "msg": "Zoë"}
    assert AlipaySeal(merchant().public_key()).is_authentic((), payload, NOW)


@pytest.mark.parametrize("payload", [b"{}", b"", b"[]", b'{"sign_type":"RSA2"}'])
def test_where_nothing_is_left_nothing_is_signed(payload: bytes) -> None:
    assert ALIPAY.seal((), payload, MOMENT) == ((), payload)


def test_without_a_key_of_ours_an_answer_goes_on_as_it_is() -> None:
    left = b'{"a_response":{"code":"10000"}}'

    assert AlipaySeal(VENDOR.public_key()).seal((), left, MOMENT) == ((), left)
    assert WechatPaySeal(VENDOR.public_key()).seal((("wechatpay-serial", "1"),), left, MOMENT) == ((), left)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    document=st.dictionaries(st.text(), VALUES, max_size=5), indent=st.sampled_from([None, 0, 2]), plain=st.booleans()
)
@settings(max_examples=100)
def test_members_are_found_as_they_are_written(document: dict[str, object], indent: int | None, plain: bool) -> None:
    if not document:
        return
    text = json.dumps(document, indent=indent, ensure_ascii=plain)

    found = members_as_written(text)

    assert {name: json.loads(value) for name, value in found.items()} == document
    assert all(value in text for value in found.values())


BODY = '{"prepay_id":"wx1","n":"Zoë"}'.encode()


def said(payload: bytes = BODY, *, by: str = "vendor", at: datetime = NOW, nonce: str = "abc") -> dict[str, str]:
    time = str(int(at.timestamp()))
    return {
        "wechatpay-timestamp": time,
        "wechatpay-nonce": nonce,
        "wechatpay-serial": "PUB_KEY_ID_0114",
        "wechatpay-signature": made(other(by), f"{time}\n{nonce}\n".encode() + payload + b"\n"),
    }


@pytest.mark.parametrize("ago", [0, 299, -299])
def test_an_answer_that_wechat_pay_signed_is_authentic(ago: int) -> None:
    headers = said(at=NOW - timedelta(seconds=ago))

    assert WECHAT.is_authentic((("date", "today"), *headers.items()), BODY, NOW)


CHANGED: dict[str, Callable[[], tuple[dict[str, str], bytes]]] = {
    "another key": lambda: (said(by="somebody"), BODY),
    "another body": lambda: (said(), BODY + b" "),
    "another nonce": lambda: ({**said(), "wechatpay-nonce": "abd"}, BODY),
    "too old": lambda: (said(at=NOW - timedelta(seconds=301)), BODY),
    "too new": lambda: (said(at=NOW + timedelta(seconds=301)), BODY),
    "no time": lambda: ({**said(), "wechatpay-timestamp": ""}, BODY),
    "a time that is none": lambda: ({**said(), "wechatpay-timestamp": "²"}, BODY),
    "no signature": lambda: ({**said(), "wechatpay-signature": ""}, BODY),
    "no base64": lambda: ({**said(), "wechatpay-signature": "é"}, BODY),
    "no headers": lambda: ({}, BODY),
}


@pytest.mark.parametrize("case", CHANGED.values(), ids=CHANGED)
def test_an_answer_that_wechat_pay_did_not_sign_is_not(case: Callable[[], tuple[dict[str, str], bytes]]) -> None:
    headers, payload = case()

    assert not WECHAT.is_authentic(tuple(headers.items()), payload, NOW)


def test_what_is_left_verifies_with_our_public_key_under_the_vendors_number() -> None:
    headers, payload = WECHAT.seal(tuple(said().items()), b'{"prepay_id":"wx1"}', MOMENT)

    assert payload == b'{"prepay_id":"wx1"}'
    assert dict(headers)["wechatpay-serial"] == "PUB_KEY_ID_0114"
    assert WechatPaySeal(merchant().public_key()).is_authentic(headers, payload, NOW)
    assert not WECHAT.is_authentic(headers, payload, NOW)


@pytest.mark.parametrize("serial", ["", "x" * 65, "a b", "é"])
def test_a_number_that_is_none_is_not_passed_on(serial: str) -> None:
    assert WECHAT.seal((("wechatpay-serial", serial),), BODY, MOMENT) == ((), BODY)
