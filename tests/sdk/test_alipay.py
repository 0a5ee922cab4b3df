"""A payment as Alipay's SDKs put it on a socket, against its contract: what arrives verifies and is minimised."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, quote_plus, urlencode, urlsplit

import pytest
from shipped import Shipped, order, shipped
from signing_keys import bare, is_alipay, made, other, pem, shown, verifies
from sockets import Reply

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("alipay")]

APP_ID = "2014072300007148"
CONTENT: dict[str, Any] = {
    "out_trade_no": "A10045",
    "total_amount": "19.90",
    "subject": "Rosacea Serum für Zoë",
    "buyer_id": "2088102146225135",
    "body": "call +86 138 0013 8000",
    "timeout_express": "90m",
    "goods_detail": [{"goods_id": "1", "goods_name": "Rosacea Serum", "quantity": 1, "price": "19.90"}],
    "receiver_address_info": {"name": "Zoë Müller", "mobile": "13800138000", "address": "Lindenstr. 7"},
}
COMMON = {
    "timestamp": "2026-11-22 08:10:00",
    "method": "alipay.trade.create",
    "charset": "utf-8",
    "format": "json",
    "version": "1.0",
    "sign_type": "RSA2",
    "notify_url": "https://shop.example/paid?order=A10045&customer=88",
}
CREATED = (
    '{"code":"10000","msg":"Success","out_trade_no":"A10045","trade_no":"2026112222001425135",'
    '"buyer_logon_id":"138****8000"}'
)


def says(shop: Shipped, node: str = CREATED, *, by: str = "alipay") -> None:
    """Alipay answers this, signed with its key or another."""
    sign = made(other(by), node.encode())
    payload = f'{{"alipay_trade_create_response":{node},"sign":"{sign}"}}'.encode()
    shop.says_raw(payload, "content-type: text/html;charset=utf-8")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shipped]:
    secrets = {
        "ALIPAY_APP_ID": APP_ID,
        "ALIPAY_APP_PRIVATE_KEY": bare(),
        "ALIPAY_PUBLIC_KEY": shown(other("alipay")),
        "ALIPAY_ANSWER_KEY": pem(other("answers")),
    }
    facts = [order("A10045", "purchaser"), order("A10046", "purchaser", subject="89", jurisdiction="CN")]
    with shipped(tmp_path_factory.mktemp("alipay"), "alipay", secrets=secrets, facts=facts) as running:
        yield running


@pytest.fixture
def shop(whole: Shipped) -> Shipped:
    whole.running.reset()
    says(whole)
    return whole


def paid(shop: Shipped, content: dict[str, Any] = CONTENT, **common: str) -> Reply:
    """What a service gets that calls as the SDK does: signed with a key of its own, the token as its application."""
    token = shop.token("checkout")
    pairs = {**COMMON, "app_id": token, **common, "sign": "bWFkZSBieSB0aGUgU0RLIG92ZXIgd2hhdCBpdCBoYWQ="}
    body = urlencode({"biz_content": json.dumps(content, ensure_ascii=False, separators=(",", ":"))}).encode()
    fields = ("Content-type: application/x-www-form-urlencoded;charset=utf-8", "log-uuid: 1", "Cache-Control: no-cache")
    return shop.running.call("POST", f"/alipay/gateway.do?{urlencode(pairs)}", *fields, body=body, token="")


def test_alipay_verifies_what_arrived_and_finds_what_it_needs(shop: Shipped) -> None:
    reply = paid(shop)

    assert reply.status == 200
    [received] = shop.received
    target = received.line.split(" ")[1]
    assert is_alipay(target, received.payload)
    common = dict(parse_qsl(urlsplit(target).query))
    assert common.pop("sign")
    assert common == {**COMMON, "app_id": APP_ID, "notify_url": "https://shop.example/paid?order=A10045"}
    assert json.loads(dict(parse_qsl(received.payload.decode()))["biz_content"]) == {
        "out_trade_no": "A10045",
        "total_amount": "19.90",
        "subject": "Cosmetics",
        "buyer_id": "2088102146225135",
        "timeout_express": "90m",
    }


def test_nothing_of_the_person_and_nothing_that_the_sdk_signed_with_arrives(shop: Shipped) -> None:
    paid(shop)

    raw = b"".join(shop.running.received).lower()
    needles = ("zo%c3%ab", "m%c3%bcller", "13800138000", "138+0013", "rosacea", "lindenstr", "customer", "bwfkzsbie")
    assert [needle for needle in needles if needle.encode() in raw] == []


def test_what_arrives_does_not_verify_once_a_sign_of_it_is_changed(shop: Shipped) -> None:
    paid(shop)

    [received] = shop.received
    target = received.line.split(" ")[1]
    assert not is_alipay(target, received.payload.replace(b"19.90", b"19.91"))
    assert not is_alipay(target.replace("alipay.trade.create", "alipay.trade.refund"), received.payload)


def test_the_answer_comes_back_without_what_it_says_of_the_buyer_and_signed_for_the_sdk(shop: Shipped) -> None:
    reply = paid(shop)

    assert reply.status == 200
    document = json.loads(reply.payload)
    sign = document.pop("sign")
    left = document["alipay_trade_create_response"]
    assert document == {
        "alipay_trade_create_response": {
            "code": "10000",
            "msg": "See code and sub_code.",
            "out_trade_no": "A10045",
            "trade_no": "2026112222001425135",
        }
    }
    text = json.dumps(left, separators=(",", ":")).encode()
    assert text in reply.payload
    assert verifies(sign, text, other("answers").public_key())
    assert not verifies(sign, text, other("alipay").public_key())


@pytest.mark.parametrize("node", [CREATED, '{"code":"40002"}'], ids=["a payment", "a refusal"])
def test_an_answer_that_alipay_did_not_sign_does_not_come_back_and_the_call_counts_as_made(
    shop: Shipped, node: str
) -> None:
    says(shop, node, by="somebody")

    reply = paid(shop)

    assert (reply.status, reply.code) == (502, "signature.invalid")
    assert reply.headers["gateway-sent"] == "yes"
    assert b"2026112222001425135" not in reply.payload
    assert len(shop.received) == 1
    assert shop.running.record(kind="intent")[0]["outcome"]["code"] == "signature.invalid"


def test_alipay_may_refuse_without_a_signature(shop: Shipped) -> None:
    payload = b'{"alipay_trade_create_response":{"code":"40002","sub_code":"isv.invalid-signature","msg":"of Zoe"}}'
    shop.says_raw(payload, "content-type: text/html;charset=utf-8")

    reply = paid(shop)

    document = json.loads(reply.payload)
    assert document["alipay_trade_create_response"]["sub_code"] == "isv.invalid-signature"
    text = json.dumps(document["alipay_trade_create_response"], separators=(",", ":"))
    assert verifies(document["sign"], text.encode(), other("answers").public_key())


def test_an_error_of_the_way_needs_no_signature(shop: Shipped) -> None:
    shop.says_raw(b"<html>bad gateway</html>", "content-type: text/html", status=503)

    reply = paid(shop)

    assert (reply.status, reply.code) == (503, "vendor.answered")


@pytest.mark.parametrize(
    ("content", "common", "code"),
    [
        ({"total_amount": None}, {}, "field.required"),
        ({"out_trade_no": "A10046"}, {}, "consent.missing"),
        ({"out_trade_no": "nobody's"}, {}, "subject.unresolved"),
        ({}, {"method": "alipay.trade.refund"}, "operation.unknown"),
        ({}, {"charset": "GBK"}, "field.unmapped"),
        ({}, {"notify_url": "https://elsewhere.example/paid"}, "field.link"),
    ],
    ids=["no amount", "no consent", "an unknown order", "another method", "another charset", "another host"],
)
def test_what_may_not_go_goes_nowhere(
    shop: Shipped, content: dict[str, Any], common: dict[str, str], code: str
) -> None:
    reply = paid(shop, CONTENT | content, **common)

    assert reply.code == code
    assert shop.received == []


def test_a_parameter_in_the_form_that_the_query_has_too_is_not_sent(shop: Shipped) -> None:
    content = quote_plus(json.dumps(CONTENT))
    query = urlencode({**COMMON, "app_id": shop.token("checkout"), "sign": "eA=="})
    fields = "Content-Type: application/x-www-form-urlencoded"

    body = f"biz_content={content}&method=alipay.trade.refund&charset=gbk&sign=eQ%3D%3D".encode()
    reply = shop.running.call("POST", f"/alipay/gateway.do?{query}", fields, body=body, token="")

    assert reply.status == 200
    [received] = shop.received
    assert [name for name, _ in parse_qsl(received.payload.decode())] == ["biz_content"]
    assert is_alipay(received.line.split(" ")[1], received.payload)
